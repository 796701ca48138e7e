"""The application object in a Python file, found by reading its code: the attribute, the framework, and what serves it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from minpaas.plan.tree import Tree, joined

Interface = Literal["wsgi", "asgi", "aiohttp"]
Made = tuple[str, Interface]  # by which framework, and how it is served

_ATTRIBUTES = ("app", "application", "api", "server", "create_app", "make_app")
_MADE: dict[str, Made] = {
    **{name: (name, "wsgi") for name in ("Flask", "Bottle", "APIFlask", "Eve")},
    **{name: (name, "asgi") for name in ("FastAPI", "Starlette", "Quart", "Litestar", "Sanic", "FastHTML")},
    "OpenAPI": ("Flask", "wsgi"),
    "default_app": ("Bottle", "wsgi"),
    "make_wsgi_app": ("Pyramid", "wsgi"),
    "wsgifunc": ("web.py", "wsgi"),
    "get_wsgi_application": ("Django", "wsgi"),
    "get_asgi_application": ("Django", "asgi"),
}
# of names that say little: only where that package is imported
_MADE_WITH: dict[tuple[str, str], Made] = {
    ("blacksheep", "Application"): ("BlackSheep", "asgi"),
    ("aiohttp", "Application"): ("aiohttp", "aiohttp"),
    ("fasthtml", "fast_app"): ("FastHTML", "asgi"),
    ("socketio", "ASGIApp"): ("python-socketio", "asgi"),
}
_FACTORY = re.compile(r"(create|make|build|get|init|setup)_(\w+_)?(app|application|api|server|asgi|wsgi)|app_factory")
# what is one by its name alone, where what it does is not to be found
_SURELY = {"create_app", "make_app", "build_app", "get_app", "app_factory"}
_ASGI = {"fastapi", "starlette", "quart", "litestar"}
_FARTHEST = 4  # files that a function is followed through

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Application:
    """Where it is in its file, with () where a function makes it."""

    attribute: str
    framework: str
    interface: Interface


def application(tree: Tree, path: str) -> Application | None:
    """The application object of a file, or its factory."""
    code = parsed(tree, path)
    if code is None:
        return None
    imported = _imported(code)
    found: dict[str, Made] = {}
    wrappers = set[str]()
    for node in _top_level(code):
        names = _names(node)
        made = _made(tree, path, getattr(node, "value", None), imported, names[0]) if names else None
        if made:
            found[names[0]] = made
            if made[0] == "python-socketio":
                wrappers.add(names[0])  # what it leads on to is inside of it
        if isinstance(node, ast.ImportFrom) and path.rpartition("/")[2] in ("wsgi.py", "asgi.py"):
            # nothing else is in such a file; what a program imports, it may also run when it is imported
            for bound in [alias.asname or alias.name for alias in node.names]:
                if bound in _ATTRIBUTES and (there := _by_name(tree, path, bound, _FARTHEST)):
                    found[bound] = there
        if isinstance(node, Function) and _FACTORY.fullmatch(node.name) and not _required(node):
            inner = _made_inside(tree, path, node, imported)
            # a coroutine is awaited by aiohttp's own worker only
            if inner and (inner[1] == "aiohttp" or isinstance(node, ast.FunctionDef)):
                found[f"{node.name}{'' if inner[1] == 'aiohttp' else '()'}"] = inner
    best = min(found, key=lambda name: (name not in wrappers, _rank(name)), default="")
    return Application(best, *found[best]) if best else None


def parsed(tree: Tree, path: str) -> ast.Module | None:
    """A file's code; None where it is not Python of today."""
    try:
        return ast.parse(tree.read(path) or "")
    except (SyntaxError, ValueError, RecursionError):
        return None


def _imported(code: ast.Module) -> set[str]:
    found = {
        alias.name.split(".")[0] for node in ast.walk(code) if isinstance(node, ast.Import) for alias in node.names
    }
    return found | {(node.module or "").split(".")[0] for node in ast.walk(code) if isinstance(node, ast.ImportFrom)}


def _top_level(code: ast.Module) -> list[ast.stmt]:
    """Statements that run on import, also those inside if and try (but not under __main__)."""
    found: list[ast.stmt] = []
    pending = list(code.body)
    while pending:
        node = pending.pop(0)
        found.append(node)
        if isinstance(node, ast.If) and "__main__" not in ast.dump(node.test):
            pending += [*node.body, *node.orelse]
        elif isinstance(node, ast.Try):
            pending += [*node.body, *node.orelse, *node.finalbody]
    return found


def _names(node: ast.stmt) -> list[str]:
    """The names that a statement assigns to: two of  app, rt = fast_app()."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    flat = [one for target in targets for one in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [one.id for one in flat if isinstance(one, ast.Name)]


def _made(tree: Tree, path: str, node: ast.AST | None, imported: set[str], target: str) -> Made | None:
    """What is assigned to a name: what a framework's own class makes, or a function of the tree."""
    if known := _made_by(node, imported):
        return known
    name = _called(node)
    plain = isinstance(getattr(node, "func", None), ast.Name) and (target in _ATTRIBUTES or _FACTORY.fullmatch(name))
    if plain and (followed := _by_name(tree, path, name, _FARTHEST)):
        return followed
    return ("an application factory", "asgi" if _ASGI & imported else "wsgi") if name in _SURELY else None


def _called(node: ast.AST | None) -> str:
    """The last word of what is called; empty where nothing is."""
    function = node.func if isinstance(node, ast.Call) else None
    return function.id if isinstance(function, ast.Name) else str(getattr(function, "attr", ""))


def _made_by(node: ast.AST | None, imported: set[str]) -> Made | None:
    if isinstance(node, ast.Attribute) and node.attr == "server" and "dash" in imported:
        return "Dash", "wsgi"  # server = app.server
    if not isinstance(node, ast.Call):
        return None
    name = _called(node)
    if name == "App" and "falcon" in imported:
        return "Falcon", "asgi" if isinstance(node.func, ast.Attribute) and "asgi" in ast.dump(node.func) else "wsgi"
    return _MADE.get(name) or next(
        (made for (package, called), made in _MADE_WITH.items() if called == name and package in imported), None
    )


def _by_name(tree: Tree, path: str, name: str, left: int) -> Made | None:
    """What an application object or a function makes, by its name in a file: looked for there, and where it is imported from."""
    code = parsed(tree, path) if left else None
    if code is None:
        return None
    for node in _top_level(code):
        if isinstance(node, Function) and node.name == name:
            return _made_inside(tree, path, node, _imported(code), left - 1)
        if name in _names(node):
            value = getattr(node, "value", None)
            return _made_by(value, _imported(code)) or _by_name(tree, path, _called(value), left - 1)
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    files = (one for one in imported_files(path, node) if tree.has(one))
                    return next((made for one in files if (made := _by_name(tree, one, alias.name, left - 1))), None)
    return None


def _made_inside(tree: Tree, path: str, function: Function, imported: set[str], left: int = _FARTHEST) -> Made | None:
    """What a function makes itself, else what a function that it calls does."""
    inside = list(ast.walk(function))
    if made := next((made for node in inside if (made := _made_by(node, imported))), None):
        return made
    called = [node.func.id for node in inside if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    wanted = [one for one in dict.fromkeys(called) if _FACTORY.fullmatch(one) and one != function.name]
    return next((made for one in wanted if (made := _by_name(tree, path, one, left))), None)


def imported_files(path: str, node: ast.ImportFrom) -> Iterator[str]:
    """The files that an import may mean, from the file that has it."""
    folder = path.rpartition("/")[0]
    above = joined(folder, "/".join([".."] * (node.level - 1))) if node.level else ""
    for start in [above] if node.level else dict.fromkeys(["", folder, "src"]):
        module = joined(start, (node.module or "").replace(".", "/"))
        yield from (f"{module}.py", joined(module, "__init__.py"))


def _required(node: Function) -> bool:
    return len(node.args.args) > len(node.args.defaults)


def _rank(name: str) -> int:
    bare = name.removesuffix("()")
    return _ATTRIBUTES.index(bare) if bare in _ATTRIBUTES else len(_ATTRIBUTES)
