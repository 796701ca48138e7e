"""The git process's end of /git over HTTP: one connection to the unix socket is one request.

In: a JSON line, then the raw body, then the end. Out: a JSON line with the status, then pieces, each after its length in 4
bytes; a length of 0 is the end, and an end without it is a git process that died.
"""

import errno
import json
import logging
import socket
import threading
import time
import zlib
from collections import deque

from dulwich.errors import HangupException
from dulwich.protocol import pkt_line

from minpaas.server.git.session import SERVICES, Request, Turned, app_of, serve
from minpaas.server.git.wire import PATIENCE, Wire
from minpaas.server.settings import Settings

log = logging.getLogger("minpaas.git")

MOST_REQUESTS = 64
_STEP = 1 << 18
_INFLATE_STEP = 1 << 20
_DRAIN_BYTES, _DRAIN_SECONDS = 64 << 20, 10.0


def accept_forever(settings: Settings, listener: socket.socket) -> None:
    """One thread a request; over the limit they are told to come back."""
    slots = threading.BoundedSemaphore(MOST_REQUESTS)

    def answer(connection: socket.socket) -> None:
        try:
            _answer(settings, connection)
        finally:
            slots.release()

    while True:
        try:
            connection, _ = listener.accept()
        except OSError as error:  # out of file handles
            log.warning("accept: %s", error)
            time.sleep(0.1)
            continue
        try:
            if slots.acquire(blocking=False):
                threading.Thread(target=answer, args=(connection,), daemon=True).start()
                continue
        except RuntimeError as error:  # no memory for one more thread
            log.warning("a request over /git: %s", error)
            slots.release()
        with connection:
            _Answer(connection).refuse(503, "too many pushes and fetches at once; try again")


class _Answer:
    """What goes back. The status goes with the first output, so that until then a refusal can still have its own."""

    def __init__(self, connection: socket.socket):
        self._connection = connection
        self._started = False
        self.preface = b""

    def send(self, data: bytes) -> None:
        head = b""
        if not self._started:
            self._started = True
            head, data = b'{"status":200}\n', self.preface + data
        if data:
            head += len(data).to_bytes(4, "big")
        self._connection.sendall(head + data)

    def refuse(self, status: int, text: str) -> None:
        if not self._started:
            self._started = True
            line = json.dumps({"status": status, "error": text}).encode() + b"\n"
            try:
                self._connection.sendall(line)
            except OSError:
                pass  # who asked has gone

    def finish(self) -> None:
        """Say that this was all: a git process that dies in the middle does not, and the client is told so."""
        if not self._started:
            self.send(b"")
        self._connection.sendall(bytes(4))


class _Body:
    """The request's body, inflated if need be, a bounded piece at a time."""

    def __init__(self, connection: socket.socket, start: bytes, gzip: bool):
        self._connection = connection
        self._pending = deque([start] if start else [])
        self._unzip = zlib.decompressobj(31) if gzip else None

    def receive(self) -> bytes:
        while True:
            data = self._pending.popleft() if self._pending else self._connection.recv(_STEP)
            if not data or self._unzip is None:
                return data
            try:
                plain = self._unzip.decompress(data, _INFLATE_STEP)
            except zlib.error as error:
                raise OSError(f"bad gzip: {error}") from None
            if self._unzip.unconsumed_tail:
                self._pending.appendleft(self._unzip.unconsumed_tail)
            if plain:
                return plain


def _answer(settings: Settings, connection: socket.socket) -> None:
    with connection:
        connection.settimeout(PATIENCE)
        answer = _Answer(connection)
        try:
            asked, start = _read_question(connection)
            if asked["service"] not in SERVICES:
                raise Turned(403, "only git push and git fetch are served")
            request = Request(
                service=str(asked["service"]),
                app=app_of(str(asked["app"])),
                actor=str(asked.get("actor") or "http"),
                stateless=True,
                advertise=bool(asked.get("advertise")),
            )
            body = _Body(connection, start, gzip=bool(asked.get("gzip")))
            wire = Wire(body.receive, answer.send, connection.settimeout)
            if request.advertise:
                answer.preface = pkt_line(f"# service={request.service}\n".encode()) + b"0000"
            serve(settings, request, wire)
            answer.finish()
        except Turned as turned:
            answer.refuse(turned.status, turned.text)
        except (HangupException, OSError) as error:
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                log.warning("the disk is full")
                answer.refuse(503, "the server's disk is full; free some space, then push again")
            else:
                log.info("a client of /git left: %s", error)
                answer.refuse(422, "the request is not complete, or not in git's format")
        except Exception:
            log.exception("a request over /git failed")
            answer.refuse(503, "the git side failed; its log says why")
        _drain(connection)


def _read_question(connection: socket.socket) -> tuple[dict[str, object], bytes]:
    buf = b""
    while b"\n" not in buf:
        data = connection.recv(_STEP)
        if not data or len(buf) > _STEP:
            raise HangupException()
        buf += data
    line, _, rest = buf.partition(b"\n")
    asked = json.loads(line)
    if not isinstance(asked, dict):
        raise HangupException()
    return asked, rest


def _drain(connection: socket.socket) -> None:
    """After a refusal the client may still be sending; closing at once would cost it the report."""
    left, end = _DRAIN_BYTES, time.monotonic() + _DRAIN_SECONDS
    try:
        connection.shutdown(socket.SHUT_WR)
        while left > 0 and (seconds := end - time.monotonic()) > 0:
            connection.settimeout(seconds)
            data = connection.recv(_STEP)
            if not data:
                return
            left -= len(data)
    except OSError:
        pass  # gone already
