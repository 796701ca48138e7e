"""TCP ports of this machine: whether one is free to listen on, and if not, who has it."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path


def not_free(port: int, addresses: Sequence[str]) -> str:
    """Why nobody could listen on a port of these addresses as nginx does; empty when one could."""
    for address in addresses:
        host = address.strip("[]")
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as nginx does
            if probe.family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind((host, port))
                probe.listen(1)
            except PermissionError:
                return f"this user may not listen on port {port}"
            except OSError as error:
                owner = _owner_of(port)
                return f"port {port} of {address} is taken{owner}" if owner else f"{address}:{port}: {error.strerror}"
    return ""


def _owner_of(port: int) -> str:
    """Who listens on a TCP port, as words to add to a sentence; empty when nobody does."""
    wanted = {f"socket:[{inode}]" for inode in _listeners(port)}
    if not wanted:
        return ""
    for pid in sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        if wanted & _open_files(pid):
            return f" by {_name(pid)} (pid {pid})"
    return " by another user's process"


def _open_files(pid: int) -> set[str]:
    """What a process has open; nothing where it has ended or is another user's."""
    found = set()
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            try:
                found.add(os.readlink(entry.path))
            except OSError:
                continue  # closed in the meantime
    except OSError:
        pass
    return found


def _listeners(port: int) -> set[str]:
    """The inodes of the sockets that listen on a TCP port of this machine."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in _text(Path(table)).splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _name(pid: int) -> str:
    return _text(Path(f"/proc/{pid}/comm")).strip()


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
