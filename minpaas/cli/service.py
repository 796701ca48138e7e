"""`minpaas service`: have systemd start MinPaas at boot, and again whenever it ends."""

import os
import re
import string
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from minpaas import home
from minpaas.cli import control, engine, packages
from minpaas.cli.errors import Trouble
from minpaas.cli.voice import Voice, say

_FOLDER = Path("/etc/systemd/system")
_TEMPLATE = Path(__file__).with_name(control.UNIT)
_NOT_IN_A_UNIT = (
    "MINPAAS_HOME",
    "MINPAAS_TOKEN",
    "MINPAAS_URL",
)  # the home is always written; the others are a client's

service = typer.Typer(no_args_is_help=True, help="Have systemd start MinPaas at boot.")


@service.command()
def install() -> None:
    """Write the systemd unit, enable and start it."""
    _need_systemd()
    control.refuse_to_be_open()
    voice = Voice()
    unit = _FOLDER / control.UNIT
    text = rendered(control.command(), home.home(), os.environ)
    with voice.step("systemd unit"):
        if trouble := problems(text):
            raise Trouble("systemd does not accept the unit", trouble)
        if not unit.exists() or unit.read_text() != text:
            unit.write_text(text)
            voice.changed(f"wrote {unit}")
    with voice.step("Server"):
        control.daemon().stop()  # one that `minpaas up` started in the background would keep the port
        _systemctl("daemon-reload")
        _systemctl("enable", control.UNIT)
        _systemctl("restart", control.UNIT)
        control.start(voice)
    say("-----> MinPaas starts with this machine; its log: journalctl -u minpaas -f")


@service.command()
def uninstall() -> None:
    """Stop the unit and remove it. Apps and router go on; `minpaas up` starts the server without systemd."""
    _need_systemd()
    voice = Voice()
    unit = _FOLDER / control.UNIT
    with voice.step("systemd unit"):
        if unit.exists():
            _systemctl("disable", "--now", control.UNIT)
            unit.unlink()
            _systemctl("daemon-reload")
            voice.changed(f"removed {unit}")


@service.command()
def status() -> None:
    """Say whether systemd runs MinPaas. Exit code 1 when it does not."""
    if not engine.has_systemd():
        say("systemd does not run this machine")
    elif not control.has_unit():
        say("not installed; to have it start at boot: minpaas service install")
    else:
        asked = subprocess.run(["systemctl", "is-active", control.UNIT], capture_output=True, text=True, check=False)
        say(f"installed, {asked.stdout.strip()}")
        if asked.returncode == 0:
            return
    raise typer.Exit(1)


def rendered(command: Sequence[str], where: Path, environ: Mapping[str, str]) -> str:
    """The unit: it starts this very interpreter, with the home and the settings of now."""
    settings = {k: v for k, v in sorted(environ.items()) if k.startswith("MINPAAS_") and k not in _NOT_IN_A_UNIT}
    assignments = [f"{name}={value}" for name, value in ({"MINPAAS_HOME": str(where)} | settings).items()]
    return string.Template(_TEMPLATE.read_text()).substitute(
        command=" ".join(_quoted(word).replace("$", "$$") for word in command),
        home=str(where).replace("%", "%%"),
        environment="\n".join(f"Environment={_quoted(assignment)}" for assignment in assignments),
    )


def problems(text: str) -> str:
    """What systemd-analyze finds wrong with a unit; empty when nothing, or where there is no systemd-analyze."""
    analyze = packages.which("systemd-analyze")
    if not analyze:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        unit = Path(folder, control.UNIT)
        unit.write_text(text)
        done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False)
    # about the machine's other units it may have opinions too: those are not ours
    ours = [line for line in done.stderr.splitlines() if control.UNIT in line]
    return "\n".join(ours)


def _quoted(word: str) -> str:
    """A word as systemd reads it back: without specifiers, and in double quotes where it needs them."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return escaped if re.fullmatch(r"[\w./:=@%+,-]+", escaped) else f'"{escaped}"'


def _need_systemd() -> None:
    if not engine.has_systemd():
        raise Trouble("systemd does not run this machine", "", "type minpaas up after each boot instead")
    if os.geteuid() != 0:
        raise Trouble("Only root may do that", "", "run it again with sudo")


def _systemctl(*arguments: str) -> None:
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(
            f"systemctl {' '.join(arguments)} failed", done.stderr.strip(), "see why: journalctl -u minpaas -n 50"
        )
