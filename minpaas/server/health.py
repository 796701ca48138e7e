"""The step's eyes: whether a new process is well, and what it does instead when it is not.

Without a path of the owner's own, one complete HTTP answer of any kind will do: healthy apps answer 301, 401 and 404 to `/`. A
path of the owner's own must answer with less than 400, in one of so many attempts, a second apart.
"""

import re
import time
from dataclasses import dataclass, replace

from docker.errors import NotFound

from minpaas.server.engine import Container
from minpaas.server.errors import AppCrashed, DeployFailed, NoAnswer, NotListening
from minpaas.server.machine import Machine
from minpaas.server.models import Process, Release
from minpaas.server.probe import Answer, Check, NotAnswered, ask
from minpaas.server.sockets import Listener, listeners, reached_at
from minpaas.server.transcript import Transcript

_POLL = 0.01  # seconds between looks at a starting process's sockets
_ASKED_AGAIN = 0.25  # seconds after which the engine is asked of it again: a look costs a hundredth of that, and the app needs the CPU
_APART = 1.0  # seconds between attempts at a path of the owner's own
_LOOPBACK_PATIENCE = 5.0  # seconds: who listens on loopback at the right port by then will not change its mind
_LOOKED_AT = 400  # lines of its output; a server with several workers says the cause once for each
_SHOWN = 100  # of them
_WORKING = 5.0  # percent of a core: who waits uses next to nothing, and on a busy machine who works gets little
_SETTLE = 3.0  # seconds that a process without a port must have run
# what programs that run others say when these have ended, while they themselves run on; and how often they say so until it is for good
_ENDED_INSIDE = (
    (re.compile(r"app crashed - waiting for (?:a )?file changes?|clean exit - waiting for changes"), 1),  # nodemon
    (re.compile(r"Failed running .*Waiting for file changes"), 1),  # node --watch
    (re.compile(r"Child process \[\d+\] died"), 3),  # uvicorn with several workers
    (re.compile(r"had too many unstable restarts"), 1),  # pm2
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
    except DeployFailed as error:
        error.output = last_lines(machine, process, transcript)
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
            except DeployFailed as error:
                error.output = last_lines(machine, process, transcript)
                raise
        time.sleep(0.1)


def twice(machine: Machine, release: Release, process: Process, transcript: Transcript, check: Check) -> Answer:
    """The answer to a second visitor: who answers only once is not well. Raises AppCrashed, NoAnswer."""
    path, host = release.checks.path, machine.host(release.app)
    patience = release.checks.timeout or machine.settings.start_timeout
    try:
        return ask(process.address, host, path, patience, check)
    except NotAnswered as error:
        once = NoAnswer(
            f"it answered GET {path} once, and then not again: {error}",
            hint="its last lines are above: mend what they say, commit, and push again",
            reason=f"answers once only: {error}",
        )
        once.output = last_lines(machine, process, transcript)
        still_alive(machine, process)
        raise once from None


def still_alive(machine: Machine, process: Process) -> None:
    """Raise AppCrashed when a process has ended, once or to be started again."""
    if _alive(machine, process).restarts:
        raise AppCrashed(
            f"{process.name} has ended and was started again",
            hint="see what it printed with: minpaas logs",
            reason="app keeps ending",
        )


@dataclass
class _Wait:
    """The wait for one process's answer: what it is asked, until when, and what was seen meanwhile."""

    machine: Machine
    release: Release
    process: Process
    say: Transcript
    check: Check
    began: float
    looked: float = 0.0
    attempts: int = 0
    told: str = ""
    warned: bool = False
    seen: tuple[Listener, ...] = ()

    @property
    def patience(self) -> float:
        """Seconds that the whole may take."""
        return self.release.checks.timeout or self.machine.settings.start_timeout

    @property
    def left(self) -> float:
        """Seconds that are left of it."""
        return self.began + self.patience - time.monotonic()

    @property
    def own(self) -> bool:
        """Whether the path is the owner's own."""
        return self.release.checks.path != "/"

    @property
    def listens(self) -> bool:
        """Whether it listens where it must."""
        return reached_at(self.release.port, self.seen)

    def look(self) -> None:
        """What is done while it waits: `check`, and now and then a look at whether the program has ended inside of another."""
        self.check()
        if (now := time.monotonic()) - max(self.looked, self.began) >= _APART:
            self.looked = now
            if words := ended_inside(self.machine.engine.last_lines(self.process.container, _LOOKED_AT)):
                raise AppCrashed(
                    f"{self.process.name} runs on, but the program that it started has ended: {words}",
                    hint="its last lines are above: mend what they say, commit, and push again",
                    reason="the program has ended, and what started it waits",
                )

    def attempt(self) -> Answer | None:
        """Ask once; None when the answer does not do, which is said."""
        path, host = self.release.checks.path, self.machine.host(self.release.app)
        timeout = min(self.left, max(1.0, self.patience / self.release.checks.attempts)) if self.own else self.left
        began = time.monotonic()
        try:
            answer = ask(self.process.address, host, path, timeout, self.look)
            if not self.own or answer.status < 400:
                return answer
            what = str(answer)
        except NotAnswered as error:
            what = str(error)
        self.attempts += 1
        if self.own or what != self.told:  # a loop of the same is said once
            count = f"Attempt {self.attempts} of {self.release.checks.attempts}: " if self.own else ""
            milliseconds = (time.monotonic() - began) * 1000
            self.say.detail(f"{count}GET http://{self.process.address}{path} as {host}: {what}, {milliseconds:.0f} ms")
        self.told = what
        return None


def _await_answer(machine: Machine, release: Release, process: Process, transcript: Transcript, check: Check) -> Answer:
    wait = _Wait(machine, release, process, transcript, check, time.monotonic())
    asked = 0.0
    container, seen_at = _alive(machine, process), time.monotonic()
    while wait.left > 0:
        wait.look()
        if time.monotonic() - seen_at >= _ASKED_AGAIN:
            container, seen_at = _alive(machine, process), time.monotonic()
        try:
            wait.seen = tuple(listeners(container.pid))
        except OSError:  # it has just ended: the engine says so soon
            seen_at = 0.0
            time.sleep(_POLL)
            continue
        if wait.listens and (not wait.own or time.monotonic() - asked >= _APART):
            asked = time.monotonic()
            if answer := wait.attempt():
                return replace(answer, after=time.monotonic() - wait.began)
            if wait.own and wait.attempts >= release.checks.attempts:
                break
        elapsed = time.monotonic() - wait.began
        if wait.seen and elapsed > 3 and not wait.warned and not wait.listens:
            transcript.detail(f"Still waiting: {_instead(list(wait.seen), release.port)}")
            wait.warned = True
        if elapsed > _LOOPBACK_PATIENCE and _only_loopback(list(wait.seen), release.port):
            break
        time.sleep(_POLL)
    _alive(machine, process)
    if wait.own and wait.told:
        raise _unwell(release, wait.attempts, wait.told)
    if not wait.seen and (busy := _busy(machine, process)):
        raise _still_starting(busy, wait.patience)
    raise _silent(list(wait.seen), release.port, wait.patience)


def ended_inside(lines: list[str]) -> str:
    """What a program that runs another one said last of its end; empty where nothing was, or it may come back."""
    for pattern, times in _ENDED_INSIDE:
        found = [line for line in lines if pattern.search(line)]
        if len(found) >= times:
            return found[-1].strip()[:200]
    return ""


def _unwell(release: Release, attempts: int, told: str) -> DeployFailed:
    times = f"{attempts} attempt{'s' if attempts != 1 else ''}"
    return NoAnswer(
        f"GET {release.checks.path} must answer with 2xx or 3xx; the last of {times} got {told}",
        hint="see its last lines above; or check another path: minpaas checks:set --path /PATH",
        reason=f"GET {release.checks.path}: {told}",
    )


def last_lines(machine: Machine, process: Process, transcript: Transcript) -> list[str]:
    """Show what a process printed at last; more of it than is shown."""
    lines = machine.engine.last_lines(process.container, _LOOKED_AT)
    transcript.step(f"The last lines of {process.name}" if lines else f"{process.name} printed nothing")
    for line in lines[-_SHOWN:]:
        transcript.output(line)
    return lines


def _alive(machine: Machine, process: Process) -> Container:
    try:
        container = machine.engine.container(process.container)
    except NotFound:
        raise AppCrashed(f"{process.name} was removed while it started", reason="app was removed") from None
    if container.status in ("running", "created", "restarting"):
        return container
    if container.oom_killed:
        limit = f"{(container.memory or machine.settings.memory) >> 20} MB"
        raise AppCrashed(
            f"{process.name} ran out of memory (limit {limit})",
            hint=f"let it use less, or allow more, such as: minpaas limits:set {process.type} memory=1024M; then push again",
            reason="out of memory",
        )
    mend = "its last lines are above: mend what they say, commit, and push again"
    ends = "its command ends by itself: a process must go on running (no & at its end), commit one that does, and push again"
    raise AppCrashed(
        f"{process.name} exited with {container.exit_code} before it answered",
        hint=mend if container.exit_code else ends,
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


def _busy(machine: Machine, process: Process) -> float:
    """Percent of a core that it works with, where that is so much that it may still be starting; else 0."""
    used = machine.engine.usage(process.container)
    return used[1].cpu or 0.0 if used and (used[1].cpu or 0.0) > _WORKING else 0.0


def _still_starting(busy: float, timeout: float) -> DeployFailed:
    return NotListening(
        f"it listens on no port after {timeout:g} s, and works on (CPU {busy:.0f} %): it may only need longer to start",
        hint=f"allow it more, with minpaas checks:set --timeout {timeout * 3:g} , and push again; or let it start sooner: "
        "what is compiled at each start belongs to the build",
        reason=f"app listens on no port after {timeout:g} s",
    )


def _silent(seen: list[Listener], port: int, timeout: float) -> DeployFailed:
    if reached_at(port, seen):
        return NoAnswer(
            f"it listens on port {port}, but gave no complete HTTP answer to GET / within {timeout:g} s",
            hint=f"let GET / answer sooner, or allow it more: minpaas checks:set --timeout {timeout * 3:g} , and push again",
            reason=f"no HTTP answer within {timeout:g} s",
        )
    if not seen:
        return NotListening(
            f"it listens on no port after {timeout:g} s; it must listen on 0.0.0.0:$PORT (PORT was {port})",
            hint="read PORT from the environment and listen on 0.0.0.0:$PORT; "
            "for a bot, which nobody visits: a Procfile with  worker: COMMAND  and without web",
            reason=f"app listens on no port after {timeout:g} s",
        )
    return NotListening(
        f"it {_instead(seen, port)}",
        hint=f"read PORT from the environment and listen on 0.0.0.0:$PORT (PORT was {port})",
        reason=f"app {_instead(seen, port)}",
    )
