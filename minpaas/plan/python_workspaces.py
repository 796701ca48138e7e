"""Workspaces of uv: which folders they are."""

from typing import Any

from minpaas.plan.tree import Tree, joined

_MOST = 60  # folders


def members(tree: Tree, project: dict[str, Any]) -> list[str]:
    """The folders of the workspace that a pyproject.toml describes; empty where it is none."""
    uv = project.get("tool", {}).get("uv", {})
    told = uv.get("workspace") if isinstance(uv, dict) else None
    patterns = told.get("members") if isinstance(told, dict) else None
    found = list[str]()
    for pattern in patterns if isinstance(patterns, list) else []:
        at, star, _ = joined("", str(pattern)).partition("*")
        at = at.rstrip("/")
        found += [joined(at, name) for name in tree.names(at) if name.endswith("/")] if star else [at]
    return [one for one in dict.fromkeys(found) if one and tree.has(f"{one}/pyproject.toml")][:_MOST]


def only_a_frame(project: dict[str, Any]) -> bool:
    """Whether the top of a workspace needs no package itself: uv would install nothing for it."""
    return not project.get("project", {}).get("dependencies")
