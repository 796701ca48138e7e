"""The bytes between a pusher and us, over whichever transport they come."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dulwich.protocol import SIDE_BAND_CHANNEL_PROGRESS, Protocol

_SIDEBAND = 65_515  # bytes that fit one packet
PATIENCE = 600.0  # seconds: a client may count and compress for long before it sends
KEEP_ALIVE = 5.0  # seconds of silence after which something is sent, so that no proxy or client gives up


class Wire(Protocol):
    """A dulwich protocol over two functions: one that returns whatever has come (b"" at the end), one that sends all."""

    def __init__(
        self,
        receive: Callable[[], bytes],
        send: Callable[[bytes], object],
        set_timeout: Callable[[float], object] = lambda seconds: None,
    ):
        self._receive, self._set_timeout = receive, set_timeout
        self._rest, self._pos = b"", 0  # what has come; up to where it was taken
        self.before_flush: list[bytes] = []  # lines that end the next section; dulwich does not know of them

        def write(data: bytes) -> int:
            send(data)
            return len(data)

        super().__init__(self._exactly, write)

    def write_pkt_line(self, line: bytes | None) -> None:
        """A packet; None is a flush."""
        if line is None:
            last, self.before_flush = self.before_flush, []
            for one in last:
                super().write_pkt_line(one)
        super().write_pkt_line(line)

    def write_sideband(self, channel: int, blob: bytes) -> None:
        """Multiplexed data. dulwich's own copies the rest of the blob for every packet."""
        view = memoryview(blob)
        for at in range(0, len(view), _SIDEBAND):
            self.write_pkt_line(bytes([channel]) + view[at : at + _SIDEBAND])

    def recv(self) -> bytes:
        """At least one byte, as many as are there; b"" at the end."""
        if self._pos < len(self._rest):
            data, self._rest, self._pos = self._rest[self._pos :], b"", 0
            return data
        return self._receive()

    @contextmanager
    def hurried(self, seconds: float) -> Iterator[None]:
        """Inside, a client that sends nothing for so long is given up."""
        self._set_timeout(seconds)
        try:
            yield
        finally:
            self._set_timeout(PATIENCE)

    def wait(self) -> None:
        """Return when something has come, or nothing ever will."""
        if self._pos == len(self._rest):
            self._rest, self._pos = self._receive(), 0

    def _exactly(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end of the stream."""
        have = len(self._rest) - self._pos
        if have < size:
            parts = [self._rest[self._pos :]]
            while have < size and (data := self._receive()):
                parts.append(data)
                have += len(data)
            self._rest, self._pos = b"".join(parts), 0
        data = self._rest[self._pos : self._pos + size]
        self._pos += len(data)
        return data


class Sideband:
    """Live text to the pusher. One who has left never breaks a deploy: from then on the text is dropped."""

    def __init__(self, wire: Wire, enabled: bool):
        self._wire, self._enabled = wire, enabled
        self._lock = threading.Lock()
        self._last = time.monotonic()
        self.gone = False

    def say(self, text: bytes) -> None:
        """Shown by the client behind `remote: `."""
        self._write(lambda: self._wire.write_sideband(SIDE_BAND_CHANNEL_PROGRESS, text))

    def keep_alive(self) -> None:
        """An empty packet, if nothing was said for a while."""
        if time.monotonic() - self._last >= KEEP_ALIVE:
            self._write(lambda: self._wire.write(b"0005\x02"))

    def _write(self, send: Callable[[], object]) -> None:
        if not self._enabled or self.gone:
            return
        with self._lock:
            try:
                send()
                self._last = time.monotonic()
            except Exception:  # each transport fails in its own way, and all of them mean the same
                self.gone = True
