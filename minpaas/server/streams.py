"""The hand on a container's standard streams, on the event loop: no thread waits for a process that says nothing.

The engine speaks them over a connection of its own that stops being HTTP after the answer's head. The SDK's sockets are not
used for it: they may lose what came with that head, and each would hold a thread.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

from minpaas.server.engine import Engine
from minpaas.server.errors import MachineTrouble

STDOUT, STDERR = 1, 2  # the engine's own numbers, in its frames of type, three zeros, length (4 bytes, big-endian)
_CHUNK = 65536


class Stream:
    """An open connection to a process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tty: bool):
        self._reader, self._writer, self._tty = reader, writer, tty

    async def frames(self, quiet: float) -> AsyncGenerator[tuple[int, bytes], None]:
        """What the process prints: 1 and stdout (or the terminal), 2 and stderr; 0 after each `quiet` seconds of silence."""
        left, kind = 0, STDOUT
        while True:
            try:
                if self._tty or left:
                    data = await asyncio.wait_for(self._reader.read(min(left, _CHUNK) or _CHUNK), quiet)
                    if not data:
                        return
                    left = max(0, left - len(data))
                    yield kind, data
                else:
                    head = await asyncio.wait_for(self._reader.readexactly(8), quiet)
                    kind, left = head[0], int.from_bytes(head[4:], "big")
            except TimeoutError:
                yield 0, b""
            except (asyncio.IncompleteReadError, ConnectionError):
                return

    async def write(self, data: bytes) -> None:
        """Give it input; waits while it does not read. Raises ConnectionError when it has ended."""
        self._writer.write(data)
        await self._writer.drain()

    def end_input(self) -> None:
        """It reads the end of its input."""
        try:
            self._writer.write_eof()
        except (OSError, RuntimeError):
            pass  # it has ended

    def close(self) -> None:
        """Let go of it; the process is not told."""
        self._writer.close()


async def attach(engine: Engine, container: str, tty: bool) -> Stream:
    """The streams of a container, which need not run yet: what it prints from then on."""
    path = f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1"
    return await _open(engine, f"POST {{}}{path} HTTP/1.1", None, tty)


async def enter(engine: Engine, inside: str, tty: bool) -> Stream:
    """Start a process that was prepared inside a container, and have its streams."""
    return await _open(engine, f"POST {{}}/exec/{inside}/start HTTP/1.1", {"Detach": False, "Tty": tty}, tty)


async def follow(engine: Engine, container: str, ongoing: bool) -> Stream:
    """What a container without a terminal has printed, and what it will if `ongoing`."""
    path = f"/containers/{container}/logs?stdout=1&stderr=1&follow={int(ongoing)}"
    return await _open(engine, f"GET {{}}{path} HTTP/1.0", None, False)  # 1.0: the body is not chunked


async def _open(engine: Engine, line: str, body: dict[str, Any] | None, tty: bool) -> Stream:
    where, prefix = engine.address()
    scheme, _, rest = where.partition("://")
    try:
        if "unix" in scheme:
            reader, writer = await asyncio.open_unix_connection(f"/{rest.lstrip('/')}")
        else:
            host, _, port = rest.strip("/").rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
        content = b"" if body is None else json.dumps(body).encode()
        head = [
            line.format(prefix),
            "Host: docker",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
        ]
        upgrade = ["Connection: Upgrade", "Upgrade: tcp"] if line.startswith("POST") else []
        writer.write("\r\n".join([*head, *upgrade, "", ""]).encode() + content)
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        if answer.split()[1] not in (b"101", b"200"):
            said = await asyncio.wait_for(reader.read(2000), 5)
            writer.close()
            raise MachineTrouble(f"the engine said {said.decode('utf-8', 'replace').strip()[-300:]}")
    except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError) as error:
        raise MachineTrouble(f"the engine does not give the process's streams ({error})") from error
    return Stream(reader, writer, tty)
