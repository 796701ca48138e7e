"""A small app to stand behind nginx, and a client that may ask anything."""

import asyncio
import base64
import hashlib
import json
import re
import socket
import threading
from dataclasses import dataclass, field

from minpaas.server.models import Target


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Backend:
    """A hand-made HTTP/1.1 app on 127.0.0.1, with its own thread and event loop. Answers its name at /."""

    def __init__(self, name: str):
        self.name = name
        self.served = 0
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._talk, "127.0.0.1", 0, backlog=512))
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def target(self) -> Target:
        """Where it is asked."""
        return Target(process=self.name, address=f"127.0.0.1:{self.port}")

    def stop(self) -> None:
        """Refuses connections from now on."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        talks = asyncio.all_tasks() - {asyncio.current_task()}
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                method, path, version = lines[0].split(" ")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if ": " in line)}
                headers["http"] = version
                self.served += 1
                if not await self._answer(method, path, headers, reader, writer):
                    break
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, method, path, headers, reader, writer) -> bool:  # type: ignore[no-untyped-def]
        def send(body: bytes, status: str = "200 OK", more: str = "") -> None:
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body)

        length, size = int(headers.get("content-length", 0)), 0
        while size < length:
            size += len(chunk := await reader.read(1 << 18))
            if not chunk:
                return False
        if path == "/headers":
            send(json.dumps(headers).encode())
        elif path == "/own-id":
            send(b"", more="X-Request-ID: mine\r\n")
        elif path == "/size":
            send(str(size).encode())
        elif path == "/error":
            send(b"the app's own words", "502 Bad Gateway")
        elif path == "/slow":
            await asyncio.sleep(2)
            send(b"slow")
        elif path == "/half":  # ends without a word, as an app that crashes does
            return False
        elif path == "/once":  # says keep-alive and closes at the next request
            send(b"once")
            await writer.drain()
            await reader.readuntil(b"\r\n\r\n")
            return False
        elif path == "/events":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n")
            await writer.drain()
            await asyncio.sleep(1)
            writer.write(b"data: second\n\n")
            return False
        elif path == "/ws" and headers.get("upgrade", "").lower() == "websocket":
            key = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            )
            while data := await reader.read(4096):
                writer.write(data)
            return False
        else:
            send(self.name.encode() if method != "HEAD" else b"")
        await writer.drain()
        return True


@dataclass
class Answer:
    """What came back: status, headers in lower case, body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def ask(
    port: int, host: str | None, path: str = "/", method: str = "GET", more: str = "", address: str = "127.0.0.1"
) -> Answer:
    """One request with any Host at all, on a connection of its own. None sends HTTP/1.0 without Host."""
    version, host_line = ("1.0", "") if host is None else ("1.1", f"Host: {host}\r\n")
    with socket.create_connection((address, port), timeout=20) as sock:
        sock.sendall(f"{method} {path} HTTP/{version}\r\n{host_line}Connection: close\r\n{more}\r\n".encode())
        got = sock.makefile("rb")
        head = b"".join(iter(got.readline, b"\r\n")).strip()
        length = re.search(rb"(?i)\ncontent-length: (\d+)", head)
        body = b"" if method == "HEAD" else got.read(int(length[1]) if length else -1)
    first, *lines = head.decode("latin-1").split("\r\n")
    return Answer(int(first.split(" ")[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, body)
