"""The edge's memory, around an application that counts what it did."""

import asyncio
from typing import Any

import pytest

from minpaas.server import idempotency
from minpaas.server.idempotency import Idempotency


class Application:
    """Answers how often it was asked; waits for `gate`, and takes its status and its chunks from outside."""

    def __init__(self) -> None:
        self.asked = 0
        self.status, self.chunks = 200, [b"one ", b"two"]
        self.gate = asyncio.Event()
        self.gate.set()
        self.bodies: list[bytes] = []
        self.error: Exception | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        number = self.asked
        self.bodies.append((await receive())["body"])
        if self.error:
            raise self.error
        await send({"type": "http.response.start", "status": self.status, "headers": [(b"x-number", b"%d" % number)]})
        for chunk in self.chunks:
            await self.gate.wait()
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def ask(
    memory: Idempotency,
    body: bytes = b"x",
    key: str | None = "k",
    method: str = "POST",
    path: str = "/apps",
    **headers: str,
) -> tuple[int, bytes, dict[bytes, bytes]]:
    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    if key is not None:
        given.append((b"idempotency-key", key.encode()))
    parts = [body[:1], body[1:]]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": given}
    await memory(scope, receive, send)
    assert sent[-1].get("more_body", False) is False
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:]), dict(sent[0]["headers"])


def test_once_is_enough() -> None:
    async def run() -> None:
        app = Application()
        memory = Idempotency(app)
        first, again = await ask(memory), await ask(memory)
        assert (first[0], first[1], app.asked) == (200, b"one two", 1)
        assert again[:2] == first[:2]
        assert again[2] == {b"x-number": b"1", b"idempotency-replayed": b"true"}
        assert b"idempotency-replayed" not in first[2]
        assert app.bodies == [b"x"]

    asyncio.run(run())


def test_another_question_with_the_same_key_is_refused() -> None:
    async def run() -> None:
        app = Application()
        memory = Idempotency(app)
        await ask(memory)
        for other in ({"body": b"y"}, {"path": "/else"}, {"method": "PUT"}, {"accept": "text/event-stream"}):
            status, body, _ = await ask(memory, **other)  # type: ignore[arg-type]
            assert status == 409
            assert b"That key is used already" in body
        assert app.asked == 1
        assert (await ask(memory, b"y", key="k2"))[0] == 200

    asyncio.run(run())


def test_who_comes_meanwhile_waits_and_gets_the_same() -> None:
    async def run() -> None:
        app = Application()
        app.gate.clear()
        memory = Idempotency(app)
        askers = [asyncio.create_task(ask(memory)) for _ in range(5)]
        await asyncio.sleep(0.05)
        assert not any(asker.done() for asker in askers)
        app.gate.set()
        answers = await asyncio.gather(*askers)
        assert {answer[:2] for answer in answers} == {(200, b"one two")}
        assert app.asked == 1

    asyncio.run(run())


def test_it_is_done_although_the_first_goes_away() -> None:
    async def run() -> None:
        app = Application()
        app.gate.clear()
        memory = Idempotency(app)
        first = asyncio.create_task(ask(memory))
        await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        app.gate.set()
        assert (await ask(memory))[:2] == (200, b"one two")
        assert app.asked == 1

    asyncio.run(run())


def test_what_is_not_remembered() -> None:
    async def run() -> None:
        app = Application()
        memory = Idempotency(app)
        for other in ({"key": None}, {"method": "GET"}, {"path": "/git/hello.git/git-receive-pack"}):
            await ask(memory, **other)  # type: ignore[arg-type]
            await ask(memory, **other)  # type: ignore[arg-type]
        assert app.asked == 6
        app.status = 503
        assert [(await ask(memory, key="failed"))[0] for _ in range(2)] == [503, 503]
        assert app.asked == 8, "our own failure may be tried again"
        app.status, app.error = 200, RuntimeError("boom")
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await ask(memory, key="raised")
        assert app.asked == 10
        for bad in ("", "a b", "x" * 256):
            assert (await ask(memory, key=bad))[0] == 422

    asyncio.run(run())


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MOST", 3)
    monkeypatch.setattr(idempotency, "LARGEST", 10)
    now = [0.0]

    async def run() -> None:
        app = Application()
        memory = Idempotency(app, clock=lambda: now[0])
        for key in "abcd":
            await ask(memory, key=key)
        assert app.asked == 4
        await ask(memory, key="d")
        assert app.asked == 4
        await ask(memory, key="a")
        assert app.asked == 5, "the oldest was let go"
        now[0] = idempotency.KEPT
        await ask(memory, key="a")
        assert app.asked == 6, "a day is over"
        app.chunks = [b"x" * 11]
        assert (await ask(memory, key="large"))[1] == b"x" * 11
        status, body, _ = await ask(memory, key="large")
        assert (status, b"That was done already" in body) == (409, True)

    asyncio.run(run())
