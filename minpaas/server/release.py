"""The step that makes a release of an image: numbered, written once, and by the rename of apps.json the truth."""

from minpaas.server import registry
from minpaas.server.access import Actor
from minpaas.server.machine import Machine
from minpaas.server.models import App, Process, Release
from minpaas.server.runtimes import Plan

KEPT = 10  # releases whose images stay, for rollback


def draft(app: App, plan: Plan, image: str, commit: str, actor: Actor, reason: str) -> Release:
    """The app's next release, not written yet."""
    return Release(
        version=registry.VERSION,
        app=app.name,
        number=app.last_release + 1,
        image=image,
        commit=commit,
        runtime=plan.runtime,
        process_types=plan.process_types,
        formation=app.formation,
        port=plan.port,
        environment=plan.environment,
        domains=app.domains,
        created_at=registry.now(),
        created_by=str(actor),
        reason=reason,
    )


def record(machine: Machine, app: App, release: Release, processes: list[Process]) -> App:
    """The app's record as it is once the release is live."""
    first = next((one for one in processes if one.type == "web"), None)
    return app.model_copy(
        update={
            "runtime": release.runtime,
            "command": release.process_types.get("web", ""),
            "port": first.port if first else None,
            "status": "running",
            "exit_code": None,
            "url": machine.url(app.name),
            "release": release.number,
            "last_release": release.number,
            "commit": release.commit,
            "processes": processes,
        }
    )


def publish(machine: Machine, app: App, release: Release) -> None:
    """Write the release, then make it the truth: this rename is the commit point."""
    machine.registry.write_release(release)
    machine.registry.save(app)


def prune(machine: Machine, app: str) -> None:
    """Remove images that no kept release refers to; the newest KEPT releases keep theirs."""
    kept = {release.image for release in machine.registry.releases(app)[-KEPT:]}
    for image in machine.engine.app_images(app):
        if image not in kept:
            machine.engine.remove_image(image)
