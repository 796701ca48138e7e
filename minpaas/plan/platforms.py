"""Start commands in the files of other platforms, for repositories that have no Procfile."""

import json
import re
import tomllib
from dataclasses import dataclass
from typing import Any

from minpaas.plan.tree import Tree


@dataclass(frozen=True)
class Told:
    """What such a file says."""

    command: str
    health_path: str
    where: str


def read(tree: Tree) -> Told | None:
    """railway.json, railway.toml, render.yaml or nixpacks.toml, the first that names a start command."""
    for name in ("railway.json", "railway.toml", "nixpacks.toml"):
        deploy = _parsed(tree, name).get("start" if name == "nixpacks.toml" else "deploy")
        if isinstance(deploy, dict):
            command = str(deploy.get("startCommand") or deploy.get("cmd") or "")
            path = str(deploy.get("healthcheckPath") or "")
            if _usable(command):
                return Told(command.strip(), path if path.startswith("/") else "", name)
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
    for service in re.split(r"^\s*- (?=\w+:)", text, flags=re.M):
        if not re.search(r"^\s*type:\s*web\s*$", service, re.M) or re.search(r"^\s*rootDir:\s*\S", service, re.M):
            continue
        command = re.search(r"^\s*startCommand:[ \t]*([^|>\s].*?)\s*$", service, re.M)
        path = re.search(r"^\s*healthCheckPath:[ \t]*(/\S*)", service, re.M)
        if command and _usable(unquoted := re.sub(r"^([\"'])(.*)\1$", r"\2", command[1])):
            return Told(unquoted, path[1] if path else "", "render.yaml")
    return None


def _usable(command: str) -> bool:
    return bool(command.strip()) and not re.search(r"[\x00-\x1f]", command) and len(command) < 4096
