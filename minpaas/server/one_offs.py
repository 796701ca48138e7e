"""The story of one-offs: a command beside an app's processes, held by whoever asked for it, or detached and left to itself.

An attached one ends when its reader goes away (sessions.py). A detached one ends by itself or after a day; what it printed is
kept. What a one-off is, is said by its container's labels alone, so that a crash of ours loses nothing.
"""

import json
import logging
import re
import secrets
import shlex
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from docker.errors import DockerException
from docker.errors import NotFound as Gone
from requests import RequestException

from minpaas.server import launch, run
from minpaas.server.engine import COMMAND, EXPIRES, RUN, Container
from minpaas.server.errors import MinPaasError, NotFound, Refused
from minpaas.server.machine import Machine
from minpaas.server.models import App, Limits, Process, Release
from minpaas.server.registry import now, write_durably

log = logging.getLogger("minpaas.one_offs")

LIFETIME = 24 * 3600.0  # seconds; then a one-off is stopped
KEPT = 20  # detached ones of an app whose output is kept when they have ended
_LOOK = 1.0  # seconds between looks while a detached one runs
_PATIENCE = 60.0  # seconds that an attached one waits for its reader
_SHELL = "command -v bash >/dev/null && exec bash; exec sh"
_ENDED = ("exited", "dead")


@dataclass(frozen=True)
class Asked:
    """What someone wants to run; no words are a shell. `inside` names a running process (web.1) to enter."""

    words: list[str]
    tty: bool = False
    columns: int = 80
    lines: int = 24
    detach: bool = False
    inside: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """As a person types it."""
        return self.words[0] if len(self.words) == 1 else shlex.join(self.words)


@dataclass(frozen=True)
class OneOff:
    """One that has been made: run.1234 and its container, or a process `inside` a container (the engine's id)."""

    app: str
    name: str
    container: str
    inside: str = ""


class OneOffs:
    """Makes, lists and ends one-offs. Every method but start and stop_looking may block for as long as the engine does."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self._news, self._ending = threading.Event(), threading.Event()
        self._waiting: dict[str, float] = {}  # containers made and not started: since when
        self._settling = threading.Lock()

    def start(self) -> None:
        """Begin to look after what runs."""
        threading.Thread(target=self._look_after, name="one-offs", daemon=True).start()

    def stop_looking(self) -> None:
        """End; the thread dies with the process."""
        self._ending.set()
        self._news.set()

    def make(self, name: str, asked: Asked) -> OneOff:
        """Prepare one; a detached one runs at once. Raises Refused, ImageGone, MachineTrouble."""
        app = self.machine.registry.app(name)
        if app.release is None:
            raise Refused(f"{name} has no release yet", hint="deploy it first: git push minpaas main")
        live = self.machine.registry.release(name, app.release)
        if asked.inside:
            return self._make_inside(app, live, asked)
        launch.check_image(self.machine, live)
        process = Process(type="run", number=self._free_number(name))
        limits = app.limits.get("run") or app.limits.get("web") or Limits()
        environment = {**launch.environment_of(self.machine, live), **asked.environment}
        spec = run.spec_of(
            self.machine, app.model_copy(update={"limits": {"run": limits}}), live, process, "", environment
        )
        held = "detached" if asked.detach else "attached"
        labels = {RUN: held, COMMAND: asked.text[:1000], EXPIRES: str(round(time.time() + LIFETIME))}
        spec = replace(
            spec,
            command=command_words(asked, live),
            labels=labels,
            stdin=not asked.detach,
            tty=asked.tty and not asked.detach,
        )
        try:
            made = self.machine.engine.start(spec).id if asked.detach else self.machine.engine.create(spec)
        except MinPaasError:
            self.machine.addresses.give_back(spec.address)
            raise
        self._waiting |= {} if asked.detach else {made: time.monotonic()}
        self._news.set()
        return OneOff(name, process.name, made)

    def begin(self, one: OneOff, asked: Asked) -> None:
        """Start an attached one whose reader has come. Raises MachineTrouble."""
        self._waiting.pop(one.container, None)
        try:
            self.machine.engine.resume(one.container)
        except (DockerException, RequestException) as error:
            raise Refused(str(getattr(error, "explanation", error))[:300]) from error
        if asked.tty:
            self.machine.engine.resize(one.container, asked.columns, asked.lines)

    def verdict(self, one: OneOff) -> dict[str, Any] | None:
        """How it ended: {"exit_code", "reason"}; None while it runs."""
        if one.inside:
            runs, code, _ = self.machine.engine.inside(one.inside)
            return None if runs else {"exit_code": 255 if code is None else code, "reason": ""}
        try:
            container = self.machine.engine.container(one.container)
        except Gone:
            return self._kept(one.app, one.name) or {"exit_code": 137, "reason": "it was removed"}
        return _verdict(container) if container.status in _ENDED else None

    def find(self, app: str, name: str) -> Container:
        """The container of one that is on the machine. Raises NotFound."""
        for container in self.machine.engine.one_offs(app):
            if container.process == name:
                return container
        raise NotFound(
            f"{name} of {app}", title="No such one-off runs", hint=f"see them with: minpaas run:list -a {app}"
        )

    def all(self, app: str) -> list[dict[str, Any]]:
        """Those that are on the machine, and the detached ones that have ended and whose output is kept."""
        here = [_shape(one) for one in self.machine.engine.one_offs(app)]
        names = {one["name"] for one in here}
        kept = [json.loads(path.read_bytes()) for path in self._folder(app).glob("*.json")]
        return sorted(
            [*here, *[one for one in kept if one["name"] not in names]], key=lambda one: str(one["started_at"])
        )

    def log_of(self, app: str, name: str) -> Path:
        """The file with the kept output of a detached one, in the engine's frames. Raises NotFound."""
        if self._kept(app, name) is None:
            raise NotFound(f"{name} of {app}", title="There is no such one-off", hint=f"minpaas run:list -a {app}")
        return self._folder(app) / f"{name}.log"

    def stop(self, app: str, name: str) -> None:
        """SIGTERM, settings.grace, SIGKILL. Raises NotFound."""
        container = self.find(app, name)
        self.machine.engine.stop(container.id, self.machine.settings.grace)
        self.settle(container.id)

    def settle(self, container_id: str) -> None:
        """One that has ended leaves the machine; of a detached one output and exit code are kept."""
        with self._settling:
            try:
                container = self.machine.engine.container(container_id)
            except Gone:
                return
            if container.labels.get(RUN) == "detached" and self.machine.registry.has(container.app):
                self._keep(container)
            self.machine.engine.remove(container.id)
            if container.address:
                self.machine.addresses.give_back(container.address)

    def recover(self) -> None:
        """After a start of ours: attached ones have lost their readers, detached ones go on."""
        for container in self.machine.engine.one_offs():
            if container.labels.get(RUN) == "attached" or not self.machine.registry.has(container.app):
                self.machine.engine.stop(container.id, 1)
                self.settle(container.id)

    def _make_inside(self, app: App, live: Release, asked: Asked) -> OneOff:
        process = next((one for one in app.processes if one.name == asked.inside), None)
        if process is None:
            raise Refused(f"{app.name} runs no {asked.inside}", hint=f"see what runs with: minpaas ps -a {app.name}")
        words = command_words(asked, live) or []
        made = self.machine.engine.enter(process.container, words, asked.tty, asked.environment)
        return OneOff(app.name, f"enter.{secrets.randbelow(9000) + 1000}", process.container, made)

    def _free_number(self, app: str) -> int:
        taken = {one.process for one in self.machine.engine.one_offs(app)}
        taken |= {path.stem for path in self._folder(app).glob("*.json")}
        return next(
            number for number in iter(lambda: secrets.randbelow(9000) + 1000, 0) if f"run.{number}" not in taken
        )

    def _folder(self, app: str) -> Path:
        return self.machine.settings.state / "apps" / app / "runs"

    def _kept(self, app: str, name: str) -> dict[str, Any] | None:
        path = self._folder(app) / f"{name}.json"
        if not re.fullmatch(r"run\.[0-9]{4}", name) or not path.exists():
            return None
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found

    def _keep(self, container: Container) -> None:
        folder = self._folder(container.app)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / f"{container.process}.log").open("wb") as file:
            self.machine.engine.copy_output(container.id, file)
        shape = {**_shape(container), **_verdict(container), "ended_at": now()}
        write_durably(folder / f"{container.process}.json", json.dumps(shape).encode())
        for old in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.with_suffix(".log").unlink(missing_ok=True)
            old.unlink()

    def _look_after(self) -> None:
        while not self._ending.is_set():
            try:
                runs = self._look()
            except (MinPaasError, DockerException, RequestException, OSError) as error:
                log.warning("one-offs could not be looked after (%s)", error)
                runs = True
            self._news.wait(_LOOK if runs else None)
            self._news.clear()

    def _look(self) -> bool:
        """Whether there is anything to look after again soon."""
        found = self.machine.engine.one_offs()
        for one in found:
            late = time.monotonic() - self._waiting.get(one.id, time.monotonic()) > _PATIENCE
            if late or (one.labels.get(RUN) == "detached" and one.status in _ENDED):
                self._waiting.pop(one.id, None)
                self.settle(one.id)
            elif float(one.labels.get(EXPIRES) or 0) < time.time():
                log.info("%s of %s has run for its whole time", one.process, one.app)
                self.machine.engine.stop(one.id, self.machine.settings.grace)
        return bool(found)


def command_words(asked: Asked, live: Release) -> list[str] | None:
    """What the container runs: the words as they are, or one line of shell, or a Procfile entry by its name, or a shell."""
    line = _SHELL if not asked.words else ""
    if len(asked.words) == 1:
        line = live.process_types.get(asked.words[0]) or asked.words[0]
        words = run.command_line(line) or []
    else:
        words = ["/bin/sh", "-c", line] if line else list(asked.words)
    if asked.tty and (line or live.runtime != "dockerfile"):
        # the engine can size a terminal only after its process has started, which is too late for one that looks at once;
        # an image of the owner's own may have no shell, so its words are left alone
        size = f"stty cols {asked.columns} rows {asked.lines} 2>/dev/null; "
        return ["/bin/sh", "-c", f'{size}exec "$@"', "sh", *words]
    return words


def _verdict(container: Container) -> dict[str, Any]:
    return {"exit_code": container.exit_code, "reason": "out of memory" if container.oom_killed else container.error}


def _shape(container: Container) -> dict[str, Any]:
    return {
        "name": container.process,
        "command": container.labels.get(COMMAND, ""),
        "attached": container.labels.get(RUN) == "attached",
        "release": container.release,
        "status": "ended" if container.status in _ENDED else container.status,
        "started_at": container.started_at,
        "exit_code": container.exit_code if container.status in _ENDED else None,
    }
