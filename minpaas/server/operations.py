"""What is being done to apps: one operation at a time for each, its transcript, its journal, its verdict.

A deploy is an operation, and so are a config change, a rollback and a scale. Whoever asked may go away; it ends by itself.
"""

import errno
import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from minpaas.server.access import Actor, check
from minpaas.server.errors import Cancelled, DiskFull, MachineTrouble, MinPaasError, NotFound, Superseded
from minpaas.server.machine import Machine
from minpaas.server.models import App, Why
from minpaas.server.registry import now
from minpaas.server.transcript import Transcript, clean
from minpaas.server.turns import Turns

log = logging.getLogger("minpaas.operations")

MOST_WAITING = 256  # operations, running or waiting; each has a thread
CODE = ("push", "url")  # kinds that bring new code: of several that wait, only the newest runs


@dataclass
class Operation:
    """One thing that is done to an app: its transcript from the first line to the last, and its result when it has ended."""

    app: str
    kind: str
    actor: Actor
    work: "Callable[[Operation], App]"
    transcript: Transcript
    id: str
    number: int  # counts up: a higher one was asked for later
    facts: dict[str, Any] = field(default_factory=dict)  # what the journal knows so far
    began: float = field(default_factory=time.monotonic)
    halt: threading.Event = field(default_factory=threading.Event)
    on_halt: Callable[[], None] = lambda: None  # ends what is being waited for
    done: "Future[App]" = field(default_factory=Future)

    def why(self, reason: str) -> Why:
        """What a release notes of the operation that makes it."""
        return Why(actor=str(self.actor), operation=self.id, reason=reason)

    def check(self) -> None:
        """Raise Cancelled if someone has cancelled it."""
        if self.halt.is_set():
            raise Cancelled(f"{self.kind} {self.id}")


class Operations:
    """Takes operations from every door and runs each on a thread of its own when its app's turn has come."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self.turns = Turns()
        self.running: dict[str, Operation] = {}
        self._counted = 0
        self._lock = threading.Lock()

    def begin(self, app: str, kind: str, work: Callable[[Operation], App], actor: Actor, **facts: Any) -> Operation:
        """Queue an operation. Raises NoSuchApp, MachineTrouble when too many wait."""
        check(actor, "deploy", app)
        self.machine.registry.app(app)
        with self._lock:
            if len(self.running) >= MOST_WAITING:
                raise MachineTrouble(
                    f"{MOST_WAITING} operations are waiting already", hint="wait until some have ended"
                )
            self._counted += 1
            identity = time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + f"{self._counted:04d}{secrets.token_hex(2)}"
            transcript = Transcript(self.machine.registry.transcript_path(app, identity))
            operation = Operation(app, kind, actor, work, transcript, identity, self._counted)
            self.running[identity] = operation
        operation.facts |= {"kind": kind, "actor": str(actor), "started_at": now(), **facts}
        in_background(self._run, operation)
        return operation

    def cancel(self, app: str, identity: str, actor: Actor) -> Operation:
        """End a running or waiting operation; one that has just gone live stays live. Raises NotFound."""
        check(actor, "deploy", app)
        operation = self.running.get(identity)
        if operation is None or operation.app != app:
            raise NotFound(
                f"{identity!r} of {app}", title="No such operation is running", hint=f"see: minpaas builds {app}"
            )
        operation.halt.set()
        operation.on_halt()
        self.turns.look()
        return operation

    def note(self, operation: Operation, step: str, **facts: Any) -> None:
        """Journal how far an operation has come."""
        operation.facts |= facts
        entry = {"id": operation.id, "app": operation.app, "step": step, **operation.facts, "at": now()}
        if not self.machine.registry.has(operation.app):
            return  # deleted meanwhile: its folder must not come back
        try:
            self.machine.registry.write_journal(operation.app, operation.id, entry)
        except OSError:
            log.warning("the journal of %s could not be written", operation.id)

    def _run(self, operation: Operation) -> None:
        """One operation to its end: whatever happens, its transcript ends with a verdict."""
        say = operation.transcript
        try:
            with self.turns.turn(operation.app, lambda ahead: self._waits(operation, ahead), operation.halt.is_set):
                operation.check()
                self._check_newest(operation)
                app = operation.work(operation)
        except BaseException as error:
            self._failed(operation, error)
            return
        finally:
            self.running.pop(operation.id, None)
        verdict: dict[str, object] = {"result": "live", "app": app.name, "release": app.release, "commit": app.commit}
        self.note(operation, "ended", **verdict)
        operation.done.set_result(app)
        say.end(verdict)

    def _failed(self, operation: Operation, error: BaseException) -> None:
        say, failure = operation.transcript, _known(error, operation)
        failure.reason = clean(" ".join(failure.reason.split()))  # it may quote what the app said
        verdict: dict[str, object] = {"result": "failed", "app": operation.app, "reason": failure.reason}
        verdict |= failure.shape()
        try:
            say.trouble(f"{failure.title}: {failure.detail}" if failure.detail else failure.title)
            if failure.hint:
                say.trouble(f"Next: {failure.hint}")
            self.note(operation, "ended", **verdict)
        finally:
            operation.done.set_exception(failure)
            say.end(verdict)

    def _waits(self, operation: Operation, ahead: int) -> None:
        self.note(operation, "waiting", ahead=ahead)
        operation.transcript.step(f"Waiting: {ahead} ahead in this app's queue")

    def _check_newest(self, operation: Operation) -> None:
        """Of several that wait with new code only the newest runs."""
        if operation.kind not in CODE:
            return
        newer = [
            one for one in list(self.running.values()) if one.app == operation.app and one.number > operation.number
        ]
        if any(one.kind in CODE and not one.halt.is_set() for one in newer):
            raise Superseded(f"{len(newer)} came after it")


def in_background(work: Callable[..., None], *arguments: object) -> None:
    """On a thread that does not keep the server from stopping: what is cut short is put right at the next start."""
    threading.Thread(target=work, args=arguments, name=work.__name__, daemon=True).start()


def _known(error: BaseException, operation: Operation) -> MinPaasError:
    if isinstance(error, MinPaasError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("there is no space left on the server")
    log.exception("%s %s of %s", operation.kind, operation.id, operation.app, exc_info=error)
    return MinPaasError(
        f"{type(error).__name__} (see the server's log for {operation.id})",
        hint="try again; if it happens again, report it",
    )
