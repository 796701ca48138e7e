"""Which app a command is about: named, or the one that the current folder's `minpaas` remote leads to."""

import re
import subprocess
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from minpaas.cli import api
from minpaas.cli.errors import CLIError, WrongUsage

REMOTE = "minpaas"


def complete_app(incomplete: str) -> list[str]:
    """Names of apps for a shell that completes; none when the server does not answer at once."""
    try:
        names = [str(app["name"]) for app in api.request("GET", "/apps", timeout=2)]
    except (CLIError, KeyError, TypeError):
        return []
    return [name for name in names if name.startswith(incomplete)]


AppArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[APP]",
        help="The app; default: the git remote minpaas.",
        show_default=False,
        autocompletion=complete_app,
    ),
]
AppOption = Annotated[
    str | None,
    typer.Option(
        "--app", "-a", metavar="APP", help="The same, as an option.", show_default=False, autocompletion=complete_app
    ),
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


def operands(words: Sequence[str], option: str | None, *names: str) -> tuple[str, list[str]]:
    """The app and what the command is about, of `[APP] NAMES`: a first word that is one too many is the app."""
    if len(words) not in (len(names), len(names) + 1):
        found = f"{len(words)} given" if words else "none given"
        raise WrongUsage(
            f"The command takes [APP] {' '.join(names)}", found, "name the app as the first, or with -a APP"
        )
    return resolve(words[0] if len(words) > len(names) else None, option), list(words[-len(names) :])


def leading(words: Sequence[str], option: str | None, is_operand: Callable[[str], bool]) -> tuple[str, list[str]]:
    """The same of `[APP] MANY...`: a first word that does not look like what follows is the app."""
    first = None if not words or is_operand(words[0]) else words[0]
    rest = list(words[1:] if first else words)
    if not rest:
        raise WrongUsage(
            "That is not all", f"{first or 'nothing'} alone says nothing to do", "see: minpaas COMMAND --help"
        )
    return resolve(first, option), rest


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
