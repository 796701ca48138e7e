"""The Docker engine, as far as setting up needs it: does it answer, and start it where nothing else does."""

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from minpaas.cli.daemon import Daemon
from minpaas.cli.errors import Trouble

_SOCKET = "/var/run/docker.sock"
_SYSTEMD = Path("/run/systemd/system")  # exists exactly where systemd is the init that runs
_LONG = 10.0  # seconds; an engine with nothing to clean up answers within three


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str):
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def has_systemd() -> bool:
    """Whether systemd runs this machine."""
    return _SYSTEMD.is_dir()


def version() -> str | None:
    """The version of the engine that answers, or None."""
    try:
        return str(json.loads(_get("/version"))["Version"])
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None


def is_forbidden() -> bool:
    """Whether an engine is there, but not for this user."""
    try:
        _get("/_ping")
    except PermissionError:
        return True
    except (OSError, http.client.HTTPException):
        pass
    return False


def daemon(state: Path) -> Daemon:
    """The dockerd that we start where no init system does."""
    return Daemon("dockerd", state)


def start(state: Path, tell: Callable[[str], None], patience: float = 300.0) -> str:
    """Start the engine in this machine's way and wait until it answers, or has ended. Says how it was started.

    patience, in seconds, is for an engine that runs and does not answer yet: after a crash it first cleans up and starts
    all containers that ran, half a minute's work for a hundred. tell is told when that takes long.
    """
    if is_forbidden():
        raise Trouble("The Docker engine is there, but not for this user", _SOCKET, "run it again with sudo")
    if os.geteuid() != 0:
        raise Trouble("The Docker engine does not run", _SOCKET, "run it again with sudo, so that it can be started")
    if has_systemd():
        done = subprocess.run(["systemctl", "enable", "--now", "docker"], capture_output=True, text=True, check=False)
        if not _answers(30.0 if done.returncode else patience, tell):
            raise Trouble("The Docker engine did not start", done.stderr.strip(), "see why: journalctl -u docker -n 50")
        return "started by systemd"
    ours = daemon(state)
    ours.start(["dockerd"])
    if not _answers(patience, tell, ours):
        ours.stop()
        raise Trouble("The Docker engine did not start", ours.last_lines(), f"its whole log is {ours.log}")
    return "started dockerd in the background (no init system runs here)"


def _answers(patience: float, tell: Callable[[str], None], ours: Daemon | None = None) -> bool:
    """Wait until the engine answers, or what we started has ended."""
    started = time.monotonic()
    told = False
    while not version():
        waited = time.monotonic() - started
        if waited > patience or (ours and not ours.pid()):
            return False
        if waited > _LONG and not told:
            told = True
            tell("still starting: it first sees to the containers that ran when it last ended")
        time.sleep(0.2)
    return True


def _get(path: str) -> bytes:
    where = urlsplit(os.environ.get("DOCKER_HOST") or f"unix://{_SOCKET}")
    connection = (
        http.client.HTTPConnection(where.hostname or "", where.port or 2375, timeout=5)
        if where.scheme in ("tcp", "http")
        else _UnixConnection(where.path)
    )
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
