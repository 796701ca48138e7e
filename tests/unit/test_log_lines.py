"""Lines of a log, where they are kept, and one stream however many follow."""

import asyncio
import queue
from types import SimpleNamespace
from typing import Any

from minpaas.server.archive import Archive
from minpaas.server.lines import START, Wanted, of_process, seconds_of, stamp
from minpaas.server.logs import Past
from minpaas.server.settings import Settings
from minpaas.server.stream import Stream

AT = "2026-11-23T14:00:00.123456789Z"


def archive(tmp_path: Any, limit: int = 30 << 20) -> Archive:
    (tmp_path / "state" / "apps" / "hello").mkdir(parents=True)
    return Archive(Settings(home=tmp_path, log_bytes=limit))


def raws(name: str, count: int, size: int = 0) -> list[bytes]:
    return [f"{stamp(10**18 + n)} {name} {n}{'x' * size}\n".encode() for n in range(count)]


def test_a_line_is_written_as_heroku_does() -> None:
    [line] = of_process([f"{AT} hello\x1b[2J world\n".encode()], "c" * 64, "web.1", "v2")
    assert str(line) == "2026-11-23T14:00:00.123456+00:00 app[web.1]: hello world"
    assert (line.release, line.origin, line.place) == ("v2", "c" * 12, (AT, 0))
    assert stamp(seconds_of(AT) * 10**9) == "2026-11-23T14:00:00.000000000Z"


def test_lines_of_the_same_moment_keep_their_order() -> None:
    lines = list(of_process([f"{AT} {n}".encode() for n in range(3)], "c", "web.1", "v1"))
    assert [line.place for line in lines] == [(AT, 0), (AT, 1), (AT, 2)]
    past = Past((AT, 0))
    past.take(lines[:2])
    assert [past.is_before(line) for line in lines] == [True, True, False]


def test_wanted() -> None:
    [line] = of_process([f"{AT} x".encode()], "c", "web.1", "v2")
    for wanted in (
        Wanted(),
        Wanted("web"),
        Wanted("web.1"),
        Wanted(release="v2"),
        Wanted(source="app"),
        Wanted(since=AT),
    ):
        assert wanted(line)
    for wanted in (
        Wanted("web.2"),
        Wanted("worker"),
        Wanted(release="v1"),
        Wanted(source="build"),
        Wanted(since="2027"),
    ):
        assert not wanted(line)


def test_the_archive_keeps_and_gives_back(tmp_path: Any) -> None:
    kept = archive(tmp_path)
    kept.keep("hello", "v1", "web.1", "a" * 64, raws("one", 3000))
    kept.keep("hello", "v2", "web.1", "b" * 64, raws("two", 10))
    [(_, newest), (_, oldest)] = kept.files("hello")
    assert [line.text for line in kept.lines(oldest, 2)] == ["one 2998", "one 2999"]
    assert len(kept.lines(newest)) == 10
    assert [line.text for line in kept.rest("hello", "b" * 64, kept.lines(newest)[7].place)] == ["two 8", "two 9"]
    assert oldest.stat().st_mode & 0o777 == 0o600


def test_the_archive_is_bounded_and_the_oldest_release_goes_first(tmp_path: Any) -> None:
    kept = archive(tmp_path, 90_000)
    for number in range(1, 12):
        kept.keep("hello", f"v{number}", "web.1", f"{number:064d}", raws("line", 400, 100))
    files = [path for _, path in kept.files("hello")]
    assert sum(path.stat().st_size for path in files) <= 90_000
    assert {path.parent.name for path in files} == {"v10", "v11", "v9"}
    assert kept.lines(files[0])[-1].text.startswith("line 399")


def test_nothing_is_kept_of_an_app_that_is_gone_or_a_name_that_is_none(tmp_path: Any) -> None:
    kept = archive(tmp_path)
    kept.keep("gone", "v1", "web.1", "a" * 64, raws("x", 1))
    kept.keep("hello", "../v1", "web.1", "a" * 64, raws("x", 1))
    kept.tell("gone", "v1", "web.1", "x")
    assert [path.name for path in (tmp_path / "state" / "apps").rglob("*")] == ["hello"]


def test_what_is_told_is_heard_and_kept_in_order(tmp_path: Any) -> None:
    kept, heard = archive(tmp_path), []
    kept.listeners.append(lambda app, line: heard.append((app, line)))
    for number in range(100):
        kept.tell("hello", "v1", "web.1", f"State {number}\nsecond line")
    assert [line.place for _, line in heard] == [line.place for line in kept.told("hello")]
    assert kept.told("hello", "v1")[99].text == "State 99 second line"


class FakeEngine:
    """Counts the streams that are open."""

    def __init__(self) -> None:
        self.streams = 0
        self.lines: queue.Queue[bytes | None] = queue.Queue()

    def containers(self, app: str) -> list[Any]:
        return [SimpleNamespace(id="a" * 64, process="web.1", release="v1")]

    def log_lines(self, container: str, **options: Any) -> Any:
        assert options["follow"]
        self.streams += 1
        return iter(self.lines.get, None)

    def container(self, container: str) -> Any:
        return SimpleNamespace(status="running")


def test_a_hundred_followers_cost_one_stream_of_the_engine(tmp_path: Any) -> None:
    engine = FakeEngine()
    registry = SimpleNamespace(has=lambda app: True)
    machine: Any = SimpleNamespace(engine=engine, archive=archive(tmp_path), registry=registry)
    operations: Any = SimpleNamespace(running={})
    stream = Stream(machine, operations, "hello")
    stream.open()

    async def follow() -> list[str]:
        found = []
        async for item in stream.feed.follow():
            assert item
            found.append(item[1].text)
            if len(found) == 50:
                break
        return found

    async def all_follow() -> list[list[str]]:
        followers = [asyncio.create_task(follow()) for _ in range(100)]
        await asyncio.sleep(0.05)
        for raw in raws("n", 50):
            engine.lines.put(raw)
        return await asyncio.wait_for(asyncio.gather(*followers), 10)

    assert asyncio.run(all_follow()) == [[f"n {n}" for n in range(50)]] * 100
    assert engine.streams == 1
    stream.close()
    engine.lines.put(None)
    assert START == ("", 0)
