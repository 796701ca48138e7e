"""Who asks, and the one place that decides whether they may."""

from dataclasses import dataclass
from typing import Literal

from minpaas.server.errors import NotAllowed

Action = Literal["read", "create", "deploy", "delete", "keys", "machine"]


@dataclass(frozen=True)
class Actor:
    """A person or program at one of the doors: how they came (ssh, http, api, ...) and who they showed to be."""

    door: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.door}:{self.name}" if self.name else self.door


SYSTEM = Actor("minpaas")


def check(actor: Actor, action: Action, app: str | None = None) -> None:
    """Pass, or raise NotAllowed. Today every door's guest owns the machine: keys, tokens and loopback were checked there."""
    if not actor.door:
        raise NotAllowed(f"nobody may {action} {app or 'this machine'} without saying who they are")
