"""Python: which packages, which version, what is started."""

import re
from collections.abc import Callable
from dataclasses import replace

from minpaas.plan import (
    aptfile,
    build_lines,
    node_folders,
    node_packages,
    python_code,
    python_packages,
    python_pins,
    python_tools,
    python_workspaces,
    requirements,
    spaces,
    versions,
)
from minpaas.plan import node as node_planner
from minpaas.plan.model import NodeRecipe, Notes, Plan, PlanError, PythonRecipe
from minpaas.plan.node_scripts import Scripts
from minpaas.plan.python_packages import Packages
from minpaas.plan.tree import Tree, Under, joined

_MARKS = (
    "requirements.txt", "Pipfile.lock", "poetry.lock", "uv.lock", "pyproject.toml", "Pipfile", "setup.py", "manage.py",
    "runtime.txt", ".python-version", "app.py", "main.py", "server.py", "wsgi.py", "asgi.py",
)  # fmt: skip
# pyproject.toml and .python-version say little of a repository that is Node.js otherwise
_WEAK = {"pyproject.toml", ".python-version", "setup.py", "app.py", "main.py", "server.py"}
_SCRIPT = re.compile(r"\b(pipenv|pdm) run ([\w:.-]+)")
# what serves Django's static files beside a server for WSGI, or keeps them elsewhere
_SERVES_STATIC = re.compile(
    r"whitenoise|servestatic|dj[-_]static|django[-_](on[-_])?heroku|django[-_]storages|storages\.backends|cloudinary|runserver|"
    r"StaticFilesHandler|staticfiles_urlpatterns|django\.views\.static|^STATIC_URL\s*=.*//",
    re.M,
)
_MISSPELT = re.compile(r"requ?ire?i?m[e]?n?ts?(\.txt){0,2}|requirements\.text|requirments\.txt", re.I)


def detect(tree: Tree) -> str | None:
    """The file that makes this a Python app, or None."""
    names = set(tree.names())
    found = next((mark for mark in _MARKS if mark in names), None) or next(iter(requirements.roots(tree)), None)
    found = found or ("README.md" if spaces.read(tree) else None)
    if found in _WEAK and "package.json" in names and not _is_python(tree, found):
        return None
    return found


def starts(tree: Tree) -> bool:
    """Whether its code shows what could be started."""
    return python_code.start(tree) is not None


def misspelt(tree: Tree) -> str | None:
    """What looks like requirements.txt and is not."""
    return next((one for one in tree.names() if _MISSPELT.fullmatch(one) and one != "requirements.txt"), None)


def plan(
    tree: Tree, types: dict[str, str], notes: Notes, sticky: str = "", available: Callable[[str], bool] | None = None
) -> Plan:
    """How to build it. Raises PlanError."""
    notes.because(f"Python app, by {detect(tree) or 'what was asked'}")
    scripts = python_packages.scripts(tree) if any(map(_SCRIPT.search, types.values())) else {}
    version, asked = versions.python(tree, notes, sticky, available or versions.PYTHONS.__contains__)
    types = {kind: _SCRIPT.sub(lambda found: scripts.get(found[2], found[0]), one) for kind, one in types.items()}
    # a Procfile without a web line is a bot or a worker: as on Heroku, nothing else is started
    alone = not types.get("web") and any(kind != "release" for kind in types)
    served = None if types.get("web") or alone else python_code.start(tree)
    if served is None and not types.get("web") and not alone:
        raise _no_start(tree)
    packages = python_packages.choose(tree, notes, _further(tree, notes, served.server if served else ""))
    if served:
        types = {**types, "web": served.command}
        notes.because(f"Start: {served.command} ({served.why})")
        if served.port:
            notes.because(f"Port: {served.port} (where the program listens by itself)")
    _without_styles(tree, notes, types.get("web", ""))
    recipe = _recipe(tree, notes, packages, version)
    building = [*(recipe.assets.build if recipe.assets else ()), *recipe.project, recipe.collectstatic]
    return Plan(
        "python",
        notes.reasons,
        types,
        version,
        asked,
        packages.manager,
        "; ".join(packages.install),
        "; ".join(one for one in building if one),
        environment=_environment(tree, notes, types.get("web", ""), bool(served)),
        warnings=notes.warnings,
        port=served.port if served and served.port else 8000,
        python=recipe,
    )


def _recipe(tree: Tree, notes: Notes, packages: Packages, version: str) -> PythonRecipe:
    hooks = set(tree.names("bin"))
    before = ("bash bin/pre_compile",) if "pre_compile" in hooks else ()
    told = build_lines.built(tree)
    for command in told:
        notes.because(f"Build: {command} (of another platform's build command)")
    after = [*packages.project, *_corpora(tree), *told, *(["bash bin/post_compile"] if "post_compile" in hooks else [])]
    return PythonRecipe(
        version,
        packages.manager,
        packages.tool,
        tuple(packages.manifests),
        packages.whole_tree or bool(before),
        packages.locked,
        before,
        tuple(packages.install),
        tuple(after),
        _collectstatic(tree, notes),
        tuple(aptfile.read(tree, notes, _system_packages(tree))),
        _assets(tree, notes),
        bool(before or told or "post_compile" in hooks),
        _runners(tree),
    )


def _further(tree: Tree, notes: Notes, server: str) -> list[str]:
    """What is installed beside what the files name."""
    further = [server] if server else []
    text = requirements.text(tree)
    if (space := spaces.read(tree)) and not python_packages.has(python_packages.named(tree), space.sdk):
        notes.because(f"{space.package} as well: README.md says that this is a Space of it")
        further.append(space.package)
        text += f"\n{space.package}"
    for wanted, pin in python_pins.beside(text):
        notes.because(f"{wanted} as well: {pin} does not start with a newer one")
        further.append(f"'{wanted}'")
    return further


def _system_packages(tree: Tree) -> str:
    """The file that names Debian packages: that of Streamlit's and Hugging Face's hosts where there is no Aptfile."""
    packages = python_packages.named(tree)
    shown = spaces.read(tree) or any(python_packages.has(packages, one) for one in ("streamlit", "gradio"))
    return "packages.txt" if shown and not tree.has("Aptfile") else "Aptfile"


def _runners(tree: Tree) -> tuple[str, ...]:
    """Which of uv, poetry, pipenv, pdm and hatch the tree's scripts start something by."""
    scripts = [f"{folder}{name}" for folder in ("", "bin/", "scripts/") for name in tree.names(folder.rstrip("/"))]
    told = "\n".join(tree.read(name) or "" for name in scripts if name.endswith(".sh") or name.startswith("bin/"))
    return tuple(sorted(set(re.findall(r"\b(uv|poetry|pipenv|pdm|hatch) run\b", told))))


def _is_python(tree: Tree, mark: str | None) -> bool:
    """Whether a weak mark beside a package.json means Python all the same."""
    if mark == "pyproject.toml":
        project = python_packages.pyproject(tree)
        if python_workspaces.members(tree, project):
            return starts(tree)
        return bool(project.get("project", {}).get("dependencies")) or "poetry" in project.get("tool", {})
    return mark is not None and mark.endswith(".py") and python_code.start(tree) is not None and mark != "setup.py"


def _environment(tree: Tree, notes: Notes, web: str, chosen: bool) -> dict[str, str]:
    path = "/app:/app/src" if tree.names("src") and not tree.has("src/__init__.py") else "/app"
    made = {"PYTHONPATH": path, "FORWARDED_ALLOW_IPS": "*", "GUNICORN_CMD_ARGS": "--access-logfile -"}
    manage = python_code.manage_py(tree)
    if manage and (settings := python_code.served_settings(tree, manage, web)):
        notes.because(f"DJANGO_SETTINGS_MODULE is {settings}, as for what is served: {manage} takes others by itself")
        made["DJANGO_SETTINGS_MODULE"] = settings
    if chosen:
        # as the app's own server has it: one process, which knows all that the app keeps in memory, and threads
        return {**made, "WEB_CONCURRENCY": "1", "GUNICORN_CMD_ARGS": f"{made['GUNICORN_CMD_ARGS']} --threads 8"}
    return {**made, "WEB_CONCURRENCY": "1"} if _in_one_process(tree, web) else made


def _in_one_process(tree: Tree, web: str) -> bool:
    """Whether web is a program that gives its application itself to uvicorn.run, which ends where several workers are asked for."""
    scripts = [tree.read(one.removeprefix("./")) or "" for one in re.findall(r"[\w./-]+\.sh\b", web)]
    found = re.findall(r"\bpython[\d.]* (?:-u )?(?:-m )?([\w./-]+)", "\n".join([web, *scripts]))
    modules = [one.removesuffix(".py").replace(".", "/") for one in found]
    files = [f"{one}{ending}" for one in modules for ending in (".py", "/__main__.py")]
    return any(re.search(r"\buvicorn\.run\(\s*[A-Za-z_]", tree.read(one) or "") for one in files)


def _assets(tree: Tree, notes: Notes) -> NodeRecipe | None:
    """The Node.js build of a tree that is Python first."""
    inner, package = Notes(), node_planner.package_json(tree)
    scripts, told = Scripts(package), build_lines.at_top(tree) if package else ""
    if scripts.builds or told:
        recipe = node_planner.recipe(tree, inner, keep=False, static=True, told=told)
        manager = node_packages.choose(tree, package, Notes(), recipe.version)
        further = node_folders.commands(tree, manager, inner, scripts.folders(tree))
        recipe = replace(recipe, build=(*recipe.build, *further))
    elif found := _assets_of_folders(tree, inner) or _served_assets(tree, inner):
        recipe = found
    else:
        if tree.has("package.json"):
            notes.because("package.json has no build script: nothing is done about it")
        return None
    notes.reasons += inner.reasons
    notes.warnings += inner.warnings
    manage = python_code.manage_py(tree)
    code = [tree.read(name) or "" for name in tree.names() if name.endswith(".py")]
    if "node_modules" in "".join([*code, python_code.settings_text(tree, manage) if manage else ""]):
        return recipe  # files of its packages are served
    return replace(recipe, prune="find . -name node_modules -prune -exec rm -rf {} +")


def _assets_of_folders(tree: Tree, notes: Notes) -> NodeRecipe | None:
    """The front ends that another platform's build command builds in their folders: the first says which Node.js."""
    folder = node_folders.first(tree)
    if not folder:
        return None
    inside, inner = Under(tree, folder, above=("render.yaml",)), Notes()
    told = " && ".join(line for _, _, line in build_lines.of_node(tree))
    made = node_planner.recipe(inside, inner, keep=False, static=True, told=told)
    manager = node_packages.choose(inside, node_planner.package_json(inside), Notes(), made.version)
    notes.reasons += [one for one in inner.reasons if not one.startswith(("Build: ", "Packages: "))]
    notes.warnings += [f"{folder}/: {one}" for one in inner.warnings]
    return node_folders.within(tree, made, folder, node_folders.commands(tree, manager, notes))


def _served_assets(tree: Tree, notes: Notes) -> NodeRecipe | None:
    """The front end that the code serves from its folder, though nothing says how it is built: by its own build script."""
    folder = node_folders.served(tree)
    if not folder:
        return None
    inner = Notes()
    made = node_planner.recipe(Under(tree, folder, above=("render.yaml",)), inner, keep=False, static=True)
    notes.because(f"The code serves what is built in {folder}/")
    notes.reasons += inner.reasons
    notes.warnings += [f"{folder}/: {one}" for one in inner.warnings]
    return replace(
        made,
        manifests=tuple(f"{folder}/{one}" for one in made.manifests),
        before=tuple(f"cd {folder} && {one}" for one in made.before),
        install=f"cd {folder} && {made.install}",
        build=tuple(f"cd {folder} && {one}" for one in made.build),
    )


def _corpora(tree: Tree) -> list[str]:
    """What nltk.txt names, to a folder in which nltk looks for it."""
    names = [name for name in (tree.read("nltk.txt") or "").split() if re.fullmatch(r"[A-Za-z0-9][\w.-]*", name)]
    # no reason to refuse it: what is not there, nltk names when it is asked for
    fetch = f"python -m nltk.downloader -d /venv/nltk_data {' '.join(names)} || echo 'nltk.txt: not all of it could be fetched'"
    return [f"if python -c 'import nltk'; then {fetch}; fi"] if names else []


def _collectstatic(tree: Tree, notes: Notes) -> str:
    manage = python_code.manage_py(tree)
    if manage is None:
        return ""
    settings = python_code.settings_text(tree, manage)
    if "django.contrib.staticfiles" not in settings:
        return ""
    if not re.search(r"STATIC_ROOT|STORAGES|django_heroku|django_on_heroku", settings):
        notes.because("collectstatic: not run, the settings have no STATIC_ROOT")
        return ""
    notes.because(
        "collectstatic: the settings have a STATIC_ROOT (the config var DISABLE_COLLECTSTATIC=1 turns it off)"
    )
    return f"python {manage} collectstatic --noinput"


def _without_styles(tree: Tree, notes: Notes, web: str) -> None:
    """Say so where runserver serves Django's static files and nothing does here."""
    manage = python_code.manage_py(tree)
    settings = python_code.settings_text(tree, manage) if manage else ""
    folder = manage.rpartition("/")[0] if manage else ""
    code = [
        tree.read(joined(folder, f"{one}{name}.py")) or ""
        for one in tree.names(folder)
        for name in ("urls", "wsgi", "asgi")
    ]
    if "django.contrib.staticfiles" not in settings:
        return
    if not _SERVES_STATIC.search("\n".join([settings, python_packages.named(tree), web, *code])):
        notes.warn(
            "Nothing serves Django's static files here, as runserver does: pages, also the admin's, come without their styles. "
            "Add whitenoise to the packages, and whitenoise.middleware.WhiteNoiseMiddleware to MIDDLEWARE"
        )


def _no_start(tree: Tree) -> PlanError:
    if several := python_code.of_workspace(tree):
        return PlanError(
            "command",
            "Several apps could be started",
            f"{' and '.join(several)} of the workspace each have one, and nothing says which",
            f"say which in a file named Procfile:  web: {next(iter(several.values())).command} ; commit, and push again",
            "no start command",
        )
    line = "web: gunicorn MODULE:app --bind 0.0.0.0:$PORT"
    texts = {name: tree.read(name) or "" for name in tree.names() if name.endswith(".py")}
    programs = [name for name, text in texts.items() if name == "bot.py" or "__main__" in text]
    if programs:
        program = python_tools.quoted(programs[0])
        line = f"web: python {program}  where it listens on $PORT, else  worker: python {program}"
    return PlanError(
        "command",
        "No start command was found",
        "no Procfile with a web line, no Django, Flask or FastAPI application, and no app.py, main.py or server.py",
        f"add a file named Procfile with the line  {line}",
        "no start command",
    )
