"""The step that asks an app as a visitor would while its release is switched, and counts what was not answered."""

import http.client
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from minpaas.server.machine import Machine
from minpaas.server.models import App, Release

PROBE = "minpaas-probe"  # our requests' id starts so: router.lua neither counts nor shows them
_EVERY = 0.02  # seconds
_AFTER = 2  # answers after its switch that a deploy waits for,
_PATIENCE = 0.1  # seconds at most
_LONGEST = 2.0  # seconds for which we go on asking while the old processes drain
_TIMEOUT = 5.0


@contextmanager
def asked(machine: Machine, before: App, made: Release) -> Iterator["Prober | None"]:
    """Ask from now on; nothing of an app that did not serve before."""
    if before.release is None or before.status != "running" or before.stopped or before.maintenance:
        yield None
        return
    prober = Prober(machine, before.name, made.name)
    prober.start()
    try:
        yield prober
    except BaseException:
        prober.until = 0.0
        raise
    prober.switched = prober.count
    prober.until = time.monotonic() + _LONGEST


class Prober(threading.Thread):
    """Asks nginx for the app's front page, one request after the other, each on a connection of its own."""

    def __init__(self, machine: Machine, app: str, release: str):
        super().__init__(name="proof", daemon=True)
        self._machine, self._app, self._release = machine, app, release
        address = machine.settings.http_listen[0].strip("[]")
        self._address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
        self._answers: list[int] = []  # status, 0 for none
        self.until = time.monotonic() + 60.0
        self.switched = 0  # how many were answered before the switch

    @property
    def count(self) -> int:
        """How many were answered."""
        return len(self._answers)

    def run(self) -> None:
        """Until it is time; then the whole count is in the app's log."""
        for number in itertools.count():
            began = time.monotonic()
            if began > self.until:
                break
            self._answers.append(self._ask(number))
            time.sleep(max(0.0, _EVERY - (time.monotonic() - began)))
        if self.until and (count := self.told()):
            self._machine.archive.tell(self._app, self._release, "router", f"Cutover to {self._release}: {count}")

    def told(self) -> str:
        """0 of 14 probe requests failed; nothing when the front page is one that fails anyway, or none was asked."""
        answers = list(self._answers)
        if not answers or answers[0] >= 500:
            return ""
        failed = sum(1 for status in answers if not status or status >= 500)
        return f"{failed} of {len(answers)} probe requests failed"

    def told_soon(self) -> str:
        """The same, when the first answers after the switch are in."""
        latest = self.until - _LONGEST + _PATIENCE
        while self.count < self.switched + _AFTER and time.monotonic() < latest:
            time.sleep(0.005)
        return self.told()

    def _ask(self, number: int) -> int:
        connection = http.client.HTTPConnection(self._address, self._machine.nginx.port, timeout=_TIMEOUT)
        headers = {"Host": self._machine.host(self._app), "User-Agent": "MinPaas", "Connection": "close"}
        try:
            connection.request("GET", "/", headers={**headers, "X-Request-ID": f"{PROBE}-{number}"})
            answer = connection.getresponse()
            answer.read(1 << 20)
            return answer.status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
