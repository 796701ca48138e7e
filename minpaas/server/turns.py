"""An app does one thing at a time: who comes later waits, first come first served. Held in memory, so a crash leaves no lock."""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Turns:
    """One queue an app."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[object]] = defaultdict(deque)
        self._moved = threading.Condition()

    @contextmanager
    def turn(
        self,
        app: str,
        on_wait: Callable[[int], None] = lambda ahead: None,
        given_up: Callable[[], bool] = lambda: False,
    ) -> Iterator[None]:
        """Wait for the app's turn, then hold it. `on_wait` is told once how many are ahead, if any.

        Who has given up (see `look`) stops waiting and comes in out of turn: they must look themselves, and do nothing.
        """
        ticket = object()
        with self._moved:
            queue = self._queues[app]
            queue.append(ticket)
            ahead = len(queue) - 1
        try:
            if ahead:
                on_wait(ahead)
            with self._moved:
                self._moved.wait_for(lambda: queue[0] is ticket or given_up())
            yield
        finally:
            with self._moved:
                queue.remove(ticket)
                if not queue:
                    self._queues.pop(app, None)
                self._moved.notify_all()

    def look(self) -> None:
        """Have all who wait look whether they have given up."""
        with self._moved:
            self._moved.notify_all()

    def busy(self, app: str) -> bool:
        """Whether something is being done to the app."""
        return app in self._queues
