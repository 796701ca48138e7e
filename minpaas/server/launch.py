"""The story of a cutover: new, healthy, switch, commit, then the old. All process types switch together, or none does."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from minpaas.plan import HOST
from minpaas.server import build, failures, proof, release, route, run
from minpaas.server.clues import Case
from minpaas.server.errors import AnswersWorse, DeployFailed, ImageGone, MachineTrouble, ReleaseCommandFailed
from minpaas.server.git.source import Source
from minpaas.server.machine import Machine
from minpaas.server.models import App, Process, Release
from minpaas.server.operations import Operation
from minpaas.server.transcript import Transcript

log = logging.getLogger("minpaas.launch")
Note = Callable[..., None]


def launch(machine: Machine, operation: Operation, app: App, made: Release, note: Note) -> App:
    """Make a release live; the app's record afterwards. What serves is not touched before its successor has answered.

    Raises DeployFailed of some kind; then nothing of the new release is left running, and nothing has changed.
    """
    say = operation.transcript
    note("run", release=made.number)
    environment = environment_of(machine, made)
    if made.release_command and operation.facts["kind"] in ("push", "url"):
        with _explained(machine, made, made.release_command):
            _release_command(machine, operation, app, made, environment)
    started = (f"{kind}={n}" for kind, n in made.formation.items() if kind in made.process_types)
    say.step(f"Starting {made.name} ({', '.join(started)})")
    processes = run.start(machine, app, made, environment, say)
    try:
        with _explained(machine, made, made.process_types.get("web", "")):
            _await(machine, operation, app, made, processes)
        note("route", release=made.number)
        live = release.record(machine, app, made, processes)
        if addresses := [one.address for one in route.web(processes)]:
            say.step(f"Routing {machine.url(app.name)} to {made.name}")
            say.command(f'{machine.host(app.name)} "{",".join(addresses)}";')
        else:
            say.step("No web process: visitors get a page that says so")
        operation.check()
        run.keep(machine, processes)
        with proof.asked(machine, app, made) as prober:
            route.switch(machine, instead=live)
            _publish(machine, live, made)
    except BaseException:
        route_again(machine)  # before they go: visitors may have been sent to them already
        run.remove(machine, processes)
        raise
    route_again(machine)
    run.up(machine, made, processes)
    if prober and (told := prober.told_soon()):
        say.detail(told)
    return live


def again(machine: Machine, operation: Operation, app: App, formation: dict[str, int], fresh: bool) -> App:
    """The live release in another formation, or with fresh processes, and no new release; the record afterwards."""
    assert app.release
    live, say = machine.registry.release(app.name, app.release), operation.transcript
    check_image(machine, live)
    kept = [] if fresh else [one for one in app.processes if one.number <= formation.get(one.type, 0)]
    has = {(one.type, one.number) for one in kept}
    missing = [
        (kind, number)
        for kind in live.process_types
        for number in range(1, formation.get(kind, 0) + 1)
        if (kind, number) not in has
    ]
    started: list[Process] = []
    try:
        for kind, number in missing:
            say.step(f"Starting {kind}.{number} of {live.name}")
            wanted = Process(type=kind, number=number)
            started.append(run.start_one(machine, app, live, wanted, environment_of(machine, live), say))
        _await(machine, operation, app, live, started)
        processes = sorted([*kept, *started], key=lambda one: (one.type != "web", one.type, one.number))
        port = next((one.port for one in processes if one.type == "web"), None)
        update = {"processes": processes, "formation": formation, "port": port, "status": "running", "exit_code": None}
        after = app.model_copy(update=update)
        run.keep(machine, started)
        route.switch(machine, instead=after)
        machine.registry.save(after)
    except BaseException:
        route_again(machine)
        run.remove(machine, started)
        raise
    route_again(machine)
    run.up(machine, live, started)
    return after


def environment_of(machine: Machine, made: Release) -> dict[str, str]:
    """What a release's processes find in their environment: the runtime's own, and over it the config vars."""
    own = {name: value.replace(HOST, machine.host(made.app)) for name, value in made.environment.items()}
    return {**own, **machine.configs.read(made.app, made.config)}


def check_image(machine: Machine, made: Release) -> None:
    """Raise ImageGone when a release's image is not on the machine any more."""
    if machine.images.find(made.image) is None:
        raise ImageGone(made.name, made.image)


def _await(machine: Machine, operation: Operation, app: App, made: Release, processes: list[Process]) -> None:
    say = operation.transcript
    for process in sorted(processes, key=lambda one: one.type != "web"):
        answer = run.await_healthy(machine, made, process, say, operation.check)
        if answer:
            say.detail(f"{process.name} answers GET {made.checks.path} with {answer} after {answer.after:.1f} s")
            first = _weigh(machine, app, process, answer, say)
            second = _weigh(machine, app, process, run.twice(machine, made, process, say, operation.check), say)
            for said in dict.fromkeys(one for one in (first, second) if one):
                say.trouble(said)
            _advise(machine, made, process, answer, say)
    run.await_settled(machine, made, processes, say, operation.check)


def _release_command(
    machine: Machine, operation: Operation, app: App, made: Release, environment: dict[str, str]
) -> None:
    with operation.transcript.timed(f"Running the release command: {made.release_command}"):
        before = operation.transcript.count
        code = run.one_off(machine, app, made, made.release_command, environment, operation.transcript, operation.check)
        if code:
            error = ReleaseCommandFailed(f"{made.release_command} ended with {code}")
            error.output = [one.text for one in operation.transcript.items()[before:] if one.kind == "output"]
            raise error


@contextmanager
def _explained(machine: Machine, made: Release, command: str) -> Iterator[None]:
    """Errors from here say what the app's output tells of their cause."""
    try:
        yield
    except DeployFailed as error:
        with _case(machine, made, command) as case:
            failures.enrich(error, error.output, case)
        raise


def _advise(machine: Machine, made: Release, process: Process, answer: run.Answer, say: Transcript) -> None:
    """Say what to do about an answer that is of no use to visitors."""
    secure = answer.location.startswith(f"https://{machine.host(made.app)}")
    if answer.status < 400 and not secure:
        return
    output = run.last_lines(machine, process, say) if answer.status >= 500 else []
    with _case(machine, made, made.process_types.get(process.type, "")) as case:
        if told := failures.advice(answer.status, answer.location if secure else answer.text, output, case):
            say.trouble(told)


@contextmanager
def _case(machine: Machine, made: Release, command: str) -> Iterator[Case]:
    """What is known of a release, for an explanation."""
    config = machine.configs.read(made.app, made.config)
    case = Case(made.app, made.runtime, made.runtime_version, command, config=frozenset(config))
    try:
        folder = build.subfolder(machine.registry.app(made.app), config)
        source = Source(machine.repo(made.app), made.commit, folder)
    except (KeyError, OSError):  # an old release's commit may be gone
        yield case
        return
    with source as files:
        yield replace(case, files=files)


def route_again(machine: Machine) -> None:
    """Send visitors where the registry says, after the commit and after a failure before it.

    A switch for another app, between ours and the commit, was made of the old record. Where nginx has just gone, the next
    switch says the same.
    """
    try:
        route.switch(machine)
    except MachineTrouble:
        log.exception("nginx was not told again")


def _publish(machine: Machine, live: App, made: Release) -> None:
    try:
        release.publish(machine, live, made)
    except OSError as error:
        machine.registry.forget_release(made.app, made.number)
        raise MachineTrouble(
            f"the release could not be written: {error}", hint="free disk space, then push again"
        ) from error


def _weigh(machine: Machine, app: App, fresh: Process, answer: run.Answer, say: Transcript) -> str:
    """What to say of an answer. A server error is only a warning, unless the live release does better."""
    if answer.status == 400:
        return f"GET / answers 400: does the app know its host {machine.host(app.name)}? (Django: ALLOWED_HOSTS)"
    if answer.status < 500:
        return ""
    for process in route.web(app.processes):
        before = run.probe(process.address, machine.host(app.name), "/", 10)
        if before and before.status < 500:
            error = AnswersWorse(
                f"GET / is answered with {answer.status}; the live release v{app.release} answers {before.status}",
                hint="see what it printed with: minpaas logs, mend it, and push again",
                reason=f"GET / answers {answer.status}, the live release {before.status}",
            )
            error.output = run.last_lines(machine, fresh, say)
            raise error
    return f"GET / answers {answer.status}: the app serves, but it may not be well"
