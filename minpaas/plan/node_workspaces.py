"""Workspaces of npm, yarn, pnpm and bun: which folders they are, and which of them is the app that is started."""

import re
from collections.abc import Mapping
from typing import Any

from minpaas.plan import development, yaml
from minpaas.plan.model import PlanError
from minpaas.plan.tree import Tree, Under, joined, json_of

_MOST = 60  # folders
# commands that only run a script of a workspace, by its name or its folder
_NAME, _SCRIPT = r"[\"']?(?:\./)?(?P<name>[@\w./-]+?)(?:\.\.\.)?[\"']?", r"(?:run )?(?P<script>[\w:-]+)"
_FILTER = r"(?:--filter|-F|--workspace|-w)[ =]"
_DELEGATES = (
    re.compile(rf"yarn workspace {_NAME} {_SCRIPT}"),
    re.compile(rf"(?:npm|pnpm|bun)(?: run)? {_FILTER}{_NAME} {_SCRIPT}"),
    re.compile(rf"(?:npm|pnpm|turbo) {_SCRIPT} {_FILTER}{_NAME}"),
)


def folders(tree: Tree, package: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The folders of the workspaces, each with its package.json."""
    told = package.get("workspaces")
    patterns = told.get("packages") if isinstance(told, dict) else told
    patterns = patterns or yaml.parse(tree.read("pnpm-workspace.yaml") or "").get("packages")
    found: dict[str, dict[str, Any]] = {}
    for pattern in patterns if isinstance(patterns, list) else []:
        at, star, _ = joined("", str(pattern)).partition("/*")
        for folder in [joined(at, name) for name in tree.names(at) if name.endswith("/")] if star else [at]:
            if len(found) < _MOST and folder and tree.has(f"{folder}/package.json"):
                found[folder] = json_of(tree, f"{folder}/package.json")
    return found


def startable(tree: Tree, package: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Those that have a start script which is no development server."""
    return {folder: inner for folder, inner in folders(tree, package).items() if serves(Under(tree, folder), inner)}


def delegated(tree: Tree, package: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]] | None:
    """The workspace and its script that are all that start runs, with its package.json, in which start is that script; None: none is."""
    told = package.get("scripts")
    line = development.script(told if isinstance(told, dict) else {}, "start")
    found = next((match for one in _DELEGATES if (match := one.fullmatch(line))), None)
    named, script = (found["name"], found["script"]) if found else development.entered(line) or ("", "")
    for folder, inner in folders(tree, package).items() if named else ():
        scripts = inner.get("scripts")
        if named.strip("/") in (folder, inner.get("name")) and isinstance(scripts, dict) and script in scripts:
            return folder, script, {**inner, "scripts": {**scripts, "start": development.script(scripts, script)}}
    return None


def builds(tree: Tree, package: Mapping[str, Any], folder: str) -> list[str]:
    """The workspaces with a build script that one is made of: those that it needs first, itself last."""
    there = folders(tree, package)
    return [one for one in _needed(folder, there, set()) if "build" in (there[one].get("scripts") or {})]


def _needed(folder: str, there: Mapping[str, dict[str, Any]], seen: set[str]) -> list[str]:
    if folder in seen or folder not in there:
        return []
    seen.add(folder)
    names = {*(there[folder].get("dependencies") or {}), *(there[folder].get("devDependencies") or {})}
    others = [one for one, inner in there.items() if inner.get("name") in names]
    return [*(found for other in others for found in _needed(other, there, seen)), folder]


def refusal(found: Mapping[str, Any]) -> PlanError:
    """What is said where there are several, and none is named."""
    return PlanError(
        "command",
        "Several apps could be started",
        f"{' and '.join(found)} have a start script each, and the package.json at the top has none",
        f"say which in a file named Procfile:  web: cd {next(iter(found))} && npm start ; commit, and push again",
        "no start command",
    )


def serves(tree: Tree, package: Mapping[str, Any]) -> bool:
    """Whether a workspace has a start script which is no development server."""
    told = package.get("scripts")
    scripts = told if isinstance(told, dict) else {}
    start = development.script(scripts, "start")
    return bool(start) and not development.is_development(tree, scripts, start)
