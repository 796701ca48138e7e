"""The step that sends visitors to an app: what the state says, as routes, given to nginx in one switch."""

import threading

from minpaas.server.machine import Machine
from minpaas.server.models import App, Process, Route, RouteState, Target

_switching = threading.Lock()  # the table is made from the whole state: the last made must be the last given


def switch(machine: Machine, instead: App | None = None) -> None:
    """Make nginx serve what the registry says, with one app's record in the place of its own if given.

    Returns when every new request goes by the new table. Raises MachineTrouble; then the old table stays.
    """
    with _switching:
        apps = {app.name: app for app in machine.registry.apps()}
        if instead:
            apps[instead.name] = instead
        machine.nginx.switch([route for app in apps.values() for route in routes(machine, app)])


def routes(machine: Machine, app: App) -> list[Route]:
    """One route a host of the app."""
    up = [one for one in web(app.processes) if machine.sight.of(one.container).up]
    state = _state(app, bool(up))
    targets = [Target(process=one.name, address=one.address) for one in up] if state == "live" else []
    hosts = [machine.host(app.name), *[domain.host for domain in app.domains]]
    return [Route(host=host, state=state, targets=targets) for host in hosts]


def web(processes: list[Process]) -> list[Process]:
    """Those that visitors reach."""
    return [one for one in processes if one.type == "web" and one.address]


def _state(app: App, up: bool) -> RouteState:
    if app.release is None:
        return "created"
    if app.maintenance:
        return "maintenance"
    if app.stopped or not web(app.processes):
        return "stopped"
    if up:
        return "live"
    return "stopped" if app.status == "stopped" else "crashed"
