"""Which app a command is about: named, or the one that the current folder's `minpaas` remote leads to."""

import re
import subprocess
from typing import Annotated, Any

import typer

from minpaas.cli import api
from minpaas.cli.errors import WrongUsage

REMOTE = "minpaas"
AppArgument = Annotated[
    str | None, typer.Argument(metavar="[APP]", help="The app; default: the git remote minpaas.", show_default=False)
]
AppOption = Annotated[
    str | None, typer.Option("--app", "-a", metavar="APP", help="The same, as an option.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def resolve(argument: str | None, option: str | None) -> str:
    """The app's name. Raises WrongUsage when none is named and no remote says one."""
    if argument and option and argument != option:
        raise WrongUsage("Two apps are named", f"{argument} and {option}", "name one")
    name = argument or option or remote_app()
    if not name:
        raise WrongUsage(
            "Which app?",
            "none is named, and this folder has no git remote minpaas",
            "name it: -a APP, or make one here with: minpaas create APP",
        )
    return name


def remote_app() -> str | None:
    """The app in the current repository's remote: ssh://minpaas@localhost:2222/APP.git or http://.../git/APP.git"""
    url = git("remote", "get-url", REMOTE)
    match = re.search(r"[/:]([a-z0-9-]+)(?:\.git)?/?$", url or "")
    return match[1] if match else None


def remote_url(app: str, health: dict[str, Any]) -> str:
    """Where an app is pushed to."""
    from urllib.parse import urlsplit

    host = urlsplit(api.base_url()).hostname or "localhost"
    host = "localhost" if host in ("127.0.0.1", "::1") else host
    return f"ssh://minpaas@{host}:{health['ssh_port']}/{app}.git"


def git(*arguments: str) -> str | None:
    """What git says in the current folder, or None when it fails (or there is no git)."""
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
