"""Unix sockets at paths of any length: the kernel takes 108 bytes, a home may lie deeper."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short(path: Path) -> Iterator[str]:
    """A short name for the socket's path, by way of its open folder; valid inside the `with`."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def connect(path: Path, timeout: float | None = None) -> socket.socket:
    """A connected stream socket. Raises OSError when nobody listens."""
    client = socket.socket(socket.AF_UNIX)
    try:
        client.settimeout(timeout)
        with short(path) as name:
            client.connect(name)
    except BaseException:
        client.close()
        raise
    return client


def listen(path: Path, backlog: int = 64) -> socket.socket:
    """A listening stream socket of mode 0600; a stale file in its place is removed."""
    server = socket.socket(socket.AF_UNIX)
    try:
        path.unlink(missing_ok=True)
        with short(path) as name:
            # fchmod before bind is what decides the mode of the file, so there is no moment at which others may connect
            os.fchmod(server.fileno(), 0o600)
            server.bind(name)
        server.listen(backlog)
    except BaseException:
        server.close()
        raise
    return server
