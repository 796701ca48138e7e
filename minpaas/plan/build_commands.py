"""Builds of pages that no script of package.json is named for: a host's file has the command, or a folder has the front end."""

import re
from collections.abc import Mapping
from typing import Any

from minpaas.plan import build_lines, hosting, node_workspaces
from minpaas.plan.development import entered, script
from minpaas.plan.node_scripts import Scripts, packages_of
from minpaas.plan.tree import Tree, dependencies

_BUILDS = re.compile(r"(?:npm run|yarn(?: run)?|pnpm(?: run)?|bun run) build")
_EXPO = ("build:web", "export", "export:web", "web:build", "build-web")
_PROGRAMS = ("npm", "npx", "yarn", "pnpm", "bun", "bunx", "node", "cd")
# of the environment that a host's file gives a build: what is followed otherwise, or means something else here
_NOT_GIVEN = re.compile(
    r"(NODE|HUGO|RUBY|PYTHON|GO|PHP|YARN|NPM|PNPM)_VERSION|NODE_ENV|PATH|HOME|NPM_FLAGS|YARN_FLAGS|CI"
)


def with_build(tree: Tree, package: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """package.json as if its build script were the command that is returned; an empty one: it is as it stands."""
    scripts = dict(package.get("scripts") or {})
    told = _told(tree, package) or build_lines.at_top(tree)
    command = "" if "heroku-postbuild" in scripts else told or _of_a_folder(tree, package) or _expo(package)
    return {**package, "scripts": {**scripts, "build": command}} if command else dict(package), command


def environment(tree: Tree) -> dict[str, str]:
    """What the files of hosts set while building."""
    build = hosting.mapping(hosting.read_toml(tree, "netlify.toml").get("build"))
    given = {
        **hosting.mapping(hosting.mapping(hosting.read_json(tree, "vercel.json").get("build")).get("env")),
        **hosting.mapping(build.get("environment")),
    }
    return {
        name: value
        for name, value in given.items()
        if re.fullmatch(r"[A-Za-z_]\w*", name)
        and not _NOT_GIVEN.fullmatch(name)
        and isinstance(value, str)
        and re.fullmatch(r"[^\"\\$`\n\r]*", value)
    }


def npm_flags(tree: Tree) -> str:
    """What netlify.toml gives npm install, as  --legacy-peer-deps ."""
    build = hosting.mapping(hosting.read_toml(tree, "netlify.toml").get("build"))
    flags = str(hosting.mapping(build.get("environment")).get("NPM_FLAGS") or "")
    return " ".join(one for one in ("--legacy-peer-deps", "--force") if one in flags.split())


def tool_of(tree: Tree, folder: str) -> str:
    """The package manager of a folder, by its lock file."""
    tools = {"yarn.lock": "yarn", "pnpm-lock.yaml": "pnpm"}
    return next((tool for lock, tool in tools.items() if tree.has(f"{folder}/{lock}")), "npm")


def _told(tree: Tree, package: Mapping[str, Any]) -> str:
    """The command of netlify.toml or vercel.json, where it is not the build script itself and all of it can be run here."""
    netlify = hosting.mapping(hosting.read_toml(tree, "netlify.toml").get("build"))
    for told in (netlify.get("command"), hosting.read_json(tree, "vercel.json").get("buildCommand")):
        if not isinstance(told, str) or not told.strip() or re.search(r"[\n\r\\]", told.strip()):
            continue
        bare = re.sub(r"(?:^|(?<=&& ))(?:[A-Z_]+=(?:''|\"\"|\w*) +)+", "", told.strip())
        parts = [one.strip() for one in bare.split("&&")]
        parts = [one for one in parts if not build_lines.INSTALLS.fullmatch(one)]
        if (
            parts
            and all(_can_be_run(one, package) for one in parts)
            and not (len(parts) == 1 and _BUILDS.fullmatch(parts[0]))
        ):
            return " && ".join(parts)
        return ""
    return ""


def _can_be_run(part: str, package: Mapping[str, Any]) -> bool:
    """Whether its program is there: of Node.js, or one of the packages. A script that it names must be there too."""
    needed = dependencies(package)
    called = re.fullmatch(r"(?:npm run|yarn(?: run)?|pnpm(?: run)?|bun run) ([\w:.-]+)(?: .*)?", part)
    if called and called[1] not in (package.get("scripts") or {}):
        return False
    first = part.split()[0]
    return first in _PROGRAMS or any(name in needed for word, name in packages_of(first))


def _of_a_folder(tree: Tree, package: Mapping[str, Any]) -> str:
    """The build of the folder whose front end is all that start starts, where no script here enters it to build."""
    scripts = package.get("scripts") or {}
    inside = entered(script(scripts, "start"))
    if not inside or f"{inside[0]}/" in Scripts(package).folders(tree) or not tree.has(f"{inside[0]}/package.json"):
        return ""
    folder = inside[0]
    if folder in node_workspaces.folders(tree, package):  # what is installed at the top is there as well
        return "" if scripts.get("build") else f"cd {folder} && npm run build"
    tool = tool_of(tree, folder)
    return f"cd {folder} && {tool} install && {tool} run build"


def _expo(package: Mapping[str, Any]) -> str:
    """The pages of an app that is for phones as well."""
    scripts, needed = package.get("scripts") or {}, package.get("dependencies") or {}
    named = any(name in scripts for name in ("build", *_EXPO))
    return "expo export --platform web" if {"expo", "react-native-web"} <= set(needed) and not named else ""
