"""A line of an app's log: what the app, its build, the router or MinPaas said, and when."""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from minpaas.server.transcript import Event, clean

Source = Literal["app", "build", "router", "system"]
SOURCES: tuple[str, ...] = get_args(Source)
Place = tuple[str, int]  # a line's stamp, and how many lines of its origin before it have the same
START: Place = ("", 0)
_RAW = re.compile(rb"(\d{4}-\d\d-\d\dT\S+) ?(.*)", re.S)


@dataclass(frozen=True, slots=True)
class Line:
    """One line. Those of one origin are told apart and put in order by their place, whichever way they were read."""

    place: Place
    source: Source
    process: str  # web.1; build, router and api for what no process says
    text: str
    release: str = ""  # v12
    origin: str = ""
    starts: str = ""  # the container that starts with this line

    @property
    def stamp(self) -> str:
        """2026-11-23T14:00:00.123456789Z: sorts as the time does."""
        return self.place[0]

    @property
    def order(self) -> Place:
        """Where it stands among those of its origin: the router's workers report each in its own time."""
        return self.place if self.source != "router" else ("", self.place[1])

    def __str__(self) -> str:
        """2026-11-23T14:00:00.123456+00:00 app[web.1]: text"""
        who = "app" if self.source == "app" else "minpaas"
        return f"{self.stamp[:26].rstrip('Z').ljust(26, '0')}+00:00 {who}[{self.process}]: {self.text}"


@dataclass(frozen=True)
class Wanted:
    """Which lines a reader asks for; what is empty asks for nothing special."""

    process: str = ""  # web.1, or web
    release: str = ""
    source: str = ""
    since: str = ""  # a stamp

    def __call__(self, line: Line) -> bool:
        """Whether a line is asked for."""
        return (
            line.stamp >= self.since
            and self.of(line.source, line.release)
            and self.process in ("", line.process, line.process.partition(".")[0])
        )

    def of(self, source: str, release: str) -> bool:
        """Whether lines of a source and a release may be asked for."""
        return self.source in ("", source) and self.release in ("", release)


def stamp(nanoseconds: int) -> str:
    """A moment as the engine writes it."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


def seconds_of(text: str) -> int:
    """The whole second of a stamp, in Unix time."""
    import calendar

    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def of_process(raws: Iterable[bytes], container: str, process: str, release: str) -> Iterator[Line]:
    """What the engine (or the archive) gives for a container: `STAMP text`, oldest first."""
    last: Place = START
    for raw in raws:
        match = _RAW.match(raw.rstrip(b"\r\n"))
        at, text = (match[1].decode(), match[2]) if match else (last[0], raw)
        last = (at, last[1] + 1 if at == last[0] else 0)
        yield Line(last, "app", process, clean(text.decode("utf-8", "replace")), release, container[:12])


def of_transcript(events: Iterable[Event], operation: str, release: str, first: int = 0) -> Iterator[Line]:
    """What a person reads of a transcript; `first` is the number of its first event."""
    for number, event in enumerate(events, first):
        if text := event.line().rstrip("\n"):
            at = stamp(round(event.at * 1000) * 10**6)
            yield Line((at, number), "build", "build", text, release, f"build {operation}")
