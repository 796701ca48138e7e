"""The REST door to how processes are: GET /apps/APP/ps."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import APIRouter, Request

from minpaas.server.answers import actor_of
from minpaas.server.apps import Apps
from minpaas.server.engine import Container
from minpaas.server.machine import Machine
from minpaas.server.models import App, Limits, Process

_AT_ONCE = 16  # each measurement takes a second: those of an app are taken together
_STATES = {"running": "up", "restarting": "restarting", "created": "starting", "paused": "paused"}


def router(apps: Apps) -> APIRouter:
    """The one route."""
    api = APIRouter(prefix="/apps/{app}")

    @api.get("/ps")
    def processes(app: str, request: Request) -> dict[str, Any]:
        found = apps.one(app, actor_of(request))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            shapes = list(pool.map(lambda one: _process(apps.machine, one), found.processes))
        release = f"v{found.release}" if found.release else None
        return {
            "app": app,
            "release": release,
            "stopped": found.stopped,
            "types": _types(apps.machine, found),
            "processes": shapes,
        }

    return api


def _types(machine: Machine, app: App) -> list[dict[str, Any]]:
    """The process types of the live release: their command, how many there shall be, what each may use."""
    if app.release is None:
        return []
    shapes = []
    for kind, command in machine.registry.release(app.name, app.release).process_types.items():
        if kind == "release":
            continue  # it runs once, before a deploy goes live
        limits = app.limits.get(kind, Limits())
        memory = limits.memory or machine.settings.memory
        count = app.formation.get(kind, 0)
        shapes.append({"type": kind, "command": command, "count": count, "memory": memory, "cpu": limits.cpu})
    return shapes


def _process(machine: Machine, process: Process) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "name": process.name,
        "type": process.type,
        "number": process.number,
        "state": "gone",
        "why": "",
        "since": None,
        "restarts": 0,
        "memory": 0,
        "memory_limit": 0,
        "cpu": None,
        "exit_code": None,
    }
    found = machine.engine.usage(process.container)
    if found is None:
        return shape
    container, used = found
    down = container.status not in _STATES
    return shape | {
        "state": _STATES.get(container.status, "crashed"),
        "why": _why(container) if container.status != "running" else "",
        "since": used.since,
        "restarts": container.restarts,
        "memory": used.memory,
        "memory_limit": used.memory_limit,
        "cpu": used.cpu if used.cpu is None else round(used.cpu, 2),
        "exit_code": container.exit_code if down else None,
    }


def _why(container: Container) -> str:
    return "out of memory" if container.oom_killed else f"exit code {container.exit_code}"
