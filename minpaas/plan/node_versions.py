"""Which version of Node.js, and of the npm that comes with it: what is asked, else what the oldest tool goes with."""

import re
from collections.abc import Iterator
from typing import Any

from minpaas.plan import hosting, nixpacks, render_yaml, semver
from minpaas.plan.model import Asked, Notes
from minpaas.plan.node_scripts import Scripts
from minpaas.plan.tree import Tree, json_of
from minpaas.plan.versions import refused, sticky_or, unreadable

NODE = 24
# as they are tried: the newest even line first, then what has no long support, then what is older than npm 6
_NODES = [24, 22, 20, 18, 16, 14, 12, 10, 8, 26, 25, 23, 21, 19, 17, 15, 13, 11, 9, 6, 4, 7, 5, 0]
_OPENSSL_1 = 16  # the last line that has it
# the npm that is taken for a line: the first of these lines that is not newer
_NPM = {24: 11, 18: 10, 16: 8, 6: 6, 4: 4, 0: 2}
# what builds, and what is compiled: before this version of it, no newer line of Node.js goes with it
_BUILDERS: dict[str, list[tuple[str, int]]] = {
    **{name: [(before, _OPENSSL_1)] for name, before in (
        ("next", "12"), ("react-scripts", "5"), ("webpack", "5"), ("nuxt", "3"), ("gatsby", "4"), ("laravel-mix", "6"),
        ("@vue/cli-service", "5"), ("@angular/cli", "13"), ("preact-cli", "4"), ("gridsome", "1"), ("vuepress", "2"),
        ("ember-auto-import", "2"),
    )},
    "gulp": [("4", 10)],
}  # fmt: skip
_COMPILED: dict[str, list[tuple[str, int]]] = {
    "node-sass": [("6", 14), ("8", 16), ("9", 18), ("10", 20)],
    "bcrypt": [("3", 10), ("4", 14)],
    "sqlite3": [("5", 14)],
    "fibers": [("99", 14)],
    "grpc": [("99", 14)],
}
_OPTIONS = {"--experimental-specifier-resolution": 18, "--es-module-specifier-resolution": 18}  # of node, removed since


def choose(tree: Tree, package: dict[str, Any], notes: Notes, sticky: str) -> tuple[str, str]:
    """The version of Node.js as 24, 20.11 or 20.11.1, and what was asked. Raises PlanError."""
    asked = _asked(tree, package, notes)
    limit, why = (99, "") if sticky else _limit(tree, package)
    if asked is None and limit < NODE:
        notes.because(f"Node.js {limit} ({why})")
        return str(limit), ""
    if asked is None:
        return sticky_or(str(NODE), sticky, "Node.js", notes), ""
    allowed = semver.ranges(asked.text)
    if allowed is None:
        raise unreadable("Node.js", asked, str(NODE))
    first = [int(sticky.split(".")[0])] if sticky else [line for line in _NODES if line <= limit]
    chosen = semver.choose(allowed, [*first, *_NODES])
    if chosen is None:
        raise refused("Node.js", asked, ["Node.js 0.10 to 26"])
    other = f"; {why}" if int(chosen.split(".")[0]) == limit else ""
    notes.because(f"Node.js {chosen} ({asked.where} asks for {asked.text}{other})")
    return chosen, asked.text


def npm(node: str) -> int:
    """The npm that comes with a version of Node.js here."""
    return next(npm for line, npm in _NPM.items() if int(node.split(".")[0]) >= line)


def npm_release(node: str) -> str:
    """Which release of that npm is installed: the newest, but of 11 the last that takes the lock files that many have.

    11.6.2 and later refuse those without the packages of other platforms, which npm itself writes now and then; the
    prune of 11.6.1 fails on a package of another platform that bundles others, as Tailwind 4 has one.
    """
    return "11.6.0" if npm(node) == 11 else str(npm(node))


def needs_old_hashes(tree: Tree, package: dict[str, Any], node: str) -> bool:
    """Whether what builds needs OpenSSL 1's hashes, and this Node.js has them no more."""
    limit = min((line for _, _, line in _too_old(tree, package)), default=99)
    return limit <= _OPENSSL_1 < int(node.split(".")[0])


def _limit(tree: Tree, package: dict[str, Any]) -> tuple[int, str]:
    """The newest line that goes with what builds, is compiled or is said to node, and why."""
    scripts = Scripts(package)
    inner = [json_of(tree, f"{folder}package.json") for folder in scripts.folders(tree)]
    lines = " ".join(str(line) for one in (package, *inner) for line in Scripts(one).all.values())
    if "openssl-legacy-provider" in lines:
        return 99, ""  # its author builds with a newer one, and an older one refuses the option
    found = [
        *(
            (line, f"{name} {version} does not {'build' if name in _BUILDERS else 'compile'} with a newer one")
            for name, version, line in _too_old(tree, package)
        ),
        *((line, f"no newer one knows {option}") for option, line in _OPTIONS.items() if option in lines),
    ]
    return min(found, default=(99, ""))


def _too_old(tree: Tree, package: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Packages with their version that do not go with each Node.js, here and in the folders that the scripts build."""
    scripts = Scripts(package)
    for folder in ("", *scripts.folders(tree)):
        told = json_of(tree, f"{folder}package.json") if folder else package
        development = told.get("devDependencies") if scripts.builds else None
        for kind in (told.get("dependencies"), development):
            for name, wanted in (kind if isinstance(kind, dict) else {}).items():
                known = [*_COMPILED.get(name, []), *(_BUILDERS.get(name, []) if scripts.builds else [])]
                version = known and _version(tree, folder, name, str(wanted))
                line = next((line for before, line in known if version and _older(version, before)), None)
                if line is not None and version:
                    yield name, version, line


def _version(tree: Tree, folder: str, name: str, wanted: str) -> str:
    """The version that the lock file has of a package, else the one that its range begins with; empty: unknown."""
    locked = re.search(
        rf'"(?:node_modules/)?{re.escape(name)}": \{{\s*"version": "([\d.]+)',
        tree.read(f"{folder}package-lock.json") or "",
    ) or re.search(
        rf'^"?{re.escape(name)}@[^\n]*:\n\s+version:? "?([\d.]+)', tree.read(f"{folder}yarn.lock") or "", re.M
    )
    found = locked or re.match(r"[~^=v ]*(\d+(?:\.\d+)*)", wanted)
    return found[1].strip(".") if found else ""


def _older(version: str, before: str) -> bool:
    return [int(one) for one in version.split(".")] < [int(one) for one in before.split(".")]


def _asked(tree: Tree, package: dict[str, Any], notes: Notes) -> Asked | None:
    engines = package.get("engines")
    text = engines.get("node") if isinstance(engines, dict) else None
    if isinstance(text, str) and text.strip():
        return Asked(text.strip(), "engines of package.json")
    for text, where in _elsewhere(tree, package):
        if semver.ranges(text) is not None:
            return Asked(text, where)
        notes.warn(f"{where} says {text[:60]!r}, which is no version of Node.js: it is not used")
    return None


def _elsewhere(tree: Tree, package: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in (".nvmrc", ".node-version"):
        lines = [line.partition("#")[0].strip() for line in (tree.read(name) or "").splitlines()]
        if text := next((line for line in lines if line), ""):
            yield text, name
    if match := re.search(r"^node(?:js)?\s+(\S+)", tree.read(".tool-versions") or "", re.M):
        yield match[1], ".tool-versions"
    volta = package.get("volta")
    if isinstance(volta, dict) and isinstance(volta.get("node"), str):
        yield volta["node"], "volta of package.json"
    engines = package.get("devEngines")
    runtime = engines.get("runtime") if isinstance(engines, dict) else None
    if isinstance(runtime, dict) and runtime.get("name") == "node" and isinstance(runtime.get("version"), str):
        yield runtime["version"], "devEngines of package.json"
    if text := render_yaml.variable(tree, "NODE_VERSION"):
        yield text, "NODE_VERSION of render.yaml"
    build = hosting.mapping(hosting.read_toml(tree, "netlify.toml").get("build"))
    if text := str(hosting.mapping(build.get("environment")).get("NODE_VERSION") or ""):
        yield text, "NODE_VERSION of netlify.toml"
    text, where = nixpacks.version(tree, "node")
    if text:
        yield text, where
