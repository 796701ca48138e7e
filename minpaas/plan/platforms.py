"""Start commands in the files of other platforms, for repositories that have no Procfile."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from minpaas.plan.tree import Tree

# what is done here as well
_COMMON = re.compile(
    r"(?:\s*(?:(?:python -m )?pip install .*?|(?:npm|yarn|pnpm)(?: (?:install|ci|i|run build|build)(?: --[\w=-]+)*)?|uv sync.*?|poetry install.*?|"
    r"python manage\.py collectstatic.*?)\s*(?:&&|;|$))+"
)
_INSTEAD = "a migration belongs to a release line of a Procfile, anything else to bin/post_compile"


@dataclass(frozen=True)
class Told:
    """What such a file says."""

    command: str
    health_path: str
    where: str
    release: str = ""  # what runs before the new version gets visitors
    warnings: list[str] = field(default_factory=list)


def read(tree: Tree) -> Told | None:
    """railway.json, railway.toml, render.yaml or nixpacks.toml, the first that names a start command."""
    for name in ("railway.json", "railway.toml", "nixpacks.toml"):
        deploy = _parsed(tree, name).get("start" if name == "nixpacks.toml" else "deploy")
        if isinstance(deploy, dict):
            command = str(deploy.get("startCommand") or deploy.get("cmd") or "")
            path = str(deploy.get("healthcheckPath") or "")
            if _usable(command):
                before = deploy.get("preDeployCommand")
                release = " && ".join(map(str, before)) if isinstance(before, list) else str(before or "")
                return Told(
                    command.strip(), path if path.startswith("/") else "", name, release if _usable(release) else ""
                )
    return _render(tree.read("render.yaml") or "")


def _parsed(tree: Tree, name: str) -> dict[str, Any]:
    text = tree.read(name) or ""
    try:
        found = json.loads(text or "{}") if name.endswith(".json") else tomllib.loads(text)
    except ValueError:
        return {}  # another platform's file: not ours to refuse
    return found if isinstance(found, dict) else {}


def _render(text: str) -> Told | None:
    """The first web service of render.yaml, read line by line: one scalar is all that is wanted of it."""
    services = re.split(r"^\s*- (?=(?:type|name|runtime|env):)", text, flags=re.M)
    for service in services:
        if not re.search(r"^\s*type:\s*web\s*$", service, re.M) or re.search(r"^\s*rootDir:\s*\S", service, re.M):
            continue
        command, release = _scalar(service, "startCommand"), _scalar(service, "preDeployCommand")
        path = _scalar(service, "healthCheckPath")
        if _usable(command):
            health = path if re.fullmatch(r"/\S*", path) else ""
            warnings = list(_not_followed(service, services))
            return Told(command, health, "render.yaml", release if _usable(release) else "", warnings)
    return None


def _not_followed(service: str, services: list[str]) -> Iterator[str]:
    """What render.yaml asks for and nobody does here."""
    build = _scalar(service, "buildCommand")
    if build and not _COMMON.fullmatch(build):
        yield f"The buildCommand of render.yaml ({build}) is not run: {_INSTEAD}"
    names = re.findall(r"^\s*(?:- )?key:[ \t]*([A-Za-z_]\w*)\s*$", service, re.M)
    if names:
        yield f"The config vars of render.yaml are not set here: minpaas config:set for {', '.join(names)}"
    for one in services:
        if (
            one is not service
            and re.search(r"^\s*type:\s*(worker|web)\s*$", one, re.M)
            and (command := _scalar(one, "startCommand"))
        ):
            yield f"{_scalar(one, 'name') or 'A service'} of render.yaml is not started: add it to a Procfile, as  worker: {command}"


def _scalar(text: str, key: str) -> str:
    found = re.search(rf"^\s*{key}:[ \t]*([^|>\s].*?)\s*$", text, re.M)
    return re.sub(r"^([\"'])(.*)\1$", r"\2", found[1]) if found else ""


def _usable(command: str) -> bool:
    return bool(command.strip()) and not re.search(r"[\x00-\x1f]", command) and len(command) < 4096
