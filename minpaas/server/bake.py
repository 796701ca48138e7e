"""The story of the time after a cutover: a new release is watched, and one that does badly is taken back by itself.

Badly: a process that ends three times, or many answers of 5xx where the release before gave few. What comes next (a
deploy, a rollback, a config change) ends the watch. So does a restart of MinPaas, which says so in the app's log.
"""

import json
import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from docker.errors import DockerException, NotFound
from requests import RequestException

from minpaas.server import launch, release
from minpaas.server.access import SYSTEM
from minpaas.server.deploy import Deploys
from minpaas.server.errors import MinPaasError, TakenBack
from minpaas.server.models import App
from minpaas.server.operations import CODE, Operation, in_background
from minpaas.server.registry import now, write_durably

log = logging.getLogger("minpaas.bake")
BAKED = (*CODE, "config")  # kinds of operations whose releases are watched
EXITS = 3  # of one process
FAILED = 5  # answers of 5xx at least,
SHARE = 0.1  # this part of all at least,
TIMES = 2.0  # and so many times the part that the release before had
_LOOK = 0.5  # seconds


@dataclass
class Watch:
    """One release that is being watched."""

    app: str
    release: int
    before: int
    seconds: float
    had: tuple[int, int]  # requests of the release before, and those of them that failed
    counted: tuple[int, int]  # the same of all time, when this one went live
    began: float = field(default_factory=time.monotonic)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """v12"""
        return f"v{self.release}"


class Bake:
    """Watches what has gone live."""

    def __init__(self, deploys: Deploys):
        self._deploys, self._machine = deploys, deploys.machine
        self._watches: dict[str, Watch] = {}
        self._counted: dict[str, tuple[int, int]] = {}  # app -> its requests of all time when its release went live
        self._lock = threading.Lock()
        deploys.on_live = self.begin

    def recover(self) -> None:
        """A watch that a crash or a restart has ended is not resumed, and not forgotten either."""
        for app in self._machine.registry.apps():
            path = self._note(app.name)
            if path.exists():
                path.unlink()
                said = (
                    "MinPaas was restarted: the new release is no longer watched, and will not be rolled back by itself"
                )
                self._tell(app.name, f"v{app.release}", said)

    def watching(self, app: str) -> Watch | None:
        """The watch on an app, if there is one now."""
        return self._watches.get(app)

    def begin(self, operation: Operation, before: App, live: App) -> None:
        """A release has gone live. Raises TakenBack when the app holds its pushes and the release did badly."""
        counted = self._requests(live)
        old = self._counted.get(live.name, (0, 0))
        self._counted[live.name] = counted
        self._end(live.name)
        seconds = self._machine.settings.bake if live.bake is None else live.bake
        if not seconds or operation.kind not in BAKED or not before.release or before.status != "running":
            return
        assert live.release
        had = (counted[0] - old[0], counted[1] - old[1])
        watch = Watch(live.name, live.release, before.release, seconds, had, counted)
        with self._lock:
            self._watches[live.name] = watch
        self._write(watch)
        if live.hold and operation.kind in CODE:
            self._hold(operation, watch)
        else:
            operation.transcript.detail(
                f"Watched for {seconds:g} s: should it crash or fail, {_name(watch.before)} comes back"
            )
            in_background(self._watch, watch)

    def _hold(self, operation: Operation, watch: Watch) -> None:
        say = operation.transcript
        say.step(f"Watching {watch.name} for {watch.seconds:g} s before the push is accepted")
        why = self._look_on(watch, operation)
        if not why:
            say.detail(
                "It does well"
                if time.monotonic() >= watch.began + watch.seconds
                else "Ended early: something else is to be done"
            )
            return
        say.trouble(why)
        try:
            self._take_back(operation, watch, why)
        except (MinPaasError, DockerException) as error:
            say.trouble(f"{_name(watch.before)} could not be brought back ({error}): {watch.name} stays live")
            return
        raise TakenBack(
            f"{why}; {_name(watch.before)} serves again",
            hint=f"see what it printed with: minpaas logs {watch.app} --release {watch.name}",
            reason=f"rolled back: {why}",
        )

    def _watch(self, watch: Watch) -> None:
        why = self._look_on(watch)
        if not why:
            return
        log.warning("%s %s: %s; rolling back", watch.app, watch.name, why)

        def work(operation: Operation) -> App:
            found = self._machine.registry.app(watch.app)
            if found.release != watch.release:
                operation.transcript.step(f"Nothing to do: {watch.name} is not live any more")
                return found
            operation.transcript.step(f"{watch.name} did badly: {why}")
            return self._take_back(operation, watch, why)

        with suppress(MinPaasError):  # the app was deleted meanwhile
            self._deploys.operations.begin(watch.app, "bake", work, SYSTEM, to=watch.before, why=why)

    def _look_on(self, watch: Watch, operation: Operation | None = None) -> str:
        """Why a release must go, when its time is over or as soon as it is known; nothing when it may stay."""
        why = ""
        while not why and time.monotonic() < watch.began + watch.seconds:
            if watch.over.wait(_LOOK) or (operation and self._someone_waits(operation)):
                break
            with suppress(MinPaasError, DockerException, RequestException, ValueError):
                why = self._trouble(watch)
        else:
            self._tell(watch.app, watch.name, why or f"{watch.name} was watched for {watch.seconds:g} s: it does well")
        if self._watches.get(watch.app) is watch:
            self._end(watch.app)
        return why

    def _trouble(self, watch: Watch) -> str:
        app = self._machine.registry.app(watch.app)
        if app.release != watch.release or app.stopped:
            watch.over.set()
            return ""
        for process in app.processes:
            try:
                found = self._machine.engine.container(process.container)
            except NotFound:
                continue
            exits = found.restarts + (found.status in ("exited", "dead"))
            if exits >= EXITS:
                code = f", last with exit code {found.exit_code}" if found.status != "running" else ""
                return f"{process.name} ended {exits} times{code}"
        served, failed = (total - then for total, then in zip(self._requests(app), watch.counted, strict=True))
        before = watch.had[1] / watch.had[0] if watch.had[0] else 0.0
        if failed >= FAILED and failed / served >= max(SHARE, TIMES * before):
            return f"{failed} of {served} requests failed (5xx), of {_name(watch.before)}'s {watch.had[1]} of {watch.had[0]}"
        return ""

    def _take_back(self, operation: Operation, watch: Watch, why: str) -> App:
        """The release before as a new one, code and config."""
        machine, found = self._machine, self._machine.registry.app(watch.app)
        target = machine.registry.release(watch.app, watch.before)
        launch.check_image(machine, target)
        operation.transcript.step(f"Rolling back to {target.name} ({target.commit[:7]})")
        reason = f"Rolled back from {watch.name} to {target.name} by itself: {why}"
        made = release.redraft(found, target, operation.why(reason), target.config)
        staged = found.model_copy(update={"config": target.config})
        live = launch.launch(machine, operation, staged, made, self._deploys.noter(operation))
        machine.registry.change(watch.app, notice=reason)
        if live.branch:
            self._deploys.move_branch(watch.app, live.branch, live.commit)
        self._deploys.retire(watch.app, found.processes)
        self._tell(watch.app, made.name, reason)
        operation.transcript.step(f"Live: {live.name} {made.name}")
        return machine.registry.app(watch.app)

    def _someone_waits(self, operation: Operation) -> bool:
        """Whether the app's next deploy, rollback or config change is in the queue, or this one was cancelled."""
        kinds = (*BAKED, "rollback")
        others = [one for one in list(self._deploys.operations.running.values()) if one.app == operation.app]
        return operation.halt.is_set() or any(one.number > operation.number and one.kind in kinds for one in others)

    def _requests(self, app: App) -> tuple[int, int]:
        """How many requests of the app nginx has served in all, and how many of them failed."""
        try:
            totals = self._machine.nginx.totals()
        except (MinPaasError, ValueError):
            return self._counted.get(app.name, (0, 0))
        mine = [totals.get(host, (0, 0)) for host in (self._machine.host(app.name), *(one.host for one in app.domains))]
        return sum(one[0] for one in mine), sum(one[1] for one in mine)

    def _end(self, app: str) -> None:
        with self._lock:
            watch = self._watches.pop(app, None)
        if watch:
            watch.over.set()
        with suppress(OSError):
            self._note(app).unlink(missing_ok=True)

    def _write(self, watch: Watch) -> None:
        note = {"release": watch.release, "before": watch.before, "seconds": watch.seconds, "began": now()}
        with suppress(OSError):
            write_durably(self._note(watch.app), json.dumps(note).encode())

    def _note(self, app: str) -> Path:
        return self._machine.settings.state / "apps" / app / "bake.json"

    def _tell(self, app: str, number: str, text: str) -> None:
        self._machine.archive.tell(app, number, "api", text)


def _name(number: int) -> str:
    return f"v{number}"
