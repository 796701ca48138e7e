"""The hand that asks an app over HTTP as a visitor would, to the end of the answer."""

import errno
import http.client
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

_ENOUGH = 1 << 20  # bytes of an answer that count as complete
_HEADERS = 31 << 10  # bytes; nginx takes 32 KB with the status line
_BEGINNING = 4096  # bytes of an answer that are looked at

Check = Callable[[], None]


@dataclass(frozen=True)
class Answer:
    """What a process answered to a probe."""

    status: int
    elapsed: float  # seconds that the answer took
    after: float = 0.0  # seconds from the start of the wait to the answer
    location: str = ""  # of a redirect
    text: str = ""  # how it begins

    def __str__(self) -> str:
        return f"{self.status} (a redirect to {self.location})" if self.location else str(self.status)


class NotAnswered(Exception):
    """A probe that got no complete HTTP answer, in words."""


def probe(address: str, host: str, path: str, timeout: float) -> Answer | None:
    """GET a path as a visitor would, to the end of the answer; None when it is not answered by HTTP."""
    try:
        return ask(address, host, path, timeout)
    except NotAnswered:
        return None


def ask(address: str, host: str, path: str, timeout: float, check: Check = lambda: None) -> Answer:
    """The same. Raises NotAnswered with what happened instead, and whatever `check` raises, which is called meanwhile.

    The time is that of the whole: a server that sends a byte a second is cut off as well.
    """
    name, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(name, int(port), timeout=max(timeout, 0.1))
    asked: Future[Answer] = Future()
    threading.Thread(target=_ask, args=(connection, host, path, asked), name="probe", daemon=True).start()
    until = time.monotonic() + timeout
    try:
        while time.monotonic() < until:
            try:
                return asked.result(timeout=min(0.1, timeout))
            except TimeoutError:
                check()
        raise NotAnswered("no complete answer in time")
    finally:
        if connection.sock:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)


def _ask(connection: http.client.HTTPConnection, host: str, path: str, asked: "Future[Answer]") -> None:
    began = time.monotonic()
    try:
        headers = {"Host": host, "X-Forwarded-Proto": "http", "X-Forwarded-For": "127.0.0.1", "Connection": "close"}
        connection.request("GET", path, headers={**headers, "User-Agent": "MinPaas", "Accept": "*/*"})
        answer = connection.getresponse()
        if sum(len(name) + len(value) + 4 for name, value in answer.getheaders()) > _HEADERS:
            raise NotAnswered(f"its headers are over {_HEADERS >> 10} KB, which no visitor would get")
        read, text = 0, b""
        while read < _ENOUGH and (chunk := answer.read1(65536)):
            read, text = read + len(chunk), text or chunk
        if read < _ENOUGH and answer.length:
            raise NotAnswered(f"its answer ends {answer.length} bytes before the length that it names")
        location = answer.getheader("Location") or "" if 300 <= answer.status < 400 else ""
        beginning = text[:_BEGINNING].decode("utf-8", "replace")
        asked.set_result(Answer(answer.status, time.monotonic() - began, location=location[:200], text=beginning))
    except NotAnswered as error:
        asked.set_exception(error)
    except (
        OSError,
        ValueError,
        AttributeError,
        http.client.HTTPException,
    ) as error:  # also when it is cut off from outside
        asked.set_exception(NotAnswered(_words(error)))
    finally:
        connection.close()


def _words(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number:
        return f"{errno.errorcode.get(number, number)} ({getattr(error, 'strerror', '')})"
    return "no answer in time" if isinstance(error, TimeoutError) else f"{type(error).__name__} {error}".strip()
