"""The step that makes a release of an image: numbered, written once, and by the rename of apps.json the truth."""

from minpaas.server import registry
from minpaas.server.machine import Machine
from minpaas.server.models import App, Checks, Process, Release, Why
from minpaas.server.runtimes import Plan

KEPT = 10  # releases whose images stay, for rollback


def draft(app: App, plan: Plan, image: str, commit: str, why: Why) -> Release:
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
        config=app.config,
        release_command=plan.process_types.get("release", ""),
        checks=app.checks or Checks(),
        domains=app.domains,
        created_at=registry.now(),
        created_by=why.actor,
        operation=why.operation,
        reason=why.reason,
    )


def redraft(app: App, base: Release, why: Why, config: str | None) -> Release:
    """A new release from an old one with other config vars, not written yet."""
    return base.model_copy(
        update={
            "number": app.last_release + 1,
            "config": config,
            "formation": app.formation,
            "domains": app.domains,
            "checks": app.checks or base.checks,
            "created_at": registry.now(),
            "created_by": why.actor,
            "operation": why.operation,
            "reason": why.reason,
        }
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
            "stopped": False,
            "config": release.config,
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
    said = f"Release {release.name} created by {release.created_by or 'minpaas'}: {release.reason}"
    machine.archive.tell(app.name, release.name, "api", said)


def prune(machine: Machine, app: str) -> None:
    """Remove images that no kept release refers to; the newest KEPT releases keep theirs, also from a person's prune."""
    kept = {release.image for release in machine.registry.releases(app)[-KEPT:]}
    machine.engine.hold_images(app, kept)
    for image in machine.engine.app_images(app):
        if image not in kept:
            machine.engine.remove_image(image)
