"""The story of a deploy, the same through every door: receive, build, release, run, route."""

import logging
import threading
import time
from collections.abc import Callable

from minpaas.server import build, receive, release, run, submodules
from minpaas.server.access import Actor
from minpaas.server.errors import Locked, NothingToDeploy
from minpaas.server.git import repo
from minpaas.server.git.source import Source
from minpaas.server.launch import environment_of, launch
from minpaas.server.machine import Machine
from minpaas.server.models import DEPLOY_BRANCHES, App, Process, Release, Runtime
from minpaas.server.operations import Operation, Operations, in_background
from minpaas.server.runtimes import Plan

log = logging.getLogger("minpaas.deploy")
OnLive = Callable[[Operation, App, App], None]


class Deploys:
    """Deploys from every door."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self.operations = Operations(machine)
        self.turns = self.operations.turns
        self._builds = threading.Semaphore(machine.settings.parallel_builds)
        self.on_live: OnLive = lambda operation, before, live: None  # is told of each new release; may take it back

    def push(self, app: str, update: receive.Update, moved: bool, actor: Actor) -> Operation:
        """Deploy a pushed commit whose objects are in the app's repository."""

        def work(operation: Operation) -> App:
            try:
                found = self._open(app)
                branch, old, commit = self._take_push(operation, found, update, moved)
                return self._deploy(operation, found, branch, old, commit, None, None)
            except BaseException:
                if moved:
                    repo.put_back(self.machine.repo(app), update.ref, update.new, update.old)
                raise

        return self.operations.begin(app, "push", work, actor, commit=update.new, ref=update.ref)

    def from_url(
        self,
        app: str,
        url: str,
        ref: str | None,
        runtime: Runtime | None,
        command: str | None,
        actor: Actor,
        path: str | None = None,
    ) -> Operation:
        """Deploy what a URL holds. `path` is a folder of it, from which later deploys are built as well."""

        def work(operation: Operation) -> App:
            found = self._open(app)
            found = found if path is None else found.model_copy(update={"path": path})
            branch, old, commit = self._fetch(operation, found, url, ref)
            return self._deploy(operation, found, branch, old, commit, runtime, command)

        return self.operations.begin(app, "url", work, actor, repo=receive.without_password(url), ref=ref)

    def _open(self, name: str) -> App:
        app = self.machine.registry.app(name)
        if app.locked:
            raise Locked(name, app.locked)
        return app

    def _deploy(
        self,
        operation: Operation,
        app: App,
        branch: str,
        old: str | None,
        commit: str,
        runtime: Runtime | None,
        command: str | None,
    ) -> App:
        machine, say = self.machine, operation.transcript
        if _is_live(machine, app, commit, runtime, command):
            say.step(f"Already live: {commit[:7]} is serving as v{app.release}. Nothing to do.")
            self.move_branch(app.name, branch, commit)
            return app
        machine.disk.check()
        operation.done.add_done_callback(lambda _: in_background(machine.disk.trim))  # a failed build fills it as well
        with repo.held(machine.repo(app.name), operation.id, commit):
            plan, image, app = self._build(operation, app, commit, runtime, command)
            made = release.draft(app, plan, image, commit, operation.why(f"Deploy {commit[:7]}"))
            try:
                live = launch(
                    machine, operation, app.model_copy(update={"branch": branch}), made, self.noter(operation)
                )
            except BaseException:
                release.prune(machine, app.name)
                raise
            self.move_branch(app.name, branch, commit)
        if plan.postdeploy and app.release is None:
            self._postdeploy(operation, live, made, plan.postdeploy)
        self.retire(app.name, app.processes)
        self.on_live(operation, app, live)
        say.step(f"Live: {live.name} {made.name} ({commit[:7]}) in {time.monotonic() - operation.began:.1f} s")
        say.detail(machine.url(live.name))
        say.detail(
            f"To undo: minpaas rollback {app.name}" if app.release else f"To remove it: minpaas delete {app.name}"
        )
        return live

    def _take_push(
        self, operation: Operation, app: App, update: receive.Update, moved: bool
    ) -> tuple[str, str | None, str]:
        """The branch that deploys, where it is, and the commit that shall be live."""
        path = self.machine.repo(app.name)
        receive.check_fresh(path, update, app.commit, moved)
        commit = repo.peel(path, update.new) or update.new
        self.operations.note(operation, "receive")
        operation.transcript.step(f"Received {commit[:7]} {repo.subject(path, commit)}".rstrip())
        return update.ref, repo.head_of(path, update.ref), commit

    def _fetch(self, operation: Operation, app: App, url: str, ref: str | None) -> tuple[str, str | None, str]:
        path = self.machine.repo(app.name)
        self.operations.note(operation, "receive")
        with operation.transcript.timed(f"Fetching {receive.without_password(url)}"):
            commit, remote = receive.fetch(self.machine, app.name, url, ref, operation.transcript)
        branch = app.branch or next((one for one in DEPLOY_BRANCHES if one.endswith("/" + remote)), DEPLOY_BRANCHES[0])
        operation.transcript.detail(f"{commit[:7]} {repo.subject(path, commit)}".rstrip())
        return branch, repo.head_of(path, branch), commit

    def _build(
        self, operation: Operation, app: App, commit: str, runtime: Runtime | None, command: str | None
    ) -> tuple[Plan, str, App]:
        """What was planned, the image, and the app with the config vars that its code asks for."""
        machine, say = self.machine, operation.transcript
        config = machine.configs.read(app.name, app.config)
        modules = submodules.fetch(machine, app.name, commit, self._origin(operation, app), say)
        folder = build.subfolder(app, config)
        with Source(machine.repo(app.name), commit, folder, modules) as files:
            if folder and not files.names():
                raise _no_folder(machine, app, commit, folder)
            plan = build.plan(
                files, runtime, command, images=machine.images, settings=machine.settings, sticky=_sticky(machine, app)
            )
            say.step(plan.reasons[0])
            if folder:
                say.detail(f"Folder: {folder}/ of the repository ({'--path' if app.path else 'PROJECT_PATH'})")
            for reason in plan.reasons[1:]:
                say.detail(reason)
            for warning in plan.warnings:
                say.trouble(warning)
            app = release.settle_config(machine, app, plan, say)
        config = machine.configs.read(app.name, app.config)
        self.operations.note(operation, "build", commit=commit)
        folder = f"{folder}/{plan.folder}".strip("/")
        with Source(machine.repo(app.name), commit, folder, modules) as files, self._builds:
            operation.check()
            operation.on_halt = lambda: machine.images.cancel(operation.id)
            try:
                image = build.build(machine.images, machine.settings, app.name, files, plan, operation.id, say, config)
            finally:
                operation.on_halt = lambda: None
                operation.check()
            return build.with_port(machine.images, plan, image, say), image, app

    def _origin(self, operation: Operation, app: App) -> str:
        """Where the code comes from: this deploy's URL, else the one of the last deploy that had one."""
        journals = reversed(self.machine.registry.journals(app.name))
        return str(operation.facts.get("repo") or next((one["repo"] for one in journals if one.get("repo")), ""))

    def _postdeploy(self, operation: Operation, live: App, made: Release, command: str) -> None:
        """app.json's script after the first deploy; the release is live already, so a failure is only said."""
        say = operation.transcript
        with say.timed(f"Running the postdeploy script: {command}"):
            environment = environment_of(self.machine, made)
            code = run.one_off(self.machine, live, made, command, environment, say, operation.check)
        if code:
            say.trouble(f"The postdeploy script ended with {code}; run it again with: minpaas run {command}")

    def noter(self, operation: Operation) -> "_Noter":
        """A way to journal that a story further down can be given."""
        return _Noter(self.operations, operation)

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

        in_background(work)

    def move_branch(self, app: str, branch: str, commit: str) -> None:
        """The deploy branch is the commit of the live release; after the commit point nothing may keep it from there."""
        path = self.machine.repo(app)
        try:
            old = repo.head_of(path, branch)
            if old != commit:
                repo.move(path, branch, old, commit)
            if repo.head_of(path, "HEAD") != commit:
                repo.point_head(path, branch)
        except Exception:
            log.exception("the branch of %s could not be moved to %s; the next start does it", app, commit)


def _sticky(machine: Machine, app: App) -> str:
    """What the live release was built with, such as python:3.13."""
    if not app.release:
        return ""
    live = machine.registry.release(app.name, app.release)
    return f"{live.runtime}:{live.runtime_version}" if live.runtime_version else ""


class _Noter:
    """Journals for one operation."""

    def __init__(self, operations: Operations, operation: Operation):
        self._operations, self._operation = operations, operation

    def __call__(self, step: str, **facts: object) -> None:
        self._operations.note(self._operation, step, **facts)


def _no_folder(machine: Machine, app: App, commit: str, folder: str) -> NothingToDeploy:
    with Source(machine.repo(app.name), commit) as files:
        there = ", ".join(one for one in files.names() if one.endswith("/")) or "none"
    return NothingToDeploy(
        f"{folder!r}; folders of this commit: {there}",
        title="There is no such folder",
        hint="give another one: minpaas deploy --path FOLDER (or --path . for the whole repository)",
        reason="no such folder",
    )


def _is_live(machine: Machine, app: App, commit: str, runtime: Runtime | None, command: str | None) -> bool:
    asked_otherwise = (runtime and runtime != app.runtime) or (command and command != app.command)
    asked_otherwise = asked_otherwise or (
        app.release is not None and machine.registry.release(app.name, app.release).path != app.path
    )
    return app.commit == commit and app.status == "running" and not app.stopped and not asked_otherwise
