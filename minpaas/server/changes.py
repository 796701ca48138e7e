"""The story of what is changed without new code: config vars, rollback, formation, stop and start."""

from collections.abc import Mapping
from typing import Any

from minpaas.server import launch, release, route
from minpaas.server.access import Actor
from minpaas.server.deploy import Deploys
from minpaas.server.errors import DeployFailed, NoSuchRelease, Refused
from minpaas.server.models import App, Limits, OwnChecks, Release
from minpaas.server.operations import Operation


class Changes:
    """Each change is an operation with a transcript; when it fails, nothing has changed."""

    def __init__(self, deploys: Deploys):
        self._deploys = deploys
        self._machine = deploys.machine

    def config(self, app: str, values: Mapping[str, str | None], restart: bool, actor: Actor) -> Operation:
        """Set variables (None: unset). One release and no build; unchanged values make no release."""

        def work(operation: Operation) -> App:
            configs, found = self._machine.configs, self._machine.registry.app(app)
            before = configs.read(app, found.config)
            after = {name: value for name, value in {**before, **values}.items() if value is not None}
            config = configs.write(app, after)
            changed = _named(before, after)
            say = operation.transcript
            live = self._machine.registry.release(app, found.release) if found.release else None
            if not changed and (live is None or not restart or live.config == config):
                say.step("Nothing to do: these config vars are set so already")
                return found
            say.step(f"Config vars: {changed or 'what was staged'}")
            staged = found.model_copy(update={"config": config})
            if live is None or not restart:
                say.detail("The next release gets them")
                self._machine.registry.save(staged)
                return staged
            made = release.redraft(found, live, operation.why(changed or "Config vars that were staged"), config)
            if found.stopped:
                resting: dict[str, Any] = {"processes": [], "stopped": True, "status": "stopped"}
                stays = release.record(self._machine, staged, made, []).model_copy(update=resting)
                release.publish(self._machine, stays, made)
                say.detail("It is stopped and stays so; it gets them when it is started")
                return stays
            return self._launch(operation, found, staged, made)

        return self._deploys.operations.begin(app, "config", work, actor, names=sorted(values))

    def rollback(self, app: str, number: int | None, actor: Actor) -> Operation:
        """Make a new release from an old one, code and config, without a build. None: the one before the live one."""

        def work(operation: Operation) -> App:
            found = self._machine.registry.app(app)
            target = self._target(found, number)
            launch.check_image(self._machine, target)
            made = release.redraft(found, target, operation.why(f"Rollback to {target.name}"), target.config)
            operation.transcript.step(f"Rolling back to {target.name} ({target.commit[:7]})")
            live = self._launch(operation, found, found.model_copy(update={"config": target.config}), made)
            if live.branch:
                self._deploys.move_branch(app, live.branch, live.commit)
            operation.transcript.detail(f"To undo: minpaas rollback v{found.release} -a {app}")
            return live

        return self._deploys.operations.begin(app, "rollback", work, actor, to=number)

    def scale(self, app: str, wanted: Mapping[str, int | str], actor: Actor) -> Operation:
        """Another formation, such as {"web": 2, "worker": "+1"}; no new release."""

        def work(operation: Operation) -> App:
            found = self._machine.registry.app(app)
            formation = _formation(found, wanted, self._types(found))
            operation.transcript.step("Formation: " + ", ".join(f"{kind}={count}" for kind, count in formation.items()))
            if found.release is None or found.stopped:
                return self._machine.registry.change(app, formation=formation)
            after = launch.again(self._machine, operation, found, formation, fresh=False)
            self._retire_replaced(found, after)
            return after

        return self._deploys.operations.begin(app, "scale", work, actor, formation=dict(wanted))

    def restart(self, app: str, process: str | None, actor: Actor) -> Operation:
        """Fresh processes of the live release in the place of all, of one type, or of one (web.1)."""

        def work(operation: Operation) -> App:
            found = self._released(app)
            going = [one for one in found.processes if process in (None, one.type, one.name)]
            if process and not going:
                raise Refused(f"{app} runs no {process}", hint=f"see what runs with: minpaas ps {app}")
            rest = found.model_copy(
                update={"processes": [one for one in found.processes if one not in going], "stopped": False}
            )
            after = launch.again(self._machine, operation, rest, found.formation, fresh=not rest.processes)
            self._retire_replaced(found, after)
            return after

        return self._deploys.operations.begin(app, "restart", work, actor, process=process)

    def bring_back(self, app: str, actor: Actor) -> Operation:
        """Make again what someone has removed with docker, in the formation that the app has."""

        def work(operation: Operation) -> App:
            found = self._machine.registry.app(app)
            states = self._machine.engine.states()
            going = [one for one in found.processes if one.container not in states]
            if not going or found.stopped:
                return found
            operation.transcript.step(f"Bringing back {', '.join(one.name for one in going)}: removed by someone")
            rest = found.model_copy(update={"processes": [one for one in found.processes if one not in going]})
            after = launch.again(self._machine, operation, rest, found.formation, fresh=not rest.processes)
            self._retire_replaced(found, after)
            return after

        return self._deploys.operations.begin(app, "restart", work, actor)

    def stop(self, app: str, actor: Actor) -> Operation:
        """Stop every process; visitors meet a page that says so. Survives a reboot."""

        def work(operation: Operation) -> App:
            found = self._released(app)
            after = found.model_copy(update={"stopped": True, "status": "stopped", "processes": [], "port": None})
            route.switch(self._machine, instead=after)
            self._machine.registry.save(after)
            launch.route_again(self._machine)
            self._retire_replaced(found, after)
            operation.transcript.step(f"Stopped. To start it: minpaas apps:start {app}")
            return after

        return self._deploys.operations.begin(app, "stop", work, actor)

    def start(self, app: str, actor: Actor) -> Operation:
        """Start what was stopped, in its formation."""

        def work(operation: Operation) -> App:
            found = self._released(app)
            if not found.stopped:
                operation.transcript.step("Nothing to do: it is not stopped")
                return found
            return launch.again(
                self._machine, operation, found.model_copy(update={"stopped": False}), found.formation, fresh=True
            )

        return self._deploys.operations.begin(app, "start", work, actor)

    def limits(self, app: str, kind: str, limits: Limits, actor: Actor) -> Operation:
        """Memory and CPU of a process type; its processes are replaced."""

        def work(operation: Operation) -> App:
            found = self._machine.registry.app(app)
            after = found.model_copy(update={"limits": {**found.limits, kind: limits}})
            operation.transcript.step(f"Limits of {kind}: {_limits(limits)}")
            return self._anew(operation, found, after)

        return self._deploys.operations.begin(app, "limits", work, actor, process=kind)

    def checks(self, app: str, checks: OwnChecks | None, actor: Actor) -> Operation:
        """How a web process shows that it is well; from the next start on. None: as the code says."""

        def work(operation: Operation) -> App:
            operation.transcript.step(f"Health check: {checks or OwnChecks()}")
            return self._machine.registry.change(app, checks=checks)

        return self._deploys.operations.begin(app, "checks", work, actor)

    def set(self, app: str, what: str, actor: Actor, **fields: Any) -> Operation:
        """Change what only concerns the route or the record: domains, maintenance, lock."""

        def work(operation: Operation) -> App:
            found = self._machine.registry.app(app)
            after = found.model_copy(update=fields)
            route.switch(self._machine, instead=after)
            self._machine.registry.save(after)
            launch.route_again(self._machine)
            operation.transcript.step(what)
            return after

        return self._deploys.operations.begin(app, "set", work, actor, fields=sorted(fields))

    def fresh(self, app: str, what: str, actor: Actor, **fields: Any) -> Operation:
        """Change what only new processes can have, such as networks; they are replaced without a gap."""

        def work(operation: Operation) -> App:
            found = self._machine.registry.app(app)
            operation.transcript.step(what)
            return self._anew(operation, found, found.model_copy(update=fields))

        return self._deploys.operations.begin(app, "set", work, actor, fields=sorted(fields))

    def _anew(self, operation: Operation, found: App, after: App) -> App:
        if found.release is None or found.stopped:
            self._machine.registry.save(after)
            return after
        live = launch.again(self._machine, operation, after, after.formation, fresh=True)
        self._retire_replaced(found, live)
        return live

    def _launch(self, operation: Operation, found: App, staged: App, made: Release) -> App:
        live = launch.launch(self._machine, operation, staged, made, self._deploys.noter(operation))
        self._retire_replaced(found, live)
        self._deploys.on_live(operation, found, live)
        operation.transcript.step(f"Live: {live.name} {made.name}")
        return live

    def _retire_replaced(self, before: App, after: App) -> None:
        kept = {one.container for one in after.processes}
        gone = [one for one in before.processes if one.container not in kept]
        if gone:
            self._deploys.retire(before.name, gone)

    def _released(self, app: str) -> App:
        found = self._machine.registry.app(app)
        if found.release is None:
            raise DeployFailed(
                f"{app} has no release yet", hint="deploy it first: git push minpaas main", reason="no release"
            )
        return found

    def _types(self, app: App) -> list[str]:
        return list(self._machine.registry.release(app.name, app.release).process_types) if app.release else []

    def _target(self, app: App, number: int | None) -> Release:
        if app.release is None:
            raise NoSuchRelease(app.name, f"{app.name} has no release yet")
        numbers = [one.number for one in self._machine.registry.releases(app.name)]
        if number is None:
            number = max((one for one in numbers if one < app.release), default=0)
        if number not in numbers:
            raise NoSuchRelease(app.name, f"v{number}" if number else f"v{app.release} is the first")
        if number == app.release:
            raise NoSuchRelease(app.name, f"v{number} is live already")
        return self._machine.registry.release(app.name, number)


def _named(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Set A, B; Unset C - names only, never values."""
    put = sorted(name for name, value in after.items() if before.get(name) != value)
    gone = sorted(set(before) - set(after))
    parts: list[str] = [f"Set {', '.join(put)}"] if put else []
    return "; ".join([*parts, f"Unset {', '.join(gone)}"] if gone else parts)


def _formation(app: App, wanted: Mapping[str, int | str], types: list[str]) -> dict[str, int]:
    formation = dict(app.formation)
    for kind, count in wanted.items():
        if types and kind not in types:
            raise Refused(
                f"the Procfile has no {kind!r}; it has {', '.join(types)}", hint=f"see: minpaas ps {app.name}"
            )
        given = str(count)
        new = formation.get(kind, 0) + int(given) if given[:1] in "+-" else int(given)
        if not 0 <= new <= 100:
            raise Refused(f"{kind}={new}", hint="a type can have 0 to 100 processes")
        formation[kind] = new
    return formation


def _limits(limits: Limits) -> str:
    memory = f"memory={limits.memory >> 20}M" if limits.memory else "memory as set for all"
    return f"{memory}, cpu={limits.cpu:g}" if limits.cpu else memory
