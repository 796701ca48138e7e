"""The order of detection: what was asked, then app.json's buildpacks, Dockerfile, Python, Node.js, static."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import get_args

from minpaas.plan import (
    appjson,
    declared,
    dockerfile,
    heroku_yml,
    languages,
    node,
    node_apart,
    node_command,
    platforms,
    procfile,
    python,
    static,
)
from minpaas.plan.appjson import AppJson
from minpaas.plan.declared import Declared
from minpaas.plan.model import Notes, Plan, PlanError, Runtime
from minpaas.plan.tree import Tree, Under, json_of

_BESIDE = ("functions/", "docs/", "e2e/", "cypress/", "infra/", "scripts/")  # seldom what is meant, where others are
_NODE = re.compile(r"\s*(?:cd +\S+ *(?:&&|;) *)?(?:\w+=\S+\s+)*(?:node|npm|npx|yarn|pnpm|bun|next|nest|ts-node|tsx)\s")


def plan(
    tree: Tree,
    *,
    runtime: Runtime | None = None,
    command: str | None = None,
    path: str = "",
    sticky: str = "",
    available: Callable[[str], bool] | None = None,
) -> Plan:
    """What would be built, and why. `sticky` is what the app was first built with, as python:3.13. Raises PlanError."""
    if path:
        tree = _under(tree, path)
    folder, why = _folder(tree)
    if folder:
        tree = Under(tree, folder, above=("render.yaml", "netlify.toml"))
    notes = Notes()
    app = appjson.read(tree, notes)
    types = procfile.read(tree, notes) or heroku_yml.commands(tree)
    if wrong := procfile.misnamed(tree):
        notes.warn(f"{wrong} is not read: git mv {wrong} Procfile")
    notes.warnings += platforms.unreadable(tree)
    chosen = runtime or _detect(tree, app, declared.started(tree, types, command), notes)
    said = declared.read(tree, chosen, types, command, app, notes)
    try:
        made = _planned(chosen, tree, said.types, notes, sticky, available)
    except PlanError as error:
        if error.kind == "command":
            raise _without_command(tree, error, wrong) from None
        raise
    warnings = [*made.warnings, *_not_started(tree, made)]
    made = replace(made, environment={**said.environment, **made.environment}, folder=folder, warnings=warnings)
    made = _with_port(made, tree, said)
    if folder:
        made = replace(made, reasons=[*made.reasons, f"Folder: {folder}/ ({why})"])
    made = _with_reason(made, said.where, said.types.get("web", ""))
    if chosen in ("python", "node") and "web" not in said.types:
        made = _without_web(made, [kind for kind in said.types if kind != "release"], said.where)
    return _completed(made, said.app, " && ".join(filter(None, (app.predeploy, said.release))), said.health)


def _with_port(made: Plan, tree: Tree, said: Declared) -> Plan:
    """What PORT is, where another platform's file or the start command says so."""
    if said.port and made.runtime in ("python", "node"):
        return replace(made, port=said.port, reasons=[*made.reasons, f"Port: {said.port} (as {said.where} has it)"])
    if made.runtime == "node" and (port := node_command.port(tree, made.start)):
        return replace(made, port=port, reasons=[*made.reasons, f"Port: {port} (the start command names it)"])
    return made


def _folder(tree: Tree) -> tuple[str, str]:
    """The folder that is built where another platform's file says one, and what says so; not where the top is an app of its own."""
    if tree.has("Procfile") or dockerfile.detect(tree):
        return "", ""
    folder, why = platforms.root(tree)
    others = python.detect(tree) or node.detect(tree) or static.detect(tree)
    return ("", "") if why == "base of netlify.toml" and others else (folder, why)


def _planned(
    chosen: Runtime,
    tree: Tree,
    types: dict[str, str],
    notes: Notes,
    sticky: str,
    available: Callable[[str], bool] | None,
) -> Plan:
    sticky = sticky.removeprefix(f"{chosen}:") if sticky.startswith(f"{chosen}:") else ""
    if chosen == "python":
        return python.plan(tree, types, notes, sticky, available)
    if chosen == "node" and node_apart.folder(tree, types.get("web", "")):
        return node_apart.plan(tree, types, notes, sticky)
    if chosen == "node":
        return node.plan(tree, types, notes, sticky)
    return static.plan(tree, types, notes) if chosen == "static" else dockerfile.plan(tree, types, notes)


def _detect(tree: Tree, app: AppJson, types: dict[str, str], notes: Notes) -> Runtime:
    there = {"python": python.detect, "node": node.detect, "static": static.detect}
    named = [one for one in app.runtimes if one in get_args(Runtime) and there[one](tree)]
    if named and dockerfile.detect(tree) and not heroku_yml.read(tree):
        # buildpacks are an explicit wish: a Dockerfile beside them is for something else
        chosen = _of_buildpacks(named, types)
        notes.because(f"app.json asks for the {chosen} buildpack: the Dockerfile is not used")
        return chosen
    if dockerfile.detect(tree):
        return "dockerfile"
    web = types.get("web", "")
    if _NODE.match(web) and (node.detect(tree) or node_apart.folder(tree, web)):
        return "node"  # what is beside it in Python is not what serves
    if node_apart.folder(tree, web) and not python.detect(tree):
        return "node"  # by a script of its folder
    if python.detect(tree) and not (named and "python" not in named) and not _only_packages(tree, types):
        return "python"
    if not node.serves(tree) and (found := languages.other(tree, types, app.others if not named else ())):
        if dockerfile.beside(tree):
            return "dockerfile"
        if maker := static.generator(tree):
            raise static.not_run(*maker)
        raise languages.refusal(*found, _below(tree, tree.names()))
    if node.detect(tree) and set(named) != {"static"}:
        if not node.serves(tree) and (maker := node.sources_of(tree)):
            raise static.not_run(*maker)
        return "node"
    if static.detect(tree):
        return "static"
    if dockerfile.beside(tree):
        return "dockerfile"
    if static.first_page(tree) and not (
        languages.hint_of(tree) or python.misspelt(tree) or languages.has_sources(tree)
    ):
        return "static"
    raise _nothing(tree)


def _of_buildpacks(named: list[Runtime], types: dict[str, str]) -> Runtime:
    """Which of several buildpacks serves: pages beside a language, as a template in public/, are for what that builds."""
    if "node" in named and _NODE.match(types.get("web", "")):
        return "node"
    order: tuple[Runtime, ...] = ("python", "node", "static")
    return min(named, key=order.index)


def _only_packages(tree: Tree, types: dict[str, str]) -> bool:
    """Whether nothing of Python could be started where package.json has a start script: its packages are for something else."""
    if types.keys() - {"release"} or not node.detect(tree) or python.starts(tree):
        return False
    scripts = json_of(tree, "package.json").get("scripts")
    return isinstance(scripts, dict) and bool(scripts.get("start"))


def _not_started(tree: Tree, made: Plan) -> Iterator[str]:
    """What stands beside a front end that is built: the app that answers it, in a folder of its own."""
    folders = [name for name in tree.names() if name.endswith("/") and name not in _BESIDE][:50]
    served = made.site.root.partition("/")[0] if made.site else ""
    for folder in folders if made.site and made.site.build else ():
        inner = Under(tree, folder)
        if folder != f"{served}/" and (python.detect(inner) or (node.detect(inner) and node.serves(inner))):
            yield f"{folder} has an app of its own, which is not started: deploy it as another one, with --path {folder.rstrip('/')}"


def _without_command(tree: Tree, error: PlanError, wrong: str | None) -> PlanError:
    """What is said of a tree that does not say what to start, with what else is in it."""
    if wrong:
        error.hint = f"{wrong} is not read: git mv {wrong} Procfile, commit, and push again"
    elif maker := static.generator(tree):
        return static.not_run(*maker)
    elif below := _below(tree, tree.names()):
        error.hint = f"{error.hint}. Or: {below}"
    return error


def _nothing(tree: Tree) -> PlanError:
    names = tree.names()
    listing = ", ".join(names[:20]) or "nothing at all"
    hint = "add a requirements.txt (Python), a package.json (Node.js), an index.html or a Dockerfile at the top, commit, push again"
    if spelt := python.misspelt(tree):
        hint = f"did you mean requirements.txt? git mv {spelt} requirements.txt, commit, and push again"
    elif maker := static.generator(tree):
        return static.not_run(*maker)
    elif below := _below(tree, names):
        hint = below
    elif found := languages.hint_of(tree):
        return languages.refusal(*found)
    elif page := next((one for one in names if one.endswith((".html", ".htm"))), None):
        hint = f"name the page for visitors index.html, such as  git mv {page} index.html ; commit, and push again"
    return PlanError(
        "nothing", "Nothing here says how to run it", f"the top folder has: {listing}", hint, "no runtime detected"
    )


def _below(tree: Tree, names: list[str]) -> str:
    """What to do when the apps are in folders; empty when there is none."""
    below = [name for name in names if name.endswith("/")][:50]
    below.sort(key=lambda name: name in _BESIDE)
    deeper = [f"{folder}{name}" for folder in below for name in tree.names(folder) if name.endswith("/")]
    for folders in (below, deeper[:200]):
        inner = {folder: Under(tree, folder) for folder in folders}
        apps = [one for one, at in inner.items() if dockerfile.detect(at) or python.detect(at) or node.detect(at)]
        found = apps or [one for one, at in inner.items() if static.at_top(at)]
        if found:
            which = "the app seems" if len(found) == 1 else "apps seem"
            first = next((one for one in found if not node.detect(inner[one]) or node.serves(inner[one])), found[0])
            told = f"deploy that folder with --path {first.rstrip('/')}"
            return f"{which} to be in {', '.join(found[:5])}: {told}, or set PROJECT_PATH to it and push again"
    return ""


def _under(tree: Tree, path: str) -> Tree:
    if not re.fullmatch(r"(?!/)(?!.*\.\.)[\w. @/-]+", path) or not tree.names(path.strip("/")):
        there = ", ".join(one for one in tree.names() if one.endswith("/")) or "none"
        raise PlanError(
            "path", "There is no such folder", f"{path!r}; folders: {there}", "give one with --path", "no such folder"
        )
    return Under(tree, path)


def _with_reason(made: Plan, where: str, command: str) -> Plan:
    """Say where web comes from, where the planner could not know."""
    if not command or made.runtime == "static":
        return made
    reasons = [one for one in made.reasons if not one.startswith("Start: ")]
    return replace(
        made,
        reasons=[
            *reasons,
            f"Start: {command} ({'given by ' if where[0] == '-' else 'web of the ' if where == 'Procfile' else ''}{where})",
        ],
    )


def _without_web(made: Plan, others: list[str], where: str) -> Plan:
    """A Procfile of other types only, as of a bot: its worker is started, and nothing that visitors would reach."""
    if not others:
        return made
    first = "worker" if "worker" in others else others[0]
    warning = (
        f"The {where} has no web line: {first} is started, and nothing answers visitors. "
        "Add  web: COMMAND  for what listens on $PORT"
    )
    types = {kind: command for kind, command in made.process_types.items() if kind != "web"}
    reasons = [one for one in made.reasons if not one.startswith("Start: ")]
    return replace(
        made,
        process_types=types,
        formation={first: 1},
        reasons=[*reasons, f"Start: {types[first]} ({first} of the {where})"],
        warnings=[*made.warnings, warning],
    )


def _completed(made: Plan, app: AppJson, release: str, health: str) -> Plan:
    """What app.json and the Procfile say beside the build."""
    reasons = list(made.reasons)
    others = [kind for kind in made.process_types if kind not in ("web", "release")]
    if others and "web" in made.process_types:
        reasons.append(f"Further process types: {', '.join(others)}")
    if release:
        reasons.append(f"Release command: {release}")
    if app.postdeploy:
        reasons.append(f"After the first deploy: {app.postdeploy} (scripts.postdeploy of app.json)")
    if health:
        reasons.append(f"Health check: GET {health}")
    for where in dict.fromkeys(one.where for one in app.config_vars):
        names = ", ".join(one.name for one in app.config_vars if one.where == where)
        reasons.append(f"Config vars asked for: {names} ({where})")
    return replace(
        made,
        reasons=reasons,
        release_command=release,
        postdeploy=app.postdeploy,
        formation={**made.formation, **app.formation},
        config_vars=app.config_vars,
        addons=app.addons,
        health_path=health or "/",
    )
