"""The edge's memory: a request that changes something and brings an Idempotency-Key is done once, however often it is sent.

The first is carried out to its end even when its sender goes away; who sends the same again, also meanwhile, gets the same
answer, streams included. In memory only: a restart forgets it.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.responses import JSONResponse

from minpaas.server.edge import ASGI, Message, Receive, Send
from minpaas.server.errors import Conflict, MachineTrouble, MinPaasError, Refused

MOST = 1000  # answers
LARGEST = 1 << 20  # bytes of an answer that is kept
KEPT = 24 * 3600.0  # seconds
_LARGEST_QUESTION = 16 << 20
_CHANGES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass
class _Answer:
    """An answer as it comes in; `error` when the application raised instead."""

    question: bytes  # a digest
    at: float
    start: Message | None = None
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    done: bool = False
    error: BaseException | None = None
    dropped: bool = False  # it was too large to be kept
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, message: Message) -> None:
        """A message of the application's."""
        async with self.moved:
            if message["type"] == "http.response.start":
                self.start = message
            else:
                self.chunks.append(message.get("body", b""))
                self.size += len(self.chunks[-1])
            self.moved.notify_all()

    async def wait(self, told: int) -> None:
        """Until there are more than so many chunks, or nothing follows."""
        async with self.moved:
            await self.moved.wait_for(lambda: self.done or len(self.chunks) > told)

    async def end(self, error: BaseException | None) -> None:
        """Nothing follows."""
        async with self.moved:
            self.done, self.error = True, error
            self.moved.notify_all()


class Idempotency:
    """Middleware; everything happens on the one event loop, so that no lock is needed."""

    def __init__(self, app: ASGI, clock: Callable[[], float] = time.monotonic):
        self._app = app
        self._clock = clock
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()
        self._working: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer from memory, or have it done and remember."""
        key = next((value for name, value in scope.get("headers", []) if name == b"idempotency-key"), None)
        # git has its own way of not doing things twice, and packs are no questions to be kept
        if scope["type"] != "http" or key is None or scope["method"] not in _CHANGES or _is_git(scope):
            return await self._app(scope, receive, send)
        try:
            _check(key)
            body = await _whole(receive)
            answer, replayed = self._find(key, scope, body)
        except MinPaasError as error:
            return await JSONResponse(error.shape(), error.status)(scope, receive, send)
        return await _tell(answer, replayed, send)

    def _find(self, key: bytes, scope: Message, body: bytes) -> tuple[_Answer, bool]:
        """The answer to this question, begun if it is new. Raises Conflict when the key stands for another question."""
        self._forget()
        question, known = _digest(scope, body), self._answers.get(key)
        if known is None:
            self._answers[key] = answer = _Answer(question, self._clock())
            task = asyncio.create_task(self._work(key, answer, scope, body))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
            return answer, False
        if known.question != question:
            raise Conflict(
                "the same Idempotency-Key came with another method, path, body or Accept",
                title="That key is used already",
                hint="send a new key with a new request",
            )
        if known.dropped:
            raise Conflict(
                f"its answer was over {LARGEST >> 20} MB and is not kept",
                title="That was done already",
                hint="look at what is there now with a GET",
            )
        return known, True

    async def _work(self, key: bytes, answer: _Answer, scope: Message, body: bytes) -> None:
        """Have the application answer, whoever still listens; what failed by our own fault may be tried again."""
        error: BaseException | None = None
        try:
            await self._app(scope, _Question(body), answer.take)
        except BaseException as raised:
            error = raised
        if error or answer.start is None or answer.start["status"] >= 500:
            self._answers.pop(key, None)
        elif answer.size > LARGEST:
            self._answers[key] = _Answer(answer.question, answer.at, done=True, dropped=True)
        await answer.end(error)

    def _forget(self) -> None:
        """Let go what is too old or too much, the oldest first; what still runs stays. Raises MachineTrouble."""
        now = self._clock()
        for key, answer in list(self._answers.items()):
            if not answer.done:
                continue
            if now - answer.at < KEPT and len(self._answers) < MOST:
                break
            del self._answers[key]
        if len(self._answers) >= MOST:
            raise MachineTrouble(
                f"{MOST} requests with an Idempotency-Key are running", hint="wait until some have ended"
            )


class _Question:
    """The request's body for the application; after it, silence: that its sender went away is not its business."""

    def __init__(self, body: bytes):
        self._body: bytes | None = body

    async def __call__(self) -> Message:
        if self._body is None:
            await asyncio.Event().wait()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _tell(answer: _Answer, replayed: bool, send: Send) -> None:
    """Pass an answer on as it comes, from its beginning."""
    told, started = 0, False
    while True:
        await answer.wait(told)
        if answer.error and not answer.start:
            raise answer.error
        if not started and answer.start:
            extra = [(b"idempotency-replayed", b"true")] if replayed else []
            await send({**answer.start, "headers": [*answer.start.get("headers", []), *extra]})
            started = True
        for chunk in answer.chunks[told:]:
            told += 1
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if answer.done and told == len(answer.chunks):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return


async def _whole(receive: Receive) -> bytes:
    """A request's body. Raises Refused when it is too large to be kept, or its sender has gone."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused("the request broke off")
        body += bytes(message.get("body", b""))
        if len(body) > _LARGEST_QUESTION:
            raise Refused(f"a request with an Idempotency-Key is at most {_LARGEST_QUESTION >> 20} MB long")
        if not message.get("more_body"):
            return body


def _check(key: bytes) -> None:
    if not 1 <= len(key) <= 255 or not all(32 < byte < 127 for byte in key):
        raise Refused("an Idempotency-Key is 1 to 255 visible ASCII characters", hint="such as that of: uuidgen")


def _digest(scope: Message, body: bytes) -> bytes:
    """What makes two requests the same: method, path, query, the form of the answer, and the body."""
    accept: bytes = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    stream = b"stream" if b"text/event-stream" in accept else b""
    where = f"{scope['method']} {scope['path']}".encode()
    parts: list[bytes] = [where, scope.get("query_string", b""), stream]
    return hashlib.sha256(b"\0".join([*parts, hashlib.sha256(body).digest()])).digest()


def _is_git(scope: Message) -> bool:
    return str(scope["path"]).startswith("/git/")
