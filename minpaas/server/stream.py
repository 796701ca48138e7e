"""What one app logs from now on, in one feed: each process is read from the engine once, however many people follow."""

import itertools
import threading
import time
from typing import Any

from docker.errors import DockerException, NotFound
from requests import RequestException

from minpaas.server.errors import MinPaasError
from minpaas.server.feed import Feed
from minpaas.server.lines import START, Line, Place, of_process, of_transcript, seconds_of, stamp
from minpaas.server.machine import Machine
from minpaas.server.operations import Operations

KEPT = 20_000  # lines in memory while someone follows; a reader that is further behind is told what it has missed
_LOOK = 0.2  # seconds between looks at operations, and at processes that are down
_CUT_OFF = (DockerException, RequestException, MinPaasError, OSError, ValueError, AttributeError)


class Stream:
    """Open from its first follower to its last."""

    def __init__(self, machine: Machine, operations: Operations, app: str):
        self.feed: Feed[tuple[int, Line]] = Feed(KEPT)
        self.followers = 0
        self._machine, self._operations, self._app = machine, operations, app
        self._numbers = itertools.count()
        self._opened = int(time.time()) - 1
        self._reading: dict[str, Any] = {}  # container -> what the engine sends of it
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def open(self) -> None:
        """Begin to read; every line from this moment on will be in the feed."""
        self._machine.archive.listeners.append(self._hear)
        for container in self._machine.engine.containers(self._app):
            self._read(container.id, container.process, container.release, self._opened)
        self._start(self._listen)

    def close(self) -> None:
        """End everything that was begun."""
        self._ended.set()
        self._machine.archive.listeners.remove(self._hear)
        with self._lock:
            reading = [one for one in self._reading.values() if one is not None]
        for one in reading:
            try:
                one.close()
            except _CUT_OFF:
                pass  # it has ended by itself
        self.feed.close()

    def _add(self, line: Line) -> None:
        with self._lock:
            self.feed.append((next(self._numbers), line))

    def _hear(self, app: str, line: Line) -> None:
        if app == self._app:
            self._add(line)
            if line.starts:
                self._read(line.starts, line.process, line.release, 0)

    def _read(self, container: str, process: str, release: str, since: int) -> None:
        with self._lock:
            if container in self._reading or self._ended.is_set():
                return
            self._reading[container] = None
        self._start(self._pump, container, process, release, since)

    def _pump(self, container: str, process: str, release: str, since: int) -> None:
        """Read until the container is gone; what the engine's end of a stream or its restart cut off is asked for again."""
        place = START
        while not self._ended.is_set():
            try:
                place = self._take(container, process, release, place, since)
                self._await_running(container)
                if self._ended.is_set():
                    return
                place = self._take(container, process, release, place, since, follow=False)
            except NotFound:
                for line in self._machine.archive.rest(self._app, container, place):
                    if line.stamp >= stamp(since * 10**9):
                        self._add(line)
                return
            except _CUT_OFF:
                self._ended.wait(_LOOK)

    def _take(self, container: str, process: str, release: str, place: Place, since: int, follow: bool = True) -> Place:
        """Pass on what comes after a place; the place of the last."""
        since = seconds_of(place[0]) if place[0] else since
        raws = self._machine.engine.log_lines(container, since=since, follow=follow)
        with self._lock:
            self._reading[container] = raws
        try:
            for line in of_process(raws, container, process, release):
                if line.place > place:
                    place = line.place
                    self._add(line)
        except _CUT_OFF:
            if self._ended.is_set():
                return place
            self._ended.wait(_LOOK)  # the engine went away: from this place on when it is back
        return place

    def _await_running(self, container: str) -> None:
        """One that is down prints nothing: wait until it runs again. Raises NotFound when it is gone."""
        while not self._ended.wait(_LOOK):
            if self._machine.engine.container(container).status == "running":
                return

    def _listen(self) -> None:
        """What the app's operations say, for as long as there is the app."""
        heard: dict[str, tuple[Any, int]] = {}
        while not self._ended.wait(_LOOK):
            for one in list(self._operations.running.values()):
                if one.app == self._app:
                    heard.setdefault(one.id, (one, 0))
            for identity, (one, seen) in list(heard.items()):
                ended = one.transcript.closed
                if one.transcript.count > seen:
                    events = one.transcript.items()
                    for line in of_transcript(events[seen:], identity, _release(one.facts), seen):
                        self._add(line)
                    heard[identity] = (one, len(events))
                elif ended:
                    del heard[identity]
            if not self._machine.registry.has(self._app):
                self.feed.close()
                return

    @staticmethod
    def _start(work: Any, *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, name="logs", daemon=True).start()


def _release(facts: dict[str, Any]) -> str:
    return f"v{facts['release']}" if facts.get("release") else ""
