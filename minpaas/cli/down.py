"""`minpaas down` and `minpaas clean`: stop everything, and remove what was made."""

import os
import shutil
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from minpaas import home
from minpaas.cli import api, control, engine, service
from minpaas.cli.errors import CLIError, Trouble, Unreachable
from minpaas.cli.voice import Voice, say

_RUNTIME_FOLDERS = ("state", "repos", "workspace")


def down() -> None:
    """Stop the apps, the router, the server, and the Docker engine if `minpaas up` started it."""
    voice = Voice()
    _stop(voice, {})
    _end(voice, "Everything is down; minpaas up brings it back", "Nothing was running")


def clean(
    confirm: Annotated[bool, typer.Option("--confirm", help="Do not ask.")] = False,
) -> None:
    """Stop everything and remove it: all apps with their repositories, images, state. This cannot be undone."""
    where = home.home()
    if not confirm and typer.prompt(f"This removes every app of {where} for good. Type yes to go on") != "yes":
        raise Trouble("Nothing was removed", "", "to remove everything without being asked: minpaas clean --confirm")
    voice = Voice()
    os.environ["MINPAAS_URL"] = control.local_url()
    if (control.state() / "apps.json").exists() and not control.health():
        voice.detail("the server does not run, and only it knows what it made in Docker: starting it once more")
        _started(voice)
    with voice.step("Removing the apps"):
        _delete_apps(voice)
    _stop(voice, {"clean": True})
    if control.has_unit():
        service.uninstall()
    with voice.step("Removing the files"):
        _remove_files(where, voice)
    _end(voice, "Everything is removed; minpaas up starts afresh", "There was nothing to remove")


def _started(voice: Voice) -> None:
    """For `clean`: bring the server up if that is possible; go on without it if not."""
    try:
        if engine.version():
            control.start(voice)
    except CLIError as error:
        voice.trouble(f"{error}; containers and images of its apps may stay behind")


def _delete_apps(voice: Voice) -> None:
    try:
        for app in api.request("GET", "/apps"):
            api.request("DELETE", f"/apps/{app['name']}", timeout=None)
            voice.changed(f"removed {app['name']}")
    except Unreachable:
        voice.detail("the server does not run: none to ask for")


def _stop(voice: Voice, how: dict[str, Any]) -> None:
    """Apps and router first, by the server, who knows them; then the server; then the engine if it is ours."""
    os.environ["MINPAAS_URL"] = control.local_url()
    with voice.step("Apps and router"):
        try:
            api.request("POST", "/down", how, timeout=None)
            voice.changed("stopped")
        except Unreachable:
            voice.detail("the server does not run: it is not asked to stop the apps")
            if _stop_nginx(control.state() / "nginx" / "nginx.pid"):
                voice.changed("stopped the router")
    with voice.step("Server"):
        if control.stop():
            voice.changed("stopped the server")
    with voice.step("Docker engine"):
        if engine.daemon(control.state()).stop():
            voice.changed("stopped dockerd")
        elif engine.version():
            voice.detail("not started by minpaas up: it stays")


def _stop_nginx(pidfile: Path) -> bool:
    """Stop our nginx by its pid file, once that process is seen to be an nginx."""
    try:
        pid = int(pidfile.read_text())
        if Path(f"/proc/{pid}/comm").read_text().strip() != "nginx":
            return False
        os.kill(pid, signal.SIGTERM)
    except (OSError, ValueError):
        return False
    return True


def _remove_files(where: Path, voice: Voice) -> None:
    for name in _RUNTIME_FOLDERS:
        folder = where / name
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
            voice.changed(f"removed {folder}")
    for file in (where / "nginx" / "apps.map.conf", where / "config.key"):
        if file.exists():
            file.unlink()
            voice.changed(f"removed {file}")


def _end(voice: Voice, done: str, nothing: str) -> None:
    say(f"-----> {done if voice.changes else nothing} ({voice.seconds:.1f} s)")
