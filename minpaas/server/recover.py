"""The story of a start: whatever a crash or a reboot has left, the machine is brought to what the state says."""

import logging
import shutil

from minpaas.server import launch, release, route, run
from minpaas.server.addresses import Addresses
from minpaas.server.deploy import Deploys
from minpaas.server.engine import RUN, Container
from minpaas.server.git import repo
from minpaas.server.machine import Machine
from minpaas.server.models import App, Process
from minpaas.server.registry import now
from minpaas.server.transcript import Transcript

log = logging.getLogger("minpaas.recover")


def recover(deploys: Deploys) -> None:
    """Reconcile machine and state. One app's trouble is logged and does not keep the others from running."""
    machine = deploys.machine
    subnet = machine.network.ensure()
    containers = {one.id: one for one in machine.engine.containers()}
    machine.addresses = Addresses(subnet, [one.address for one in containers.values()])
    _repos(machine)
    for app in machine.registry.apps():
        try:
            _journals(machine, app.name)
            _processes(machine, app, containers)
            _branch(machine, app)
        except Exception:
            log.exception("app %s could not be brought back", app.name)
    route.switch(machine)
    _leftovers(deploys, list(containers.values()))


def _processes(machine: Machine, app: App, containers: dict[str, Container]) -> None:
    """Every process of the live release runs, unless its owner has stopped it; gone ones are made anew."""
    if app.release is None:
        return
    lost = [one for one in app.processes if one.container not in containers]
    if lost or not app.processes:
        _start_anew(machine, app)
        return
    seen = []
    for process in app.processes:
        container = containers[process.container]
        if app.stopped:
            seen.append(process)
            continue
        machine.engine.keep_running(container.id)
        if container.status not in ("running", "restarting"):
            machine.engine.resume(container.id)
        container = machine.engine.container(container.id)
        seen.append(process.model_copy(update={"port": container.port}))
    status = "stopped" if app.stopped else "running"
    machine.registry.save(
        app.model_copy(update={"processes": seen, "status": status, "port": seen[0].port, "url": machine.url(app.name)})
    )


def _start_anew(machine: Machine, app: App) -> None:
    """Containers that someone removed come back from the release's image, at new addresses."""
    assert app.release
    if app.stopped:
        return
    live = machine.registry.release(app.name, app.release)
    run.remove(machine, app.processes)
    processes: list[Process] = run.start(machine, app, live, launch.environment_of(machine, live), Transcript())
    for process in processes:
        machine.engine.keep_running(process.container)
    machine.registry.save(release.record(machine, app, live, processes))


def _branch(machine: Machine, app: App) -> None:
    """The deploy branch is the commit of the live release, also after a crash between the two."""
    path = machine.repo(app.name)
    repo.create(path, machine.settings.shipped("hooks"))
    repo.sweep(path)
    if app.branch and app.commit:
        head = repo.head_of(path, app.branch)
        if head != app.commit and repo.peel(path, app.commit):
            repo.move(path, app.branch, head, app.commit)


def _journals(machine: Machine, app: str) -> None:
    """A deploy that was cut short is marked so; nothing has to be unlocked."""
    for entry in machine.registry.journals(app):
        if entry.get("step") != "ended":
            ended = {**entry, "step": "ended", "result": "failed", "reason": "interrupted", "at": now()}
            machine.registry.write_journal(app, entry["id"], ended)
    live = machine.registry.app(app).last_release
    for written in machine.registry.releases(app):
        if written.number > live:
            machine.registry.forget_release(app, written.number)


def _repos(machine: Machine) -> None:
    """Finish deletes that were cut short; a repository that no record knows otherwise is left alone."""
    machine.settings.repos.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in machine.settings.repos.glob(".*.git.deleted"):
        name = path.name.removeprefix(".").removesuffix(".git.deleted")
        if machine.registry.has(name) and not machine.repo(name).exists():
            path.rename(machine.repo(name))
        else:
            shutil.rmtree(path, ignore_errors=True)
    for name in machine.registry.forgotten():
        shutil.rmtree(machine.settings.state / "apps" / name, ignore_errors=True)


def _leftovers(deploys: Deploys, containers: list[Container]) -> None:
    """Containers and images of ours that no record refers to: the old are drained, what never served goes at once."""
    machine = deploys.machine
    apps = {app.name: app for app in machine.registry.apps()}
    wanted = {process.container for app in apps.values() for process in app.processes}
    for container in containers:
        if container.id in wanted or RUN in container.labels:
            continue  # one-offs are recovered by their own story
        kind, _, number = container.process.partition(".")
        releases = {one.name: one for one in machine.registry.releases(container.app)} if container.app in apps else {}
        served = releases.get(container.release)
        address = f"{container.address}:{served.port if served else 0}"
        process = Process(type=kind or "web", number=int(number or 1), container=container.id, address=address)
        if served:
            deploys.retire(container.app, [process])
        else:
            run.remove(machine, [process])
    for name in apps:
        release.prune(machine, name)
    for image, tags in machine.images.of().items():
        if not any(tag.rpartition(":")[0].rpartition("/")[2] in apps for tag in tags):
            machine.images.remove(image)
