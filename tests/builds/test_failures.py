"""The ten failures that are met most: each says what it is, why, and what to do next; the raw output stays above."""

from dataclasses import dataclass

import pytest

from minpaas.server import failures
from tests.conftest import Checkout, Platform

pytestmark = [pytest.mark.timeout(600), pytest.mark.spread]

FLASK = {
    "requirements.txt": "flask\ngunicorn\n",
    "Procfile": "web: gunicorn app:app\n",
    "app.py": "from flask import Flask\n\napp = Flask(__name__)\n",
}
NPM_CI = "FROM minpaas/node:24-build\nCOPY package.json .\nRUN npm ci --no-audit --no-fund\n"
LOCK = (
    '{"name": "a", "lockfileVersion": 3, "packages": {"": {"name": "a", "dependencies": {"ms": "2.1.3"}}, '
    '"node_modules/ms": {"version": "2.1.3"}}}'
)


@dataclass
class Failure:
    """What is pushed, and what must be said about it."""

    name: str
    files: dict[str, str | None]
    title: str
    said: tuple[str, ...]
    reason: str = "build failed"


def compiling(script: str) -> dict[str, str | None]:
    """A Python app whose bin/post_compile does something."""
    return {**FLASK, "bin/post_compile": script}


FAILURES = [
    Failure(
        "missing lock file",
        {"Dockerfile": NPM_CI, "package.json": '{"name": "a", "dependencies": {"ms": "2.1.3"}}'},
        "There is no lock file",
        ("npm ci", "make it (npm install)"),
    ),
    Failure(
        "wrong lock file",
        {
            "package.json": '{"name": "a", "dependencies": {"ms": "2.1.3", "is-odd": "3.0.1"}, "main": "a.js"}',
            "package-lock.json": LOCK,
            "a.js": "",
        },
        "The lock file does not fit",
        ("is-odd", "make it anew (npm install)"),
    ),
    Failure(
        "package not found",
        {**FLASK, "requirements.txt": "no-such-package-of-minpaas==1.0\n"},
        "A package was not found",
        ("no-such-package-of-minpaas", "check its name and version"),
    ),
    Failure(
        "native build without its library",
        compiling('printf "#include <zbar.h>\\n" > a.c && cc -c a.c\n'),
        "A native build misses a library",
        ("fatal error: zbar.h", "Aptfile with the line  libzbar-dev"),
    ),
    Failure(
        "out of memory", compiling("kill -9 $$\n"), "The build ran out of memory", ("NODE_OPTIONS", "ended with 137")
    ),
    Failure(
        "version not to be had",
        {**FLASK, "runtime.txt": "python-2.7.18\n"},
        "Python 2.7.18 cannot be had here",
        ("runtime.txt asks for Python 2.7.18", "Python 3.13"),
        "Python 2.7.18 cannot be had",
    ),
    Failure(
        "no start command",
        {"requirements.txt": "flask\n"},
        "No start command was found",
        ("Procfile with the line  web:",),
        "no start command",
    ),
    Failure(
        "syntax error in app.json",
        {**FLASK, "app.json": '{\n  "env": {\n    "A": 1,\n  }\n}\n'},
        "app.json cannot be read",
        ("line 4", "mend app.json"),
        "bad app.json",
    ),
    Failure(
        "connection reset",
        compiling("python -c \"raise ConnectionResetError(104, 'Connection reset by peer')\"\n"),
        "The network failed during the build",
        ("Connection reset by peer", "push again"),
    ),
    Failure(
        "disk full",
        compiling("echo something > /dev/full\n"),
        "The disk is full",
        ("No space left on device", "docker builder prune"),
    ),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name.replace(" ", "-"))
def test_a_failure_says_what_it_is_and_what_to_do(
    stacks: Platform, checkout: Checkout, app: str, failure: Failure
) -> None:
    checkout.commit(failure.files)
    pushed = stacks.push(checkout, app)
    assert pushed.returncode == 1
    assert f"({failure.reason})" in pushed.stdout, pushed.stdout
    assert f" !     {failure.title}" in pushed.stdout, pushed.stdout
    last = "\n".join(pushed.stdout.splitlines()[-12:])
    assert "Next: " in last
    for words in failure.said:
        assert words in pushed.stdout, pushed.stdout


SAID = {
    "npm error code ETARGET\nnpm error notarget No matching version found for express@99.0.0.": "A package was not found",
    "npm error 404 Not Found - GET - Not found\nnpm error 404  'no-such@1.0.0' is not in this registry.": "A package was not found",
    " ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with \"frozen-lockfile\"": "The lock file does not fit",
    "error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`.": "The lock file does not fit",
    "➤ YN0028: │ The lockfile would have been modified by this install, which is explicitly forbidden.": "The lock file does not fit",
    "error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.": "The lock file does not fit",
    "pyproject.toml changed significantly since poetry.lock was last generated.": "The lock file does not fit",
    "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory": "The build ran out of memory",
    "Error: pg_config executable not found.\n\npg_config is required to build psycopg2": "A native build misses a library",
    "npm error code ECONNRESET\nnpm error network aborted": "The network failed during the build",
    "OSError: [Errno 28] No space left on device": "The disk is full",
    "error vite@7.0.0: The engine \"node\" is incompatible with this module.": "A package asks for another version",
    "  × No solution found when resolving dependencies:\n  ╰─▶ Because no-such was not found in the package registry and you require":
        "A package was not found",
    "  ╰─▶ Because there is no version of django==99.0 and you require django==99.0": "A package was not found",
    "hint: You require CPython 3.13 (`cp313`), but we only found wheels for `tensorflow` (v2.10.0) with the following tags":
        "A package asks for another version",
    "AttributeError: module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: 'zipimporter'?":
        "A package is too old for this Python",
    "  cause: Because a==1 depends on b==2 and you require b==3, we can conclude that your requirements are unsatisfiable.":
        "The packages do not go together",
    '    SECRET_KEY = os.environ["SECRET_KEY"]\nKeyError: \'SECRET_KEY\'': "A config var is missing",
    "gyp ERR! build error": "A native build failed",
    "something else": "The build failed",
}  # fmt: skip


@pytest.mark.parametrize("output", SAID, ids=lambda output: output.strip().splitlines()[0][:40])
def test_what_tools_print_is_understood(output: str) -> None:
    error = failures.explain("a step ended with 1", output.splitlines(), "exit code: 1")
    assert error.title == SAID[output]
    assert error.detail.startswith("a step ended with 1")
    assert error.hint
