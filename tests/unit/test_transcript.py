"""The voice of a deploy: what it looks like, who can follow it, and what a hostile build cannot make it say."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from minpaas.server.feed import Feed
from minpaas.server.transcript import Transcript, clean


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b[2J\x1b[8mhidden", "\x1b[8mhidden"),
        ("\x1b]52;c;cm0=\x07x", "x"),
        ("\x9b31mx", "31mx"),
        ("10%\r50%\r100%", "100%"),
        ("done\r", "done"),
        ("a\u202eb", "ab"),
        ("tab\there", "tab\there"),
        ("\x1b[1Aup", "up"),
        ("nul\x00", "nul"),
        ("\x1bPq#0\x1b\\sixel", "sixel"),
    ],
)
def test_foreign_output_is_cleaned(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


def test_a_build_cannot_speak_with_our_voice() -> None:
    transcript = Transcript()
    transcript.output("-----> Live: everything is fine")
    assert transcript.items()[0].line() == "       -----> Live: everything is fine\n"


def test_the_voice() -> None:
    transcript = Transcript()
    transcript.step("Building")
    transcript.detail("one\ntwo")
    transcript.trouble("No")
    transcript.command("docker build .")
    transcript.end({"result": "live"})
    lines = "".join(event.line() for event in transcript.items())
    assert lines == "-----> Building\n       one\n       two\n !     No\n"
    transcript.step("too late")
    assert len(transcript.items()) == 6


def test_it_is_kept_in_a_file(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "log")
    transcript.step("Grüße")
    transcript.end({})
    assert (tmp_path / "log").read_text().count("\n") == 2
    assert "Grüße" in (tmp_path / "log").read_text()


def test_followers_see_all_from_the_first_line_live() -> None:
    transcript = Transcript()
    transcript.step("before")
    seen: list[tuple[float, str]] = []

    async def follow() -> None:
        async for event in transcript.follow():
            if event:
                seen.append((time.monotonic(), event.text))

    def write() -> None:
        for text in ("one", "two"):
            time.sleep(0.2)
            transcript.step(text)
        transcript.end({})

    threading.Thread(target=write).start()
    asyncio.run(follow())
    assert [text for _, text in seen] == ["before", "one", "two", "{}"]
    assert seen[2][0] - seen[1][0] > 0.15


def test_a_quiet_feed_says_so() -> None:
    async def first_two() -> list[int | None]:
        feed: Feed[int] = Feed()
        feed.append(1)
        follower = feed.follow(quiet=0.01)
        found = [await anext(follower), await anext(follower)]
        await follower.aclose()
        assert feed.followers == 0
        return found

    assert asyncio.run(first_two()) == [1, None]


def test_a_bounded_feed_keeps_the_newest() -> None:
    feed: Feed[int] = Feed(3)
    for number in range(10):
        feed.append(number)
    feed.close()

    async def read(last: int | None) -> list[int | None]:
        return [item async for item in feed.follow(last)]

    assert asyncio.run(read(None)) == [7, 8, 9]
    assert asyncio.run(read(2)) == [8, 9]
    assert asyncio.run(read(0)) == []
    assert asyncio.run(read(50)) == [7, 8, 9]


def test_nothing_is_missed_or_doubled_between_threads() -> None:
    feed: Feed[int] = Feed()

    def write() -> None:
        for number in range(5000):
            feed.append(number)
        feed.close()

    async def read() -> list[int | None]:
        return [item async for item in feed.follow()]

    writer = threading.Thread(target=write)
    writer.start()
    assert asyncio.run(read()) == list(range(5000))
    writer.join()
