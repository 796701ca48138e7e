"""What a Python tree serves, found by reading its code: the module and the attribute, and the server for it."""

import re
from dataclasses import dataclass, replace

from minpaas.plan import python_ports, python_tools, python_workspaces, spaces
from minpaas.plan.python_application import Application, application
from minpaas.plan.python_packages import has, inline, named, pyproject
from minpaas.plan.python_runner import runner
from minpaas.plan.tree import Tree, Under, find, joined

_ENTRIES = (
    "app", "main", "server", "wsgi", "asgi", "application", "api", "run", "index", "web", "__init__", "streamlit_app",
    "Home",
)  # fmt: skip
_INNER = {"app/", "src/", "api/", "server/", "backend/"}  # folders of folders that may hold the application
# modules of Python that an application has files of the same name beside: logging.py in app/ is app.logging
_STANDARD = {
    "calendar", "code", "collections", "copy", "csv", "email", "enum", "html", "http", "io", "json", "logging", "operator",
    "platform", "queue", "random", "select", "signal", "site", "socket", "sqlite3", "string", "test", "time", "token",
    "types", "typing", "uuid",
}  # fmt: skip
_MOST_FILES = 60
_UVICORN = re.compile(
    r"^[^#\n]*\buvicorn\.run\(\s*(?:app\s*=\s*)?['\"]([\w.]+):(\w+)['\"]([^()]*(?:\([^()]*\)[^()]*)*)", re.M
)


@dataclass(frozen=True)
class Served:
    """A start command with the reason for it, and the server that it needs."""

    command: str
    why: str
    server: str = ""
    port: int = 0  # where it listens, whatever PORT is


def start(tree: Tree) -> Served | None:
    """The best guess at what web runs, or None."""
    packages = named(tree)
    return _known(tree, packages) or _by_member(tree) or _by_file(tree)


def _known(tree: Tree, packages: str) -> Served | None:
    """What a framework of the code serves."""
    django = _django(tree) if has(packages, "django") or find(tree, "manage.py", 2) else None
    return django or _by_framework(tree, packages) or _by_tool(tree, packages)


def of_workspace(tree: Tree) -> dict[str, Served]:
    """The apps of a workspace's folders, each with the command that starts it from the top."""
    inner = {one: Under(tree, one) for one in python_workspaces.members(tree, pyproject(tree))}
    found = {folder: served for folder, at in inner.items() if (served := _known(at, named(at)))}
    return {
        folder: replace(one, command=f"cd {folder} && {_at_last(one.command)}", why=f"{one.why} of {folder}")
        for folder, one in found.items()
    }


def _by_member(tree: Tree) -> Served | None:
    """The one app of a workspace."""
    found = list(of_workspace(tree).values())
    return found[0] if len(found) == 1 else None


def _at_last(command: str) -> str:
    """A command that takes the place of the shell, where it is one program."""
    return command if re.match(r"\w+=|cd |exec ", command) or "&&" in command else f"exec {command}"


def manage_py(tree: Tree) -> str | None:
    """The path of Django's manage.py, at most two folders down."""
    path = find(tree, "manage.py", 2)
    return path if path and "django" in (tree.read(path) or "").lower() else None


def settings_text(tree: Tree, manage: str) -> str:
    """The text of Django's settings: the file or the package that manage.py names, all of it."""
    folder = manage.rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    module = _settings(tree, manage).replace(".", "/")
    one = tree.read(f"{prefix}{module}.py") or ""
    package = f"{prefix}{module}" if tree.names(f"{prefix}{module}") else f"{prefix}{module.rpartition('/')[0]}"
    around = [name for name in tree.names(package) if name.endswith(".py") and package] if module else []
    return "\n".join([one, *[tree.read(f"{package}/{name}") or "" for name in around]])


def served_settings(tree: Tree, manage: str, web: str) -> str:
    """The settings that web serves by its wsgi.py or asgi.py, where manage.py takes others by itself; else empty."""
    served = re.search(r"\b([\w.]+)\.([aw]sgi)\b", web)
    folder = manage.rpartition("/")[0]
    path = f"{served[1].replace('.', '/')}/{served[2]}.py" if served else ""
    named = _settings(tree, joined(folder, path)) if served else ""
    return named if named and named != _settings(tree, manage) else ""


def _settings(tree: Tree, path: str) -> str:
    """The settings that a file takes where DJANGO_SETTINGS_MODULE is not set."""
    told = re.search(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([\w.]+)", tree.read(path) or "")
    return told[1] if told else ""


def _django(tree: Tree) -> Served | None:
    manage = manage_py(tree)
    if manage is None:
        return None
    folder = manage.rpartition("/")[0]
    settings = settings_text(tree, manage)
    wsgi = re.search(r"^WSGI_APPLICATION\s*=\s*['\"]([\w.]+)\.(\w+)['\"]", settings, re.M)
    asgi = re.search(r"^ASGI_APPLICATION\s*=\s*['\"]([\w.]+)\.(\w+)['\"]", settings, re.M)
    # as Railpack: nobody else migrates the database of an app without a Procfile
    migrate = f"python {manage} migrate --noinput && exec " if re.search(r"^DATABASES\b", settings, re.M) else ""
    if asgi and re.search(r"['\"](channels|daphne)['\"]", settings):
        command = (
            migrate
            + f"uvicorn {asgi[1]}:{asgi[2]} --host 0.0.0.0 --port $PORT"
            + (f" --app-dir {folder}" if folder else "")
        )
        return Served(command, f"Django with channels: ASGI_APPLICATION is {asgi[1]}.{asgi[2]}", "uvicorn[standard]")
    module = (wsgi[1], wsgi[2]) if wsgi else _wsgi_file(tree, folder)
    if module is None:
        return None
    where = f" --chdir {folder}" if folder else ""
    return Served(
        f"{migrate}gunicorn{where} {module[0]}:{module[1]} --bind 0.0.0.0:$PORT",
        f"Django: {'.'.join(module)}",
        "gunicorn",
    )


def _wsgi_file(tree: Tree, folder: str) -> tuple[str, str] | None:
    prefix = f"{folder}/" if folder else ""
    for name in tree.names(folder):
        if name.endswith("/") and tree.has(f"{prefix}{name}wsgi.py"):
            return f"{name[:-1]}.wsgi", "application"
    return None


def _by_framework(tree: Tree, packages: str) -> Served | None:
    files = _candidates(tree)
    if told := _named_for_uvicorn(tree, files):
        return told
    for path in files:
        if found := application(tree, path):
            elsewhere = _in_a_thread(tree, path, files) or _run_elsewhere(tree, path, found, files, packages)
            return elsewhere or _served(tree, path, found, packages)
    return None


def _named_for_uvicorn(tree: Tree, files: list[str]) -> Served | None:
    """What a program at the top or in src has uvicorn serve by its name: uvicorn.run("shop.web.main:app")."""
    for file in files:
        folder = file.rpartition("/")[0]
        told = _UVICORN.search(tree.read(file) or "") if folder in ("", "src") else None
        for start in dict.fromkeys([folder, ""]):
            path = joined(start, told[1].replace(".", "/")) if told else ""
            if told and (tree.has(f"{path}.py") or tree.has(f"{path}/__init__.py")):
                factory = " --factory" if re.search(r"\bfactory\s*=\s*True", told[3]) else ""
                where = f"cd {start} && exec " if start else ""
                command = f"{where}uvicorn {told[1]}:{told[2]}{factory} --host 0.0.0.0 --port $PORT"
                return Served(command, f"{told[1]}:{told[2]} is what {file} gives to uvicorn", "uvicorn[standard]")
    return None


def _in_a_thread(tree: Tree, path: str, files: list[str]) -> Served | None:
    """The program that has an application only beside it, in a thread: a bot with a page that says that it lives."""
    text = tree.read(path) or ""
    module = path.removesuffix(".py")
    target = re.search(r"\bThread\(\s*target\s*=\s*([\w.]+)", text)
    inside = re.search(rf"^def {target[1]}\(.*\n(?:[ \t]+.*\n|\n)+", text, re.M) if target else None
    if "/" in path or not target or not re.search(r"\.run$|\.run\(|\bserve\(", inside[0] if inside else target[1]):
        return None
    programs = [one for one in files if one != path and "/" not in one]
    program = next((one for one in programs if module in python_tools.imports(tree.read(one) or "")), "")
    why = f"{program} runs {path} beside it, in a thread"
    return Served(f"python {python_tools.quoted(program)}", why, port=python_ports.fixed(text)) if program else None


def _run_elsewhere(tree: Tree, path: str, found: Application, files: list[str], packages: str) -> Served | None:
    """The command for an application that another file completes and runs, as Dash's index.py with its pages."""
    dash = python_tools.dash_of(tree.read(path) or "", found.attribute) if found.framework == "Dash" else ""
    run = None if "(" in found.attribute else runner(tree, path, files, {found.attribute, dash} - {""})
    if run is None:
        return None
    file, names = run
    if found.attribute in names:
        return _served(tree, file, replace(found, attribute=names[found.attribute]), packages)
    command = f"waitress-serve --host 0.0.0.0 --port $PORT {_module(file)}:{names[dash]}.server"
    return Served(command, f"Dash: {names[dash]} in {file}", "waitress")


def _served(tree: Tree, path: str, found: Application, packages: str) -> Served:
    """The command that serves an application object."""
    folder = _working_folder(tree, path, packages)
    module = _module(path.removeprefix(f"{folder}/"))
    why = f"{found.framework}: {found.attribute.removesuffix('()') if found.interface == 'asgi' else found.attribute} in {path}"
    if found.interface == "asgi":
        factory = " --factory" if found.attribute.endswith("()") else ""
        where = f"cd {folder} && exec " if folder else ""
        name = found.attribute.removesuffix("()")
        return Served(f"{where}uvicorn {module}:{name}{factory} --host 0.0.0.0 --port $PORT", why, "uvicorn[standard]")
    if found.interface == "aiohttp" and re.search(r"['\"]PORT['\"]", tree.read(path) or ""):
        return Served(f"python {python_tools.quoted(path)}", why)
    quoted = f"'{module}:{found.attribute}'" if "(" in found.attribute else f"{module}:{found.attribute}"
    where = f" --chdir {folder}" if folder else ""
    return Served(f"gunicorn{where} {quoted} --bind 0.0.0.0:$PORT{_workers(found, packages)}", why, "gunicorn")


def _workers(found: Application, packages: str) -> str:
    """What gunicorn is told beside: apps that keep connections open know only those of their own process."""
    if found.interface == "aiohttp":
        return " --worker-class aiohttp.GunicornWebWorker --workers 1"
    if not has(packages, r"flask[-_]socketio"):
        return ""
    if has(packages, "eventlet"):
        return " --worker-class eventlet --workers 1"
    if has(packages, "gevent"):
        socket = "geventwebsocket.gunicorn.workers.GeventWebSocketWorker"
        return f" --worker-class {socket if has(packages, 'gevent-websocket') else 'gevent'} --workers 1"
    return " --threads 100 --workers 1"


def _working_folder(tree: Tree, path: str, packages: str) -> str:
    """The folder that a file is started in: src, or one of its own where what it imports is there and not above."""
    folder, text = path.rpartition("/")[0], tree.read(path) or ""
    imported = python_tools.imports(text) - _STANDARD
    relative = re.search(r"^[ \t]*from\s+\.", text, re.M)
    if path.startswith("src/"):
        # src is a package itself where it is imported so
        return "" if "src" in imported or (relative and folder == "src") else "src"
    if tree.has(f"{folder}/__init__.py") and (relative or imported & _modules(tree, "")):
        return ""
    parts = folder.split("/") if folder else []
    for depth in range(len(parts), 0, -1):
        at = "/".join(parts[:depth])
        above = set[str]().union(*(_modules(tree, "/".join(parts[:one])) for one in range(depth)))
        if any(not has(packages, one.lower()) for one in imported & (_modules(tree, at) - above)):
            return at
    return ""


def _modules(tree: Tree, folder: str) -> set[str]:
    """What can be imported from a folder."""
    return {name.removesuffix(".py").removesuffix("/") for name in tree.names(folder) if name.endswith((".py", "/"))}


def _by_tool(tree: Tree, packages: str) -> Served | None:
    """Frameworks that bring their own server."""
    space = spaces.read(tree)
    more = [*map(str, inline(tree).get("dependencies") or []), *([space.sdk] if space else [])]
    known = "\n".join([packages, *more]).lower()
    first = [space.file] if space and space.file else []
    files = list(dict.fromkeys([*first, *_candidates(tree)]))
    if found := python_tools.find(tree, files, known):
        tool, path = found
        if tool.package == "dash" and (run := runner(tree, path, files, {"app"})) and run[1] == {"app": "app"}:
            path = run[0]
        text = tree.read(path) or ""
        command = python_tools.command(tool, path, text)
        port = python_ports.fixed(text) if f"python {python_tools.quoted(path)}" in command else 0
        return Served(command, f"{tool.name}: imported by {path}", tool.server, port)
    if notebook := python_tools.notebook(tree, known):
        command = f"voila {python_tools.quoted(notebook)} --port=$PORT --no-browser --Voila.ip=0.0.0.0"
        return Served(command, f"Voila: {notebook} found")
    return None


def _by_file(tree: Tree) -> Served | None:
    names = set(tree.names())
    for name in ("app.py", "main.py", "server.py", "run.py", "wsgi.py", "index.py", "__main__.py"):
        if name in names:
            return _program(tree, name, name)
    texts = {name: tree.read(name) or "" for name in sorted(names) if name.endswith(".py")}
    listening = [name for name, text in texts.items() if python_ports.listens(text)]
    if len(listening) == 1:
        return _program(tree, python_tools.quoted(listening[0]), listening[0])
    for folder in ("", "src/"):
        packages = [one for one in tree.names(folder.rstrip("/")) if tree.has(f"{folder}{one}__main__.py")]
        if len(packages) == 1:
            path = f"{folder}{packages[0]}__main__.py"
            return _program(tree, f"-m {packages[0][:-1]}", path)
    return _by_script(tree)


def _program(tree: Tree, called: str, path: str) -> Served:
    """How a program is started that listens by itself."""
    text = tree.read(path) or ""
    return Served(f"python {called}{python_ports.told(text)}", f"{path} found", port=python_ports.fixed(text))


def _by_script(tree: Tree) -> Served | None:
    """The one command that the app's own package installs, or the one whose name says so, where its code listens on PORT."""
    project = pyproject(tree)
    if "build-system" not in project or not any("PORT" in (tree.read(path) or "") for path in _candidates(tree)):
        return None
    scripts = (
        project.get("project", {}).get("scripts") or project.get("tool", {}).get("poetry", {}).get("scripts") or {}
    )
    named = [one for one in scripts if len(scripts) == 1 or one in ("start", "serve", "server", "web", "run", "app")]
    return Served(named[0], f"{named[0]} is a script of pyproject.toml") if named else None


def _candidates(tree: Tree) -> list[str]:
    """Files that may hold the application, the likely ones first."""

    def scripts(folder: str) -> list[str]:
        inside = [name for name in tree.names(folder) if name.endswith(".py") and not name.startswith("test")]
        inside.sort(key=lambda name: _ENTRIES.index(name[:-3]) if name[:-3] in _ENTRIES else len(_ENTRIES))
        return [f"{folder}{name}" for name in inside]

    skipped = {"tests/", "test/", "docs/", "venv/", ".venv/", "node_modules/", "migrations/", "scripts/", "examples/"}
    folders = [one for one in tree.names() if one.endswith("/") and one not in skipped and not one.startswith(".")]
    folders.sort(key=lambda one: one not in ("app/", "src/", "api/", "backend/", "server/"))
    # what a server is meant to load, by its name
    named = [one for one in ("wsgi.py", "asgi.py") if tree.has(one)]
    found = [*named, *_flask_app(tree), *scripts("")]
    for folder in folders:
        found += scripts(folder)
        for inner in tree.names(folder.rstrip("/")):
            if inner.endswith("/") and inner not in skipped and (folder == "src/" or inner in _INNER):
                found += scripts(f"{folder}{inner}")
    return list(dict.fromkeys(found))[:_MOST_FILES]


def _flask_app(tree: Tree) -> list[str]:
    """The file that FLASK_APP of a .flaskenv names."""
    told = re.search(r"^[ \t]*(?:export\s+)?FLASK_APP\s*=\s*[\"']?([\w./]+)", tree.read(".flaskenv") or "", re.M)
    module = told[1].removeprefix("./").removesuffix(".py") if told else ""
    path = module if "/" in module else module.replace(".", "/")
    return [one for one in (f"{path}.py", f"{path}/__init__.py") if path and tree.has(one)]


def _module(path: str) -> str:
    parts = path.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
