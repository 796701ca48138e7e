"""Workspaces of npm, yarn, pnpm and bun: which folders they are, and which of them is the app that is started."""

from collections.abc import Mapping
from typing import Any

from minpaas.plan import development, yaml
from minpaas.plan.model import PlanError
from minpaas.plan.tree import Tree, Under, joined, json_of

_MOST = 60  # folders


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
    return {folder: inner for folder, inner in folders(tree, package).items() if _serves(Under(tree, folder), inner)}


def refusal(found: Mapping[str, Any]) -> PlanError:
    """What is said where there are several, and none is named."""
    return PlanError(
        "command",
        "Several apps could be started",
        f"{' and '.join(found)} have a start script each, and the package.json at the top has none",
        f"say which in a file named Procfile:  web: cd {next(iter(found))} && npm start ; commit, and push again",
        "no start command",
    )


def _serves(tree: Tree, package: Mapping[str, Any]) -> bool:
    told = package.get("scripts")
    scripts = told if isinstance(told, dict) else {}
    start = development.script(scripts, "start")
    return bool(start) and not development.is_development(tree, scripts, start)
