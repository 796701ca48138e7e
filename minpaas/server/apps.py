"""The story of an app's life between deploys: created, stopped with the machine, deleted."""

import shutil
from concurrent.futures import ThreadPoolExecutor

from minpaas.server import route, run
from minpaas.server.access import Actor, check
from minpaas.server.deploy import Deploys
from minpaas.server.errors import AppExists
from minpaas.server.git import repo
from minpaas.server.models import App, app_name
from minpaas.server.registry import now


class Apps:
    """Creates, lists and deletes."""

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

    def create(self, name: str, actor: Actor) -> App:
        """An app with an empty repository. Raises BadAppName, AppExists."""
        check(actor, "create", app_name(name))
        with self._deploys.turns.turn(name):
            if self.machine.registry.has(name):
                raise AppExists(name)
            return self._create(name)

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
        machine = self.machine
        with self._deploys.turns.turn(name):
            app = machine.registry.app(name)
            going = machine.settings.repos / f".{name}.git.deleted"
            if machine.repo(name).exists():
                shutil.rmtree(going, ignore_errors=True)
                machine.repo(name).rename(going)
            machine.registry.remove(name)
            route.switch(machine)
            run.remove(machine, app.processes)
            for container in machine.engine.containers(name):
                machine.engine.remove(container.id)
            machine.engine.hold_images(name, set())
            for image in machine.engine.app_images(name):
                machine.engine.remove_image(image)
            shutil.rmtree(going, ignore_errors=True)

    def stop_all(self) -> None:
        """For `minpaas down`: every process is stopped, what should run is remembered."""
        engine, grace = self.machine.engine, self.machine.settings.grace
        with ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda container: engine.stop(container.id, grace), engine.containers()))

    def remove_all(self) -> None:
        """For `minpaas clean`: what is left on the engine of ours, its network and the stack images."""
        engine = self.machine.engine
        for container in engine.containers():
            engine.remove(container.id)
        engine.let_go_of_images()
        for image in [*engine.app_images(), *engine.stack_images()]:
            engine.remove_image(image)
        engine.remove_network()

    def _create(self, name: str) -> App:
        repo.create(self.machine.repo(name), self.machine.settings.shipped("hooks"))
        app = App(name=name, url=self.machine.url(name), created_at=now())
        self.machine.registry.save(app)
        route.switch(self.machine)
        return app
