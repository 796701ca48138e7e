"""The hand that keeps logs: what processes printed, when they are gone, and what MinPaas says of them. Bounded.

state/apps/APP/logs/v12/web.1.CONTAINER.log holds the engine's lines as they were; minpaas.log beside it holds ours.
"""

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from minpaas.server.lines import Line, Place, of_process, stamp
from minpaas.server.settings import Settings

_BLOCK = 1 << 16
_OURS = "minpaas.log"
_SHARE = 3  # one process's log may take this part of what the app may keep
Listener = Callable[[str, Line], None]


class Archive:
    """The logs of all apps. Every method may be called from any thread."""

    def __init__(self, settings: Settings):
        self._state, self._limit = settings.state / "apps", settings.log_bytes
        self._lock = threading.Lock()
        self._last = 0  # the time of the last line of ours: no two have the same
        self.listeners: list[Listener] = []

    def tell(self, app: str, release: str, process: str, text: str, starts: str = "") -> None:
        """Say something of an app in its log. A full disk keeps it from being kept, and nothing else from being done."""
        with self._lock:
            self._last = max(time.time_ns(), self._last + 1)
            line = Line((stamp(self._last), 0), "system", process, text, release, "system", starts)
            with suppress(OSError):
                if folder := self._folder(app, release):
                    with open(folder / _OURS, "a", encoding="utf-8", opener=_private) as file:
                        file.write(f"{line.stamp} {process} {' '.join(text.splitlines())}\n")
            self.hear(app, line)

    def hear(self, app: str, line: Line) -> None:
        """Pass a line on to who follows the app; it is not kept."""
        for listener in list(self.listeners):
            listener(app, line)

    def keep(self, app: str, release: str, process: str, container: str, lines: Iterable[bytes]) -> None:
        """Keep what a container printed, before it is removed. Raises OSError."""
        folder = self._folder(app, release)
        if folder is None:
            return  # the app was deleted
        path = folder / f"{process}.{container[:12]}.log"
        temporary = folder / f".{path.name}.tmp"
        with open(temporary, "wb", opener=_private) as file:
            file.writelines(raw.rstrip(b"\n") + b"\n" for raw in lines)
        if not temporary.stat().st_size:
            temporary.unlink()
            return
        _keep_end(temporary, self._limit // _SHARE)
        temporary.rename(path)
        self._prune(app)

    def files(self, app: str) -> list[tuple[str, Path]]:
        """Each process's file and the stamp after which nothing is in it, the newest first."""
        found = []
        for path in (self._state / app / "logs").glob("v*/*.log"):
            with suppress(OSError):
                if path.name != _OURS:
                    found.append((stamp(path.stat().st_mtime_ns), path))
        return sorted(found, reverse=True)

    def rest(self, app: str, container: str, after: Place) -> Iterator[Line]:
        """What a container that is gone printed after a place."""
        for path in (self._state / app / "logs").glob(f"v*/*.{container[:12]}.log"):
            yield from (line for line in self.lines(path) if line.place > after)

    def lines(self, path: Path, count: int | None = None) -> list[Line]:
        """The last lines of a process's file; none when it was pruned meanwhile."""
        process, _, container = path.stem.rpartition(".")
        try:
            return list(of_process(_tail(path, count), container, process, path.parent.name))
        except OSError:
            return []

    def told(self, app: str, release: str = "") -> list[Line]:
        """What MinPaas said of an app, oldest first."""
        found = []
        for path in (self._state / app / "logs").glob(f"{release or 'v*'}/{_OURS}"):
            with suppress(OSError):
                for raw in path.read_text("utf-8", "replace").splitlines():
                    at, process, text = [*raw.split(" ", 2), "", ""][:3]
                    found.append(Line((at, 0), "system", process, text, path.parent.name, "system"))
        return sorted(found, key=lambda line: line.place)

    def _folder(self, app: str, release: str) -> Path | None:
        if not (self._state / app).is_dir() or not re.fullmatch(r"v\d+", release):
            return None
        folder = self._state / app / "logs" / release
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _prune(self, app: str) -> None:
        """What is over the limit goes, the oldest release first."""
        with self._lock:
            folder = self._state / app / "logs"
            found = sorted((int(path.parent.name[1:]), path.stat().st_mtime, path) for path in folder.glob("v*/*.log"))
            total = sum(path.stat().st_size for _, _, path in found)
            for _, _, path in found[:-1]:
                if total <= self._limit:
                    break
                total -= path.stat().st_size
                path.unlink()
            for _, _, path in found:
                with suppress(OSError):
                    path.parent.rmdir()  # only an empty one goes


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _keep_end(path: Path, limit: int) -> None:
    """Whole lines from the end of a file, so many bytes at most."""
    if path.stat().st_size <= limit:
        return
    short = path.with_name(f"{path.name}.end.tmp")
    with path.open("rb") as whole, open(short, "wb", opener=_private) as end:
        whole.seek(-limit, os.SEEK_END)
        whole.readline()
        shutil.copyfileobj(whole, end)
    short.rename(path)


def _tail(path: Path, count: int | None) -> list[bytes]:
    """The last lines of a file, read from its end. A carriage return is no end of a line."""
    with path.open("rb") as file:
        if count is None:
            return file.read().split(b"\n")[:-1]
        at, data = file.seek(0, os.SEEK_END), b""
        while at and data.count(b"\n") <= count:
            step = min(at, max(_BLOCK, len(data)))
            at -= step
            file.seek(at)
            data = file.read(step) + data
    return data.split(b"\n")[:-1][-count:] if count else []
