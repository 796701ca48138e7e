"""The step that runs a release: start its processes, wait until they answer, and retire those they replace."""

import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable

from docker.errors import DockerException, NotFound
from requests import RequestException

from minpaas.server.engine import Container, ContainerSpec
from minpaas.server.errors import MinPaasError, ReleaseCommandFailed
from minpaas.server.health import await_healthy as await_healthy  # the stories ask for these by what is run
from minpaas.server.health import await_settled as await_settled
from minpaas.server.health import last_lines as last_lines
from minpaas.server.health import still_alive as still_alive
from minpaas.server.health import twice as twice
from minpaas.server.machine import Machine
from minpaas.server.models import App, Limits, Process, Release
from minpaas.server.probe import Answer as Answer
from minpaas.server.probe import Check as Check
from minpaas.server.probe import probe as probe
from minpaas.server.seen import Seen
from minpaas.server.sockets import established
from minpaas.server.transcript import Transcript

log = logging.getLogger("minpaas.run")

# words that only a shell knows; it cannot hand over to them
_SHELLS_OWN = re.compile(
    r"(exit|cd|export|set|unset|read|eval|exec|\.|source|shift|trap|umask|ulimit|wait|type|command|:)(\s|$)"
)
# variables before a command; a value in quotes may have spaces
_ASSIGNMENTS = re.compile(r"(?:[A-Za-z_]\w*=(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|\\.|[^\s\"'\\])*\s+)*")
# what bash knows and sh does not: Procfiles are written for bash
_BASH = re.compile(r"(^|[;&|(]\s*)source\s|\[\[|<\(|&>|\bpipefail\b|\$'|\$\{\w+(:\d|//|\^|,)|\{\w+\.\.\w+\}")
_RELEASE_COMMAND = 3600.0  # seconds


def start(
    machine: Machine, app: App, release: Release, environment: dict[str, str], transcript: Transcript
) -> list[Process]:
    """Start every process of the release's formation. On failure none of them is left."""
    processes: list[Process] = []
    try:
        for kind, count in release.formation.items():
            if kind in release.process_types:
                for number in range(1, count + 1):
                    wanted = Process(type=kind, number=number)
                    processes.append(start_one(machine, app, release, wanted, environment, transcript))
    except BaseException:
        remove(machine, processes)
        raise
    return processes


def start_one(
    machine: Machine, app: App, release: Release, process: Process, environment: dict[str, str], transcript: Transcript
) -> Process:
    """Start one process at an address of its own."""
    spec = spec_of(machine, app, release, process, release.process_types[process.type], environment)
    transcript.command(spec.equivalent(machine.engine.network))
    container = _started(machine, spec)
    said = release.process_types[process.type] or "the image's own command"
    machine.archive.tell(app.name, release.name, process.name, f"Starting process: {said}", container.id)
    return Process(
        type=process.type,
        number=process.number,
        container=container.id,
        address=_reachable(spec, container) if process.type == "web" else "",
        port=container.port,
    )


def one_off(
    machine: Machine,
    app: App,
    release: Release,
    command: str,
    environment: dict[str, str],
    transcript: Transcript,
    check: Check,
) -> int:
    """Run a command in the release's image to its end, its output in the transcript; its exit code."""
    process = Process(type="release", number=1)
    spec = spec_of(machine, app, release, process, command, environment)
    transcript.command(spec.equivalent(machine.engine.network))
    container = _started(machine, spec)
    deadline = time.monotonic() + _RELEASE_COMMAND
    try:
        told = threading.Thread(target=_tell, args=(machine, container.id, transcript), daemon=True)
        told.start()
        while time.monotonic() < deadline:
            check()
            now = machine.engine.container(container.id)
            if now.status == "exited":
                told.join(5)
                return now.exit_code
            time.sleep(0.1)
        raise ReleaseCommandFailed(f"it did not end within {_RELEASE_COMMAND:g} s")
    finally:
        machine.engine.remove(container.id)
        machine.addresses.give_back(spec.address)


def remove(machine: Machine, processes: list[Process]) -> None:
    """Take processes away at once; what they printed is kept."""
    for process in processes:
        _keep_lines(machine, process)
        machine.engine.remove(process.container)
        machine.addresses.give_back(process.address.rpartition(":")[0]) if process.address else None


def retire(machine: Machine, processes: list[Process], keep: Callable[[], bool] = lambda: False) -> None:
    """Let requests in flight finish (at most settings.drain), then SIGTERM, settings.grace, SIGKILL, remove."""
    until = time.monotonic() + machine.settings.drain
    for process in processes:
        while time.monotonic() < until and not keep() and _busy(machine, process):
            time.sleep(0.2)
    for process in processes:
        _stop(machine, process)
    remove(machine, processes)


def keep(machine: Machine, processes: list[Process]) -> None:
    """They are about to go live: the engine keeps them running from now on. Raises AppCrashed if one has ended."""
    for process in processes:
        machine.engine.keep_running(process.container)
        still_alive(machine, process)


def up(machine: Machine, release: Release, processes: list[Process]) -> None:
    """They are live; what is noted of that may fail, but they stay so."""
    for process in processes:
        try:
            found = machine.engine.container(process.container)
            if found.status == "running":  # else the watch looks at it: it has ended between its answer and now
                machine.sight.note(found.id, Seen(since=found.started_at))
            machine.archive.tell(release.app, release.name, process.name, "State changed from starting to up")
        except (DockerException, RequestException, MinPaasError, OSError):
            log.exception("%s is live, which could not be noted", process.name)


def command_line(command: str) -> list[str] | None:
    """What the container runs: nothing of ours where the image has its own CMD, else a shell that hands over to the command.

    A shell that stays in between would not pass SIGTERM on; one that must stay (&&, |, ;) cannot be helped.
    """
    if not command:
        return None
    if _BASH.search(command):
        return ["/bin/bash", "-c", command]
    simple = not re.search(r"[;&|<>()`\n]", command)
    assignments = _ASSIGNMENTS.match(command)
    cut = assignments.end() if assignments else 0
    simple = simple and not _SHELLS_OWN.match(command, cut)
    return ["/bin/sh", "-c", f"{command[:cut]}exec {command[cut:]}" if simple and cut < len(command) else command]


def spec_of(
    machine: Machine, app: App, release: Release, process: Process, command: str, environment: dict[str, str]
) -> ContainerSpec:
    """What a process's container is to be; it has an address of its own from here on."""
    settings, limits = machine.settings, app.limits.get(process.type, Limits())
    memory = limits.memory or settings.memory
    given = {
        "PORT": str(release.port),
        "MINPAAS_APP": release.app,
        "MINPAAS_RELEASE": release.name,
        "MINPAAS_PROCESS": process.name,
        "SOURCE_VERSION": release.commit,
    }
    return ContainerSpec(
        # the same process of the same release may be there twice for a moment, while it is restarted
        name=f"{settings.instance}.{release.app}.{process.name}.{release.name}.{secrets.token_hex(2)}",
        image=release.image,
        app=release.app,
        release=release.name,
        process=process.name,
        environment={**concurrency(release.runtime, memory, limits.cpu), **environment, **given},
        address=machine.addresses.take(),
        port=release.port if process.type == "web" else 0,
        memory=memory,
        cpu=limits.cpu,
        pids=settings.pids,
        command=command_line(command),
        networks=tuple(app.networks),
    )


def concurrency(runtime: str, memory: int, cpu: float | None) -> dict[str, str]:
    """WEB_CONCURRENCY, as Heroku's buildpacks count it from the memory (bytes) and the CPUs (cores) of a process."""
    cores = max(1, round(cpu)) if cpu else os.cpu_count() or 1
    workers = {"python": min(2 * cores + 1, memory // (256 << 20)), "node": memory // (512 << 20)}.get(runtime)
    return {} if workers is None else {"WEB_CONCURRENCY": str(max(1, workers))}


def _started(machine: Machine, spec: ContainerSpec) -> Container:
    try:
        return machine.engine.start(spec)
    except BaseException:
        machine.addresses.give_back(spec.address)
        raise


def _stop(machine: Machine, process: Process) -> None:
    """SIGTERM, grace, SIGKILL; said in the app's log."""
    try:
        found = machine.engine.container(process.container)
        if found.status == "running":
            machine.archive.tell(found.app, found.release, found.process, "Stopping process with SIGTERM")
        machine.engine.stop(process.container, machine.settings.grace)
        code = machine.engine.container(process.container).exit_code
    except NotFound:
        return
    machine.archive.tell(found.app, found.release, found.process, f"State changed from up to stopped: exit code {code}")


def _keep_lines(machine: Machine, process: Process) -> None:
    """What it printed outlives it. Nothing of this may keep a process from being removed."""
    try:
        found = machine.engine.container(process.container)
        lines = machine.engine.log_lines(found.id)
        machine.archive.keep(found.app, found.release, found.process, found.id, lines)
    except (DockerException, RequestException, OSError):
        pass  # it is gone already, or the disk is full


def _tell(machine: Machine, container: str, transcript: Transcript) -> None:
    try:
        for raw in machine.engine.follow_lines(container, 10000):
            transcript.output("  " + raw.partition(b" ")[2].rstrip(b"\r\n").decode("utf-8", "replace"))
    except (DockerException, RequestException, OSError):
        pass  # it was removed: what it printed before is told


def _reachable(spec: ContainerSpec, container: Container) -> str:
    """Where nginx and the probe find the process: the one function that gives out addresses."""
    return f"{spec.address}:{spec.port}"


def _busy(machine: Machine, process: Process) -> bool:
    """Whether a visitor is still connected."""
    try:
        container = machine.engine.container(process.container)
        return container.status == "running" and established(
            container.pid, int(process.address.rpartition(":")[2] or 0)
        )
    except (NotFound, OSError, ValueError):
        return False
