"""The voice of a build: each command when it starts, what it prints, what came from the cache, and what failed."""

import re
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any

from minpaas.server.transcript import Transcript

_KEPT = 400  # lines of output that an explanation of a failure may look at
_SHORTEST_SECRET = 6
_PREFIX = re.compile(
    r"(?:--\S+ )*(?:\. /(?:run|usr/local/share)/minpaas/\S+ && )*(.*?)(?: && mkdir -p node_modules)?", re.S
)


class Narrator:
    """Tells a build as BuildKit reports it."""

    def __init__(self, transcript: Transcript, quiet: bool = False, secrets: Iterable[str] = ()):
        self._transcript = transcript
        self._quiet = quiet  # only the commands, not what they print
        self._secrets = sorted({one for one in secrets if len(one) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._names: dict[str, str] = {}
        self._told: set[str] = set()
        self._partial: dict[str, bytes] = {}
        self._last: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._failed = ""  # the vertex that ended with an error
        self.command = ""  # the one that ended with an error, once one has
        self.failure = ""  # the same in words

    def status(self, status: Any) -> None:
        """Take one of BuildKit's reports."""
        for vertex in status.vertexes:
            self._names[vertex.digest] = vertex.name
            command = run_command(vertex.name)
            if command and vertex.HasField("started") and vertex.digest not in self._told:
                self._told.add(vertex.digest)
                if not (self._quiet and vertex.cached):
                    self._transcript.detail(f"$ {command}" + (" (unchanged, from the cache)" if vertex.cached else ""))
            if vertex.HasField("completed"):
                self._flush(vertex.digest)
            if vertex.error and "context canceled" not in vertex.error:
                code = re.search(r"exit code: (\d+)", vertex.error)
                self._failed, self.command = vertex.digest, command or vertex.name
                self.failure = f"{self.command} ended with {code[1] if code else vertex.error}"
        for log in status.logs:
            self._log(log.vertex, log.msg)

    @property
    def last(self) -> list[str]:
        """What the command that failed printed at last."""
        return list(self._last[self._failed])

    def hidden(self, text: str) -> str:
        """The text without the values of config vars."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _log(self, vertex: str, message: bytes) -> None:
        *lines, rest = (self._partial.pop(vertex, b"") + message).split(b"\n")
        if rest:
            self._partial[vertex] = rest[-8192:]
        for line in lines:
            self._say(vertex, line)

    def _flush(self, vertex: str) -> None:
        if rest := self._partial.pop(vertex, b""):
            self._say(vertex, rest)

    def _say(self, vertex: str, line: bytes) -> None:
        text = self.hidden(line.decode("utf-8", "replace"))
        self._last[vertex].append(text)
        if not self._quiet:
            self._transcript.output("  " + text)


def run_command(vertex: str) -> str | None:
    """[build 3/5] RUN uv pip install -r requirements.txt -> uv pip install -r requirements.txt"""
    match = re.fullmatch(r"\[[^\]]*\] RUN (.*)", vertex, re.S)
    inner = _PREFIX.fullmatch(match[1]) if match else None
    return " ".join(inner[1].split())[:200] if inner else None
