"""What the scripts of package.json do, as far as a build must know it: read as words, never run."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from minpaas.plan import front_end
from minpaas.plan.tree import Tree, joined

_LIFECYCLE = ("preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare")
_HUSKY = re.compile(r"^(npx )?(husky( install)?|is-ci \|\| husky( install)?|husky( install)? \|\| true)$")
# programs that are in a package of another name
_PROGRAMS = {
    "nest": "@nestjs/cli", "ng": "@angular/cli", "tsc": "typescript", "remix-serve": "@remix-run/serve",
    "react-router-serve": "@react-router/serve", "vue-cli-service": "@vue/cli-service", "sirv": "sirv-cli",
    "webpack": "webpack-cli", "babel-node": "@babel/node", "babel": "@babel/cli", "swc-node": "@swc-node/register",
    "sequelize": "sequelize-cli", "run-s": "npm-run-all", "run-p": "npm-run-all", "strapi": "@strapi/strapi",
    "ts-node-script": "ts-node", "ts-node-esm": "ts-node", "ts-node-transpile-only": "ts-node", "drizzle": "drizzle-kit",
    "tsnd": "ts-node-dev", "pm2-runtime": "pm2", "cross-env-shell": "cross-env", "dotenvx": "@dotenvx/dotenvx",
    "typeorm-ts-node-commonjs": "typeorm", "typeorm-ts-node-esm": "typeorm", "sucrase-node": "sucrase", "conc": "concurrently",
}  # fmt: skip
# what else may have such a program: the package before it was renamed, or another one beside one of the program's name
_OTHERS = {"babel-node": "babel-cli", "babel": "babel-cli", "ng": "angular-cli", "dotenv": "dotenv-cli", "fastify": "fastify-cli"}  # fmt: skip
_INSTALLS = r"\b(?:npm|pnpm|bun)\b(?: +(?:--prefix|--dir|-C) +\S+| +-\S+)* +(?:i|install|ci|add)\b|\byarn\b(?: +--cwd +\S+| +install\b| *(?:&|;|$))"
_ENTERED = re.compile(r"(?:\bcd|--prefix|--cwd|--dir|-C)[ =]+[\"']?(?:\./)?([\w@.-][\w@./-]*)")


class Scripts:
    """The scripts of a package.json, by when they run."""

    def __init__(self, package: Mapping[str, Any]):
        told = package.get("scripts")
        self.all: Mapping[str, Any] = told if isinstance(told, dict) else {}
        self.before = ["heroku-prebuild"] if "heroku-prebuild" in self.all else []
        self.hooks = [one for one in _LIFECYCLE if one in self.all and not _HUSKY.match(str(self.all[one]).strip())]
        self.build = (
            ["heroku-postbuild"]
            if "heroku-postbuild" in self.all
            else [*filter(None, [front_end.build_script(package)])]
        )
        self.cleanup = ["heroku-cleanup"] if "heroku-cleanup" in self.all else []

    @property
    def builds(self) -> bool:
        """Whether a script of the app's own runs while it is built."""
        return bool(self.before or self.hooks or self.build)

    @property
    def text(self) -> str:
        """All that is run while it is built, as one text."""
        return self.unfolded([*self.before, *self.hooks, *self.build])

    @property
    def install_more(self) -> bool:
        """Whether they install packages themselves, as in `cd client && npm install`."""
        return bool(re.search(_INSTALLS, self.text, re.M))

    def folders(self, tree: Tree) -> list[str]:
        """Folders with a package.json of their own that are entered while it is built, with the slash."""
        named = [f"{one}/" for one in entered(self.text)]
        return [one for one in named if ".." not in one and tree.has(f"{one}package.json")]

    def unfolded(self, names: Iterable[str]) -> str:
        """Scripts with those that they run, and those that stand before and after them."""
        seen: set[str] = set()
        return "\n".join(self._unfolded(f"npm run {name}", seen) for name in names)

    def told(self, command: str) -> str:
        """A command with the scripts that it runs."""
        return self._unfolded(command, set())

    def _unfolded(self, line: str, seen: set[str]) -> str:
        told = [line]
        for name in re.findall(r"\b(?:npm|yarn|pnpm|bun)(?: run)?(?: -s| --silent)? ([\w:.-]+)", line):
            for one in (f"pre{name}", name, f"post{name}"):
                if one in self.all and one not in seen:
                    seen.add(one)
                    told.append(self._unfolded(str(self.all[one]), seen))
        return "\n".join(told)


def entered(text: str) -> list[str]:
    """The folders that commands enter, or name by --prefix and the like; without the slash."""
    found: list[str] = []
    for line in text.splitlines():
        folder = ""
        for match in _ENTERED.finditer(line):
            named = joined(folder, match[1]) if match[1].startswith("..") else match[1].strip("/")
            folder = named if match[0].startswith("cd") else folder
            found += [named] if named else []
    return list(dict.fromkeys(found))


def packages_of(text: str) -> list[tuple[str, str]]:
    """The words of a command that may be programs or modules (`-r dotenv/config`), with the package that has each."""
    found = []
    for word in re.findall(r"[\w@/.-]+", text):
        bare = re.sub(r"^(\./)?node_modules/(\.bin/)?", "", word)
        package = re.match(r"@[\w.-]+/[\w.-]+|[\w.-]+", bare)
        if package:
            found += [(word, name) for name in (_PROGRAMS.get(package[0], package[0]), _OTHERS.get(package[0])) if name]
    return found


def installs_globally(text: str) -> bool:
    """Whether commands install programs for all: `npm install -g serve`, as heroku-prebuild of many a front end."""
    return bool(
        re.search(
            r"\b(?:npm|pnpm) +(?:i|install|add)\b[^&|;\n]* (?:-g|--global)\b|\bnpm +(?:-g|--global) +(?:i|install)\b|\byarn +global +add\b",
            text,
        )
    )


def changes_packages(text: str) -> bool:
    """Whether a command installs or makes packages when the app is started: then node_modules must be the app's own."""
    return bool(re.search(_INSTALLS + r"|\bprisma\b(?: +\S+)? +(?:generate|migrate|db)\b", text, re.M))
