"""The story of an app's log: what its processes, its builds, the router and MinPaas say, as one stream in order of time."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, field

from docker.errors import DockerException
from requests import RequestException

from minpaas.server.lines import START, Line, Place, Wanted, of_process, of_transcript, seconds_of, stamp
from minpaas.server.machine import Machine
from minpaas.server.operations import Operations, in_background
from minpaas.server.stream import Stream
from minpaas.server.transcript import Event

_MARGIN = 1000  # lines that may come between two looks at a feed


@dataclass
class Past:
    """What was said until a moment, and how far each origin had come then."""

    began: Place
    lines: list[Line] = field(default_factory=list)
    marks: dict[str, Place] = field(default_factory=dict)
    read: set[str] = field(
        default_factory=set
    )  # containers whose lines came from the engine: not from the archive as well

    def take(self, lines: Iterable[Line]) -> None:
        """Lines of one origin, oldest first."""
        for line in lines:
            self.marks[line.origin] = line.order
            self.lines.append(line)

    def is_before(self, line: Line) -> bool:
        """Whether a line was said until then."""
        return line.order <= self.marks.get(line.origin, self.began)

    def enough(self, count: int, newest: str) -> bool:
        """Whether nothing that is older than `newest` can be among the last `count`."""
        return len(self.lines) >= count and sorted(line.stamp for line in self.lines)[-count] > newest


class Logs:
    """Reads and follows the logs of all apps."""

    def __init__(self, machine: Machine, operations: Operations, requests: Callable[[str], list[Line]]):
        self._machine, self._operations, self._requests = machine, operations, requests
        self._streams: dict[str, Stream] = {}
        self._lock = threading.Lock()

    async def recent(self, app: str, count: int, wanted: Wanted) -> list[str]:
        """The last `count` lines that are wanted. Raises NoSuchApp."""
        self._machine.registry.app(app)
        past = await asyncio.to_thread(self._past, app, count, wanted)
        return [str(line) for line in past.lines]

    async def follow(self, app: str, count: int, wanted: Wanted, quiet: float) -> AsyncGenerator[str | None, None]:
        """The last `count` lines, then each new one, on into the processes of later releases.

        Yields None after `quiet` seconds of silence. Ends when the app is deleted.
        """
        stream = await asyncio.to_thread(self._join, app)
        try:
            before = stream.feed.count
            past = await asyncio.to_thread(self._past, app, count, wanted)
            for line in past.lines:
                yield str(line)
            awaited = -1
            async for item in stream.feed.follow(stream.feed.count - before + _MARGIN, quiet):
                if item is None:
                    yield None
                    continue
                number, line = item
                if 0 <= awaited < number:
                    yield str(_missed(number - awaited))
                awaited = number + 1
                if wanted(line) and not past.is_before(line):
                    yield str(line)
        finally:
            in_background(self._leave, app, stream)  # who was cut off may not wait for anything

    def _join(self, app: str) -> Stream:
        with self._lock:
            stream = self._streams.get(app)
            if stream is None or stream.feed.closed:
                stream = Stream(self._machine, self._operations, app)
                stream.open()
                self._streams[app] = stream
            stream.followers += 1
            return stream

    def _leave(self, app: str, stream: Stream) -> None:
        with self._lock:
            stream.followers -= 1
            if stream.followers:
                return
            if self._streams.get(app) is stream:
                del self._streams[app]
        stream.close()

    def _past(self, app: str, count: int, wanted: Wanted) -> Past:
        """The last lines of every origin that may have wanted ones, sorted and cut. Live processes first: they may go."""
        past = Past((stamp(time.time_ns()), 0))
        asked = max(count, 1)  # one at least, to know how far each has come
        self._processes(past, app, asked, wanted)
        self._archived(past, app, asked, wanted)
        if wanted.of("system", wanted.release):
            past.take(self._machine.archive.told(app, wanted.release))
        if wanted.of("build", wanted.release):
            self._builds(past, app, asked, wanted)
        past.marks["router"] = START
        if wanted.of("router", ""):
            past.take(self._requests(app))
        found = sorted((line for line in past.lines if wanted(line)), key=lambda line: line.stamp)
        past.lines = found[-count:] if count else []
        return past

    def _processes(self, past: Past, app: str, count: int, wanted: Wanted) -> None:
        since = seconds_of(wanted.since) if wanted.since else 0
        for one in self._machine.engine.containers(app):
            past.marks[one.id[:12]] = START
            if wanted.of("app", one.release) and wanted.process in ("", one.process, one.process.partition(".")[0]):
                try:
                    raws = self._machine.engine.log_lines(one.id, count=count, since=since)
                    past.take(list(of_process(raws, one.id, one.process, one.release)))
                    past.read.add(one.id[:12])
                except (DockerException, RequestException):
                    continue  # removed since: it is in the archive

    def _archived(self, past: Past, app: str, count: int, wanted: Wanted) -> None:
        for newest, path in self._machine.archive.files(app):
            process, _, container = path.stem.rpartition(".")
            if container in past.read:
                continue  # it is kept already and not removed yet
            if past.enough(count, newest) or newest < wanted.since:
                return
            if wanted.of("app", path.parent.name) and wanted.process in ("", process, process.partition(".")[0]):
                past.take(self._machine.archive.lines(path, count))

    def _builds(self, past: Past, app: str, count: int, wanted: Wanted) -> None:
        for journal in reversed(self._machine.registry.journals(app)):
            release = f"v{journal['release']}" if journal.get("release") else ""
            path = self._machine.registry.transcript_path(app, journal["id"])
            if not wanted.of("build", release) or not path.exists():
                continue
            newest = stamp(path.stat().st_mtime_ns)
            if past.enough(count, newest) or newest < wanted.since:
                return
            events = [Event(**json.loads(line)) for line in path.read_text().split("\n")[:-1]]
            past.take(of_transcript(events, journal["id"], release))


def _missed(count: int) -> Line:
    text = f"{count} lines came faster than this reader takes them; minpaas logs -n {count} shows what is kept"
    return Line((stamp(time.time_ns()), 0), "system", "logs", text)
