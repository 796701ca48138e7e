"""The step that runs a release: start its processes, wait until they answer, and retire those they replace."""

import http.client
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from docker.errors import DockerException, NotFound
from requests import RequestException

from minpaas.server.engine import Container, ContainerSpec
from minpaas.server.errors import AppCrashed, DeployFailed, NoAnswer, NotListening, ReleaseCommandFailed
from minpaas.server.machine import Machine
from minpaas.server.models import App, Limits, Process, Release
from minpaas.server.sockets import Listener, established, listeners
from minpaas.server.transcript import Transcript

_POLL = 0.02  # seconds between looks at a starting process
_LOOPBACK_PATIENCE = 5.0  # seconds: who listens on loopback at the right port by then will not change its mind
_ENOUGH = 1 << 20  # bytes of an answer that count as complete


# words that only a shell knows; it cannot hand over to them
_SHELLS_OWN = re.compile(
    r"(exit|cd|export|set|unset|read|eval|exec|\.|source|shift|trap|umask|ulimit|wait|type|command|:)(\s|$)"
)
_SETTLE = 3.0  # seconds that a process without a port must have run
_RELEASE_COMMAND = 3600.0  # seconds

Check = Callable[[], None]


@dataclass(frozen=True)
class Answer:
    """What a process answered to a probe."""

    status: int
    elapsed: float  # seconds that the answer took
    after: float = 0.0  # seconds from the start of the wait to the answer


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
    container = machine.engine.start(spec)
    said = release.process_types[process.type] or "the image's own command"
    machine.archive.tell(app.name, release.name, process.name, f"Starting process: {said}", container.id)
    return Process(
        type=process.type,
        number=process.number,
        container=container.id,
        address=_reachable(spec, container) if process.type == "web" else "",
        port=container.port,
    )


def await_healthy(
    machine: Machine, release: Release, process: Process, transcript: Transcript, check: Check
) -> Answer | None:
    """Wait until a web process has given one complete answer; `check` is called meanwhile and may raise.

    Raises AppCrashed, NotListening or NoAnswer, each with what the process did instead; its last lines are in the transcript.
    """
    if process.type != "web":
        return None
    try:
        return _await_answer(machine, release, process, transcript, check)
    except DeployFailed:
        _last_lines(machine, process, transcript)
        raise


def await_settled(
    machine: Machine, release: Release, processes: list[Process], transcript: Transcript, check: Check
) -> None:
    """Processes that do not listen show that they are well by still running after a while. Raises AppCrashed."""
    silent = [one for one in processes if one.type != "web"]
    until = time.monotonic() + (_SETTLE if silent else 0)
    while time.monotonic() < until:
        check()
        for process in silent:
            try:
                _alive(machine, process)
            except DeployFailed:
                _last_lines(machine, process, transcript)
                raise
        time.sleep(0.1)


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
    container = machine.engine.start(spec)
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


def probe(address: str, host: str, path: str, timeout: float) -> Answer | None:
    """GET a path as a visitor would, to the end of the answer; None when it is not answered by HTTP."""
    name, _, port = address.rpartition(":")
    began = time.monotonic()
    connection = http.client.HTTPConnection(name, int(port), timeout=max(timeout, 0.1))
    try:
        headers = {"Host": host, "X-Forwarded-Proto": "http", "X-Forwarded-For": "127.0.0.1", "Connection": "close"}
        connection.request("GET", path, headers={**headers, "User-Agent": "MinPaas", "Accept": "*/*"})
        answer = connection.getresponse()
        read = 0
        while read < _ENOUGH and (chunk := answer.read(65536)):
            read += len(chunk)
            if time.monotonic() - began > timeout:
                return None
        return Answer(answer.status, time.monotonic() - began)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


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


def keep(machine: Machine, release: Release, processes: list[Process]) -> None:
    """They have gone live: from now on the engine keeps them running."""
    for process in processes:
        machine.engine.keep_running(process.container)
        machine.archive.tell(release.app, release.name, process.name, "State changed from starting to up")


def command_line(command: str) -> list[str] | None:
    """What the container runs: nothing of ours where the image has its own CMD, else a shell that hands over to the command.

    A shell that stays in between would not pass SIGTERM on; one that must stay (&&, |, ;) cannot be helped.
    """
    if not command:
        return None
    simple = not re.search(r"[;&|<>()`\n]", command)
    assignments = re.match(r"(?:[A-Za-z_]\w*=\S*\s+)*", command)
    cut = assignments.end() if assignments else 0
    simple = simple and not _SHELLS_OWN.match(command, cut)
    return ["/bin/sh", "-c", f"{command[:cut]}exec {command[cut:]}" if simple and cut < len(command) else command]


def spec_of(
    machine: Machine, app: App, release: Release, process: Process, command: str, environment: dict[str, str]
) -> ContainerSpec:
    """What a process's container is to be; it has an address of its own from here on."""
    settings, limits = machine.settings, app.limits.get(process.type, Limits())
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
        environment={**environment, **given},
        address=machine.addresses.take(),
        port=release.port if process.type == "web" else 0,
        memory=limits.memory or settings.memory,
        cpu=limits.cpu,
        pids=settings.pids,
        command=command_line(command),
        networks=tuple(app.networks),
    )


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


def _last_lines(machine: Machine, process: Process, transcript: Transcript) -> None:
    lines = machine.engine.last_lines(process.container)
    transcript.step(f"The last lines of {process.name}" if lines else f"{process.name} printed nothing")
    for line in lines:
        transcript.output(line)


def _reachable(spec: ContainerSpec, container: Container) -> str:
    """Where nginx and the probe find the process: the one function that gives out addresses."""
    return f"{spec.address}:{spec.port}"


def _await_answer(machine: Machine, release: Release, process: Process, transcript: Transcript, check: Check) -> Answer:
    began, warned = time.monotonic(), False
    deadline = began + machine.settings.start_timeout
    seen: list[Listener] = []
    while time.monotonic() < deadline:
        check()
        container = _alive(machine, process)
        try:
            seen = listeners(container.pid)
        except OSError:
            continue  # it has just ended: the next look says so
        if any(one.port == release.port and one.reachable for one in seen):
            answer = probe(process.address, machine.host(release.app), release.checks.path, deadline - time.monotonic())
            if answer:
                return Answer(answer.status, answer.elapsed, time.monotonic() - began)
        elapsed = time.monotonic() - began
        if seen and elapsed > 3 and not warned and not any(one.port == release.port and one.reachable for one in seen):
            transcript.detail(f"Still waiting: {_instead(seen, release.port)}")
            warned = True
        if elapsed > _LOOPBACK_PATIENCE and _only_loopback(seen, release.port):
            break
        time.sleep(_POLL)
    _alive(machine, process)
    raise _silent(seen, release.port, machine.settings.start_timeout)


def _alive(machine: Machine, process: Process) -> Container:
    try:
        container = machine.engine.container(process.container)
    except NotFound:
        raise AppCrashed(f"{process.name} was removed while it started", reason="app was removed") from None
    if container.status in ("running", "created", "restarting"):
        return container
    if container.oom_killed:
        limit = f"{machine.settings.memory >> 20} MB"
        raise AppCrashed(
            f"{process.name} ran out of memory (limit {limit})",
            hint="let it use less, and push again",
            reason="out of memory",
        )
    raise AppCrashed(
        f"{process.name} exited with {container.exit_code} before it answered",
        hint="its last lines are above: mend what they say, commit, and push again",
        reason=f"app exited with {container.exit_code}",
    )


def _only_loopback(seen: list[Listener], port: int) -> bool:
    return any(one.port == port for one in seen) and not any(one.reachable for one in seen)


def _instead(seen: list[Listener], port: int) -> str:
    """What a process does instead of listening where it must."""
    where = ", ".join(sorted({str(one) for one in seen}))
    if any(one.port == port for one in seen):
        return f"listens on {where}, must listen on 0.0.0.0:$PORT"
    return f"listens on {where.replace('0.0.0.0:', '').replace('[::]:', '')}, PORT was {port}"


def _silent(seen: list[Listener], port: int, timeout: float) -> DeployFailed:
    if any(one.port == port and one.reachable for one in seen):
        return NoAnswer(
            f"it listens on port {port}, but gave no complete HTTP answer to GET / within {timeout:g} s",
            hint="let GET / answer sooner, or set a longer MINPAAS_START_TIMEOUT on the server",
            reason=f"no HTTP answer within {timeout:g} s",
        )
    if not seen:
        return NotListening(
            f"it listens on no port after {timeout:g} s; it must listen on 0.0.0.0:$PORT (PORT was {port})",
            hint="read PORT from the environment and listen on 0.0.0.0:$PORT",
            reason=f"app listens on no port after {timeout:g} s",
        )
    return NotListening(
        f"it {_instead(seen, port)}",
        hint=f"read PORT from the environment and listen on 0.0.0.0:$PORT (PORT was {port})",
        reason=f"app {_instead(seen, port)}",
    )


def _busy(machine: Machine, process: Process) -> bool:
    """Whether a visitor is still connected."""
    try:
        container = machine.engine.container(process.container)
        return container.status == "running" and established(
            container.pid, int(process.address.rpartition(":")[2] or 0)
        )
    except (NotFound, OSError, ValueError):
        return False
