"""Where a process really listens: its own network namespace's socket table, not what it says or what a proxy accepts."""

import ipaddress
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_ESTABLISHED, _LISTEN = "01", "0A"


@dataclass(frozen=True)
class Listener:
    """One listening TCP socket."""

    host: str
    port: int

    @property
    def reachable(self) -> bool:
        """Whether it can be reached from outside of its own network namespace."""
        return not ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listeners(pid: int) -> list[Listener]:
    """The listening TCP sockets of the network namespace of process `pid`; Docker's own resolver is left out.

    Raises FileNotFoundError when the process is gone.
    """
    found = []
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{table}")
        if table == "tcp6" and not path.exists():
            continue
        found += parse(path.read_text())
    return [one for one in found if one.host != "127.0.0.11"]


def reached_at(port: int, found: Iterable[Listener]) -> bool:
    """Whether one of these sockets takes visitors at a port."""
    return any(one.port == port and one.reachable for one in found)


def established(pid: int, port: int) -> bool:
    """Whether anyone is connected to `port` in the network namespace of process `pid`."""
    tables = (Path(f"/proc/{pid}/net/{table}") for table in ("tcp", "tcp6"))
    return any(one.port == port for path in tables if path.exists() for one in parse(path.read_text(), _ESTABLISHED))


def parse(table: str, state: str = _LISTEN) -> list[Listener]:
    """The local ends of a /proc/net/tcp or tcp6 table's sockets in one state."""
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[3] == state:
            address, _, port = fields[1].partition(":")
            found.append(Listener(_host(address), int(port, 16)))
    return found


def _host(hexadecimal: str) -> str:
    # the kernel prints 32-bit words in the machine's own byte order
    words = [int(hexadecimal[i : i + 8], 16) for i in range(0, len(hexadecimal), 8)]
    raw = b"".join(struct.pack("=I", word) for word in words)
    address = ipaddress.ip_address(raw)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
