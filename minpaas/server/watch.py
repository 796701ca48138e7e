"""The story of what happens by itself: processes that end, come back, end too often, or are taken away.

The engine restarts what ends, later each time; ten ends in a row and a process stays down until its owner acts. What someone
stops with docker stays stopped, as the engine has it. What someone removes is made again from the live release, at a new
address: the formation says how many there are, as on Heroku.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from docker.errors import APIError, DockerException, NotFound
from requests import RequestException

from minpaas.server import life, route
from minpaas.server.engine import APP, Container
from minpaas.server.errors import MinPaasError
from minpaas.server.machine import Machine
from minpaas.server.models import App, Process, Status
from minpaas.server.seen import Condition, Seen, worst
from minpaas.server.sockets import listeners, reached_at

log = logging.getLogger("minpaas.watch")
RESTARTS = 10  # ends in a row; then a process stays down until its owner acts
_WELL = 60.0  # seconds: who ran for so long does not crash in a row
_SWEEP = 2.0  # seconds between looks at everything, for what no event has told
_SOON = 0.3  # the same while a process that was started again does not listen yet, which no event tells
_TERMINATED = (0, 130, 143)  # what a process that was asked to stop ends with


class Watch:
    """Follows the engine's events on a thread of its own and keeps what is seen of each process true."""

    def __init__(self, machine: Machine, bring_back: Callable[[str], object]):
        self._machine = machine
        self._bring_back = bring_back
        self._ending = threading.Event()
        self._looking = threading.Lock()
        self._in_a_row: dict[str, int] = {}

    def start(self) -> None:
        """Begin to follow."""
        threading.Thread(target=self._follow, name="watch", daemon=True).start()
        threading.Thread(target=self._sweep, name="sweep", daemon=True).start()

    def stop(self) -> None:
        """End; the threads die with the process."""
        self._ending.set()

    def _follow(self) -> None:
        while not self._ending.is_set():
            try:
                for event in self._machine.engine.events():
                    if self._ending.is_set():
                        return
                    life.tell(self._machine, event)
                    said = event["Actor"]["Attributes"]
                    died = int(said.get("exitCode") or 0) if event["Action"] == "die" else None
                    self._take(said.get(APP, ""), event["Actor"]["ID"], died)
            except (MinPaasError, DockerException, RequestException, OSError, ValueError) as error:
                log.warning("the engine's events were cut off (%s); trying again", error)
            time.sleep(1)

    def _sweep(self) -> None:
        """Events are lost while the stream is cut off, and those of a process come before its release is live."""
        while not self._ending.is_set():
            self._look_at_nginx()
            try:
                wait = _SWEEP
                states = self._machine.engine.states()
                apps = self._machine.registry.apps()
                for app in apps:
                    for process in app.processes:
                        if states.get(process.container) != self._expected(process.container):
                            self._take(app.name, process.container)
                            wait = _SOON if states.get(process.container) == "running" else wait
                self._machine.sight.keep_only({process.container for app in apps for process in app.processes})
            except (MinPaasError, DockerException, RequestException, OSError, ValueError) as error:
                log.warning("the processes could not be looked at (%s)", error)
            self._ending.wait(wait)

    def _look_at_nginx(self) -> None:
        """A router that has gone is brought back; where it goes is read from the state."""
        if self._machine.leaving or self._machine.nginx.alive():
            return
        log.warning("nginx does not run; starting it")
        try:
            self._machine.nginx.ensure_running()
            route.switch(self._machine)
        except (MinPaasError, OSError) as error:
            log.warning("nginx could not be started: %s", error)

    def _expected(self, container: str) -> str:
        """The engine's word for what was seen; one that was not looked at yet must be."""
        sight = self._machine.sight
        if not sight.knows(container):
            return ""
        condition = sight.of(container).condition
        return "exited" if condition in ("stopped", "crashed") else condition

    def _take(self, name: str, container_id: str, died: int | None = None) -> None:
        """Look at a process; `died` is the exit code where an event tells that it has just ended."""
        registry = self._machine.registry
        with self._looking:
            app = registry.app(name) if registry.has(name) else None
            process = next((one for one in app.processes if one.container == container_id), None) if app else None
            if app is None or app.stopped or process is None:
                return  # one that is being tried, replaced or was stopped on purpose
            before = self._machine.sight.of(container_id)
            try:
                container = self._machine.engine.container(container_id)
            except NotFound:
                self._removed(app, container_id, before)
                return
            seen = self._look(process, container, before, died)
            self._machine.sight.note(container_id, seen)
            if seen.up:
                self._port_may_have_changed(app, container)
            self._tell(registry.app(name), before.up != seen.up)

    def _look(self, process: Process, container: Container, before: Seen, died: int | None) -> Seen:
        ended = died is not None or (container.status == "exited" and before.up)
        if ended:
            # the event's own code: the engine may have started it again by now, and then says 0
            before = self._ended(container, before, container.exit_code if died is None else died)
        condition: Condition = "running"
        if self._in_a_row.get(container.id, 0) >= RESTARTS:
            condition = "crashed"
            if container.status in ("running", "restarting"):
                self._give_up(container)
        elif container.status in ("paused", "restarting"):
            condition = "paused" if container.status == "paused" else "restarting"
        elif container.status != "running":
            condition = "stopped" if container.exit_code in _TERMINATED and not container.oom_killed else "crashed"
        elif (ended or not before.up) and not _listens(process, container):
            condition = "restarting"
        restarts = max(container.restarts, before.restarts if condition == "crashed" else 0)
        since = container.started_at if condition == "running" else container.finished_at
        return Seen(condition, restarts, before.exit_code, before.reason, since, before.last_lines)

    def _ended(self, container: Container, before: Seen, code: int) -> Seen:
        """It has ended just now: count it, and keep what it said last."""
        ran = _seconds(container.started_at, container.finished_at)
        self._in_a_row[container.id] = 1 + (self._in_a_row.get(container.id, 0) if ran < _WELL else 0)
        reason = "out of memory" if container.oom_killed else container.error
        lines = self._machine.engine.last_lines(container.id, 20)
        return before.ended(code, reason, lines)

    def _removed(self, app: App, container_id: str, before: Seen) -> None:
        if before.condition == "removed":
            return  # it is being brought back
        self._machine.sight.note(container_id, Seen("removed", before.restarts, 137, "removed"))
        self._tell(app, before.up)
        if not self._machine.leaving:
            log.warning("a process of %s was removed; making it again", app.name)
            self._bring_back(app.name)

    def _tell(self, app: App, route_changes: bool) -> None:
        """Note the app's status, and let visitors be sent only to what is up, or meet a page that says so."""
        status, exit_code = self._status(app)
        self._machine.registry.observe(app.name, status, exit_code)
        if app.status != status or route_changes:
            try:
                route.switch(self._machine)
            except MinPaasError as error:
                log.warning("%s is %s, but nginx could not be told: %s", app.name, status, error)

    def _status(self, app: App) -> tuple[Status, int | None]:
        """An app is as its web processes are, or its others where it has none; one that is up is enough."""
        counted = route.web(app.processes) or app.processes
        seen = [self._machine.sight.of(one.container) for one in counted]
        if not seen or any(one.up for one in seen):
            return "running", None
        one = worst(seen)
        return ("stopped" if one.condition in ("paused", "stopped") else "crashed"), one.exit_code

    def _port_may_have_changed(self, app: App, container: Container) -> None:
        processes = [
            one.model_copy(update={"port": container.port}) if one.container == container.id else one
            for one in app.processes
        ]
        if processes != app.processes:
            port = next((one.port for one in processes if one.type == "web"), None)
            self._machine.registry.change(app.name, processes=processes, port=port)

    def _give_up(self, container: Container) -> None:
        log.warning("%s: %s ended %d times in a row; it stays down", container.app, container.process, RESTARTS)
        try:
            self._machine.engine.stop_restarting(container.id)
        except (APIError, MinPaasError) as error:
            log.warning("%s: %s", container.app, error)


def _listens(process: Process, container: Container) -> bool:
    """Whether visitors can be sent to a process that was started again; one without a port need not listen."""
    if not process.address:
        return True
    try:
        return reached_at(int(process.address.rpartition(":")[2]), listeners(container.pid))
    except OSError:
        return False  # it has just ended


def _seconds(began: str, ended: str) -> float:
    """Between two of the engine's times, 2026-11-23T14:00:00.123456789Z; 0 when one is missing."""
    try:
        first, last = (datetime.fromisoformat(one[:19]) for one in (began, ended))
    except ValueError:
        return 0.0
    return (last - first).total_seconds()
