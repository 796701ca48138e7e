"""The step from a commit to an image: decide what will be done, then let BuildKit do it and tell about it as it goes."""

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from docker.utils.build import PatternMatcher

from minpaas import plan as planning
from minpaas.plan import dockerfile
from minpaas.server import failures, stacks
from minpaas.server.clues import Case
from minpaas.server.errors import (
    BadAppFile,
    BadProcfile,
    BuildFailed,
    DeployFailed,
    NoStartCommand,
    NothingToDeploy,
    VersionNotFound,
)
from minpaas.server.git.repo import Files
from minpaas.server.git.tree import tar_stream
from minpaas.server.images import Images
from minpaas.server.models import App, Runtime
from minpaas.server.narrator import Narrator
from minpaas.server.runtimes import Generated, Plan, generate, stacks_of
from minpaas.server.settings import Settings
from minpaas.server.transcript import Transcript

_CONTEXT = "app/"  # the tree's folder in the context of a generated Dockerfile
_WITHOUT_FRONTEND = "Dockerfile.minpaas"
_NOT_SOURCE = ("node_modules/", "venv/", ".venv/", "env/bin/", "__pycache__/")  # made by the build, not by a person
_ERRORS: dict[str, type[DeployFailed]] = {
    "nothing": NothingToDeploy,
    "path": NothingToDeploy,
    "command": NoStartCommand,
    "procfile": BadProcfile,
    "file": BadAppFile,
    "version": VersionNotFound,
}


@dataclass(frozen=True)
class _Attempt:
    """What one request to the engine needs."""

    build_id: str
    app: str
    tag: str
    files: Files
    plan: Plan
    generated: Generated | None
    config: dict[str, str]
    frontend: bool = True  # whether the app's `# syntax=` line is honoured


def plan(
    files: Files,
    runtime: Runtime | None = None,
    command: str | None = None,
    *,
    images: Images | None = None,
    settings: Settings | None = None,
    sticky: str = "",
) -> Plan:
    """What would be built, without doing it. `sticky` is what the live release was built with, as python:3.13.

    Raises NothingToDeploy, NoStartCommand, BadProcfile, BadAppFile, VersionNotFound.
    """

    def available(version: str) -> bool:
        if images is None or settings is None:
            return version in planning.PYTHONS
        return stacks.has_python(images, settings, version)

    try:
        return planning.plan(files, runtime=runtime, command=command, sticky=sticky, available=available)
    except planning.PlanError as error:
        kind = _ERRORS[error.kind]
        raise kind(error.detail, title=error.title, hint=error.hint, reason=error.reason) from None


def build(
    images: Images,
    settings: Settings,
    app: str,
    files: Files,
    plan: Plan,
    build_id: str,
    transcript: Transcript,
    config: dict[str, str] | None = None,
) -> str:
    """The image's id; `build_id` is what images.cancel takes, and its folder in workspace/.

    Raises BuildFailed; then nothing is left but BuildKit's cache. `config` holds the config vars: build steps see them, no layer holds them.
    """
    for stack in stacks_of(plan):
        stacks.ensure(images, settings, stack, transcript)
    generated = None if plan.own_dockerfile else generate(plan, app, config or {}, stacks.base)
    folder = settings.workspace / build_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(generated.dockerfile if generated else files.read(plan.dockerfile_path) or "")
    tag = f"{settings.instance}/{app}:{files.commit[:12]}"
    attempt = _Attempt(build_id, app, tag, files, plan, generated, config or {})
    transcript.command(f"docker build -t {tag} .")
    with transcript.timed("Building the image"):
        try:
            return _ask(images, settings, attempt, transcript)
        except BuildFailed as error:
            if not _frontend_is_missing(attempt, error):
                raise
            transcript.detail("The frontend of its # syntax line cannot be fetched: building with the engine's own")
            return _ask(images, settings, replace(attempt, frontend=False), transcript)


def with_port(images: Images, plan: Plan, image: str, transcript: Transcript) -> Plan:
    """The plan with the port that the image exposes (by the image that it is made from), where its Dockerfile says none."""
    exposed = ((images.find(image) or {}).get("Config") or {}).get("ExposedPorts") or {}
    ports = sorted(int(one.partition("/")[0]) for one in exposed if one.endswith("/tcp"))
    port = dockerfile.visitors_port(ports)
    if plan.port_known or not port:
        return plan
    transcript.detail(f"Port: {port} (exposed by the image that it is made from)")
    return replace(plan, port=port)


def subfolder(app: App, config: dict[str, str]) -> str:
    """The folder that is built, of a repository with several: the app's own, else by the config vars of the buildpacks that do this."""
    return app.path or (config.get("PROJECT_PATH") or config.get("APP_BASE") or "").strip().strip("/")


def _ask(images: Images, settings: Settings, attempt: _Attempt, transcript: Transcript) -> str:
    """One build by the engine, with a limit to its time."""
    # what stands in the repository is no secret: a default of app.json may be a word such as production
    known = {one.name: one.default for one in attempt.plan.config_vars}
    secrets = [value for name, value in attempt.config.items() if value != known.get(name)]
    narrator = Narrator(transcript, secrets=secrets)
    alarm = threading.Timer(settings.build_timeout, images.cancel, [attempt.build_id])
    alarm.daemon = True
    alarm.start()
    try:
        return images.build(
            _context(attempt, transcript),
            tag=attempt.tag,
            build_id=attempt.build_id,
            on_status=narrator.status,
            labels=images.labels(attempt.app),
            options=_options(attempt),
        )
    except BuildFailed as error:
        if alarm.finished.is_set():
            limit = f"{settings.build_timeout:g} s"
            hint = "set a longer MINPAAS_BUILD_TIMEOUT on the server"
            raise BuildFailed(f"it took longer than {limit}", hint=hint) from error
        raise _explained(narrator, error.detail, attempt) from error
    finally:
        alarm.cancel()


def _options(attempt: _Attempt) -> dict[str, Any]:
    if attempt.generated:
        return {"dockerfile": "Dockerfile"}
    path = attempt.plan.dockerfile_path
    declared = dockerfile.arguments(attempt.files.read(path) or "")
    given = {**attempt.plan.arguments, **attempt.config}
    arguments = {name: value for name, value in given.items() if name in declared}
    inside = path.removeprefix(f"{attempt.plan.context}/") if attempt.plan.context else path
    return {
        "dockerfile": inside if attempt.frontend else _WITHOUT_FRONTEND,
        **({"buildargs": json.dumps(arguments)} if arguments else {}),
    }


def _context(attempt: _Attempt, transcript: Transcript) -> Iterator[bytes]:
    def submodule(path: str) -> None:
        transcript.trouble(f"{path} is a git submodule; its files are not part of this push")

    def lfs(path: str) -> None:
        transcript.trouble(f"{path} is a Git LFS pointer; the build sees the pointer, not the file")

    files = attempt.files
    if attempt.generated:
        extra = {"Dockerfile": attempt.generated.dockerfile.encode(), **attempt.generated.extra}
        return tar_stream(files, prefix=_CONTEXT, extra=extra, ignore=_made, on_submodule=submodule, on_lfs=lfs)
    path, folder = attempt.plan.dockerfile_path, attempt.plan.context
    top = f"{folder}/" if folder else ""
    told = files.read(f"{path}.dockerignore") or files.read(f"{top}.dockerignore") or ""
    ignore = _ignored(told, path.removeprefix(top))
    extra = {}
    if not attempt.frontend:
        extra = {_WITHOUT_FRONTEND: re.sub(r"(?im)^#\s*syntax\s*=.*$", "#", files.read(path) or "", count=1).encode()}
    return tar_stream(files, extra=extra, ignore=ignore, folder=folder, on_submodule=submodule, on_lfs=lfs)


def _made(path: str) -> bool:
    """Whether a build makes this itself: committed by mistake, for another machine."""
    return path.startswith(_NOT_SOURCE) or "/__pycache__/" in path


def _ignored(dockerignore: str, dockerfile_path: str) -> Any:
    patterns = [line.strip() for line in dockerignore.splitlines() if line.strip() and not line.startswith("#")]
    if not patterns:
        return None
    matcher = PatternMatcher([*patterns, f"!{dockerfile_path}"])
    return matcher.matches


def _frontend_is_missing(attempt: _Attempt, error: BuildFailed) -> bool:
    if attempt.generated or not attempt.frontend:
        return False
    asked = re.match(r"(?i)\s*#\s*syntax\s*=\s*(\S+)", attempt.files.read(attempt.plan.dockerfile_path) or "")
    cause = error.__cause__
    said = f"{error.detail} {cause.detail if isinstance(cause, BuildFailed) else ''}"
    return bool(asked) and asked is not None and asked[1].partition(":")[0] in said


def _explained(narrator: Narrator, error: str, attempt: _Attempt) -> BuildFailed:
    plan = attempt.plan
    case = Case(attempt.app, plan.runtime, plan.version, narrator.command, attempt.files, frozenset(attempt.config))
    return failures.explain(narrator.failure, narrator.last, narrator.hidden(error[-500:]), case)


def prune_workspace(settings: Settings, keep: float = 7 * 86400.0) -> None:
    """Remove what builds older than `keep` seconds have left in workspace/."""
    for folder in settings.workspace.glob("*") if settings.workspace.is_dir() else []:
        if folder.is_dir() and folder.stat().st_mtime < time.time() - keep:
            shutil.rmtree(folder, ignore_errors=True)
