"""Which of a Python tree's files name its packages, and the commands that install them."""

import json
import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

from minpaas.plan import build_lines, python_locks, python_workspaces, requirements
from minpaas.plan.model import Notes, PlanError
from minpaas.plan.tree import Tree

_POETRY = "uv tool install --quiet --no-cache poetry --with poetry-plugin-export"
_EXPORTED = "/tmp/requirements.txt"
_EXCLUDED = "/tmp/left-out.txt"
# what `pip freeze` writes, and no index has for Linux
_WINDOWS = "it is for Windows"
_NOWHERE = {
    "pkg-resources": "it is a fault of pip freeze on Debian and Ubuntu",
    "pypiwin32": _WINDOWS,
    "pywin32": _WINDOWS,
    "pywinpty": _WINDOWS,
    "twisted-iocpsupport": _WINDOWS,
}
_ANY_PYTHON = r's/; python_(full_)?version == "[0-9.]+" and /; /; s/( ;| and) python_(full_)?version == "[0-9.]+"//'
_THIS_PYTHON = """sed -Ei "s/^((requires-)?python *= *.)[^'\\"]*/\\1==$(python -V | cut -d' ' -f2)/" pyproject.toml"""
# what pip does and uv does not, or otherwise
_PIP_ONLY = re.compile(
    r"^[ \t]*(-e|--editable)[ =]*(git|hg|svn|bzr)\+|--(install|global|config)-option|--process-dependency-links", re.M
)
_OLD_GUNICORN = re.compile(r"^gunicorn==(19|20)\.", re.M)
# what takes the version of a package from git, and how it is told one
_VERSIONS = {
    "poetry-dynamic-versioning": "POETRY_DYNAMIC_VERSIONING_BYPASS=0 ",
    "setuptools[_-]scm|hatch-vcs|flit[_-]scm": "SETUPTOOLS_SCM_PRETEND_VERSION=0 ",
    '"source": "scm"': "PDM_BUILD_SCM_VERSION=0 ",
}
_MOST_SCRIPTS = 20
LOCKED = "/run/minpaas/locked.txt"


@dataclass
class Packages:
    """How the packages are installed."""

    manager: str
    source: str  # the file that names them; empty when none does
    install: list[str] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)
    whole_tree: bool = False
    project: list[str] = field(default_factory=list)  # after the tree is there
    tool: str = ""
    locked: str = ""
    text: str = ""  # the names of the packages, in lower case, for looking into


def choose(tree: Tree, notes: Notes, servers: list[str]) -> Packages:
    """By the lock file; several: Heroku's order, with a warning. `servers` are installed as well. Raises PlanError."""
    names = set(tree.names())
    found = [(name, manager) for name, manager in requirements.LOCKS if name in names]
    if len(found) > 1:
        others = ", ".join(name for name, _ in found[1:])
        notes.warn(f"Several files name the packages: {found[0][0]} is used, {others} not. Remove what is not meant")
    project = pyproject(tree)
    files, further = build_lines.installs(tree)
    chosen = "pip" if files else found[0][1] if found else _without_lock(tree, names, project)
    if not chosen and (conda := sorted(names & {"environment.yml", "environment.yaml"})):
        notes.warn(
            f"{conda[0]} is conda's and is not read: make a requirements.txt of it (pip freeze > requirements.txt)"
        )
    servers = [*servers, *(f"'{one}'" if re.search(r"[<>!~\[]", one) else one for one in further)]
    makers = {"pip": _pip, "pipenv": _pipenv, "poetry": _poetry, "uv": _uv, "pdm": _pdm, "pyproject": _pyproject,
              "setup": _setup, "script": _script}  # fmt: skip
    packages = makers[chosen](tree, notes, project) if chosen else Packages("uv", "")
    if packages.manager != "pip" and _OLD_GUNICORN.search(packages.text) and not has(packages.text, "setuptools"):
        notes.because(
            "setuptools before 81 as well: this gunicorn imports pkg_resources, which newer ones have no more"
        )
        servers = [*servers, "'setuptools<81'"]
    if servers:
        wanted = " ".join(servers)
        last = packages.install[-1] if packages.install else ""
        if "uv pip install" in last and "--no-deps" not in last:
            packages.install[-1] = f"{last} {wanted}"
        else:
            packages.install.append(f"uv pip install {wanted}")
    if packages.source:
        notes.because(f"Packages: {packages.source} by {packages.manager}: {'; '.join(packages.install)}")
    return packages


def pyproject(tree: Tree) -> dict[str, Any]:
    """pyproject.toml, or an empty one. Raises PlanError naming the line."""
    return _toml(tree, "pyproject.toml")


def has(packages_text: str, name: str) -> bool:
    """Whether a package is among those that are named."""
    return bool(re.search(rf"(?<![\w.-]){name}(?![\w.-])", packages_text))


def named(tree: Tree) -> str:
    """Every file that names packages, in lower case, for looking into."""
    texts = [tree.read(name) or "" for name in ("pyproject.toml", "Pipfile", "Pipfile.lock", "setup.py", "setup.cfg")]
    included = [requirements.read(tree, requirements.files(tree)[0])]
    return "\n".join([*texts, *included]).lower()


def scripts(tree: Tree) -> dict[str, str]:
    """The commands that `pipenv run NAME` and `pdm run NAME` stand for."""
    pdm = pyproject(tree).get("tool", {}).get("pdm", {}).get("scripts") or {}
    told = {**(_toml(tree, "Pipfile").get("scripts") or {}), **pdm}
    commands = {
        name: one.get("cmd") or one.get("shell") if isinstance(one, dict) else one for name, one in told.items()
    }
    return {
        name: " ".join(map(str, one)) if isinstance(one, list) else one.replace("\n", " ").strip()
        for name, one in commands.items()
        if isinstance(one, str | list)
    }


def _without_lock(tree: Tree, names: set[str], project: dict[str, Any]) -> str:
    if "Pipfile" in names:
        return "pipenv"
    if "poetry" in project.get("tool", {}) and "project" not in project:
        return "poetry"
    if "project" in project:
        return "pyproject"
    if requirements.roots(tree):
        return "pip"
    packaged = "setup.py" in names or (
        "build-system" in project and "install_requires" in (tree.read("setup.cfg") or "")
    )
    return "setup" if packaged else "script" if inline(tree) else ""


def inline(tree: Tree) -> dict[str, Any]:
    """What a script at the top says of itself in a `# /// script` block; empty where none does."""
    for name in [one for one in tree.names() if one.endswith(".py")][:_MOST_SCRIPTS]:
        block = re.search(r"^# /// script\s*\n((?:#(?: .*)?\n)+?)# ///\s*$", tree.read(name) or "", re.M)
        if block:
            return tomllib.loads(re.sub(r"^# ?", "", block[1], flags=re.M))
    return {}


def _pip(tree: Tree, notes: Notes, project: dict[str, Any]) -> Packages:
    manifests, local = requirements.files(tree)
    text = "\n".join(tree.read(name) or "" for name in manifests)
    named = requirements.roots(tree)
    made = Packages("uv", " and ".join(named), manifests=manifests, whole_tree=local, text=text.lower())
    files = " ".join(f"-r {name}" for name in named)
    if _PIP_ONLY.search(text):
        made.manager = "pip"
        made.install = [
            "uv pip install --quiet pip 'setuptools<81' wheel",
            f"python -m pip install --no-warn-script-location --src /venv/src {files}",
        ]
        return made
    left = [one for one in _NOWHERE if re.search(rf"^[ \t]*{one.replace('-', '[-_]')}\b[^;\n]*$", text, re.M | re.I)]
    for one in left:
        notes.warn(f"{one} is left out: {_NOWHERE[one]}. Remove it from {named[0]}")
    made.install = [f"uv pip install {files}"]
    if left:
        names = f"printf '%s\\n' {' '.join(left)} > {_EXCLUDED}"
        made.install = [f"{names} && uv pip install --excludes {_EXCLUDED} {files}"]
    return made


def _pipenv(tree: Tree, notes: Notes, project: dict[str, Any]) -> Packages:
    lock = tree.read("Pipfile.lock")
    source = "Pipfile" if lock is None else "Pipfile.lock"
    if lock is None:
        notes.warn("No Pipfile.lock: the next deploy may get other versions. Commit one (pipenv lock makes it)")
        told = _toml(tree, "Pipfile")
        packages, sources = told.get("packages") or {}, told.get("source") or []
    else:
        try:
            content = json.loads(lock)
            packages, sources = content.get("default") or {}, (content.get("_meta") or {}).get("sources") or []
        except (ValueError, AttributeError) as error:
            raise _broken("Pipfile.lock", str(error), "make it anew with: pipenv lock") from None
    lines = [f"--extra-index-url {one['url']}" for one in sources[1:] if "url" in one]
    lines += [python_locks.of_pipenv(name, one) for name, one in packages.items()]
    local = any(isinstance(one, dict) and ("path" in one or "file" in one) for one in packages.values())
    text = "\n".join([*lines, ""])
    return Packages("uv", source, [f"uv pip install -r {LOCKED}"], whole_tree=local, locked=text, text=text.lower())


def _poetry(tree: Tree, notes: Notes, project: dict[str, Any]) -> Packages:
    names = set(tree.names())
    text = tree.read("pyproject.toml") or ""
    local = bool(re.search(r"\bpath\s*=|\bfile:", text)) or _dynamic(project)
    export = f"poetry export --only main --output {_EXPORTED}"
    exact = re.fullmatch(r"[=~\s]*\d+\.\d+(\.(\d+|\*))?\s*", _python(project))
    if exact:
        # each line is for that one Python then, to the patch, and would be skipped with the one that there is
        export += f" && sed -Ei '{_ANY_PYTHON}' {_EXPORTED}"
    if "poetry.lock" not in names:
        notes.warn("No poetry.lock: the next deploy may get other versions. Commit one (poetry lock makes it)")
        export = f"poetry lock && {export}"
        if exact:  # to the patch, where poetry refuses the one that there is
            export = f"{_THIS_PYTHON} && {export}"
    manifests: list[str] = [name for name in ("pyproject.toml", "poetry.lock") if name in names]
    poetry = project.get("tool", {}).get("poetry", {})
    packaged = poetry.get("package-mode", True) and _package_folder(tree, project)
    return Packages(
        "poetry and uv",
        "poetry.lock" if "poetry.lock" in names else "pyproject.toml",
        [export, f"uv pip install -r {_EXPORTED}"],
        manifests,
        local,
        [_own_package(project)] if packaged else [],
        _POETRY,
    )


def _python(project: dict[str, Any]) -> str:
    """The Python that pyproject.toml asks for."""
    told = project.get("project", {}).get("requires-python")
    return str(told or project.get("tool", {}).get("poetry", {}).get("dependencies", {}).get("python") or "")


def _uv(tree: Tree, notes: Notes, project: dict[str, Any]) -> Packages:
    sources = project.get("tool", {}).get("uv", {})
    local = "workspace" in sources or any(
        isinstance(one, dict) and ("path" in one or "workspace" in one) for one in sources.get("sources", {}).values()
    )
    # .python-version in the tree may ask for another one than there is
    sync = "UV_PYTHON=/venv/bin/python uv sync --locked --no-default-groups"
    if "workspace" in sources and python_workspaces.only_a_frame(project):
        sync += " --all-packages"
    packaged = "build-system" in project or sources.get("package") is True
    return Packages(
        "uv",
        "uv.lock",
        [f"{_version_of(project)}{sync}" if local or not packaged else f"{sync} --no-install-project"],
        ["pyproject.toml", "uv.lock"],
        local,
        # --inexact: what was installed beside the lock, such as gunicorn, stays
        [f"{_version_of(project)}{sync} --inexact"] if packaged and not local else [],
    )


def _pdm(tree: Tree, notes: Notes, project: dict[str, Any]) -> Packages:
    packages = _toml(tree, "pdm.lock").get("package") or []
    wanted = [one for one in packages if "default" in one.get("groups", ["default"])]
    # an entry with extras stands beside one of the same package without them, which has its hashes
    lines = [python_locks.of_pdm(one) for one in wanted if not one.get("extras")]
    local = any("path" in one for one in wanted)
    text = "\n".join([*lines, ""])
    after = [_own_package(project)] if "build-system" in project else []
    install = [f"uv pip install --no-deps -r {LOCKED}"] if lines else []
    return Packages("uv", "pdm.lock", install, [], local, after, locked=text, text=text.lower())


def _pyproject(tree: Tree, notes: Notes, project: dict[str, Any]) -> Packages:
    notes.warn("No lock file: the next deploy may get other versions. Commit one (uv lock makes it)")
    packaged = "build-system" in project
    if _dynamic(project):
        return Packages("uv", "pyproject.toml", [f"{_version_of(project)}uv pip install -e ."], whole_tree=True)
    local = bool(requirements.LOCAL.search("\n".join(map(str, project["project"].get("dependencies", [])))))
    after = [_own_package(project)] if packaged else []
    return Packages("uv", "pyproject.toml", ["uv pip install -r pyproject.toml"], ["pyproject.toml"], local, after)


def _setup(tree: Tree, notes: Notes, project: dict[str, Any]) -> Packages:
    told = "\n".join(tree.read(name) or "" for name in ("setup.py", "setup.cfg"))
    version = "SETUPTOOLS_SCM_PRETEND_VERSION=0 " if "scm" in told else ""
    source = "setup.py" if tree.has("setup.py") else "setup.cfg"
    return Packages("uv", source, [f"{version}uv pip install -e ."], whole_tree=True)


def _script(tree: Tree, notes: Notes, project: dict[str, Any]) -> Packages:
    text = "\n".join([*map(str, inline(tree).get("dependencies") or []), ""])
    return Packages("uv", "the script's own block", [f"uv pip install -r {LOCKED}"], locked=text, text=text.lower())


def _own_package(project: dict[str, Any]) -> str:
    """How the app's own package is installed, when its dependencies are there."""
    return f"{_version_of(project)}uv pip install --no-deps -e ."


def _version_of(project: dict[str, Any]) -> str:
    """The version for what is built where its version comes from git's tags: the history is not in the tree."""
    if "version" not in project.get("project", {}).get("dynamic", []) and "poetry" not in project.get("tool", {}):
        return ""
    told = json.dumps(
        [project.get("build-system", {}).get("requires"), project.get("tool", {}).get("pdm", {}).get("version")]
    )
    return next((version for tool, version in _VERSIONS.items() if re.search(tool, told)), "")


def _dynamic(project: dict[str, Any]) -> bool:
    return "dependencies" in project.get("project", {}).get("dynamic", [])


def _package_folder(tree: Tree, project: dict[str, Any]) -> bool:
    poetry = project.get("tool", {}).get("poetry", {})
    name = str(poetry.get("name") or project.get("project", {}).get("name") or "")
    folder = re.sub(r"[-.]+", "_", name).lower()
    places = {one.lower() for one in [*tree.names(), *tree.names("src")]}
    return bool(poetry.get("packages")) or f"{folder}/" in places or f"{folder}.py" in places


def _toml(tree: Tree, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads((tree.read(name) or "").removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise _broken(name, str(error), f"mend {name}, commit, and push again") from None


def _broken(name: str, detail: str, hint: str) -> PlanError:
    return PlanError("file", f"{name} cannot be read", detail, hint, f"bad {name}")
