"""Front ends in folders beside the app, built there as another platform's build command says, or because the code serves them."""

import re
from collections.abc import Sequence
from dataclasses import replace

from minpaas.plan import build_lines, node_packages, procfile
from minpaas.plan.model import NodeRecipe, Notes
from minpaas.plan.node_packages import Manager
from minpaas.plan.tree import Tree, json_of, paths

# how code names what a front end's build leaves:  "../client/dist"  and  BASE_DIR / "frontend" / "build"  and  __dirname, "/client/build"
_NAMED = re.compile(r"['\"`](?:\.{0,2}/)*([\w-]+)['\"]?\s*[/,]\s*['\"]?(dist|build)\b")
_PYTHON, NODE = (".py",), (".js", ".mjs", ".cjs", ".ts", ".mts")
_SENDS = re.compile(r"sendFile|[sS]tatic")


def commands(tree: Tree, manager: Manager, notes: Notes, entered: Sequence[str] = ()) -> list[str]:
    """What is done in folders, with their devDependencies; not in those that scripts of package.json have entered."""
    told = [(into, line) for folder, into, line in build_lines.of_node(tree) if f"{folder}/" not in entered]
    return [_done(folder, line, manager, notes) for folder, line in told]


def beside(tree: Tree, manager: Manager, notes: Notes, entered: Sequence[str]) -> list[str]:
    """The same for a Node.js app, and what is copied then."""
    copied = [_done("", line, None, notes) for line in build_lines.of_files(tree)]
    return [*commands(tree, manager, notes, entered), *copied]


def first(tree: Tree) -> str:
    """The first of these folders; empty where there is none."""
    return next((folder for folder, _, _ in build_lines.of_node(tree)), "")


def within(tree: Tree, made: NodeRecipe, folder: str, lines: list[str]) -> NodeRecipe:
    """The recipe that a folder has as a tree of its own, as one of the whole tree that runs these commands."""
    _, into, line = build_lines.of_node(tree)[0]
    told = into == folder and build_lines.INSTALLS.fullmatch(line)
    install, build = (lines[0], lines[1:]) if told else (f"(cd {folder} && {made.install})", lines)
    manifests = tuple(f"{folder}/{one}" for one in made.manifests)
    return replace(made, manifests=manifests, install=install, build=tuple(build))


def served(tree: Tree, endings: tuple[str, ...] = _PYTHON) -> str:
    """The folder whose pages the code serves from where its build leaves them, and that nobody committed; or empty.

    Not where a Procfile says what is run: Heroku builds none, so such an app has them from elsewhere.
    """
    if procfile.names_web(tree):
        return ""
    for path in paths(tree):
        text = (tree.read(path) or "") if path.endswith(endings) else ""
        # a bundler's settings name such folders as well
        for folder, output in _NAMED.findall(text) if path.endswith(_PYTHON) or _SENDS.search(text) else ():
            scripts = json_of(tree, f"{folder}/package.json").get("scripts")
            built = isinstance(scripts, dict) and "build" in scripts and not tree.names(f"{folder}/{output}")
            if built and not path.startswith(f"{folder}/"):
                return str(folder)
    return ""


def _done(folder: str, line: str, manager: Manager | None, notes: Notes) -> str:
    into = f"cd {folder} && " if folder else ""
    notes.because(f"Build: {into}{line} (of another platform's build command)")
    return f"({into}{node_packages.with_development(manager, line) if manager else line})"
