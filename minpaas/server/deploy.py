"""The story of a deploy, the same through every door: receive, build, release, run, route."""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minpaas.server import build, receive, release, route, run
from minpaas.server.access import Actor, check
from minpaas.server.errors import AnswersWorse, MachineTrouble, MinPaasError
from minpaas.server.git import repo
from minpaas.server.machine import Machine
from minpaas.server.models import DEPLOY_BRANCHES, App, Process, Release, Runtime
from minpaas.server.registry import now
from minpaas.server.runtimes import Plan
from minpaas.server.transcript import Transcript
from minpaas.server.turns import Turns

log = logging.getLogger("minpaas.deploy")

MOST_WAITING = 256  # deploys, running or waiting; each has a thread


@dataclass(frozen=True)
class Wanted:
    """What a door asks for: a pushed commit, or one to fetch from a URL, and how to run it if that was said."""

    update: receive.Update | None = None
    moved: bool = False  # an old git has moved the ref already
    repo: str | None = None
    ref: str | None = None
    runtime: Runtime | None = None
    command: str | None = None


@dataclass
class Deploy:
    """One deploy: its transcript from the first line to the last, and its result when it has ended."""

    app: str
    actor: Actor
    wanted: Wanted
    transcript: Transcript
    id: str
    started_at: str = field(default_factory=now)
    began: float = field(default_factory=time.monotonic)
    done: "Future[App]" = field(default_factory=Future)
    facts: dict[str, Any] = field(default_factory=dict)  # what the journal knows so far


class Deploys:
    """Takes deploys from every door and runs each on a thread of its own, one at a time for an app."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self.turns = Turns()
        self.running: dict[str, Deploy] = {}
        self._builds = threading.Semaphore(machine.settings.parallel_builds)

    def push(self, app: str, update: receive.Update, moved: bool, actor: Actor) -> Deploy:
        """Deploy a pushed commit whose objects are in the app's repository."""
        return self._begin(app, Wanted(update=update, moved=moved), actor)

    def from_url(
        self, app: str, url: str, ref: str | None, runtime: Runtime | None, command: str | None, actor: Actor
    ) -> Deploy:
        """Deploy what a URL holds."""
        return self._begin(app, Wanted(repo=url, ref=ref, runtime=runtime, command=command), actor)

    def _begin(self, app: str, wanted: Wanted, actor: Actor) -> Deploy:
        check(actor, "deploy", app)
        if len(self.running) >= MOST_WAITING:
            raise MachineTrouble(
                f"{MOST_WAITING} deploys are waiting already", hint="wait until some have ended, then push again"
            )
        identity = time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(3)
        transcript = Transcript(self.machine.registry.transcript_path(app, identity))
        deploy = Deploy(app, actor, wanted, transcript, identity)
        self.running[identity] = deploy
        _in_background(self._run, deploy)
        return deploy

    def _run(self, deploy: Deploy) -> None:
        """One deploy to its end: whatever happens, its transcript ends with a verdict."""
        say = deploy.transcript
        try:
            with self.turns.turn(
                deploy.app, lambda ahead: say.step(f"Waiting for {ahead} deploy(s) of this app ahead")
            ):
                app = self._deploy(deploy)
            verdict: dict[str, object] = {
                "result": "live",
                "app": app.name,
                "release": app.release,
                "commit": app.commit,
            }
            deploy.done.set_result(app)
        except BaseException as error:
            failure = _known(error, deploy)
            say.trouble(f"{failure.title}: {failure.detail}" if failure.detail else failure.title)
            if failure.hint:
                say.trouble(f"Next: {failure.hint}")
            verdict = {"result": "failed", "app": deploy.app, "reason": failure.reason, **failure.shape()}
            deploy.done.set_exception(failure)
        self.note(deploy, "ended", **verdict)
        say.end(verdict)
        self.running.pop(deploy.id, None)

    def _deploy(self, deploy: Deploy) -> App:
        machine, say = self.machine, deploy.transcript
        app = machine.registry.app(deploy.app)
        self.note(deploy, "receive")
        branch, old, commit = self._receive(deploy, app)
        if _is_live(app, commit, deploy.wanted):
            say.step(f"Already live: {commit[:7]} is serving as v{app.release}. Nothing to do.")
            self._move_branch(app.name, branch, old, commit)
            return app
        with repo.held(machine.repo(app.name), deploy.id, commit):
            plan, image = self._build(deploy, app, commit)
            made = release.draft(app, plan, image, commit, deploy.actor, f"Deploy {commit[:7]}")
            try:
                live = self._launch(deploy, app.model_copy(update={"branch": branch}), made)
            except BaseException:
                release.prune(machine, app.name)
                raise
            self._move_branch(app.name, branch, old, commit)
        say.step(f"Live: {live.name} {made.name} ({commit[:7]}) in {time.monotonic() - deploy.began:.1f} s")
        say.detail(machine.url(live.name))
        say.detail(_how_to_undo(app))
        return live

    def _receive(self, deploy: Deploy, app: App) -> tuple[str, str | None, str]:
        """The branch that deploys, where it is, and the commit that shall be live."""
        wanted, path = deploy.wanted, self.machine.repo(app.name)
        if wanted.update:
            receive.check_fresh(path, wanted.update, app.commit, wanted.moved)
            commit = repo.peel(path, wanted.update.new) or wanted.update.new
            deploy.transcript.step(f"Received {commit[:7]} {repo.subject(path, commit)}".rstrip())
            return wanted.update.ref, repo.head_of(path, wanted.update.ref), commit
        assert wanted.repo
        with deploy.transcript.timed(f"Fetching {receive.without_password(wanted.repo)}"):
            commit, remote = receive.fetch(self.machine, app.name, wanted.repo, wanted.ref, deploy.transcript)
        branch = app.branch or next((one for one in DEPLOY_BRANCHES if one.endswith("/" + remote)), DEPLOY_BRANCHES[0])
        deploy.transcript.detail(f"{commit[:7]} {repo.subject(path, commit)}".rstrip())
        return branch, repo.head_of(path, branch), commit

    def _build(self, deploy: Deploy, app: App, commit: str) -> tuple[Plan, str]:
        machine, say = self.machine, deploy.transcript
        with repo.Files(machine.repo(app.name), commit) as files:
            plan = build.plan(files, deploy.wanted.runtime, deploy.wanted.command)
            say.step(plan.reasons[0])
            for reason in plan.reasons[1:]:
                say.detail(reason)
            for warning in plan.warnings:
                say.trouble(warning)
            self.note(deploy, "build", commit=commit)
            with self._builds:
                folder: Path = machine.settings.workspace / deploy.id
                return plan, build.build(machine.engine, machine.settings, app.name, files, plan, folder, say)

    def _launch(self, deploy: Deploy, app: App, made: Release) -> App:
        """New, healthy, switch, commit, then the old: what serves is not touched before its successor has answered."""
        machine, say = self.machine, deploy.transcript
        self.note(deploy, "run", release=made.number)
        say.step(f"Starting {made.name} ({', '.join(f'{kind}={n}' for kind, n in made.formation.items())})")
        processes = run.start(machine, made, made.environment, say)
        try:
            for process in processes:
                answer = run.await_healthy(machine, made, process, say)
                if answer:
                    say.detail(f"{process.name} answers GET / with {answer.status} after {answer.after:.1f} s")
                    self._weigh(app, answer, say)
            self.note(deploy, "route", release=made.number)
            live = release.record(machine, app, made, processes)
            say.step(f"Routing {machine.url(app.name)} to {made.name}")
            say.command(f'{machine.host(app.name)} "{",".join(one.address for one in route.web(processes))}";')
            route.switch(machine, instead=live)
            self._publish(live, made)
        except BaseException:
            run.remove(machine, processes)
            raise
        for process in processes:
            machine.engine.keep_running(process.container)
        self.retire(app.name, app.processes)
        return live

    def _publish(self, live: App, made: Release) -> None:
        try:
            release.publish(self.machine, live, made)
        except OSError as error:
            route.switch(self.machine)  # the registry still says the old release
            self.machine.registry.forget_release(made.app, made.number)
            raise MachineTrouble(
                f"the release could not be written: {error}", hint="free disk space, then push again"
            ) from error

    def _weigh(self, app: App, answer: run.Answer, say: Transcript) -> None:
        """A server error is only a warning, unless the live release does better."""
        if answer.status < 500:
            return
        for process in route.web(app.processes):
            before = run.probe(process.address, self.machine.host(app.name), 10)
            if before and before.status < 500:
                raise AnswersWorse(
                    f"GET / is answered with {answer.status}; the live release v{app.release} answers {before.status}",
                    hint="see what it printed with: minpaas logs, mend it, and push again",
                    reason=f"GET / answers {answer.status}, the live release {before.status}",
                )
        say.trouble(f"GET / answers {answer.status}: the app serves, but it may not be well")

    def retire(self, app: str, processes: list[Process]) -> None:
        """Drain and stop what has been replaced, in the background, then let old images go."""

        def work() -> None:
            try:
                run.retire(self.machine, processes)
                with self.turns.turn(app):
                    if self.machine.registry.has(app):
                        release.prune(self.machine, app)
                        self.machine.registry.prune_journals(app)
            except Exception:
                log.exception("retiring processes of %s", app)

        _in_background(work)

    def _move_branch(self, app: str, branch: str, old: str | None, commit: str) -> None:
        """The deploy branch is the commit of the live release; after the commit point nothing may keep it from there."""
        path = self.machine.repo(app)
        if old != commit:
            repo.move(path, branch, old, commit)
        if repo.head_of(path, "HEAD") != commit:
            repo.point_head(path, branch)

    def note(self, deploy: Deploy, step: str, **facts: Any) -> None:
        """Journal how far a deploy has come."""
        entry = {
            "id": deploy.id,
            "app": deploy.app,
            "actor": str(deploy.actor),
            "started_at": deploy.started_at,
            "step": step,
        }
        deploy.facts |= facts
        update = deploy.wanted.update
        source = (
            {"commit": update.new, "ref": update.ref}
            if update
            else {"repo": receive.without_password(deploy.wanted.repo or "")}
        )
        try:
            self.machine.registry.write_journal(deploy.app, deploy.id, {**entry, **source, **deploy.facts, "at": now()})
        except OSError:
            log.warning("the journal of %s could not be written", deploy.id)


def _in_background(work: Callable[..., None], *arguments: object) -> None:
    """On a thread that does not keep the server from stopping: what is cut short is put right at the next start."""
    threading.Thread(target=work, args=arguments, name=work.__name__, daemon=True).start()


def _is_live(app: App, commit: str, wanted: Wanted) -> bool:
    asked_otherwise = (wanted.runtime and wanted.runtime != app.runtime) or (
        wanted.command and wanted.command != app.command
    )
    return app.commit == commit and app.status == "running" and not asked_otherwise


def _known(error: BaseException, deploy: Deploy) -> MinPaasError:
    if isinstance(error, MinPaasError):
        return error
    log.exception("deploy %s of %s", deploy.id, deploy.app, exc_info=error)
    return MinPaasError(
        f"{type(error).__name__} (see the server's log for deploy {deploy.id})",
        hint="push again; if it happens again, report it",
    )


def _how_to_undo(before: App) -> str:
    if before.commit:
        return f"To undo, push the commit before: git push --force minpaas {before.commit[:12]}:{(before.branch or '')[11:]}"
    return f"To remove it: minpaas delete {before.name}"
