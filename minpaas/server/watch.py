"""The story of what happens by itself: processes that end, come back, or end too often."""

import logging
import threading
import time

from docker.errors import APIError, DockerException, NotFound
from requests import RequestException

from minpaas.server import life, route
from minpaas.server.engine import APP, Container
from minpaas.server.errors import MinPaasError
from minpaas.server.machine import Machine
from minpaas.server.models import App, Status

log = logging.getLogger("minpaas.watch")
RESTARTS = 10  # then a process stays down until its owner acts


class Watch:
    """Follows the engine's events on a thread of its own and keeps each app's observed status true."""

    def __init__(self, machine: Machine):
        self._machine = machine
        self._ending = threading.Event()

    def start(self) -> None:
        """Begin to follow."""
        threading.Thread(target=self._follow, name="watch", daemon=True).start()

    def stop(self) -> None:
        """End; the thread dies with the process."""
        self._ending.set()

    def _follow(self) -> None:
        while not self._ending.is_set():
            try:
                events = self._machine.engine.events()
                self._look_at_all()  # what happened before the stream was open
                for event in events:
                    if self._ending.is_set():
                        return
                    life.tell(self._machine, event)
                    self._take(event["Actor"]["Attributes"].get(APP, ""), event["Actor"]["ID"])
            except (MinPaasError, DockerException, RequestException, OSError, ValueError) as error:
                log.warning("the engine's events were cut off (%s); trying again", error)
            time.sleep(1)

    def _look_at_all(self) -> None:
        for app in self._machine.registry.apps():
            for process in app.processes:
                self._take(app.name, process.container)

    def _take(self, name: str, container_id: str) -> None:
        registry = self._machine.registry
        app = registry.app(name) if registry.has(name) else None
        if app is None or app.stopped or container_id not in {one.container for one in app.processes}:
            return  # one that is being tried, replaced or was stopped on purpose
        try:
            container = self._machine.engine.container(container_id)
        except NotFound:
            self._observe(app, "crashed")
            return
        if container.status == "running":
            self._port_may_have_changed(app, container)
            self._observe(app, "running")
            return
        self._observe(app, "crashed", container.exit_code)
        if container.restarts >= RESTARTS:
            self._give_up(app, container)

    def _observe(self, app: App, status: Status, exit_code: int | None = None) -> None:
        """Note it, and let visitors of an app that is down meet a page that says so, not a connection that fails."""
        self._machine.registry.observe(app.name, status, exit_code)
        if app.status != status:
            try:
                route.switch(self._machine)
            except MinPaasError as error:
                log.warning("%s is %s, but nginx could not be told: %s", app.name, status, error)

    def _port_may_have_changed(self, app: App, container: Container) -> None:
        processes = [
            one.model_copy(update={"port": container.port}) if one.container == container.id else one
            for one in app.processes
        ]
        if processes != app.processes:
            self._machine.registry.change(app.name, processes=processes, port=processes[0].port)

    def _give_up(self, app: App, container: Container) -> None:
        log.warning("%s: %s ended %d times; it stays down", app.name, container.process, container.restarts)
        try:
            self._machine.engine.stop_restarting(container.id)
        except (APIError, MinPaasError) as error:
            log.warning("%s: %s", app.name, error)
