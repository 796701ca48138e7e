"""The story of an app's life between deploys: created, renamed, cloned, stopped with the machine, deleted."""

import logging
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from minpaas.server import launch, release, route, run
from minpaas.server.access import Actor, check
from minpaas.server.deploy import Deploys
from minpaas.server.errors import AppExists
from minpaas.server.git import repo
from minpaas.server.models import App, Process, Release, app_name
from minpaas.server.operations import Operation, in_background
from minpaas.server.registry import now

log = logging.getLogger("minpaas.apps")


class Apps:
    """Creates, lists, renames, clones and deletes."""

    def __init__(self, deploys: Deploys):
        self._deploys = deploys
        self.machine = deploys.machine
        self.operations = deploys.operations

    def all(self, actor: Actor) -> list[App]:
        """Every app, by name."""
        check(actor, "read")
        return self.machine.registry.apps()

    def one(self, name: str, actor: Actor) -> App:
        """One app. Raises NoSuchApp."""
        check(actor, "read", name)
        return self.machine.registry.app(app_name(name))

    def create(self, name: str, actor: Actor, path: str = "") -> App:
        """An app with an empty repository, of which the folder `path` is built. Raises BadAppName, AppExists."""
        check(actor, "create", app_name(name))
        with self._deploys.turns.turn(name):
            if self.machine.registry.has(name):
                raise AppExists(name)
            return self._create(name, path)

    def ensure(self, name: str, actor: Actor) -> App:
        """The app, created when it is missing. Raises BadAppName."""
        check(actor, "create", app_name(name))
        if self.machine.registry.has(name):
            return self.machine.registry.app(name)
        with self._deploys.turns.turn(name):
            return self.machine.registry.app(name) if self.machine.registry.has(name) else self._create(name)

    def delete(self, name: str, actor: Actor) -> None:
        """Take the app away with all it has: route, processes, images, repository, state. Raises NoSuchApp.

        Waits for a running deploy. What is gone already is no error.
        """
        check(actor, "delete", app_name(name))
        with self._deploys.turns.turn(name):
            self._delete(name)

    def rename(self, name: str, new: str, actor: Actor) -> Operation:
        """Another name for all that an app has; fresh processes take over without a gap. Raises NoSuchApp, AppExists."""

        def work(operation: Operation) -> App:
            with self._deploys.turns.turn(new):
                source, say = self.machine.registry.app(name), operation.transcript
                say.step(f"Renaming {name} to {new}")
                self._copy(source, new, everything=True)
                moving = source.model_copy(update={"name": new, "url": self.machine.url(new), "domains": []})
                if source.release and not source.stopped:
                    moving = launch.again(self.machine, operation, moving, moving.formation, fresh=True)
                # from here on the new name has everything, and the old one nothing
                after = moving.model_copy(update={"domains": source.domains})
                self.machine.registry.save(after)
                operation.app = new
                self._forget(name)
                in_background(self._clear, name, source.processes, new)
                say.step(f"Live: {new}" if source.release else f"Renamed: {new}")
                say.detail(after.url)
                say.detail(f"To undo: minpaas apps:rename {name} -a {new}")
                return after

        return self._into(name, new, "rename", name, work, actor)

    def clone(self, name: str, new: str, actor: Actor) -> Operation:
        """A second app: the live release's image, config vars, formation, limits, repository. Domains stay where they are.

        Raises NoSuchApp, AppExists.
        """

        def work(operation: Operation) -> App:
            with self._deploys.turns.turn(name):
                source, say = self.machine.registry.app(name), operation.transcript
                say.step(f"Cloning {name} to {new}")
                self._copy(source, new, everything=False)
                claimed = self.machine.registry.app(new)
                kept = ("branch", "path", "runtime", "formation", "config", "limits", "checks", "networks")
                staged = claimed.model_copy(update={field: getattr(source, field) for field in kept})
                self.machine.registry.save(staged)
                if source.release is None:
                    return staged
                base = self._adopted(self.machine.registry.release(name, source.release), new)
            made = release.redraft(staged, base, operation.why(f"Clone of {name} {base.name}"), staged.config)
            live = launch.launch(self.machine, operation, staged, made, self._deploys.noter(operation))
            in_background(self._hold, new)
            say.step(f"Live: {new} {made.name}")
            say.detail(live.url)
            say.detail(f"To remove it: minpaas delete {new}")
            return live

        return self._into(name, new, "clone", new, work, actor)

    def stop_all(self) -> None:
        """For `minpaas down`: every process is stopped, what should run is remembered."""
        self.machine.leaving = True
        engine, grace = self.machine.engine, self.machine.settings.grace
        with ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda container: engine.stop(container.id, grace), engine.containers()))

    def remove_all(self) -> None:
        """For `minpaas clean`: what is left on the engine of ours, its network and the stack images."""
        engine, images = self.machine.engine, self.machine.images
        for container in engine.containers():
            engine.remove(container.id)
        images.let_go()
        for image in [*images.of(), *images.of_stacks()]:
            images.remove(image)
        self.machine.network.remove()

    def _into(
        self, name: str, new: str, kind: str, under: str, work: Callable[[Operation], App], actor: Actor
    ) -> Operation:
        """Claim the new name, then begin; what fails gives the name back."""
        self.one(name, actor)
        self.create(new, actor)

        def guarded(operation: Operation) -> App:
            try:
                return work(operation)
            except BaseException:
                if operation.app == under:  # not past the point from which the new name has everything
                    self._delete(new)
                raise

        try:
            return self.operations.begin(under, kind, guarded, actor, name=name, new=new)
        except BaseException:
            self._delete(new)
            raise

    def _copy(self, source: App, new: str, *, everything: bool) -> None:
        """What is kept of an app under a second name: files are linked, since none is ever written in place."""
        machine = self.machine
        old = machine.repo(source.name)
        if old.exists():
            shutil.rmtree(machine.repo(new), ignore_errors=True)
            shutil.copytree(old, machine.repo(new), symlinks=True, copy_function=os.link)
        kept = machine.settings.state / "apps"
        for folder in ("config", *(("deploys", "releases", "logs") if everything else ())):
            if (kept / source.name / folder).is_dir():
                shutil.copytree(
                    kept / source.name / folder, kept / new / folder, copy_function=os.link, dirs_exist_ok=True
                )
        if everything:
            for one in machine.registry.releases(new):
                machine.registry.write_release(self._adopted(one, new))

    def _adopted(self, one: Release, new: str) -> Release:
        """A release as one of another app, with an image that carries that app's label."""
        if self.machine.images.find(one.image) is None:
            return one.model_copy(update={"app": new})
        return one.model_copy(update={"app": new, "image": self.machine.images.adopt(one.image, new)})

    def _forget(self, name: str) -> None:
        """Repository, record and route of an app; its containers and images are still there."""
        machine = self.machine
        going = machine.settings.repos / f".{name}.git.deleted"
        if machine.repo(name).exists():
            shutil.rmtree(going, ignore_errors=True)
            machine.repo(name).rename(going)
        machine.registry.remove(name)
        route.switch(machine)
        shutil.rmtree(going, ignore_errors=True)

    def _delete(self, name: str) -> None:
        machine, app = self.machine, self.machine.registry.app(name)
        self._forget(name)
        run.remove(machine, app.processes)
        for container in machine.engine.containers(name):
            machine.engine.remove(container.id)
        self._drop_images(name)

    def _clear(self, name: str, processes: list[Process], new: str) -> None:
        """After a rename: let the old processes drain, then let go of what only they needed."""
        try:
            # what they still print while they drain is lost: it belongs to a name that is gone
            for process in processes:
                self._keep_lines(process, new)
            run.retire(self.machine, processes)
            self._hold(new)
            with self._deploys.turns.turn(name):
                if not self.machine.registry.has(name):  # nobody has taken the name meanwhile
                    self._drop_images(name)
        except Exception:
            log.exception("clearing away what was %s", name)

    def _keep_lines(self, process: Process, new: str) -> None:
        engine = self.machine.engine
        if seen := engine.usage(process.container):
            found = seen[0]
            try:
                self.machine.archive.keep(new, found.release, found.process, found.id, engine.log_lines(found.id))
            except OSError as error:  # a full disk must not keep it from being stopped
                log.warning("what %s of %s printed is not kept: %s", found.process, found.app, error)

    def _hold(self, name: str) -> None:
        with self._deploys.turns.turn(name):
            if self.machine.registry.has(name):
                release.prune(self.machine, name)

    def _drop_images(self, name: str) -> None:
        self.machine.images.hold(name, set())
        for image in self.machine.images.of(name):
            self.machine.images.remove(image)

    def _create(self, name: str, path: str = "") -> App:
        repo.create(self.machine.repo(name), self.machine.settings.shipped("hooks"))
        app = App(name=name, url=self.machine.url(name), path=path, created_at=now())
        self.machine.registry.save(app)
        route.switch(self.machine)
        return app
