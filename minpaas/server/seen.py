"""What was last seen of each process: observed, kept in memory, never trusted after a start of ours."""

from dataclasses import dataclass, replace
from typing import Any, Literal

Condition = Literal["running", "restarting", "paused", "stopped", "crashed", "removed"]
_WORST_FIRST: tuple[Condition, ...] = ("crashed", "restarting", "removed", "paused", "stopped")


@dataclass(frozen=True)
class Seen:
    """One process: how it is, how often it was restarted, and how it last ended."""

    condition: Condition = "running"
    restarts: int = 0
    exit_code: int | None = None
    reason: str = ""
    since: str = ""
    last_lines: tuple[str, ...] = ()

    @property
    def up(self) -> bool:
        """Whether it can answer."""
        return self.condition == "running"

    def shape(self) -> dict[str, Any]:
        """As the API shows it beside the process."""
        return {
            "status": self.condition,
            "restarts": self.restarts,
            "exit_code": self.exit_code,
            "reason": self.reason,
            "since": self.since or None,
            "last_lines": [] if self.up else list(self.last_lines),
        }

    def ended(self, code: int, reason: str, lines: list[str]) -> "Seen":
        """The same with how it has just ended."""
        return replace(self, exit_code=code, reason=reason, last_lines=tuple(lines))


class Sight:
    """Everything that was seen, by container. Written by the watch, read from any thread."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def of(self, container: str) -> Seen:
        """What was seen of a container; one that was not looked at yet is running, for so it was started."""
        return self._seen.get(container, Seen())

    def knows(self, container: str) -> bool:
        """Whether it was ever looked at."""
        return container in self._seen

    def note(self, container: str, seen: Seen) -> None:
        """This is how it is now."""
        self._seen = {**self._seen, container: seen}

    def keep_only(self, containers: set[str]) -> None:
        """Forget the others."""
        self._seen = {one: seen for one, seen in self._seen.items() if one in containers}


def worst(conditions: list[Seen]) -> Seen:
    """Of several that are down, the one that an owner must hear of first."""
    return min(conditions, key=lambda one: _WORST_FIRST.index(one.condition) if one.condition in _WORST_FIRST else 9)
