"""Node.js: which version, which package manager, what is built and what is started."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from minpaas.plan import (
    aptfile,
    build_commands,
    build_lines,
    development,
    frameworks,
    front_end,
    node_code,
    node_command,
    node_folders,
    node_inner,
    node_packages,
    node_start,
    node_versions,
    node_workspaces,
    static,
)
from minpaas.plan.appjson import parse_json
from minpaas.plan.model import NodeRecipe, Notes, Plan, PlanError
from minpaas.plan.node_packages import Manager
from minpaas.plan.node_scripts import Scripts, changes_packages, entered, installs_globally, packages_of
from minpaas.plan.tree import Tree, Under, dependencies, json_of

_HEAP = "--max-old-space-size=2560"
# what listens on localhost, or on the container's own name, unless it is told otherwise
_HOSTS = {
    "next": "HOSTNAME", "nuxt": "HOST", "@astrojs/node": "HOST", "@adonisjs/core": "HOST", "fastify-cli": "FASTIFY_ADDRESS",
}  # fmt: skip
# the files of platforms that leave the devDependencies where they are
_KEEPING = ("render.yaml", "railway.json", "railway.toml", "railpack.json", "nixpacks.toml")


def detect(tree: Tree) -> str | None:
    """The file that makes this a Node.js app, or None."""
    return "package.json" if "package.json" in tree.names() else None


def serves(tree: Tree) -> bool:
    """Whether package.json has a start script that is no development server."""
    try:
        scripts = package_json(tree).get("scripts") or {}
    except PlanError:
        return True  # said elsewhere, with its line
    start = development.script(scripts, "start")
    return bool(start) and not development.is_development(tree, scripts, start)


def sources_of(tree: Tree) -> tuple[str, str] | None:
    """Hugo or Jekyll, where the pages are theirs and package.json is only for their assets; None: it brings them itself."""
    maker = static.generator(tree)
    names = dependencies(json_of(tree, "package.json"))
    return maker if maker and maker[0] in ("Hugo", "Jekyll") and not names & set(frameworks.HUGO) else None


def package_json(tree: Tree) -> dict[str, Any]:
    """package.json, or an empty one. Raises PlanError naming the line."""
    text = tree.read("package.json")
    if text is None:
        return {}
    package = parse_json(text, "package.json")
    if not isinstance(package.get("scripts", {}), dict):
        package["scripts"] = {}
    return {**package, node_start.COMPILES: node_start.compiling(tree, package)}


def plan(tree: Tree, types: dict[str, str], notes: Notes, sticky: str = "") -> Plan:
    """How to build it: an app, or a front end that only builds. Raises PlanError."""
    notes.because("Node.js app, by package.json" if detect(tree) else "Node.js app, as asked")
    package = package_json(tree)
    if not types and (refused := development.desktop(tree, package)):
        raise refused
    apps = node_workspaces.startable(tree, package) if not types and node_command.starts_nothing(tree, package) else {}
    if len(apps) > 1:
        raise node_workspaces.refusal(apps)
    folder, inner = next(iter(apps.items())) if len(apps) == 1 else ("", {})
    types = {"web": f"cd {folder} && npm start"} if folder else types
    why_there = f"the start script of {folder}, the only workspace that has one" if folder else ""
    named, pages = None if types.get("web") else node_workspaces.delegated(tree, package), package
    if types.get("web"):
        there = node_workspaces.folders(tree, package)
        folder = next((one for one in entered(types["web"]) if one in there), "")
        inner = there.get(folder, {})
    elif named:
        folder, _, inner = named
        types, why_there, pages = _of_workspace(tree, package, named, types)
    as_told, command = build_commands.with_build(tree, pages)
    site = None if types.get("web") else front_end.site(tree, as_told, notes)
    if site and not (Scripts(as_told).builds or "node_modules/" in (tree.read("index.html") or "")):
        notes.because(site[1])
        return Plan("static", notes.reasons, {**types, "web": "serve-site"}, warnings=notes.warnings, site=site[0])
    packages = aptfile.read(tree, notes)
    if site:
        made = recipe(tree, notes, keep=False, static=True, told=command, sticky=sticky, packages=packages)
        return _front_end(made, *site, types, notes)
    types, why = node_command.start(tree, package, types)
    keep = _needs_development(tree, package, types, notes)
    if not keep and why.endswith(node_command.BUILT) and not package.get("dependencies"):
        keep = True
        notes.because("devDependencies stay: there are no others, and what the build makes may need them")
    started = "\n".join([Scripts(package).told("\n".join(types.values())), Scripts(inner).told("npm start")])
    told = build_lines.at_top(tree) or node_inner.pages(tree, package, started, notes)
    told = told or node_start.uncompiled(tree, package)
    made = recipe(
        tree, notes, keep=keep, told=told, sticky=sticky, started=started, packages=packages, workspace=folder
    )
    why = why_there or why
    if why:
        notes.because(f"Start: {types['web']} ({why})")
    return started_by(tree, package, types, notes, made, inner)


def _of_workspace(
    tree: Tree, package: dict[str, Any], found: tuple[str, str, Mapping[str, Any]], types: dict[str, str]
) -> tuple[dict[str, str], str, dict[str, Any]]:
    """The process types, why, and package.json as pages are looked for, where start only runs a script of this workspace."""
    folder, script, inner = found
    inside, start = Under(tree, folder), package["scripts"]["start"]
    if node_workspaces.serves(inside, inner):
        return types, "", package
    if server := front_end.server_command(inside, inner):
        command = f"cd {folder} && PATH=$PWD/node_modules/.bin:$PATH {server[0]}"
        return {**types, "web": command}, f"{server[1]} in {folder}; start ({start}) is a development server", package
    return types, "", {**package, "scripts": {**package["scripts"], "start": f"cd {folder} && npm run {script}"}}


def started_by(
    tree: Tree,
    package: Mapping[str, Any],
    types: dict[str, str],
    notes: Notes,
    made: NodeRecipe,
    inner: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of an app with these process types; `inner` is the package.json of a folder that is started."""
    return Plan(
        "node",
        notes.reasons,
        types,
        made.version,
        _asked(tree, package),
        made.manager,
        made.install,
        "; ".join(made.build),
        environment={"NODE_ENV": "production", **_passing(package), **_hosts(package), **_hosts(inner or {})},
        warnings=notes.warnings,
        node=made,
    )


def recipe(
    tree: Tree,
    notes: Notes,
    *,
    keep: bool,
    static: bool = False,
    told: str = "",
    sticky: str = "",
    started: str = "",
    packages: Sequence[str] = (),
    workspace: str = "",
) -> NodeRecipe:
    """Install and build. `keep` the devDependencies; `static`: nothing of node_modules is needed afterwards; `told`: what builds.

    `workspace` is the folder whose start script is started: its build script counts where the top has none.
    """
    package = package_json(tree)
    if told:
        package = {**package, "scripts": {**package.get("scripts", {}), "build": told}}
    scripts, development = Scripts(package), bool(package.get("devDependencies"))
    version, _ = node_versions.choose(tree, package, notes, sticky)
    manager = node_packages.choose(tree, package, notes, version)
    workspaces = "workspaces" in package or "packages:" in (tree.read("pnpm-workspace.yaml") or "")
    # yarn 2 and later run a script only where they find what they wrote when they installed
    stateful = manager.name == "berry" and bool(manager.tools(started) or not manager.lock)
    client = node_packages.makes_a_client(tree, package)
    inner = [] if told and static else node_inner.commands(tree, package, started)
    whole_tree = scripts.hooks or scripts.before or workspaces or stateful or client or inner or _local_paths(package)
    dev = bool(keep or ((scripts.builds or client) and (development or scripts.install_more)) or workspaces)
    if client and development and manager.name != "npm":
        keep = True  # the others remove it with the devDependencies, or put its package elsewhere
    install = node_packages.install(manager, dev)
    pruned = node_packages.prune(manager, workspaces) if development and dev and not keep and not static else ""
    notes.because(f"Packages: {install}")
    if static and manager.name == "npm" and (flags := build_commands.npm_flags(tree)):
        install = f"{install} {flags}"
    build = _built(tree, manager, scripts, notes, told, inner, workspace)
    build += [] if static else node_folders.beside(tree, manager, notes, scripts.folders(tree))
    if pruned:
        notes.because(f"Afterwards: {pruned}")
    afterwards = [pruned, *(node_packages.run(manager, one) for one in scripts.cleanup)]
    empty = node_start.missing_environment(tree, f"{started}\n{scripts.text}")
    for name in empty:
        notes.warn(
            f"{name} is not in the repository: it is empty here, config vars take its place (minpaas config:import {name})"
        )
    return NodeRecipe(
        version=version,
        manager=manager.name,
        tool=manager.tools("\n".join([install, scripts.text, *build])),
        tool_at_run=manager.tools(started),
        manifests=() if whole_tree else _manifests(tree, manager),
        before=tuple(node_packages.run(manager, one) for one in scripts.before),
        install=install,
        build=tuple(build),
        prune=" && ".join(filter(None, afterwards)),
        compiled=bool(scripts.hooks or inner) or _may_compile(tree, manager),
        globally=installs_globally(f"{scripts.text}\n{started}"),
        writes=changes_packages(started),
        packages=tuple(packages),
        environment={
            **(build_commands.environment(tree) if static else {}),
            **_building(tree, package, manager, version, notes),
        },
        empty=empty,
    )


def _built(
    tree: Tree, manager: Manager, scripts: Scripts, notes: Notes, told: str, inner: list[str], workspace: str
) -> list[str]:
    """What is run to build it: in folders first, for what is built at the top may need them."""
    for command in inner:
        notes.because(f"Build: {command} (what is started or built there needs packages of its own)")
    if told:
        quoted = told.replace("'", "'\\''")
        build = [f"PATH=/app/node_modules/.bin:$PATH sh -c '{quoted}'" for _ in scripts.build]
        notes.because(f"Build: {told}")
    else:
        build = [node_packages.run(manager, one) for one in scripts.build]
        for command, name in zip(build, scripts.build, strict=True):
            notes.because(f"Build: {command} (the {name} script)")
    for folder in (
        node_workspaces.builds(tree, package_json(tree), workspace) if workspace and not scripts.build else ()
    ):
        build.append(f"cd {folder} && npm run build")
        notes.because(f"Build: {build[-1]} (the build script of {folder})")
    if scripts.install_more:
        build = [node_packages.with_development(manager, one) for one in build]
    return [*(node_packages.with_development(manager, f"sh -c '{one}'") for one in inner), *build]


def _manifests(tree: Tree, manager: Manager) -> tuple[str, ...]:
    """The files that decide what is installed."""
    return tuple(filter(None, ["package.json", manager.lock, *node_packages.settings_files(tree)]))


def _front_end(made: NodeRecipe, site: Any, why: str, types: dict[str, str], notes: Notes) -> Plan:
    notes.because(why)
    return Plan(
        "static",
        notes.reasons,
        {**types, "web": "serve-site"},
        made.version,
        manager=made.manager,
        install=made.install,
        build="; ".join(made.build),
        warnings=notes.warnings,
        site=replace(site, build=made),
    )


def _needs_development(tree: Tree, package: Mapping[str, Any], types: dict[str, str], notes: Notes) -> bool:
    """Whether the devDependencies stay: what is started is one of them, or its platform would not take them away."""
    scripts, development = Scripts(package), package.get("devDependencies") or {}
    for kind, command in types.items():
        for word, program in packages_of(scripts.told(command)):
            if program in development:
                notes.because(f"devDependencies stay: {kind} starts {word}, which is one of them")
                return True
    both = sorted(set(development) & set(package.get("dependencies") or {}))
    if both:
        notes.because(f"devDependencies stay: {both[0]} is in both lists, and npm would leave it out with them")
        return True
    started = scripts.told("\n".join(types.values())) if development else ""
    for package_name, file in node_code.packages(tree, started, scripts.text if started else "").items():
        if package_name in development:
            notes.because(f"devDependencies stay: {file} needs {package_name}, which is one of them")
            return True
    names = set(tree.names())
    other = next((one for one in _KEEPING if one in names and "Procfile" not in names), None)
    if development and other:
        notes.because(f"devDependencies stay, as on the platform that {other} is for")
    return bool(development and other)


def _hosts(package: Mapping[str, Any]) -> dict[str, str]:
    names = dependencies(package)
    return {variable: "0.0.0.0" for name, variable in _HOSTS.items() if name in names}


def _passing(package: Mapping[str, Any]) -> dict[str, str]:
    """What makes a runner of tasks hand on PORT and the config vars, of which its own file names none."""
    names = dependencies(package)
    return {"TURBO_ENV_MODE": "loose"} if "turbo" in names else {}


def _may_compile(tree: Tree, manager: Manager) -> bool:
    """Whether some package has an install script; only npm's lock file (version 2 and later) says so."""
    lock = tree.read(manager.lock) if manager.name == "npm" and manager.lock else None
    return lock is None or '"hasInstallScript": true' in lock or '"lockfileVersion": 1' in lock or '"git+' in lock


def _building(tree: Tree, package: dict[str, Any], manager: Manager, version: str, notes: Notes) -> dict[str, str]:
    environment = {"NODE_ENV": "production", "NODE_OPTIONS": _HEAP, **_passing(package)}
    if node_versions.needs_old_hashes(tree, package, version):
        environment["NODE_OPTIONS"] += " --openssl-legacy-provider"
    linker = re.search(r"^nodeLinker:\s*(\S+)", tree.read(".yarnrc.yml") or "", re.M)
    if manager.name == "berry":
        environment |= {"YARN_ENABLE_TELEMETRY": "0", "YARN_ENABLE_GLOBAL_CACHE": "1"}
        if not manager.own_file:
            environment["YARN_IGNORE_PATH"] = "1"  # of .yarnrc.yml: the file that it names was not committed
        if linker is None or linker[1].strip("\"'") == "pnp":
            environment["YARN_NODE_LINKER"] = "node-modules"
            notes.because("Packages go to node_modules (instead of Plug'n'Play), so that any command finds them")
    names = dependencies(package)
    if frameworks.svelte_adapter(tree, names) == "auto":
        environment["GCP_BUILDPACKS"] = (
            "1"  # its adapter-auto knows this for a machine of its own: it takes adapter-node
        )
    return environment


def _local_paths(package: Mapping[str, Any]) -> bool:
    kinds = ("dependencies", "devDependencies", "optionalDependencies")
    told = [package.get(kind) for kind in kinds]
    values = [str(value) for one in told if isinstance(one, dict) for value in one.values()]
    return any(value.startswith(("file:", "link:", "portal:", "./", "../")) for value in values)


def _asked(tree: Tree, package: Mapping[str, Any]) -> str:
    return node_versions.choose(tree, dict(package), Notes(), "")[1]
