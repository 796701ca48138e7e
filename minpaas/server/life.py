"""The lives of processes as lines of the app's log: who ends, and who comes back."""

from typing import Any

from minpaas.server.engine import APP, PROCESS, RELEASE
from minpaas.server.machine import Machine


def tell(machine: Machine, event: dict[str, Any]) -> None:
    """Say what the engine's event means, when it is about a process of a live release; others are told of by who acts."""
    facts, container = event["Actor"]["Attributes"], event["Actor"]["ID"]
    name = facts.get(APP, "")
    app = machine.registry.app(name) if machine.registry.has(name) else None
    if app is None or app.stopped or container not in {one.container for one in app.processes}:
        return
    said = {
        "die": f"State changed from up to crashed: exit code {facts.get('exitCode', '?')}",
        "start": "State changed from crashed to up",
        "oom": "Out of memory: it uses more than its limit",
    }.get(event["Action"])
    if said:
        machine.archive.tell(name, facts.get(RELEASE, ""), facts.get(PROCESS, ""), said)
