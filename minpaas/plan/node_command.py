"""What web runs of a Node.js app, and why: its start script, what its framework starts, or the file that serves."""

import re
from collections.abc import Mapping
from typing import Any

from minpaas.plan import development, front_end, languages, node_packages, node_start, platforms
from minpaas.plan.model import PlanError
from minpaas.plan.node_scripts import Scripts, entered
from minpaas.plan.tree import Tree, dependencies, joined, json_of

_PLAIN = re.compile(r"[\w./=@:, +$-]+")  # no quotes, no operators: it needs no package manager to run
_SEVERAL = re.compile(r"\b(?:concurrently|npm-run-all|run-p)\b|[^&]&[^&]")
BUILT = ", which starts what the build makes"
_PRODUCTION = ("start:prod", "start:production", "prod")
_MADE = re.compile(r"(dist|build|lib|out)/")  # where a build puts what it makes
_ENTRIES = (
    "server.js", "index.js", "app.js", "server.mjs", "index.mjs", "main.js", "src/index.js", "src/server.js", "src/app.js",
    "src/main.js",
)  # fmt: skip
_BUN_ENTRIES = ("index.ts", "server.ts", "src/index.ts", "src/server.ts", "src/index.tsx")


def start(tree: Tree, package: Mapping[str, Any], types: dict[str, str]) -> tuple[dict[str, str], str]:
    """The process types with web, and why web is what it is. Raises PlanError."""
    scripts = package.get("scripts") or {}
    if types.get("web"):
        return types, "web of the Procfile"
    script = development.script(scripts, "start")
    names = dependencies(package)
    if (
        script
        and development.is_development(tree, scripts, script)
        and (found := front_end.server_command(tree, package))
    ):
        return {**types, "web": found[0]}, f"{found[1]}; start ({script}) is a development server"
    if (not script or development.is_development(tree, scripts, script)) and (
        name := node_start.server_script(tree, package)
    ):
        return {**types, "web": _direct(scripts, name)}, f"the {name} script{BUILT}"
    if script and script.split()[0] in ("nest", "ts-node-dev", "nodemon") and "start:prod" in scripts:
        return {**types, "web": _direct(scripts, "start:prod")}, "the start:prod script; start is for development"
    if compiled := node_start.compiled(tree, package):
        return {**types, "web": compiled}, "the start script of package.json, where the build puts its file"
    if refused := development.refusal(script):
        raise refused
    if language := languages.of_command(development.bare(script)):
        raise languages.refusal(language, f"its start script ({script})")
    if (loading := node_start.loading_modules(tree, script)) != script:
        return {**types, "web": loading}, f"the start script of package.json ({script}) as this Node.js knows it"
    if script:
        return {**types, "web": _direct(scripts, "start")}, "the start script of package.json"
    if found := front_end.server_command(tree, package):
        return {**types, "web": found[0]}, f"{found[1]}, without a start script"
    if "wrangler" in names and (refused := development.worker(tree)):
        raise refused
    if found := _entry(tree, package):
        return {**types, "web": found[0]}, found[1]
    if any(kind != "release" for kind in types):
        return types, ""  # a bot: there is nothing to visit
    raise PlanError(
        "command",
        "No start command was found",
        "package.json has no start script and no main, and there is no server.js",
        'add  "scripts": {"start": "node FILE"}  to package.json',
        "no start command",
    )


def port(tree: Tree, command: str) -> int:
    """The port that the scripts which are started name as a number; 0 where they take PORT, or start several programs."""
    told = Scripts(json_of(tree, "package.json")).told(command)
    inner = [json_of(tree, joined(folder, "package.json")) for folder in entered(told)]
    told = "\n".join([told, *(Scripts(package).told(told) for package in inner)])
    return 0 if _SEVERAL.search(told) or "$PORT" in told or "${PORT" in told else platforms.fixed_port(told)


def starts_nothing(tree: Tree, package: Mapping[str, Any]) -> bool:
    """Whether nothing at the top is to be started."""
    start = (package.get("scripts") or {}).get("start")
    return not (start or front_end.server_command(tree, package) or _entry(tree, package))


def _entry(tree: Tree, package: Mapping[str, Any]) -> tuple[str, str] | None:
    """What to start where nothing is named start, and why."""
    scripts, main, module = package.get("scripts") or {}, package.get("main"), package.get("module")
    production = next((one for one in _PRODUCTION if one in scripts), None)
    if production:
        return _direct(scripts, production), f"the {production} script of package.json"
    runner, usual = "node", list(_ENTRIES)
    if node_packages.is_bun(tree, package):
        runner, main, usual = "bun", module or main, [*_BUN_ENTRIES, *_ENTRIES]
    elif isinstance(main, str) and main.endswith(".ts") and tree.has("server.js"):
        return "node server.js", "server.js, which npm start runs; main of package.json is TypeScript"
    if isinstance(main, str) and not front_end.OF_TOOLS.match(main):
        path = main.removeprefix("./")
        if node_start.is_there(tree, path) or (front_end.build_script(package) and _MADE.match(path)):
            return f"{runner} {main}", f"{'module' if main == module else 'main'} of package.json"
    if found := next((one for one in usual if tree.has(one)), None):
        return f"{runner} {found}", f"{found} found"
    if made := node_start.compiled_entry(tree, package):
        return f"node {made}", f"what {front_end.build_script(package)} makes of the entry in TypeScript"
    developed = node_start.developed(tree, package)
    return (developed, "what the script for development runs") if developed else None


def _direct(scripts: Mapping[str, Any], name: str) -> str:
    """The script itself where it is one plain command: no npm process stays in between, and signals reach the app."""
    script = node_start.in_front(str(scripts[name]).strip())
    first = script.split()[0] if script else ""
    wrapped = {f"pre{name}", f"post{name}"} & set(scripts)
    if wrapped or not _PLAIN.fullmatch(script) or "npm_" in script or first in ("npm", "yarn", "pnpm", "npx", "cd"):
        return "npm start" if name == "start" else f"npm run {name}"
    return script
