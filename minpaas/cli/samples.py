"""The sample apps: tiny repositories that `minpaas up` pushes as a person would."""

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minpaas.cli import api, control
from minpaas.cli.errors import APIError, Trouble
from minpaas.cli.person import Person
from minpaas.cli.voice import Voice, say

FOLDER = Path(__file__).resolve().parent.parent / "samples"
# the same author and date everywhere, and none of the user's git settings: so the same files are the same commit
_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "MinPaas"), ("EMAIL", "minpaas@localhost"), ("DATE", "2026-01-01T00:00:00Z"))
}
_PLAIN = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
_SKIPPED = ("__pycache__", "node_modules", ".git", "*.pyc")


def names() -> list[str]:
    """The samples that this version ships."""
    return sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())


def deploy(name: str, owner: Person, ssh_port: int, voice: Voice) -> None:
    """Push a sample, unless it is live already or the app of that name has become someone's own."""
    with _repository(name, owner) as (folder, commit):
        app = _app(name)
        if app and app.get("commit") == commit:
            voice.detail(f"{name} is live at {commit[:8]}")
        elif app and app.get("commit"):
            voice.detail(f"{name} runs a commit of your own ({str(app['commit'])[:8]}): left as it is")
        else:
            _push(folder, name, owner, ssh_port)
            voice.changed(f"deployed {name}")


def _app(name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = api.request("GET", f"/apps/{name}")
    except APIError as error:
        if error.status == 404:
            return None
        raise
    return found


@contextmanager
def _repository(name: str, owner: Person) -> Iterator[tuple[Path, str]]:
    """A throw-away repository of the owner's with the sample as its one commit, and that commit's id."""
    top = Path(tempfile.mkdtemp(prefix="minpaas-sample-"))
    folder = top / name
    try:
        shutil.copytree(FOLDER / name, folder, ignore=shutil.ignore_patterns(*_SKIPPED))
        for path in (*folder.rglob("*"), folder, top):  # the top last: until then nobody else can reach what is in it
            path.chmod(0o700 if path.is_dir() else 0o644)
            os.chown(path, owner.uid, owner.gid)
        for arguments in (
            ["init", "-q", "-b", "main", "--template="],
            ["add", "-A"],
            ["commit", "-q", "-m", f"{name}, a sample app"],
        ):
            _git(folder, owner, *arguments)
        yield folder, _git(folder, owner, "rev-parse", "HEAD").strip()
    finally:
        shutil.rmtree(top, ignore_errors=True)


def _git(folder: Path, owner: Person, *arguments: str) -> str:
    done = owner.run(["git", "-C", str(folder), *arguments], env=_IDENTITY | _PLAIN, capture_output=True, text=True)
    if done.returncode:
        raise Trouble("git failed", f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return str(done.stdout)


def _push(folder: Path, name: str, owner: Person, ssh_port: int) -> None:
    """`git push`, its output as it comes. A key with a passphrase cannot be used unattended: then over HTTP."""
    key = owner.usable_key()
    url = f"ssh://minpaas@localhost:{ssh_port}/{name}.git" if key else f"{control.local_url()}/git/{name}.git"
    env = {"GIT_TERMINAL_PROMPT": "0"}
    if key:
        env["GIT_SSH_COMMAND"] = f"ssh -o BatchMode=yes -i {shlex.quote(str(key))}"
    command = ["git", "-C", str(folder), "push", url, "main"]
    say(f"       $ git push {url} main")
    done = owner.run(command, env=env)
    if done.returncode:
        raise Trouble(
            f"The sample {name} could not be deployed",
            f"git push ended with {done.returncode}; its output is above",
            "see what is wrong with: minpaas doctor",
        )
