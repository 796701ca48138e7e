"""What needs no engine of one-offs, health checks and what is seen of processes."""

import asyncio
import socket
import threading

import pytest

from minpaas.server import probe, run
from minpaas.server.models import Release
from minpaas.server.one_offs import Asked, command_words
from minpaas.server.seen import Seen, Sight, worst
from minpaas.server.streams import Stream

LIVE = Release(
    version=1,
    app="a",
    number=1,
    image="sha256:0",
    commit="",
    runtime="python",
    process_types={"task": "rake x", "web": ""},
)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["ls", "-l"], ["ls", "-l"]),
        (["ls -l"], ["/bin/sh", "-c", "exec ls -l"]),
        (["a && b"], ["/bin/sh", "-c", "a && b"]),
        (["exit 3"], ["/bin/sh", "-c", "exit 3"]),
        (["A=1 cd /"], ["/bin/sh", "-c", "A=1 cd /"]),
        (["task"], ["/bin/sh", "-c", "exec rake x"]),
        (["web"], ["/bin/sh", "-c", "exec web"]),
    ],
)
def test_words(words: list[str], wanted: list[str]) -> None:
    assert command_words(Asked(words), LIVE) == wanted


def test_a_terminal_is_sized_before_the_command_looks() -> None:
    asked = Asked(["ls", "-l"], tty=True, columns=100, lines=30)
    sized = ["/bin/sh", "-c", 'stty cols 100 rows 30 2>/dev/null; exec "$@"', "sh", "ls", "-l"]
    assert command_words(asked, LIVE) == sized
    foreign = LIVE.model_copy(update={"runtime": "dockerfile"})
    assert command_words(asked, foreign) == ["ls", "-l"], "an image of the owner's own may have no shell"


def test_a_shell_is_the_default() -> None:
    words = command_words(Asked([]), LIVE)
    assert words
    assert "exec bash" in words[2]


def frames(data: bytes, tty: bool) -> list[tuple[int, bytes]]:
    """What a stream makes of bytes that come in odd pieces."""

    async def read() -> list[tuple[int, bytes]]:
        reader = asyncio.StreamReader()
        for start in range(0, len(data), 5):
            reader.feed_data(data[start : start + 5])
        reader.feed_eof()
        stream = Stream(reader, None, tty)  # type: ignore[arg-type]
        return [frame async for frame in stream.frames(1)]

    return asyncio.run(read())


def framed(kind: int, data: bytes) -> bytes:
    return bytes((kind, 0, 0, 0)) + len(data).to_bytes(4, "big") + data


def test_frames() -> None:
    found = frames(framed(1, b"hello") + framed(2, b"no") + framed(1, b"") + framed(1, b"x" * 200_000), tty=False)
    assert b"".join(data for kind, data in found if kind == 1) == b"hello" + b"x" * 200_000
    assert b"".join(data for kind, data in found if kind == 2) == b"no"


def test_a_terminal_has_no_frames() -> None:
    assert b"".join(data for _, data in frames(b"\x01\x00\x00\x00 raw", tty=True)) == b"\x01\x00\x00\x00 raw"


def test_frames_that_break_off_end() -> None:
    assert frames(framed(1, b"hello")[:10], tty=False) == [(1, b"he")]
    assert frames(b"\x01\x00", tty=False) == []


def test_silence_gives_a_sign_of_life() -> None:
    async def read() -> tuple[int, bytes]:
        return await anext(aiter(Stream(asyncio.StreamReader(), None, True).frames(0.01)))  # type: ignore[arg-type]

    assert asyncio.run(read()) == (0, b"")


def test_what_was_not_looked_at_runs() -> None:
    sight = Sight()
    assert sight.of("a").up
    assert not sight.knows("a")
    sight.note("a", Seen("crashed", restarts=10, exit_code=9, last_lines=("oh",)))
    assert sight.of("a").shape()["last_lines"] == ["oh"]
    sight.keep_only({"b"})
    assert not sight.knows("a")


def test_the_worst_is_told() -> None:
    assert worst([Seen("paused"), Seen("crashed"), Seen("stopped")]).condition == "crashed"


def answering(answer: bytes) -> str:
    """The address of something that says this once and closes."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with server, server.accept()[0] as connection:
            connection.recv(4096)
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return f"127.0.0.1:{server.getsockname()[1]}"


def test_a_redirect_says_where_to() -> None:
    address = answering(b"HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n")
    assert str(probe.ask(address, "h", "/", 2)) == "301 (a redirect to https://x/)"


@pytest.mark.parametrize(("answer", "said"), [(b"", "RemoteDisconnected"), (b"nonsense\r\n\r\n", "BadStatusLine")])
def test_what_is_no_answer_is_said(answer: bytes, said: str) -> None:
    with pytest.raises(probe.NotAnswered, match=said):
        probe.ask(answering(answer), "h", "/", 2)


def test_nobody_there_is_an_errno() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(probe.NotAnswered, match="ECONNREFUSED"):
        probe.ask(address, "h", "/", 2)
    assert run.probe(address, "h", "/", 1) is None
