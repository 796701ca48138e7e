"""What the texts of failures.toml name beside the words that were found: facts of the app, looked up only when one is asked for."""

import os
import re
import sys
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from minpaas.plan import PYTHONS, Folder, Tree, python_code, python_packages, versions
from minpaas.plan.appjson import parse_json
from minpaas.plan.model import PlanError
from minpaas.plan.node_scripts import packages_of
from minpaas.plan.tree import paths

TABLES: dict[str, Any] = tomllib.loads(resources.files("minpaas.server").joinpath("failures.toml").read_text("utf-8"))
_SCRIPT = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".vue", ".svelte", ".css", ".json")
_READ = re.compile(
    r"(?:process|import\.meta)\.env(?:\.|\[['\"])([A-Z][A-Z0-9_]+)"
    r"|(?:environ(?:\.get\(|\[)|getenv\(|(?<![\w.])config\(|(?<![\w.])env(?:\.\w+)?\()\s*['\"]([A-Z][A-Z0-9_]+)['\"]"
)
# a command of Flask's own that makes tables: @click.command("init-db")
_OWN_COMMAND = re.compile(r"\.command\(\s*['\"]([\w-]*(?:init|create|setup|db)[\w-]*)['\"]")
_NOT_OURS = {"PORT", "NODE_ENV", "CI", "HOST", "HOME", "PATH", "WEB_CONCURRENCY", "PYTHONPATH", "DEBUG"}


@dataclass(frozen=True)
class Case:
    """The app whose step has failed: what is built or run, by which command, from which files, with which config vars."""

    app: str = "APP"
    runtime: str = ""
    version: str = ""
    command: str = ""
    files: Tree = field(default_factory=lambda: Folder(Path(os.devnull)))  # none that are known
    config: frozenset[str] = field(default_factory=frozenset)


class Clues(dict[str, str]):
    """The facts by name, for str.format_map."""

    def __init__(self, case: Case, said: str, match: re.Match[str]):
        found = next((one for one in match.groups() if one), "")
        super().__init__(name=found, app=case.app, found=match[0].strip())
        self._case, self._said = case, said

    def __missing__(self, key: str) -> str:
        self[key] = made = str(getattr(self, f"_{key}")())
        return made

    def _python(self) -> str:
        return f"Python {self._case.version}" if self._case.runtime == "python" else "this Python"

    def _lock(self) -> str:
        return next((how for word, how in TABLES["locks"].items() if word in self._case.command), "npm install")

    def _no_lock(self) -> str:
        there = next((one for one in ("package-lock.json", "npm-shrinkwrap.json") if self._case.files.has(one)), "")
        return f"{there} cannot be read (a merge that is not finished?)" if there else "none is in the repository"

    def _where(self) -> str:
        at = re.search(r'File "(?:/app/)?([^"]+)", line (\d+)', self["found"])
        return f"{at[1]}, line {at[2]}" if at else self["name"]

    def _var(self) -> str:
        return self["name"].upper()

    def _older(self) -> str:
        return self["python_line"] or "take another version of the package"

    def _or_older(self) -> str:
        return f", or {self['python_line']}" if self["python_line"] else ""

    def _others(self) -> str:
        """Further config vars that the code reads and that have no value."""
        fields = re.findall(r"^(\w+)\n +(?i:field required)", self._said, re.M)
        read = dict.fromkeys([*(one.upper() for one in fields), *variables(self._case.files)])
        names = [one for one in read if one not in self._case.config and one != self["var"]]
        if not names:
            return ""
        return f", or all of your .env: minpaas config:import .env -a {self._case.app} (the code also reads {', '.join(names[:8])})"

    def _python_line(self) -> str:
        """How to ask for a Python that suits what was said, else for the next older one; empty when there is none."""
        now = self._case.version if self._case.runtime == "python" else PYTHONS[-1]
        asked = re.findall(
            r"(?:depends on |satisfy |Requires-|requires )Python ?((?:[<>=!~]=?[\d.*]+,? ?)+)", self._said
        )
        found = re.findall(r"\bcp(\d)(\d+)`", self._said.rpartition("ABI tag")[2])
        tags = {f"{major}.{minor}" for major, minor in found}
        suits = [one for one in PYTHONS if one in tags or any(versions.suits(one, text.strip(" ,")) for text in asked)]
        older = [one for one in PYTHONS if versions.suits(one, f"<{now}")]
        chosen = [one for one in suits if one != now] or older
        best = versions.PYTHON if versions.PYTHON in chosen else "".join(chosen[-1:])
        if not best:
            return ""
        asks = f"python-{best} in runtime.txt" if self._case.files.has("runtime.txt") else ""
        return f"ask for another Python: {asks or f'a file named .python-version with the line  {best}'}"

    def _wants(self) -> str:
        if self["name"][0] in "<>=!":
            return f"a version that is asked for goes only with Python {self['name'].strip()}"
        return f"{self['name']} has no files for {self['python']}"

    def _aptfile(self) -> str:
        """The Debian package of what is missing, and where it is asked for."""
        name, libraries = self["name"].replace("CMake", "cmake"), TABLES["libraries"]
        file = name.split("/")[-1]
        known = TABLES["programs"].get(name) or libraries.get(file)
        known = known or next((one for library, one in libraries.items() if library in name), "")
        package = known or f"lib{file.removeprefix('lib').split('.')[0] or 'NAME'}-dev"
        if self._case.runtime == "dockerfile":
            return f"install {package} in the Dockerfile before this step"
        return f"add a file named Aptfile with the line  {package}  (a Debian package)"

    def _add(self) -> str:
        """How a package is added to what is installed."""
        name = self["name"].split(".")[0] if self._case.runtime == "python" else self["name"]
        if self._case.runtime != "python":
            package = "/".join(name.split("/")[: 2 if name.startswith("@") else 1])
            return f"npm install {package}"
        package = TABLES["distributions"].get(name) or name.replace("_", "-")
        return f"add {package} to {self._manifest()}"

    def _manifest(self) -> str:
        names = self._case.files.names()
        order = ("Pipfile", "requirements.txt", "pyproject.toml", "setup.py")
        return next((one for one in order if one in names), "requirements.txt")

    # -- the database

    def _service(self) -> str:
        return self._looked_for()["name"]

    def _database(self) -> str:
        """Which config vars to set, by what the code reads."""
        service = self._looked_for()
        read = [one for one in variables(self._case.files) if re.search(service["read"], one)]
        unset = [one for one in read if one not in self._case.config]
        wanted = [one for one in unset if one.endswith(("URL", "URI", "DSN"))][:1] or unset[:5]
        name, _, value = service["sets"].partition("=")
        note = " and let the code read it" if self._case.files.names() and not read else ""
        values = " ".join(f"{one}={value if len(wanted) < 2 else '...'}" for one in wanted or read[:1] or [name])
        return f"its address{note}: minpaas config:set {values} -a {self._case.app}"

    def _tables(self) -> str:
        """What makes the tables, and when: what a release command leaves in a SQLite file is not there for web."""
        makes = _maker_of_tables(self._case.files, self._case.command)
        if "no such table" not in self["found"]:
            return f"let each release make them: a line in the Procfile such as  release: {makes}"
        web = self._case.command if self._case.files.names() else "COMMAND"
        return f"let web make them before it starts, in the file that it has: the line of the Procfile  web: {makes} && {web}"

    def _looked_for(self) -> dict[str, str]:
        services: list[dict[str, str]] = TABLES["services"]
        for text in (self["name"], self["found"], self._said):
            for one in services:
                if one["port"] in text or re.search(one["said"], text, re.I):
                    return one
        return services[-1]

    def _keys(self) -> str:
        """The names of keys and tokens that the code reads, and that have no value."""
        read = [one for one in variables(self._case.files) if re.search(r"TOKEN|KEY|SECRET|_ID$|PASS", one)]
        wanted = [one for one in read if one not in self._case.config][:4] or ["NAME"]
        return f"minpaas config:set {' '.join(f'{one}=...' for one in wanted)} -a {self._case.app}"

    # -- git

    def _git(self) -> str:
        found = re.findall(r"(?:git\+)?(?:ssh|https?|git)://[^\s`'\"<>]+|git@[\w.-]+:[^\s`'\"<>]+", self._said)
        found = [one.rstrip(".,:;)") for one in found if "git" in one]
        return re.sub(r"//[^/@]+:[^/@]+@", "//", found[-1]) if found else "one of the dependencies"

    def _image(self) -> str:
        return self["name"].replace("/manifests/", ":")

    def _token(self) -> str:
        if self._case.runtime == "python":
            return (
                f"with an access token: NAME @ git+https://${{GITHUB_TOKEN}}@github.com/OWNER/NAME in {self._manifest()}, and"
                f" minpaas config:set GITHUB_TOKEN=... -a {self._case.app} (a public one needs only https:// instead of ssh)"
            )
        return "where it is public, write it as git+https://...; else take it from a package registry (.npmrc with a token), or put it into the repository"

    # -- packages

    def _wanted(self) -> str:
        """What to do about a package that is not to be had."""
        name = re.split(r"[=<>~!@ ;\[]", self["name"].strip("'`"))[0] or self["name"]
        bare = name.lower().replace("_", "-")
        if self._case.runtime == "python" and bare == "pkg-resources":
            return "remove the line pkg-resources==0.0.0 from requirements.txt (pip freeze of Ubuntu adds it)"
        if self._case.runtime == "python" and (name in sys.stdlib_module_names or bare in ("sqlite", "python")):
            return f"remove {name} from {self._manifest()}: it comes with Python"
        return "check its name and version (a private package needs its registry and token as config vars)"

    def _elsewhere(self) -> str:
        if self._case.runtime == "python":
            return f"remove it from {self._manifest()}, or write  ; sys_platform == 'win32'  behind it"
        return f"move {self['name']} to optionalDependencies of package.json"

    def _package(self) -> str:
        """The package that was being built, as far as it is said."""
        for pattern in (
            r"Failed to build `?([\w.-]+==?[\w.]+|[\w.-]+)",
            r"[Ff]ailed building wheel for ([\w.-]+)",
            r"/node_modules/((?:@[\w.-]+/)?[\w.-]+)",
            r"error path .*/node_modules/(\S+)",
        ):
            if match := re.search(pattern, self._said):
                return match[1]
        return "a package"

    def _peer(self) -> str:
        wanted = re.search(r"peer (\S+?@\"[^\"]+\"|\S+) from (\S+)", self._said)
        found = re.search(r"Found: (\S+)", self._said)
        if wanted is None:
            return "two of them want different versions of a third"
        return f"{wanted[2]} wants {wanted[1]}{f', and {found[1]} is there' if found else ''}"

    def _requirement(self) -> str:
        """Which line of which file cannot be read."""
        if self["name"]:
            return f"pyproject.toml names {self['name']}"
        at = re.search(r"`([^`]+)` at position (\d+)", self._said)
        line = at or re.search(r"([\w./-]+):(\d+):\d+$", self["found"])
        if line is None:
            return self._said[self._said.index(self["found"]) :].partition("\n")[0]
        text = self._case.files.read(line[1]) or ""
        number = text.encode()[: int(line[2])].count(b"\n") + 1 if at else int(line[2])
        wrong = text.splitlines()[number - 1 : number]
        return f"{line[1]}, line {number}{f': {wrong[0].strip()[:80]!r}' if wrong else ''}"

    # -- modules and programs

    def _module(self) -> str:
        name = self["name"]
        if not _is_path(name):
            return f"the code imports {name}, which is not installed"
        if found := self._spelt(name):
            return f"the code asks for {name}; the file is named {found}"
        if ending := self._ending(name):
            return f"the code asks for {name} without its ending {ending}"
        return f"the code asks for {name}, and the repository has no such file"

    def _module_hint(self) -> str:
        name = self["name"]
        if not _is_path(name):
            return f"move {name} to the dependencies of package.json" if name in self._development() else self["add"]
        if found := self._spelt(name):
            return f"write it as {found.rpartition('/')[2]} (Linux tells capital and small letters apart)"
        if ending := self._ending(name):
            return f"import it with its ending, {name.rpartition('/')[2]}{ending}, as ES modules want it"
        if name.startswith(("@/", "~/")) and self["found"].startswith("Cannot find"):
            return "it is an alias of tsconfig.json, which is still in what tsc made: let tsc-alias write the paths (npm install tsc-alias), or import by a relative path"
        if re.search(r"/(dist|build|out|lib)/", name):
            return 'it is made by a build: add  "build": "..."  to the scripts of package.json'
        return "add it (is it in .gitignore?)"

    def _ending(self, name: str) -> str:
        file = name.removeprefix("/app/")
        source = re.sub(r"^(dist|build|out|lib)/", "src/", file)
        if file != source and self._case.files.has(f"{source}.ts"):
            return ".js"  # TypeScript leaves the names of imports as they are
        return next((end for end in _SCRIPT if self._case.files.has(f"{file}{end}")), "")

    def _spelt(self, name: str) -> str:
        """The file that was meant, where only capital and small letters differ."""
        exact = re.sub(r"^(\./|\.\./|@/|~/|/app/|src/)+", "", name)
        ends = ["", *_SCRIPT, *(f"/index{end}" for end in _SCRIPT)]
        meant = tuple(f"/{exact}{end}".lower() for end in ends)
        found = (path for path in paths(self._case.files) if f"/{path}".lower().endswith(meant) and exact not in path)
        return next(found, "")

    def _development(self) -> dict[str, str]:
        try:
            told = parse_json(self._case.files.read("package.json") or "{}", "package.json").get("devDependencies")
        except PlanError:
            told = None
        return told if isinstance(told, dict) else {}

    def _script(self) -> str | None:
        """What the repository has under a name that was called."""
        name = self["name"].removeprefix("./").removeprefix("/app/")
        if name.startswith("/") and self._case.runtime == "dockerfile":  # its Dockerfile has put it there
            name = next((one for one in paths(self._case.files) if one.endswith(name[name.rindex("/") + 1 :])), name)
        return self._case.files.read(name)

    def _called(self) -> str:
        if self._script() is None:
            return f"a command calls {self['name']}, which is not there"
        return "it is there, but what its first line asks for is not"

    def _program(self) -> str:
        name, text = self["name"], self._script()
        if text and text.partition("\n")[0].endswith("\r"):
            return f"{name} has the line ends of Windows: a .gitattributes with the line  *.sh text eol=lf , then git add --renormalize ."
        if text is not None:
            return f"have it run by a shell that is here, #!/bin/sh or #!/bin/bash, instead of {text.partition(chr(10))[0][:60]}"
        if "/" in name:
            return "add it, or change the command that calls it"
        if self._case.runtime == "dockerfile":
            return f"install {name} in the Dockerfile, or take a base image that has it"
        if name in TABLES["languages"]["names"]:
            return f"bring a Dockerfile for an app that needs {name} as well"
        if "husky" in name:
            return 'write  "prepare": "husky || true"  in package.json: it is not installed for production'
        if name == "SET":
            return "write  cross-env NAME=VALUE COMMAND  for  SET NAME=VALUE && COMMAND , which is of Windows (npm install cross-env)"
        packages = [one for _, one in packages_of(name)]
        if package := next((one for one in packages if one in self._development()), ""):
            return f"move {package} from devDependencies to dependencies"
        if name in TABLES["programs"] or packages == [name]:
            return self["aptfile"] if name in TABLES["programs"] else self["add"]
        return f"npm install {packages[0]}"

    def _served(self) -> str:
        """The line for a Procfile that serves what is in the code."""
        served = python_code.start(self._case.files)
        return f"web: {served.command}" if served else "web: gunicorn MODULE:app"

    def _import(self) -> str:
        """What to do about a Python module that is not found."""
        name = self["name"]
        if name.split(".")[0] in _served_by(self._case.command):
            return f"the start command names a module that is not there; write in the Procfile  {self['served']}"
        file = name.split(".")[0].lower()
        meant = [
            one
            for one in paths(self._case.files)
            if f"/{one}".lower().endswith((f"/{file}.py", f"/{file}/__init__.py"))
        ]
        package = name.split(".")[0]
        if (
            not meant
            and "." in name
            and python_packages.has(python_packages.named(self._case.files), re.sub("_", "[-_]", package))
        ):
            return self._part(name, package)
        if meant:
            return f"{meant[0]} is there: import it by its folder and its exact name (Linux tells capital and small letters apart)"
        return self["add"]

    def _part(self, module: str, package: str) -> str:
        """What to do about a part that a newer version of a package has no more."""
        known = next((pin for part, pin in TABLES["parts"].items() if f"{module}.".startswith(f"{part}.")), "")
        told = (
            f", with which it was there: {known}"
            if known
            else f" ({package}==..., as pip show {package} says it where the code works)"
        )
        return f"{package} is installed, in a version without it; pin an older one in {self._manifest()}{told}"


def variables(files: Tree) -> list[str]:
    """The config vars that the code reads, in the order in which they are met."""
    found: dict[str, None] = {}
    for path in paths(files):
        if path.endswith((".py", ".js", ".ts", ".mjs", ".cjs", ".jsx", ".tsx")):
            text = files.read(path) or ""
            if re.search(r"dj_database_url|django_heroku|\benv\.db\(\)", text):
                found["DATABASE_URL"] = None  # they read it without naming it
            for groups in _READ.findall(text):
                found |= {one: None for one in groups if one and one not in _NOT_OURS}
    return list(found)


def _maker_of_tables(files: Tree, command: str) -> str:
    """The command that makes an app's tables, as its files tell."""
    if told := next((makes for mark, makes in TABLES["tables"].items() if files.has(mark)), ""):
        return str(told)
    texts = [files.read(path) or "" for path in paths(files) if path.endswith((".py", ".txt", ".toml"))]
    if not files.names():
        return "python manage.py migrate"
    if any(re.search(r"flask[-_]migrate", text, re.I) for text in texts):
        return "flask db upgrade"
    scripts = [one for one in files.names() if re.fullmatch(r"\w*(db|database|tables|models)\w*\.py", one)]
    if made := next((one for one in scripts if "create_all(" in (files.read(one) or "")), None):
        return f"python {made}"
    own = next((found for text in texts if (found := _OWN_COMMAND.search(text))), None)
    served = re.search(r"(?<![\w.-])([A-Za-z][\w.]*):", command)
    return f"flask --app {served[1] if served else 'APP'} {own[1]}" if own else "COMMAND-THAT-MAKES-THEM"


def _served_by(command: str) -> set[str]:
    """The packages that a server is to import: config of gunicorn --workers 2 config.wsgi:application."""
    words = [word.strip("'\"") for word in command.split()]
    asked = [word for word in words if ":" in word or word.endswith((".wsgi", ".asgi"))] + words[-1:]
    return {re.split(r"[.:]", word)[0] for word in asked}


def _is_path(name: str) -> bool:
    return name.startswith((".", "/", "@/", "~/", "src/")) or name.endswith(_SCRIPT)
