"""The HTTP client of the server, on the standard library alone, so that the CLI starts fast.

MINPAAS_URL says where the server is, MINPAAS_TOKEN is sent when it is set.
"""

import http.client
import json as jsonlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from minpaas.cli.errors import APIError, Unreachable, WrongUsage

_CONNECT_TIMEOUT = 5.0


@dataclass(frozen=True)
class Event:
    """One line of a transcript: when (Unix seconds), what kind, its text. The kind `end` carries the verdict as JSON."""

    at: float
    kind: str
    text: str

    @property
    def verdict(self) -> dict[str, Any]:
        """What an `end` says."""
        found: dict[str, Any] = jsonlib.loads(self.text)
        return found


def base_url() -> str:
    """Where the server is: MINPAAS_URL, else this machine's at MINPAAS_PORT (4000)."""
    return (os.environ.get("MINPAAS_URL") or f"http://127.0.0.1:{os.environ.get('MINPAAS_PORT') or 4000}").rstrip("/")


def request(method: str, path: str, json: Any = None, *, timeout: float | None = 60.0) -> Any:
    """Ask the server; the answer's JSON, or its text where it is not JSON. Raises APIError and Unreachable."""
    with _asked(method, path, json, "application/json", timeout) as answer:
        body = answer.read()
        if "json" not in (answer.getheader("Content-Type") or ""):
            return body.decode("utf-8", "replace")
        try:
            return jsonlib.loads(body)
        except ValueError:
            raise Unreachable(base_url(), "what answers there is not MinPaas") from None


def stream(method: str, path: str, json: Any = None, accept: str = "text/event-stream") -> Iterator[Event]:
    """A transcript's events as they happen, the last one of kind `end`. A stream that breaks off before it raises."""
    with _asked(method, path, json, accept, None) as answer:
        data: list[str] = []
        for line in _lines(answer):
            if line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif not line and data:
                event = Event(**jsonlib.loads("\n".join(data)))
                data = []
                yield event
                if event.kind == "end":
                    return
    raise Unreachable(base_url(), "the stream broke off before its end; what it followed may still go on")


def lines(method: str, path: str, json: Any = None) -> Iterator[str]:
    """The lines of a plain-text answer (logs) as they come."""
    with _asked(method, path, json, "text/plain", None) as answer:
        yield from _lines(answer)


@contextmanager
def opened(path: str, accept: str) -> Iterator[http.client.HTTPResponse]:
    """The open answer to a GET, to be read as it comes."""
    with _asked("GET", path, None, accept, None) as answer:
        yield answer


def send(path: str, chunks: Iterator[bytes]) -> None:
    """POST a body that comes bit by bit, each bit sent at once. Raises APIError and Unreachable."""
    with _asked("POST", path, None, "application/json", None, chunks) as answer:
        answer.read()


@contextmanager
def _asked(
    method: str, path: str, json: Any, accept: str, timeout: float | None, chunks: Iterator[bytes] | None = None
) -> Iterator[http.client.HTTPResponse]:
    """The open answer to one request; the connection is closed after it."""
    base = base_url()
    connection, prefix = _connection(base)
    headers = {"Accept": accept, "User-Agent": "minpaas-cli"}
    if token := os.environ.get("MINPAAS_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    body = chunks if json is None else jsonlib.dumps(json).encode()
    if body is not None:
        headers |= {"Transfer-Encoding": "chunked"} if chunks else {"Content-Type": "application/json"}
    try:
        connection.connect()
        connection.sock.settimeout(timeout)  # only now: a deploy may be silent for longer than a connect may
        connection.request(method, prefix + path, body, headers, encode_chunked=chunks is not None)
        answer = connection.getresponse()
        if answer.status >= 400:
            raise _refusal(answer.status, answer.read())
        yield answer
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(base, str(error) or type(error).__name__) from None
    finally:
        connection.close()


def _connection(base: str) -> tuple[http.client.HTTPConnection, str]:
    """A connection that is not open yet, and the path that all requests start with."""
    parts = urlsplit(base)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    try:
        return kinds[parts.scheme](parts.hostname or "", parts.port, timeout=_CONNECT_TIMEOUT), parts.path
    except (KeyError, ValueError):
        raise WrongUsage("MINPAAS_URL is not an address", base, "give one such as http://127.0.0.1:4000") from None


def _lines(answer: http.client.HTTPResponse) -> Iterator[str]:
    for raw in iter(answer.readline, b""):
        yield raw.decode("utf-8", "replace").rstrip("\r\n")


def _refusal(status: int, body: bytes) -> APIError:
    """The server's one error shape as an exception; whatever else answered there is quoted."""
    try:
        shape = jsonlib.loads(body)
        return APIError(status, shape["title"], shape["detail"], shape["hint"], shape["error"])
    except (ValueError, KeyError, TypeError):
        return APIError(status, f"The server answered {status}", body[:300].decode("utf-8", "replace").strip())
