"""What a Python tree serves, found by reading its code: the module and the attribute, and the server for it."""

import ast
import re
from dataclasses import dataclass

from minpaas.plan.python_packages import has, named
from minpaas.plan.tree import Tree, find

_ENTRIES = (
    "app", "main", "server", "wsgi", "asgi", "application", "api", "run", "index", "web", "__init__", "streamlit_app",
    "Home",
)  # fmt: skip
_ATTRIBUTES = ("app", "application", "api", "server", "create_app", "make_app")
_WSGI = {"Flask": "Flask", "Bottle": "Bottle", "APIFlask": "APIFlask", "Eve": "Eve", "OpenAPI": "Flask"}
_ASGI = {"FastAPI": "FastAPI", "Starlette": "Starlette", "Quart": "Quart", "Litestar": "Litestar", "Sanic": "Sanic",
         "FastHTML": "FastHTML", "BlackSheep": "BlackSheep", "Robyn": "Robyn"}  # fmt: skip
_FACTORIES = {"create_app", "make_app", "build_app", "get_app", "app_factory"}
_MOST_FILES = 60


@dataclass(frozen=True)
class Served:
    """A start command with the reason for it, and the server that it needs."""

    command: str
    why: str
    server: str = ""


def start(tree: Tree) -> Served | None:
    """The best guess at what web runs, or None."""
    packages = named(tree)
    django = _django(tree) if has(packages, "django") or find(tree, "manage.py", 2) else None
    return django or _by_framework(tree, packages) or _by_tool(tree, packages) or _by_file(tree)


def manage_py(tree: Tree) -> str | None:
    """The path of Django's manage.py, at most two folders down."""
    path = find(tree, "manage.py", 2)
    return path if path and "django" in (tree.read(path) or "").lower() else None


def settings_text(tree: Tree, manage: str) -> str:
    """The text of Django's settings: the file or the package that manage.py names, all of it."""
    match = re.search(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([\w.]+)", tree.read(manage) or "")
    folder = manage.rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    module = (match[1] if match else "").replace(".", "/")
    one = tree.read(f"{prefix}{module}.py") or ""
    package = f"{prefix}{module}" if tree.names(f"{prefix}{module}") else f"{prefix}{module.rpartition('/')[0]}"
    around = [name for name in tree.names(package) if name.endswith(".py") and package] if module else []
    return "\n".join([one, *[tree.read(f"{package}/{name}") or "" for name in around]])


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
    for path in _candidates(tree):
        found = _application(tree.read(path) or "")
        if found is None:
            continue
        attribute, framework, asgi = found
        folder = _working_folder(tree, path)
        module = _module(path.removeprefix(f"{folder}/"))
        if asgi:
            factory = " --factory" if attribute.endswith("()") else ""
            name = attribute.removesuffix("()")
            where = f"cd {folder} && exec " if folder else ""
            command = f"{where}uvicorn {module}:{name}{factory} --host 0.0.0.0 --port $PORT"
            return Served(command, f"{framework}: {name} in {path}", "uvicorn[standard]")
        quoted = f"'{module}:{attribute}'" if "(" in attribute else f"{module}:{attribute}"
        where = f" --chdir {folder}" if folder else ""
        command = f"gunicorn{where} {quoted} --bind 0.0.0.0:$PORT"
        return Served(command, f"{framework}: {attribute} in {path}", "gunicorn")
    return None


def _working_folder(tree: Tree, path: str) -> str:
    """The folder that a file is started in: src, or its own where it imports its neighbours by their bare names."""
    folder, _, _ = path.rpartition("/")
    if path.startswith("src/"):
        return "src"
    if not folder or tree.has(f"{folder}/__init__.py"):
        return ""
    neighbours = {name.removesuffix(".py").removesuffix("/") for name in tree.names(folder)}
    above = {name.removesuffix(".py").removesuffix("/") for name in tree.names()}
    return folder if (_imported(tree.read(path) or "") & neighbours) - above else ""


def _imported(text: str) -> set[str]:
    """The first words of what a file imports."""
    return set(re.findall(r"^\s*(?:from|import)\s+(\w+)", text, re.M))


def _by_tool(tree: Tree, packages: str) -> Served | None:
    """Frameworks that bring their own server."""
    for path in _candidates(tree):
        text = tree.read(path) or ""
        if has(packages, "streamlit") and re.search(r"^\s*(import|from)\s+streamlit\b", text, re.M):
            options = "--server.port $PORT --server.address 0.0.0.0 --server.headless true"
            return Served(f"streamlit run {path} {options}", f"Streamlit: imported by {path}")
        if has(packages, "chainlit") and "chainlit" in _imported(text):
            return Served(f"chainlit run {path} --host 0.0.0.0 --port $PORT", f"Chainlit: imported by {path}")
        if "gradio" in _imported(text):
            bound = "GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=$PORT"
            return Served(f"{bound} python {path}", f"Gradio: imported by {path}")
    return None


def _by_file(tree: Tree) -> Served | None:
    names = set(tree.names())
    for name in ("app.py", "main.py", "server.py", "run.py", "wsgi.py", "index.py", "__main__.py"):
        if name in names:
            return Served(f"python {name}", f"{name} found")
    return None


def _candidates(tree: Tree) -> list[str]:
    """Files that may hold the application, the likely ones first."""

    def scripts(folder: str) -> list[str]:
        inside = [name for name in tree.names(folder) if name.endswith(".py") and not name.startswith("test")]
        inside.sort(key=lambda name: _ENTRIES.index(name[:-3]) if name[:-3] in _ENTRIES else len(_ENTRIES))
        return [f"{folder}{name}" for name in inside]

    skipped = {"tests/", "test/", "docs/", "venv/", ".venv/", "node_modules/", "migrations/", "scripts/", "examples/"}
    folders = [one for one in tree.names() if one.endswith("/") and one not in skipped and not one.startswith(".")]
    folders.sort(key=lambda one: one not in ("app/", "src/", "api/", "backend/", "server/"))
    found = scripts("")
    for folder in folders:
        found += scripts(folder)
        if folder == "src/":
            for inner in tree.names("src"):
                found += scripts(f"src/{inner}") if inner.endswith("/") else []
    return found[:_MOST_FILES]


def _module(path: str) -> str:
    parts = path.removeprefix("src/").removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _application(text: str) -> tuple[str, str, bool] | None:
    """(attribute, framework, whether ASGI) of the application object in a file, or of its factory."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found: dict[str, tuple[str, bool]] = {}
    for node in _top_level(tree):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        made = _made_by(getattr(node, "value", None), imported)
        for target in targets:
            if made and isinstance(target, ast.Name):
                found[target.id] = made
        if isinstance(node, ast.FunctionDef) and node.name in _FACTORIES and not _required(node):
            inner = next((m for n in ast.walk(node) if (m := _made_by(n, imported))), None)
            if inner:
                found[f"{node.name}()"] = inner
    best = sorted(found, key=lambda name: _rank(name))
    if not best:
        return None
    name = best[0]
    framework, asgi = found[name]
    return name, framework, asgi


def _top_level(tree: ast.Module) -> list[ast.stmt]:
    """Statements that run on import, also those inside if and try (but not under __main__)."""
    found: list[ast.stmt] = []
    pending = list(tree.body)
    while pending:
        node = pending.pop(0)
        found.append(node)
        if isinstance(node, ast.If) and "__main__" not in ast.dump(node.test):
            pending += [*node.body, *node.orelse]
        elif isinstance(node, ast.Try):
            pending += [*node.body, *node.orelse, *node.finalbody]
    return found


def _made_by(node: ast.AST | None, imported: set[str]) -> tuple[str, bool] | None:
    if isinstance(node, ast.Attribute) and node.attr == "server" and "dash" in imported:
        return "Dash", False  # server = app.server
    if not isinstance(node, ast.Call):
        return None
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name in _WSGI:
        return _WSGI[name], False
    if name in _ASGI:
        return _ASGI[name], True
    if name == "App" and "falcon" in imported:
        return "Falcon", isinstance(node.func, ast.Attribute) and "asgi" in ast.dump(node.func)
    if name in ("get_wsgi_application", "get_asgi_application"):
        return "Django", name == "get_asgi_application"
    if name in _FACTORIES:
        return "an application factory", bool({"fastapi", "starlette", "quart", "litestar"} & imported)
    return None


def _required(node: ast.FunctionDef) -> bool:
    return len(node.args.args) > len(node.args.defaults)


def _rank(name: str) -> int:
    bare = name.removesuffix("()")
    return _ATTRIBUTES.index(bare) if bare in _ATTRIBUTES else len(_ATTRIBUTES)
