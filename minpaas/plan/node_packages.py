"""Which package manager a Node.js tree is for, which version of it, and its commands."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minpaas.plan import node_versions, semver
from minpaas.plan.model import Notes
from minpaas.plan.tree import Tree, dependencies

_LOCKS = (
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
)
_PNPM = {"5.1": "5", "5.2": "5", "5.3": "6", "5.4": "7", "6.0": "8", "6.1": "8", "9.0": "9"}
_BERRY = {"4": "2", "5": "3", "6": "3", "7": "3", "8": "4"}  # what made a lock file, by its __metadata version
_YARN = "1.22.22"
_BUN = "1"
_AS_NOBODY = {("npm", "6"), ("npm", "6.")}
_LEGACY_NPM = 7  # the first that knows --include and --omit, reads lock files of version 3, and installs peers
_PROGRAM = r"(?:^|[;&|(\"'\s]){name}(?=\s|$|[;&|)\"'])"
_SETTINGS = (".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", "pnpm-workspace.yaml", ".yarn/", "patches/")


@dataclass(frozen=True)
class Manager:
    """A package manager with its lock file."""

    name: str  # npm, yarn, berry, pnpm, bun
    version: str = ""  # empty: the stack's own
    lock: str = ""
    own_file: str = ""  # berry's program when the repository carries it
    npm: int = 0  # the npm that runs, by its major version
    old_lock: bool = False  # npm's lock file is from before npm installed peer dependencies

    @property
    def tool(self) -> str:
        """How it gets into an image."""
        if self.name == "berry" and self.own_file:
            script = f'#!/bin/sh\\nexec node /app/{self.own_file} "$@"\\n'
            return f"printf '{script}' > /usr/local/bin/yarn && chmod 755 /usr/local/bin/yarn"
        package = {"berry": "@yarnpkg/cli-dist"}.get(self.name, self.name)
        return _global(package, self.version) if self.version else ""

    def tools(self, text: str) -> str:
        """How what these commands call gets into an image: the manager itself, and another one that they name."""
        own = "yarn" if self.name == "berry" else self.name
        text = re.sub(r"\bpnpx\b", "pnpm", re.sub(r"\bbunx\b", "bun", text))  # they come with them
        needed = [self.tool] if self.tool and _calls(text, own) else []
        others = {"yarn": _global("yarn", _YARN), "pnpm": _global("pnpm", "10"), "bun": _global("bun", _BUN)}
        return " && ".join([*needed, *(how for name, how in others.items() if name != own and _calls(text, name))])

    @property
    def words(self) -> str:
        """As a person calls it."""
        name = "yarn" if self.name == "berry" else self.name
        return f"{name} {self.version}".strip()


def choose(tree: Tree, package: Mapping[str, Any], notes: Notes, node: str) -> Manager:
    """By packageManager, then by the lock file; several: pnpm, yarn, npm in this order, with a warning."""
    names = set(tree.names())
    locks = [(name, manager) for name, manager in _LOCKS if name in names]
    told = "packageManager" if package.get("packageManager") else "devEngines"
    asked = re.match(r"(npm|yarn|pnpm|bun)@(\d[\w.-]*)", str(package.get("packageManager") or _of_dev_engines(package)))
    if asked:
        lock = next((name for name, manager in locks if manager == asked[1]), "")
        chosen = _manager(asked[1], asked[2], lock, tree, package, node)
        notes.because(f"Package manager: {chosen.words} ({told} of package.json)")
    elif not locks and is_bun(tree, package):
        chosen = _manager("bun", "", "", tree, package, node)
        notes.because(f"Package manager: {chosen.words} (its types are among the devDependencies)")
    elif not locks and ".yarnrc.yml" in names:
        chosen = _manager("yarn", "", "", tree, package, node)
        notes.because(f"Package manager: {chosen.words} (.yarnrc.yml)")
    elif locks:
        chosen = _manager(locks[0][1], "", locks[0][0], tree, package, node)
        notes.because(f"Package manager: {chosen.words} ({chosen.lock})")
    else:
        chosen = _manager("npm", "", "", tree, package, node)
        notes.because("Package manager: npm (no lock file)")
    managers = {manager for _, manager in locks}
    if len(managers) > 1:
        others = ", ".join(name for name, _ in locks if name != chosen.lock)
        notes.warn(f"Several lock files: {chosen.lock or chosen.name} is used, {others} not. Remove what is not meant")
    if not chosen.lock:
        notes.warn(
            f"No {_lock_name(chosen)}: the next deploy may get other versions. Commit one ({chosen.words} install makes it)"
        )
    return chosen


def _of_dev_engines(package: Mapping[str, Any]) -> str:
    """The manager that devEngines names, as packageManager would: npm ends where that is not itself."""
    engines = package.get("devEngines")
    told = engines.get("packageManager") if isinstance(engines, dict) else None
    told = told[0] if isinstance(told, list) and told else told
    return f"{told.get('name')}@{str(told.get('version') or '').lstrip('^~>=v ')}" if isinstance(told, dict) else ""


def is_bun(tree: Tree, package: Mapping[str, Any]) -> bool:
    """Whether bun's lock file or its types show that it is what runs the app."""
    development = package.get("devDependencies") or {}
    return bool({"bun.lock", "bun.lockb"} & set(tree.names()) or {"@types/bun", "bun-types"} & set(development))


def settings_files(tree: Tree) -> list[str]:
    """Files beside package.json that say how to install; folders without the slash."""
    names = set(tree.names())
    return [name.rstrip("/") for name in _SETTINGS if name in names]


def install(manager: Manager, dev: bool) -> str:
    """The install command, from the lock file where there is one."""
    if manager.name == "npm":
        verb = "ci" if manager.lock and manager.npm >= 6 else "install"
        if manager.npm < _LEGACY_NPM:
            return f"npm {verb} --production={'false' if dev else 'true'} --no-audit"
        peers = " --legacy-peer-deps" if manager.old_lock else ""
        return f"npm {verb} {'--include' if dev else '--omit'}=dev{peers} --no-audit --no-fund"
    if manager.name == "yarn":
        frozen = " --frozen-lockfile" if manager.lock else ""
        return f"yarn install{frozen} --ignore-engines --non-interactive --production={'false' if dev else 'true'}"
    if manager.name == "berry":
        return "yarn install --immutable" if manager.lock else "yarn install"
    if manager.name == "bun":
        return f"bun install{' --frozen-lockfile' if manager.lock else ''}{'' if dev else ' --production'}"
    return f"pnpm install {'--frozen-lockfile' if manager.lock else '--no-frozen-lockfile'} {'--prod=false' if dev else '--prod'}"


def prune(manager: Manager, workspaces: bool) -> str:
    """What removes the devDependencies; empty where the manager cannot, or where a workspace may start one of its own."""
    if workspaces:
        return ""
    if manager.name == "npm" and manager.npm < _LEGACY_NPM:
        return "npm prune --production --no-audit"
    if manager.name == "npm":
        peers = " --legacy-peer-deps" if manager.old_lock else ""
        return f"npm prune --omit=dev{peers} --no-audit --no-fund"
    if manager.name == "yarn":
        frozen = " --frozen-lockfile" if manager.lock else ""
        return f"yarn install{frozen} --ignore-engines --non-interactive --production=true --ignore-scripts --prefer-offline"
    if manager.name == "berry":
        return "yarn workspaces focus --all --production" if _major(manager.version) >= 4 else ""
    return "CI=true pnpm prune --prod --ignore-scripts" if manager.name == "pnpm" else ""


def makes_a_client(tree: Tree, package: Mapping[str, Any]) -> bool:
    """Whether a package writes code into node_modules by the app's own files when it is installed: Prisma's client, by its schema."""
    named = dependencies(package)
    return {"@prisma/client", "prisma"} <= named and (tree.has("prisma/schema.prisma") or "prisma" in package)


def with_development(manager: Manager, command: str) -> str:
    """A command in whose own installs, as of a client folder, the devDependencies are not left out."""
    npm = "NPM_CONFIG_PRODUCTION=false" if manager.npm < _LEGACY_NPM else "NPM_CONFIG_INCLUDE=dev"
    return f"{npm} YARN_PRODUCTION=false {command}"


def run(manager: Manager, script: str) -> str:
    """How a script of package.json is run."""
    return f"{'yarn' if manager.name == 'berry' else manager.name} run {script}"


def _manager(kind: str, version: str, lock: str, tree: Tree, package: Mapping[str, Any], node: str) -> Manager:
    engines = package.get("engines")
    engines = engines if isinstance(engines, dict) else {}
    version = version or _asked(engines.get(kind))
    if kind == "npm":
        return _npm(version, lock, tree, node)
    npm = node_versions.npm(node)
    if kind == "yarn":
        own = re.search(r"^yarnPath:\s*[\"']?([\w./-]+)", tree.read(".yarnrc.yml") or "", re.M)
        text = tree.read("yarn.lock") or ""
        metadata = re.search(r"^__metadata:\s*\n\s+version:\s*(\d+)", text, re.M)
        if metadata or own or _major(version) >= 2 or tree.has(".yarnrc.yml"):
            file = own[1].removeprefix("./") if own and tree.has(own[1].removeprefix("./")) else ""
            made_by = _BERRY.get(metadata[1], "4") if metadata else "4"
            named = re.search(r"yarn-(\d+\.\d+\.\d+)\.c?js$", own[1]) if own else None
            asked = version if _major(version) >= 2 else named[1] if named else made_by
            return Manager("berry", asked, lock, file, npm)
        return Manager("yarn", version or _YARN, lock, npm=npm)
    if kind == "pnpm":
        return Manager("pnpm", version or _pnpm(tree, package), lock, npm=npm)
    return Manager("bun", version or _BUN, lock, npm=npm)


def _npm(asked: str, lock: str, tree: Tree, node: str) -> Manager:
    """npm as it is asked for, unless it is so old that the one here does the same; else one that reads the lock file."""
    own, line = node_versions.npm(node), int(node.split(".")[0])
    found = re.search(r'"lockfileVersion":\s*(\d+)', tree.read(lock) or "") if lock else None
    written = int(found[1]) if found else 2
    version = asked if _major(asked) >= 6 and asked != str(own) else ""
    if not version and written > 2 and own < _LEGACY_NPM and line >= 10:
        version = "8" if line >= 12 else "7"
    major = _major(version) or own
    return Manager("npm", version, lock, npm=major, old_lock=written < 2 and major >= _LEGACY_NPM)


def _global(package: str, version: str) -> str:
    installed = f"npm install --global --no-audit --no-fund {package}@{version}"
    # as root, npm 6 runs scripts as nobody unless it is told not to
    return (
        f"{installed} && npm config set unsafe-perm true --global"
        if (package, version[:2]) in _AS_NOBODY
        else installed
    )


def _calls(text: str, program: str) -> bool:
    return bool(re.search(_PROGRAM.format(name=program), text, re.M))


def _pnpm(tree: Tree, package: Mapping[str, Any]) -> str:
    """pnpm of the time of its lock file. 9 and 10 write the same; only 10 asks which packages may run their scripts."""
    match = re.search(r"^lockfileVersion:\s*['\"]?([\d.]+)", tree.read("pnpm-lock.yaml") or "", re.M)
    version = _PNPM.get(match[1], "10") if match else "10"
    settings = (tree.read("pnpm-workspace.yaml") or "") + str(package.get("pnpm") or "")
    return "10" if version == "9" and "BuiltDependencies" in settings else version


def _asked(text: Any) -> str:
    """One version that an engines range asks for; empty when anything will do."""
    allowed = semver.ranges(text) if isinstance(text, str) else None
    if not allowed or allowed[-1][1][0] - allowed[-1][0][0] > 1:
        return ""  # open at the top: the usual one satisfies it
    return semver.choose(allowed, list(range(20, 0, -1))) or ""


def _major(version: str) -> int:
    match = re.match(r"\d+", version)
    return int(match[0]) if match else 0


def _lock_name(manager: Manager) -> str:
    return {"npm": "package-lock.json", "pnpm": "pnpm-lock.yaml", "bun": "bun.lock"}.get(manager.name, "yarn.lock")
