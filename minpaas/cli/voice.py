"""How the CLI speaks while it works: `-----> ` a step, seven spaces detail, ` !     ` trouble, and how long it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from minpaas.cli.api import Event

_PREFIX = {"step": "-----> ", "trouble": " !     ", "command": "     $ ", "end": ""}
_INDENT = "       "


class Voice:
    """Prints steps, and keeps count of what was changed, so that a run that changed nothing can say so."""

    def __init__(self) -> None:
        self.changes: list[str] = []
        self._started = time.monotonic()

    @contextmanager
    def step(self, title: str, *, looks: bool = False) -> Iterator[None]:
        """-----> title; at its end how long it took, and (unless it only looks) whether there was anything to do."""
        say(f"-----> {title}")
        before, started = len(self.changes), time.monotonic()
        yield
        seconds = time.monotonic() - started
        done = looks or len(self.changes) > before
        self.detail(f"{'Done' if done else 'Nothing to do'} ({seconds:.1f} s)")

    def detail(self, text: str) -> None:
        """Seven spaces: what is said about a step."""
        for line in text.splitlines():
            say(f"{_INDENT}{line}")

    def trouble(self, text: str) -> None:
        """An exclamation mark: what should be known."""
        for line in text.splitlines():
            say(f" !     {line}")

    def changed(self, what: str) -> None:
        """Say what was changed, and count it."""
        self.changes.append(what)
        self.detail(what)

    def event(self, event: Event) -> None:
        """One line of the server's transcript, as the server would print it; equivalent commands stay unsaid."""
        if event.kind not in ("command", "end"):
            say(f"{_PREFIX.get(event.kind, _INDENT)}{event.text}".rstrip())

    @property
    def seconds(self) -> float:
        """How long everything took so far."""
        return time.monotonic() - self._started


def say(line: str) -> None:
    """One line on stdout, at once: these lines are watched."""
    print(line, flush=True)
