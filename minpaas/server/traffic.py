"""The story of requests: what nginx says of them, as lines of the apps' logs. Kept in memory, the newest of each app."""

import logging
import threading
from collections import deque

from minpaas.server.errors import MinPaasError
from minpaas.server.lines import Line, stamp
from minpaas.server.machine import Machine
from minpaas.server.transcript import clean

log = logging.getLogger("minpaas.traffic")
KEPT = 1000  # lines of an app
_EVERY = 0.25  # seconds


class Traffic:
    """Asks nginx on a thread of its own. When nobody asks, nginx drops the oldest and serves on."""

    def __init__(self, machine: Machine):
        self._machine = machine
        self._kept: dict[str, deque[Line]] = {}
        self._ending = threading.Event()
        self._number = 0

    def start(self) -> None:
        """Begin to ask."""
        threading.Thread(target=self._ask, name="traffic", daemon=True).start()

    def stop(self) -> None:
        """End."""
        self._ending.set()

    def lines(self, app: str) -> list[Line]:
        """The newest lines of an app, oldest first."""
        return list(self._kept.get(app, ()))

    def _ask(self) -> None:
        while not self._ending.wait(_EVERY):
            try:
                self.take(self._machine.nginx.lines())
            except (MinPaasError, ValueError) as error:
                log.warning("nginx was not heard of its requests (%s); trying again", error)
                self._ending.wait(5)

    def take(self, said: list[str]) -> None:
        """Give each app the lines that are about its hosts."""
        if not said:
            return
        owners = self._owners()
        self._kept = {app: lines for app, lines in self._kept.items() if app in set(owners.values())}
        for text in said:
            host, _, rest = text.partition(" ")
            if app := owners.get(host):
                self._number += 1
                line = _line(rest, self._number)
                self._kept.setdefault(app, deque(maxlen=KEPT)).append(line)
                self._machine.archive.hear(app, line)

    def _owners(self) -> dict[str, str]:
        apps = self._machine.registry.apps()
        return {
            host: app.name for app in apps for host in (self._machine.host(app.name), *(d.host for d in app.domains))
        }


def _line(text: str, number: int) -> Line:
    """`MSEC METHOD URI HOST ID STATUS SECONDS BYTES WHO`, or `MSEC +COUNT` for those that were too many to be shown."""
    at, *words = text.split(" ")
    place = (stamp(round(float(at) * 1000) * 10**6), number)
    if len(words) < 8:
        count = words[0].removeprefix("+") if words else "0"
        return Line(place, "router", "router", f"at=info {count} more requests at that moment, not shown", "", "router")
    method, uri, host, identity, status, took, size, who = words[:8]
    said = (
        f'at={"info" if who == "app" else "error"} method={method} path="{uri}" host={host} request_id={identity} '
        f"status={status} service={round(float(took) * 1000)}ms bytes={size}"
    )
    return Line(place, "router", "router", clean(said), "", "router")
