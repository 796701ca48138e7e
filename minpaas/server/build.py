"""The step from a commit to an image: decide what will be done, then let BuildKit do it and tell about it as it goes."""

import re
import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any

from docker.utils.build import PatternMatcher

from minpaas.server import stacks
from minpaas.server.engine import Engine
from minpaas.server.errors import BuildFailed, NothingToDeploy
from minpaas.server.git.repo import Files
from minpaas.server.git.tree import tar_stream
from minpaas.server.models import Runtime
from minpaas.server.runtimes import Plan, dockerfile, node, python
from minpaas.server.settings import Settings
from minpaas.server.transcript import Transcript

_RUNTIMES: dict[Runtime, Any] = {"dockerfile": dockerfile, "python": python, "node": node}
_STACKS = {"dockerfile": "", "python": f"python:{python.VERSION}", "node": f"node:{node.VERSION}"}
_CONTEXT = "app/"  # the tree's folder in the context of a generated Dockerfile


def plan(files: Files, runtime: Runtime | None = None, command: str | None = None) -> Plan:
    """What would be built, without doing it. Raises NothingToDeploy, BadProcfile, NoStartCommand."""
    chosen = runtime or next((name for name, module in _RUNTIMES.items() if module.detect(files)), None)
    if chosen is None or chosen not in _RUNTIMES:
        listing = ", ".join(files.names()[:20]) or "nothing at all"
        raise NothingToDeploy(
            f"the top folder has: {listing}",
            hint="add a requirements.txt (Python), a package.json (Node.js) or a Dockerfile at the top, commit, push again",
        )
    planned: Plan = _RUNTIMES[chosen].plan(files, command, f"minpaas/{_STACKS[chosen]}")
    return planned


def build(
    engine: Engine,
    settings: Settings,
    app: str,
    files: Files,
    plan: Plan,
    build_id: str,
    transcript: Transcript,
) -> str:
    """The image's id; `build_id` is what engine.cancel_build takes, and its folder in workspace/.

    Raises BuildFailed; then nothing is left but BuildKit's cache.
    """
    if plan.stack:
        stacks.ensure(engine, settings, plan.stack, transcript)
    folder = settings.workspace / build_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(plan.dockerfile or files.read(plan.dockerfile_path) or "")
    tag = f"{settings.instance}/{app}:{files.commit[:12]}"
    options = {"dockerfile": "Dockerfile" if plan.dockerfile else plan.dockerfile_path}
    transcript.command(f"docker build -t {tag} .")
    with transcript.timed("Building the image"):
        narrator = Narrator(transcript)
        alarm = threading.Timer(settings.build_timeout, engine.cancel_build, [build_id])
        alarm.daemon = True
        alarm.start()
        try:
            return engine.build(
                _context(files, plan, transcript),
                tag=tag,
                build_id=build_id,
                on_status=narrator.status,
                labels=engine.labels(app),
                options=options,
            )
        except BuildFailed as error:
            if alarm.finished.is_set():
                limit = f"{settings.build_timeout:g} s"
                raise BuildFailed(
                    f"it took longer than {limit}", hint="set a longer MINPAAS_BUILD_TIMEOUT on the server"
                ) from error
            raise BuildFailed(narrator.failure or _worded(error.detail), hint=_hint(error.detail)) from error
        finally:
            alarm.cancel()


class Narrator:
    """Tells a build as BuildKit reports it: each RUN when it starts, its output line by line, what came from the cache."""

    def __init__(self, transcript: Transcript, quiet: bool = False):
        self._transcript = transcript
        self._quiet = quiet  # only the commands, not what they print
        self._names: dict[str, str] = {}
        self._told: set[str] = set()
        self._partial: dict[str, bytes] = {}
        self.failure = ""  # the command that ended with an error, once one has

    def status(self, status: Any) -> None:
        """Take one of BuildKit's reports."""
        for vertex in status.vertexes:
            self._names[vertex.digest] = vertex.name
            command = _run_command(vertex.name)
            if command and vertex.HasField("started") and vertex.digest not in self._told:
                self._told.add(vertex.digest)
                if not (self._quiet and vertex.cached):
                    self._transcript.detail(f"$ {command}" + (" (unchanged, from the cache)" if vertex.cached else ""))
            if vertex.HasField("completed"):
                self._flush(vertex.digest)
            if vertex.error and "context canceled" not in vertex.error:
                code = re.search(r"exit code: (\d+)", vertex.error)
                self.failure = f"{command or vertex.name} ended with {code[1] if code else vertex.error}"
        for log in status.logs:
            self._log(log.vertex, log.msg)

    def _log(self, vertex: str, message: bytes) -> None:
        *lines, rest = (self._partial.pop(vertex, b"") + message).split(b"\n")
        if rest:
            self._partial[vertex] = rest[-8192:]
        for line in lines:
            self._say(line)

    def _flush(self, vertex: str) -> None:
        if rest := self._partial.pop(vertex, b""):
            self._say(rest)

    def _say(self, line: bytes) -> None:
        if not self._quiet:
            self._transcript.output("  " + line.decode("utf-8", "replace"))


def _run_command(vertex: str) -> str | None:
    """[build 3/5] RUN uv pip install -r requirements.txt -> uv pip install -r requirements.txt"""
    match = re.fullmatch(r"\[[^\]]*\] RUN (?:--\S+ )*(.*)", vertex, re.S)
    return " ".join(match[1].split())[:200] if match else None


def _context(files: Files, plan: Plan, transcript: Transcript) -> Iterator[bytes]:
    def submodule(path: str) -> None:
        transcript.trouble(f"{path} is a git submodule; its files are not part of this push")

    def lfs(path: str) -> None:
        transcript.trouble(f"{path} is a Git LFS pointer; the build sees the pointer, not the file")

    if plan.own_dockerfile:
        ignore = _ignored(files.read(".dockerignore") or "", plan.dockerfile_path)
        return tar_stream(files, ignore=ignore, on_submodule=submodule, on_lfs=lfs)
    extra = {"Dockerfile": plan.dockerfile.encode()}
    return tar_stream(files, prefix=_CONTEXT, extra=extra, on_submodule=submodule, on_lfs=lfs)


def _ignored(dockerignore: str, dockerfile_path: str) -> Any:
    patterns = [line.strip() for line in dockerignore.splitlines() if line.strip() and not line.startswith("#")]
    if not patterns:
        return None
    matcher = PatternMatcher([*patterns, f"!{dockerfile_path}"])
    return matcher.matches


def _worded(error: str) -> str:
    if "pull access denied" in error or "failed to do request" in error or "no such host" in error:
        image = re.search(r"([\w./-]+(?::[\w.-]+)?): (?:pull access|failed)", error)
        return f"the base image {image[1] if image else ''} could not be fetched: {error[-200:]}"
    return error[-500:]


def _hint(error: str) -> str | None:
    if "no such host" in error or "failed to do request" in error:
        return "provide the image on this machine (docker pull, docker load), then push again"
    return None


def prune_workspace(settings: Settings, keep: float = 7 * 86400.0) -> None:
    """Remove what builds older than `keep` seconds have left in workspace/."""
    for folder in settings.workspace.glob("*") if settings.workspace.is_dir() else []:
        if folder.is_dir() and folder.stat().st_mtime < time.time() - keep:
            shutil.rmtree(folder, ignore_errors=True)
