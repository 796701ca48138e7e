"""What is done to an app at the server: its transcript as it goes, or with --json what is afterwards."""

import json
from collections.abc import Iterator
from typing import Any

from minpaas.cli import api
from minpaas.cli.api import Event
from minpaas.cli.errors import Failed
from minpaas.cli.voice import Voice


def follow(method: str, path: str, body: Any = None, *, as_json: bool = False) -> None:
    """Have it done and tell how it goes. Raises Failed when it ended otherwise than well."""
    if as_json:
        print(json.dumps(api.request(method, path, body, timeout=None), indent=2))
    elif tell(api.stream(method, path, body))["result"] == "failed":
        raise Failed("The operation failed")


def tell(events: Iterator[Event]) -> dict[str, Any]:
    """Say a transcript to its end; its verdict."""
    voice, verdict = Voice(), {"result": "failed"}
    for event in events:
        voice.event(event)
        if event.kind == "end":
            verdict = event.verdict
    return verdict


def show(app: str, identity: str, *, as_json: bool = False) -> None:
    """A kept transcript, or one that still goes on; with --json an object a line."""
    events = api.stream("GET", f"/apps/{app}/deploys/{identity}")
    if not as_json:
        tell(events)
        return
    for event in events:
        print(json.dumps({"at": event.at, "kind": event.kind, "text": event.text}, ensure_ascii=False), flush=True)
