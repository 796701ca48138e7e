"""The house keeps its order: imports go leftward only, and each library has its owner (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "minpaas"
# from left to right; a room may import what stands in it and what is to its left
ROOMS = [
    {
        "errors",
        "models",
        "settings",
        "feed",
        "transcript",
        "turns",
        "addresses",
        "access",
        "sockets",
        "lines",
        "seen",
    },
    {
        "git",
        "engine",
        "images",
        "ports",
        "routing_table",
        "network",
        "disk",
        "buildkit",
        "streams",
        "probe",
        "nginx",
        "registry",
        "config",
        "archive",
        "ssh_keys",
        "keys",
    },
    {"machine"},
    {
        "runtimes",
        "narrator",
        "clues",
        "failures",
        "stacks",
        "receive",
        "submodules",
        "build",
        "release",
        "health",
        "run",
        "route",
        "proof",
    },
    {"operations"},
    {
        "launch",
        "deploy",
        "changes",
        "apps",
        "recover",
        "watch",
        "logs",
        "stream",
        "bake",
        "traffic",
        "life",
        "one_offs",
        "sessions",
    },
    {
        "ssh",
        "hook",
        "git_http",
        "edge",
        "answers",
        "api",
        "changes_api",
        "logs_api",
        "bake_api",
        "run_api",
        "ps_api",
        "idempotency",
        "dashboard",
    },
    {"main"},
]
OWNERS = {
    "docker": {
        "engine",
        "images",
        "network",
        "disk",
        "build",
        "health",
        "run",
        "recover",
        "watch",
        "logs",
        "stream",
        "bake",
        "one_offs",
        "sessions",
    },  # the others only name its exceptions or its ignore rules
    "dulwich": {"git", "ssh"},
    "paramiko": {"git", "ssh", "ssh_keys"},
    "google": {"buildkit"},
    "fastapi": {"answers", "api", "changes_api", "logs_api", "bake_api", "run_api", "ps_api", "dashboard", "main"},
    "starlette": {"edge", "api", "run_api", "idempotency", "dashboard", "main"},
    "jinja2": {"runtimes", "nginx", "dashboard"},
    "subprocess": {"receive", "stacks", "nginx", "git", "main"},
}
MODULES = sorted(PACKAGE.glob("server/**/*.py"))


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(name: str) -> int:
    return next(number for number, room in enumerate(ROOMS) if name in room)


def own_name(path: Path) -> str:
    return path.relative_to(PACKAGE / "server").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_leftward(path: Path) -> None:
    name = own_name(path)
    if name == "__init__":
        return
    for imported in imports(path):
        if imported.startswith("minpaas.server."):
            other = imported.split(".")[2]
            assert room_of(other) <= room_of(name), f"{name} imports {other}"
        assert not imported.startswith("minpaas.cli"), f"{name} imports the CLI"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_library_has_its_owner(path: Path) -> None:
    for imported in imports(path):
        library = imported.split(".")[0]
        assert own_name(path) in OWNERS.get(library, {own_name(path)}), f"{own_name(path)} imports {library}"


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("cli/*.py")), ids=lambda path: path.name)
def test_the_cli_knows_nothing_of_the_server(path: Path) -> None:
    assert not [name for name in imports(path) if name.startswith("minpaas.server")]


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("plan/*.py")), ids=lambda path: path.name)
def test_planning_is_pure(path: Path) -> None:
    allowed = ("minpaas.plan", "ast", "json", "re", "tomllib", "typing", "dataclasses", "collections.abc", "pathlib")
    assert not [name for name in imports(path) if not name.startswith(allowed)]


def test_nothing_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
    assert not [path for path in PACKAGE.rglob("*.py") if path.stem in empty or path.parent.name in empty]


def test_no_shell_is_started() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "shell":
                raise AssertionError(f"{path} line {node.value.lineno} passes shell=")
            if isinstance(node, ast.Attribute) and node.attr in ("system", "popen", "getoutput", "getstatusoutput"):
                assert not (isinstance(node.value, ast.Name) and node.value.id in ("os", "subprocess")), (
                    f"{path} line {node.lineno}"
                )
