"""Folders with packages of their own that the scripts at the top start or build, and that none of them installs."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from minpaas.plan import build_commands, build_lines, node_folders, node_workspaces
from minpaas.plan.model import Notes
from minpaas.plan.node_scripts import Scripts, changes_packages, entered
from minpaas.plan.tree import Tree, joined, json_of

_FILE = re.compile(r"\bnode +(?:-\S+ +)*(?:\./)?([\w@.-][\w@./-]*)")


def commands(tree: Tree, package: Mapping[str, Any], started: str) -> list[str]:
    """What installs them, as the README of such a repository says by  cd server && npm install ; and builds what is started there."""
    scripts = Scripts(package)
    if changes_packages(started) or tree.has("lerna.json"):
        return []
    told, elsewhere = [], {folder for folder, _, _ in build_lines.of_node(tree)}
    for folder, inner in _needing(tree, package, f"{scripts.text}\n{started}").items():
        if folder in elsewhere or (scripts.install_more and f"{folder}/" in scripts.folders(tree)):
            continue
        tool = build_commands.tool_of(tree, folder)
        builds = not scripts.build and folder in entered(started) and "build" in Scripts(inner).all
        told.append(f"cd {folder} && {tool} install" + (f" && {tool} run build" if builds else ""))
    return told


def pages(tree: Tree, package: Mapping[str, Any], started: str, notes: Notes) -> str:
    """What builds the front end that the code serves from its folder, where no script of the top builds anything; or empty."""
    scripts = Scripts(package)
    folder = "" if scripts.build or "workspaces" in package else node_folders.served(tree, node_folders.NODE)
    elsewhere = {folder for folder, _, _ in build_lines.of_node(tree)}
    if not folder or folder in entered(f"{scripts.text}\n{started}") or folder in elsewhere:
        return ""
    notes.because(f"The code serves what is built in {folder}/, which no script builds")
    tool = build_commands.tool_of(tree, folder)
    return f"cd {folder} && {tool} install && {tool} run build"


def _needing(tree: Tree, package: Mapping[str, Any], text: str) -> dict[str, dict[str, Any]]:
    """The folders that a text enters, or starts a file of, with packages that the top does not have; not workspaces."""
    others, top = node_workspaces.folders(tree, package), _packages(package)
    named = [*entered(text), *(folder for file in _FILE.findall(text) for folder in _above(file))]
    found = {folder: json_of(tree, f"{folder}/package.json") for folder in named if ".." not in folder}
    return {
        folder: inner for folder, inner in found.items() if folder not in others and set(_packages(inner)) - set(top)
    }


def _packages(package: Mapping[str, Any]) -> dict[str, Any]:
    told = package.get("dependencies")
    return told if isinstance(told, dict) else {}


def _above(file: str) -> Iterator[str]:
    folder = joined("", file).rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
