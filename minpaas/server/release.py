"""The step that makes a release of an image: numbered, written once, and by the rename of apps.json the truth."""

import secrets

from minpaas.server import registry
from minpaas.server.machine import Machine
from minpaas.server.models import App, OwnChecks, Process, Release, Why
from minpaas.server.runtimes import Plan
from minpaas.server.transcript import Transcript

KEPT = 10  # releases whose images stay, for rollback


def draft(app: App, plan: Plan, image: str, commit: str, why: Why) -> Release:
    """The app's next release, not written yet."""
    return Release(
        version=registry.VERSION,
        app=app.name,
        number=app.last_release + 1,
        image=image,
        commit=commit,
        path=app.path,
        runtime=plan.runtime,
        process_types=plan.process_types,
        runtime_version=plan.version,
        formation={**app.formation, **plan.formation} if app.release is None else app.formation,
        port=plan.port,
        environment=plan.environment,
        config=app.config,
        release_command=plan.release_command,
        checks=(app.checks or OwnChecks()).over(plan.health_path),
        domains=app.domains,
        created_at=registry.now(),
        created_by=why.actor,
        operation=why.operation,
        reason=why.reason,
    )


def settle_config(machine: Machine, app: App, plan: Plan, transcript: Transcript) -> App:
    """The app with the config vars that its code has a value for, at its first deploy; what it lacks is said by name.

    They become the app's own with its first release; a deploy that fails leaves none behind.
    """
    values = machine.configs.read(app.name, app.config)
    where = " and ".join(dict.fromkeys(one.where for one in plan.config_vars))
    made, missing = dict[str, str](), list[str]()
    for one in plan.config_vars:
        if one.name in values:
            continue
        if app.release is None and one.generated:
            made[one.name] = secrets.token_hex(32)
        elif app.release is None and one.default is not None:
            made[one.name] = one.default
        elif one.required and one.default is None and not one.generated:
            missing.append(one.name)
    if made:
        transcript.detail(f"Config vars of {where}: {', '.join(sorted(made))}")
    if missing:
        settings = " ".join(f"{name}=..." for name in missing)
        transcript.trouble(f"{where} asks for {', '.join(missing)}: minpaas config:set {settings} -a {app.name}")
    return app.model_copy(update={"config": machine.configs.write(app.name, {**values, **made})}) if made else app


def redraft(app: App, base: Release, why: Why, config: str | None) -> Release:
    """A new release from an old one with other config vars, not written yet."""
    return base.model_copy(
        update={
            "number": app.last_release + 1,
            "config": config,
            "formation": app.formation,
            "domains": app.domains,
            "checks": app.checks.over(base.checks.path) if app.checks else base.checks,
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
            "formation": release.formation,
            "exit_code": None,
            "notice": "",
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
    machine.images.hold(app, kept)
    for image in machine.images.of(app):
        if image not in kept:
            machine.images.remove(image)
