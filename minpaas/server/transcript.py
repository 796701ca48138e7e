"""The voice of a deploy: one list of events, from which the push, the CLI, the REST stream and the dashboard all read.

Written from any thread, followed from the event loop. What an app prints is untrusted: control sequences other than
colours are removed, and each of its lines is indented, so that it cannot speak with our voice.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from minpaas.server.feed import Feed

Kind = Literal["step", "detail", "output", "trouble", "command", "end"]
_PREFIX = {
    "step": "-----> ",
    "detail": "       ",
    "output": "       ",
    "trouble": " !     ",
    "command": "     $ ",
    "end": "",
}
_ESCAPES = re.compile(
    r"\x1b(?:\[(?![0-9;]*m)[0-?]*[ -/]*[@-~]|\].*?(?:\x07|\x1b\\|$)|[PX^_].*?(?:\x1b\\|$)|[^\[\]PX^_])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """One line of foreign output without what could move a terminal's cursor or set its title; colours stay."""
    text = text.rsplit("\r", 1)[-1] if not text.endswith("\r") else text.rstrip("\r").rsplit("\r", 1)[-1]
    return _CONTROLS.sub("", re.sub(r"\x1b(?!\[[0-9;]*m)", "", _ESCAPES.sub("", text)))


@dataclass(frozen=True)
class Event:
    """One line of a transcript: when (Unix seconds), what kind, its text. An `end` carries the verdict as JSON."""

    at: float
    kind: Kind
    text: str

    def line(self) -> str:
        """As a person reads it, newline included; empty for what only programs read."""
        return f"{_PREFIX[self.kind]}{self.text}".rstrip() + "\n" if self.kind not in ("command", "end") else ""

    def json(self) -> str:
        """As one line of JSON: {"at": float, "kind": str, "text": str}."""
        return json.dumps({"at": round(self.at, 3), "kind": self.kind, "text": self.text}, ensure_ascii=False)


class Transcript(Feed[Event]):
    """What happened in one deploy, in order. Kept in memory for followers and in a file for later."""

    def __init__(self, path: Path | None = None):
        super().__init__()
        self._writing = threading.Lock()
        try:
            self._file = path.open("a", encoding="utf-8") if path else None
        except OSError:
            self._file = None  # as in _add

    def step(self, text: str) -> None:
        """-----> Building"""
        self._add("step", text)

    def detail(self, text: str) -> None:
        """Seven spaces: what we say about a step."""
        for line in text.splitlines():
            self._add("detail", line)

    def output(self, text: str) -> None:
        """What the build or the app itself printed, cleaned."""
        for line in text.split("\n"):
            self._add("output", clean(line))

    def trouble(self, text: str) -> None:
        """An exclamation mark: what went wrong, or should be known."""
        for line in text.splitlines():
            self._add("trouble", line)

    def command(self, text: str) -> None:
        """The command that a person could have typed for what is done now."""
        self._add("command", text)

    @contextmanager
    def timed(self, text: str) -> Iterator[None]:
        """A step that says how long it took when it has gone well."""
        self.step(text)
        started = time.monotonic()
        yield
        self.detail(f"Done in {time.monotonic() - started:.1f} s")

    def end(self, verdict: dict[str, object]) -> None:
        """Close: no event follows. `verdict` is what programs read (JSON-able)."""
        self._add("end", json.dumps(verdict))
        with self._writing:
            try:
                if self._file:
                    self._file.close()
            except OSError:
                pass  # as in _add
            self._file = None
        self.close()

    def _add(self, kind: Kind, text: str) -> None:
        # commit subjects, file names and commands are foreign too; an end is JSON, which escapes for itself
        event = Event(time.time(), kind, text if kind == "end" else clean(text.replace("\r", " ")))
        with self._writing:
            if self.closed:
                return  # a late line, such as of a build that was cancelled, has no reader any more
            self.append(event)
            try:
                if self._file:
                    self._file.write(event.json() + "\n")
                    self._file.flush()
            except OSError:
                self._file = None  # a full disk costs the file of the transcript, not the deploy or who follows it
