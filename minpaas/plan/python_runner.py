"""The file that runs the application of another one: it imports it, adds to it, and is what a person starts."""

import ast
import re

from minpaas.plan.python_application import imported_files, parsed
from minpaas.plan.tree import Tree

_RUNS = {"run", "run_server", "serve", "run_simple", "listen"}


def runner(tree: Tree, path: str, files: list[str], names: set[str]) -> tuple[str, dict[str, str]] | None:
    """The first of `files` beside or above `path` that runs what that has under these names, and what it calls them.

    Not where it adds nothing: the application is the same there. Not where `path` imports it: then it is a part of it.
    """
    for one in files:
        above = one.rpartition("/")[0]
        if one != path and path.startswith(f"{above}/" if above else ""):
            bound = _bound(tree, one, path, names)
            if bound and not _imports(tree, path, one):
                return one, bound
    return None


def _bound(tree: Tree, runner: str, path: str, names: set[str]) -> dict[str, str]:
    """What a file calls the names that it imports from `path`, where it runs and adds something; else nothing."""
    code = parsed(tree, runner)
    guarded = [node for node in code.body if _is_guard(node)] if code else []
    if code is None or not any(_calls(node) & _RUNS for node in guarded):
        return {}
    bound: dict[str, str] = {}
    adds = False
    for node in code.body:
        if isinstance(node, ast.ImportFrom) and path in imported_files(runner, node):
            bound |= {alias.name: alias.asname or alias.name for alias in node.names if alias.name in names}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            adds = adds or _of_tree(tree, runner, node)
        elif node not in guarded:
            adds = adds or _speaks_of(node, set(bound.values()))
    told = any(_speaks_of(node, set(bound.values())) for node in guarded)
    return bound if adds and told else {}


def _is_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__main__" in ast.dump(node.test)


def _calls(node: ast.stmt) -> set[str]:
    """The last words of all that a statement calls."""
    called = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
    return {one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in called}


def _speaks_of(node: ast.stmt, names: set[str]) -> bool:
    """Whether a name is used in a statement, also in a text such as "main:app"."""
    words = [one.id if isinstance(one, ast.Name) else str(getattr(one, "value", "")) for one in ast.walk(node)]
    return any(re.search(rf"\b{name}\b", word) for name in names for word in words)


def _of_tree(tree: Tree, path: str, node: ast.Import | ast.ImportFrom) -> bool:
    """Whether an import is of a file of the tree."""
    if isinstance(node, ast.ImportFrom):
        wanted = [*imported_files(path, node)]
        wanted += [one.replace("/__init__.py", f"/{alias.name}.py") for one in wanted for alias in node.names]
        return any(tree.has(one) for one in wanted)
    modules = [ast.ImportFrom(alias.name, [], 0) for alias in node.names]
    return any(tree.has(one) for module in modules for one in imported_files(path, module))


def _imports(tree: Tree, path: str, other: str) -> bool:
    """Whether a file imports another one, anywhere in it."""
    code = parsed(tree, path)
    nodes = [node for node in ast.walk(code) if isinstance(node, ast.Import | ast.ImportFrom)] if code else []
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    froms += [
        ast.ImportFrom(alias.name, [], 0) for node in nodes if isinstance(node, ast.Import) for alias in node.names
    ]
    return any(other in imported_files(path, node) for node in froms)
