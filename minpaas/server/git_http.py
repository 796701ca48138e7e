"""The door /git over HTTP: a pure pipe to the git process, which alone knows git."""

import asyncio
import contextlib
import json
import re
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from minpaas.server.git import unix_socket
from minpaas.server.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

SERVICES = ("git-receive-pack", "git-upload-pack")
_STEP = 1 << 18
_STARTING = 10.0  # seconds
_DRAIN_BYTES, _DRAIN_SECONDS = 64 << 20, 10.0
_NEVER_CACHED = [
    (b"expires", b"Fri, 01 Jan 1980 00:00:00 GMT"),
    (b"pragma", b"no-cache"),
    (b"cache-control", b"no-cache, max-age=0, must-revalidate"),
    (b"x-accel-buffering", b"no"),
]
_PATH = re.compile(r"/([^/]+?)(?:\.git)?/(info/refs|git-receive-pack|git-upload-pack)")


class Refusal(Exception):
    """An answer that is not git's: a status and a text."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status, self.text = status, text


class GitHTTP:
    """An ASGI application to be mounted at /git. Who may come in is decided before it."""

    def __init__(self, settings: Settings):
        self._settings = settings

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request: info/refs, or the service itself."""
        if scope["type"] != "http":
            return
        try:
            question = _question(scope)
            await self._pipe(question, receive, send)
        except Refusal as refusal:
            await _answer(send, refusal.status, refusal.text)

    async def _pipe(self, question: dict[str, object], receive: Receive, send: Send) -> None:
        with await self._connect() as connection:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(connection, json.dumps(question).encode() + b"\n")
            body = asyncio.create_task(_send_body(connection, receive))
            watch = asyncio.create_task(_watch(connection, body, receive))
            try:
                await _relay(connection, _content_type(question), body, send)
            finally:
                for task in (watch, body):
                    task.cancel()
                await asyncio.gather(watch, body, return_exceptions=True)

    async def _connect(self) -> socket.socket:
        """A connection to the git process, which may be starting: a pusher waits for it."""
        until = time.monotonic() + _STARTING
        while True:
            connection = socket.socket(socket.AF_UNIX)
            connection.setblocking(False)
            try:
                with unix_socket.short(self._settings.git_socket) as name:
                    await asyncio.get_running_loop().sock_connect(connection, name)
                return connection
            except OSError:
                connection.close()
            if time.monotonic() > until:
                raise Refusal(503, "the git side of MinPaas does not answer; see: minpaas doctor")
            await asyncio.sleep(0.05)


def _question(scope: Message) -> dict[str, object]:
    """What the git process is asked, from the request's path and headers. Raises Refusal."""
    path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
    found = _PATH.fullmatch(path)
    if not found:
        raise Refusal(404, "not found; the address of an app is /git/<app>.git")
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    advertise = found[2] == "info/refs"
    if scope["method"] != ("GET" if advertise else "POST"):
        raise Refusal(405, "not a method of git")
    service = found[2]
    if advertise:
        service = parse_qs(scope["query_string"].decode("latin-1")).get("service", [""])[0]
        if service not in SERVICES:
            raise Refusal(403, "only git push and git fetch are served; the dumb protocol is not")
    elif headers.get(b"content-type") != f"application/x-{service}-request":
        raise Refusal(415, f"the content type must be application/x-{service}-request")
    return {
        "service": service,
        "app": found[1],
        "advertise": advertise,
        "gzip": headers.get(b"content-encoding") in ("gzip", "x-gzip"),
        "protocol": headers.get(b"git-protocol", "")[:200],
        "actor": "http",
    }


def _content_type(question: dict[str, object]) -> bytes:
    kind = "advertisement" if question["advertise"] else "result"
    return f"application/x-{question['service']}-{kind}".encode()


async def _send_body(connection: socket.socket, receive: Receive) -> None:
    """The request's body into the pipe.

    When the git process has refused and reads no more, the rest is swallowed, so that the client comes to read why.
    """
    loop = asyncio.get_running_loop()
    refused_at, swallowed = 0.0, 0
    while (message := await receive())["type"] == "http.request":
        data = message.get("body", b"")
        if data and not refused_at:
            try:
                await loop.sock_sendall(connection, data)
            except OSError:
                refused_at = time.monotonic()
        if refused_at:
            swallowed += len(data)
            if swallowed > _DRAIN_BYTES or time.monotonic() - refused_at > _DRAIN_SECONDS:
                return
        if not message.get("more_body"):
            _shut(connection, socket.SHUT_WR)
            return
    _shut(connection, socket.SHUT_RDWR)  # the client has left in the middle of its request


async def _watch(connection: socket.socket, body: "asyncio.Task[None]", receive: Receive) -> None:
    """Closes the pipe when the client leaves while the deploy runs; the deploy itself goes on."""
    await body
    while (await receive())["type"] != "http.disconnect":
        pass
    _shut(connection, socket.SHUT_RDWR)


async def _relay(connection: socket.socket, content_type: bytes, body: "asyncio.Task[None]", send: Send) -> None:
    """The git process's answer to the client, as it comes."""
    loop = asyncio.get_running_loop()
    buf = b""
    try:
        while b"\n" not in buf:
            data = await loop.sock_recv(connection, _STEP)
            if not data:
                raise Refusal(503, "the git side of MinPaas stopped; try again")
            buf += data
        line, _, data = buf.partition(b"\n")
        answer = json.loads(line)
        # a proxy that streams the request may not read our answer before it has sent all: so hold it until then
        await asyncio.wait({body}, timeout=_DRAIN_SECONDS)
        if answer["status"] != 200:
            raise Refusal(int(answer["status"]), str(answer.get("error", "")))
        headers = [(b"content-type", content_type), *_NEVER_CACHED]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        pieces = _Pieces(data)
        while not pieces.ended:
            if body_part := pieces.take():
                await send({"type": "http.response.body", "body": body_part, "more_body": True})
            if not pieces.ended:
                data = await loop.sock_recv(connection, _STEP)
                if not data:
                    return  # it died: the answer is cut off, so that git does not wait for the rest of it
                pieces.add(data)
    except ConnectionError:
        if not buf:
            raise Refusal(503, "the git side of MinPaas stopped; try again") from None
        return
    await send({"type": "http.response.body", "body": b""})


class _Pieces:
    """The git process's answer: pieces after their lengths, up to one of length 0."""

    def __init__(self, data: bytes):
        self._data = bytearray(data)
        self._left = 0  # of the piece that is being read
        self.ended = False

    def add(self, data: bytes) -> None:
        """What came next."""
        self._data += data

    def take(self) -> bytes:
        """All that can be passed on now."""
        out = bytearray()
        while self._data and not self.ended:
            if not self._left:
                if len(self._data) < 4:
                    break
                self._left = int.from_bytes(self._data[:4], "big")
                del self._data[:4]
                self.ended = self._left == 0
                continue
            part = self._data[: self._left]
            del self._data[: len(part)]
            self._left -= len(part)
            out += part
        return bytes(out)


async def _answer(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *_NEVER_CACHED]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode() + b"\n"})


def _shut(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(how)
