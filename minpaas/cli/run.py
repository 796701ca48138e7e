"""The commands about one-offs: run, its list, its log, its stop, and enter.

The terminal's bytes go to the server as they are typed, in one long request, and the answer to another carries what the
process prints, as frames: kind, three zeros, four bytes of length, content (see docs).
"""

import fcntl
import json
import os
import signal
import struct
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any, BinaryIO

import typer

from minpaas.cli import api, table, target
from minpaas.cli.errors import CLIError, Unreachable, WrongUsage
from minpaas.cli.target import AppArgument, AppOption, JsonOption

FRAMES = "application/vnd.minpaas.frames"
# options after the first word are the command's own
REST = {"allow_interspersed_args": False, "ignore_unknown_options": True}
_SIGNALS = ("INT", "TERM", "KILL")  # for the first Ctrl-C, the second and the third

Command = Annotated[
    list[str] | None, typer.Argument(metavar="[CMD...]", help="What to run; default: a shell.", show_default=False)
]
NoTTY = Annotated[bool, typer.Option("--no-tty", help="No terminal, even where there is one.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as run.1234.")]


def run(
    command: Command = None,
    app: AppOption = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Leave it to itself, and print its name.")] = False,
    env: Annotated[
        list[str] | None, typer.Option("--env", "-e", metavar="A=1", help="A variable for it alone.")
    ] = None,
    no_tty: NoTTY = False,
    as_json: JsonOption = False,
) -> None:
    """Run a command beside the app: its image, its config vars; gone afterwards."""
    name = target.resolve(None, app)
    variables = _variables(env or [])
    if detach:
        made = api.request("POST", f"/apps/{name}/run", {"command": command or [], "detach": True, **variables})
        log = f"Its output: minpaas run:log {made['name']} -a {name}"
        print(json.dumps(made) if as_json else f"{made['name']}\n{log}")
        return
    _attached(name, {"command": command or [], **variables}, no_tty)


def enter(
    process: Annotated[str, typer.Argument(metavar="PROCESS", help="A running one, such as web.1.")],
    command: Command = None,
    app: AppOption = None,
    no_tty: NoTTY = False,
) -> None:
    """Open a shell inside a running process, or run a command there."""
    _attached(target.resolve(None, app), {"command": command or [], "inside": process}, no_tty)


def run_list(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """List one-offs: what runs, and detached ones that have ended."""
    name = target.resolve(app, option)
    found = api.request("GET", f"/apps/{name}/run")
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found:
        print(f"No one-offs. Start one with: minpaas run -a {name} CMD")
    else:
        rows = [(one["name"], _status(one), one["started_at"][:19], one["release"], one["command"]) for one in found]
        print(table.render(("NAME", "STATUS", "SINCE", "RELEASE", "COMMAND"), rows))


def run_log(
    name: Name,
    app: AppOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it ends, and exit as it does.")] = False,
) -> None:
    """Show what a detached one-off has printed."""
    path = f"/apps/{target.resolve(None, app)}/run/{name}/output?follow={'true' if follow else 'false'}"
    code = _show(path)
    if follow:
        sys.exit(code)


def run_stop(name: Name, app: AppOption = None, as_json: JsonOption = False) -> None:
    """Stop a one-off: SIGTERM, and SIGKILL when it does not mind."""
    stopped = api.request("POST", f"/apps/{target.resolve(None, app)}/run/{name}/stop", timeout=None)
    print(json.dumps(stopped) if as_json else f"Stopped {name}.")


def _attached(app: str, asked: dict[str, Any], no_tty: bool) -> None:
    """Be the process's terminal, or its standard streams; exit as it does."""
    terminal = not no_tty and sys.stdin.isatty() and sys.stdout.isatty()
    if terminal:
        asked = {**asked, **_size(), "tty": True}
        term = os.environ.get("TERM")
        asked["environment"] = {**({"TERM": term} if term else {}), **asked.get("environment", {})}
    made = api.request("POST", f"/apps/{app}/run", asked, timeout=None)
    path = f"/apps/{app}/run/{made['name']}"
    threading.Thread(target=_give_input, args=(path,), daemon=True).start()
    with _raw(path) if terminal else _interruptible(path):
        code = _show(f"{path}/output")
    sys.stdout.flush()
    os._exit(code)  # at once: the thread that reads the keyboard waits for a key that nobody will type


def _show(path: str) -> int:
    """Write what comes to stdout and stderr; the exit code of the process."""
    with api.opened(path, FRAMES) as answer:
        while len(head := answer.read(8)) == 8:
            kind, data = head[0], answer.read(int.from_bytes(head[4:], "big"))
            if kind == 3:
                verdict = json.loads(data)
                if verdict["reason"] and verdict["exit_code"]:
                    print(f" !     It ended: {verdict['reason']}", file=sys.stderr)
                return int(verdict["exit_code"] or 0)
            if kind:
                _write(sys.stdout.buffer if kind == 1 else sys.stderr.buffer, data)
    if path.endswith("follow=false"):
        return 0
    raise Unreachable(api.base_url(), "the stream broke off before the end of the command")


def _write(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()


def _give_input(path: str) -> None:
    def chunks() -> Iterator[bytes]:
        with suppress(OSError):
            while chunk := os.read(0, 65536):
                yield chunk

    with suppress(CLIError):  # it has ended and takes no more; the output says how
        api.send(f"{path}/input", chunks())


@contextmanager
def _raw(path: str) -> Iterator[None]:
    """Every key goes to the process, Ctrl-C too; the terminal is as it was when this ends."""
    before = termios.tcgetattr(0)

    def resized(*_: object) -> None:
        threading.Thread(target=_tell, args=(f"{path}/resize", _size()), daemon=True).start()

    signal.signal(signal.SIGWINCH, resized)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextmanager
def _interruptible(path: str) -> Iterator[None]:
    """Ctrl-C is for the process; asked again, it is told more firmly."""
    signals = iter(_SIGNALS)

    def interrupted(*_: object) -> None:
        wanted = next(signals, None)
        if wanted is None:
            os._exit(130)  # the server ends what nobody reads
        threading.Thread(target=_tell, args=(f"{path}/signal", {"signal": wanted}), daemon=True).start()

    signal.signal(signal.SIGINT, interrupted)
    yield


def _tell(path: str, body: dict[str, Any]) -> None:
    with suppress(CLIError):
        api.request("POST", path, body)


def _size() -> dict[str, int]:
    lines, columns = struct.unpack("HHHH", fcntl.ioctl(1, termios.TIOCGWINSZ, b"\0" * 8))[:2]
    return {"columns": columns or 80, "lines": lines or 24}


def _variables(pairs: list[str]) -> dict[str, dict[str, str]]:
    for pair in pairs:
        if "=" not in pair:
            raise WrongUsage("That is not a variable", repr(pair), "give it as -e NAME=VALUE")
    return {"environment": dict(pair.split("=", 1) for pair in pairs)}


def _status(one: dict[str, Any]) -> str:
    if one["status"] == "ended":
        return f"ended ({one['exit_code']})"
    return f"{one['status']}, {'attached' if one['attached'] else 'detached'}"
