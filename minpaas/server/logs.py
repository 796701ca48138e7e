"""What the apps print: each process is read from the engine once, however many people follow it."""

import asyncio
import re
import threading
import time
from collections.abc import AsyncGenerator

from docker.errors import DockerException
from requests import RequestException

from minpaas.server.errors import MinPaasError
from minpaas.server.feed import Feed
from minpaas.server.machine import Machine
from minpaas.server.models import Process
from minpaas.server.transcript import clean

_CATCH_UP = 5.0  # seconds in which a process's past must have been read
KEPT = 2000  # lines of a process in memory while someone follows it
_LINE = re.compile(rb"(\S+) (.*)", re.S)


class Logs:
    """One feed a container, opened by its first follower and closed when the last has gone or the container has ended."""

    def __init__(self, machine: Machine):
        self._machine = machine
        self._feeds: dict[str, Feed[str]] = {}
        self._lock = threading.Lock()

    async def recent(self, app: str, count: int) -> list[str]:
        """The last `count` lines of the app's processes. Raises NoSuchApp."""
        lines: list[str] = []
        for process in self._machine.registry.app(app).processes:
            lines += await asyncio.to_thread(self._read, process, count)
        return sorted(lines)[-count:] if count else []

    async def follow(self, app: str, count: int, quiet: float) -> AsyncGenerator[str | None, None]:
        """The last `count` lines of the app's first process, then each new one, on into the processes of later releases.

        Yields None after `quiet` seconds of silence. Ends when the app is deleted.
        """
        followed, last = "", count
        while self._machine.registry.has(app):
            processes = self._machine.registry.app(app).processes
            if not processes or processes[0].container == followed:
                await asyncio.sleep(0.5)
                yield None
                continue
            followed = processes[0].container
            feed = await asyncio.to_thread(self._feed, processes[0])
            async for line in feed.follow(last, quiet):
                yield line
            last = KEPT  # of a later release: all that it has printed

    def _feed(self, process: Process) -> Feed[str]:
        """The process's feed, when what it has printed so far is in it: the last n lines are then the last n."""
        with self._lock:
            feed = self._feeds.get(process.container)
            if feed is None:
                printed = len(self._read(process, KEPT))
                feed = self._feeds[process.container] = Feed(KEPT)
                threading.Thread(target=self._pump, args=(process, feed), name="logs", daemon=True).start()
                until = time.monotonic() + _CATCH_UP
                while feed.count < printed and not feed.closed and time.monotonic() < until:
                    time.sleep(0.005)
            return feed

    def _pump(self, process: Process, feed: Feed[str]) -> None:
        """Read until the container has ended for good; a restart by the engine only ends one stream."""
        count = KEPT
        try:
            for raw in self._machine.engine.follow_lines(process.container, count):
                feed.append(_formatted(raw, process))
        except (DockerException, RequestException, MinPaasError, OSError):
            pass  # the container was removed: its feed ends here
        with self._lock:
            self._feeds.pop(process.container, None)
        feed.close()

    def _read(self, process: Process, count: int) -> list[str]:
        return [_formatted(raw, process) for raw in self._machine.engine.stamped_lines(process.container, count)]


def _formatted(raw: bytes, process: Process) -> str:
    """2026-11-23T14:00:00.123456789Z text -> 2026-11-23T14:00:00.123456+00:00 app[web.1]: text"""
    match = _LINE.match(raw.rstrip(b"\n"))
    stamp, text = (match[1].decode(), match[2]) if match else ("", raw)
    return (
        f"{stamp[:26].rstrip('Z').ljust(26, '0')}+00:00 app[{process.name}]: {clean(text.decode('utf-8', 'replace'))}"
    )
