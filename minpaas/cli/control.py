"""The control plane's process, seen from outside: is it there, start it in the background, stop it."""

import ipaddress
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from minpaas import __version__, home
from minpaas.cli import api, engine
from minpaas.cli.daemon import Daemon
from minpaas.cli.errors import APIError, Trouble, Unreachable
from minpaas.cli.voice import Voice

UNIT = "minpaas.service"


def state() -> Path:
    """Where the background processes' pid files and logs lie, beside the server's own state."""
    return home.home() / "state"


def host() -> str:
    """Where the server listens."""
    return os.environ.get("MINPAAS_HOST") or "127.0.0.1"


def port() -> int:
    """And on which port."""
    return int(os.environ.get("MINPAAS_PORT") or 4000)


def local_url() -> str:
    """The server of this machine, whatever MINPAAS_URL says: setting up is about here."""
    where = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host(), f"[{host()}]" if ":" in host() else host())
    return f"http://{where}:{port()}"


def command() -> list[str]:
    """How the server is started, here and in the systemd unit."""
    address = ["--host", host(), "--port", str(port())]
    quiet = ["--no-access-log", "--timeout-graceful-shutdown", "5"]
    return [sys.executable, "-m", "uvicorn", "minpaas.server.main:app", *address, *quiet]


def daemon() -> Daemon:
    """The server as `minpaas up` starts it where systemd has no unit for it."""
    return Daemon("server", state())


def health() -> dict[str, Any] | None:
    """What the server says of itself; None when none answers. Raises Trouble when something else has its port."""
    try:
        found = api.request("GET", "/healthz", timeout=5)
    except Unreachable as error:
        if "not MinPaas" in error.detail:
            raise _foreign() from None
        return None
    except APIError as error:
        raise _foreign() if not error.error_slug else error from None
    if not isinstance(found, dict) or "version" not in found:
        raise _foreign()
    if found.get("home", str(home.home())) != str(home.home()):
        raise Trouble(
            "The server of another home has this port",
            f"what answers at {local_url()} keeps its apps in {found['home']}",
            f"export MINPAAS_HOME={found['home']}, or choose other ports: MINPAAS_PORT, MINPAAS_SSH_PORT, ...",
        )
    return found


def has_unit() -> bool:
    """Whether systemd runs the server."""
    return engine.has_systemd() and Path("/etc/systemd/system", UNIT).exists()


def start(voice: Voice, patience: float = 60.0) -> dict[str, Any]:
    """Bring the server of this version up, and wait until it answers. Leaves the one that already does."""
    found = health()
    why = _reason_to_restart(found) if found else ""
    if found and not why:
        voice.detail(f"answers at {local_url()}, version {found['version']}")
        return found
    refuse_to_be_open()
    if found:
        voice.detail(f"{why}: restarting it")
        if not stop():
            raise Trouble("A server runs that minpaas up did not start", why, "stop it and run it again")
    if pid := daemon().pid():
        raise Trouble(
            "The server runs, but does not answer",
            f"process {pid}, asked at {local_url()}",
            "if it was started with other MINPAAS_ settings, set them again; else stop it with: minpaas down",
        )
    _launch()
    found = _wait(patience)
    _wait_for_ssh(int(found["ssh_port"]))
    voice.changed(f"started the server, version {found['version']}, at {local_url()} (log: {daemon().log})")
    return found


def _reason_to_restart(found: dict[str, Any]) -> str:
    """Why a server that answers cannot stay as it is; empty when it can."""
    if found["version"] != __version__:
        return f"version {found['version']} runs, and this is {__version__}"
    return "" if found.get("router_alive", True) else "its router does not run"


def stop() -> bool:
    """Stop the server, by systemd or by our pid file. Whether there was one."""
    if has_unit():
        return subprocess.run(["systemctl", "stop", UNIT], check=False).returncode == 0
    return daemon().stop()


def refuse_to_be_open() -> None:
    """Raise Trouble when the server would listen beyond this machine without a token."""
    if is_loopback(host()) or os.environ.get("MINPAAS_TOKEN") or (state() / "token").exists():
        return
    raise Trouble(
        "The server would be open to everyone who can reach it",
        f"MINPAAS_HOST is {host()}, and there is no token",
        "make one with: minpaas token create (or unset MINPAAS_HOST)",
    )


def is_loopback(address: str) -> bool:
    """Whether an address to listen on is reachable from this machine only."""
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"


def _launch() -> None:
    if has_unit():
        subprocess.run(["systemctl", "restart", UNIT], check=False)
        return
    env = {name: value for name, value in os.environ.items() if name != "MINPAAS_URL" and not name.startswith("SUDO_")}
    daemon().start(command(), env | {"MINPAAS_HOME": str(home.home())}, home.home())


def _wait(patience: float) -> dict[str, Any]:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := health():
            return found
        if not has_unit() and not daemon().pid():
            break  # it has ended: no use in waiting
        time.sleep(0.1)
    if has_unit():
        raise Trouble("The server did not start", "systemd runs it", "see why: journalctl -u minpaas -n 50")
    daemon().stop()
    raise Trouble("The server did not start", daemon().last_lines(), f"its whole log is {daemon().log}")


def ssh_banner(port: int) -> str:
    """What answers on the SSH port. Raises OSError when nothing does."""
    where = os.environ.get("MINPAAS_SSH_HOST") or "127.0.0.1"
    with socket.create_connection((where, port), timeout=5) as connection:
        return connection.recv(64).decode("ascii", "replace").strip()


def _wait_for_ssh(port: int, patience: float = 20.0) -> None:
    """The git side is a process of its own, and is ready a little later than the server."""
    deadline = time.monotonic() + patience
    while True:
        try:
            ssh_banner(port)
            return
        except OSError as error:
            if time.monotonic() > deadline:
                detail = f"port {port}: {error.strerror or error}"
                hint = f"the server's log is {daemon().log}"
                raise Trouble("The server's SSH side did not start", detail, hint) from None
        time.sleep(0.1)


def _foreign() -> Trouble:
    return Trouble(
        "Something else has the server's port",
        f"what answers at {local_url()} is not MinPaas",
        "stop it, or choose another: export MINPAAS_PORT=4001",
    )
