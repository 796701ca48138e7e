"""One place for events: a list that grows in any thread and is followed from the event loop by any number of readers."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Feed(Generic[T]):
    """Items in order, the newest `keep` of them in memory (None: all). A slow follower misses what has been dropped."""

    def __init__(self, keep: int | None = None):
        self._items: deque[T] = deque(maxlen=keep)
        self._count = 0  # of all items ever; the oldest kept is number count - len(items)
        self._closed = False
        self._waiting: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    @property
    def closed(self) -> bool:
        """Whether no item will follow."""
        return self._closed

    @property
    def count(self) -> int:
        """How many items there ever were."""
        return self._count

    @property
    def followers(self) -> int:
        """How many readers wait for news."""
        return len(self._waiting)

    def append(self, item: T) -> None:
        """Add an item and wake the followers."""
        with self._lock:
            self._items.append(item)
            self._count += 1
        self._wake()

    def close(self) -> None:
        """End: followers finish when they have read what is here."""
        self._closed = True
        self._wake()

    def items(self) -> list[T]:
        """What is kept now, oldest first."""
        with self._lock:
            return list(self._items)

    async def follow(self, last: int | None = None, quiet: float | None = None) -> AsyncGenerator[T | None, None]:
        """The `last` kept items (None: all), then each new one until the feed closes.

        Yields None after each `quiet` seconds of silence, so that a door can send a keep-alive.
        """
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def ring() -> None:
            loop.call_soon_threadsafe(news.set)

        with self._lock:
            seen = self._count - (len(self._items) if last is None else min(last, len(self._items)))
            self._waiting.add(ring)
        try:
            while True:
                news.clear()
                closed = self._closed
                with self._lock:
                    fresh = self._count - max(seen, self._count - len(self._items))
                    items = [self._items[i] for i in range(len(self._items) - fresh, len(self._items))]
                    seen = self._count
                for item in items:
                    yield item
                if closed:
                    return
                if not items:
                    try:
                        await asyncio.wait_for(news.wait(), quiet)
                    except TimeoutError:
                        yield None
        finally:
            with self._lock:
                self._waiting.discard(ring)

    def _wake(self) -> None:
        with self._lock:
            waiting = list(self._waiting)
        for ring in waiting:
            try:
                ring()
            except RuntimeError:
                pass  # that follower's loop has ended; it takes itself off the list
