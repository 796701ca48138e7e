"""Lock files as the real tools make them, inside the stack images and in a temporary folder."""

from pathlib import Path

from tests.conftest import DOCKER, run

# poetry asks an API for what it takes from the default index, which not every network passes on; of a named index it
# asks the plain pages
_INDEX = 'uv run --quiet --no-project --with pip python -c "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"'
_SOURCE = '[[tool.poetry.source]]\\nname = "index"\\nurl = "%s/"\\npriority = "primary"\\n'
_POETRY = f"url=$({_INDEX}) && printf '\\n{_SOURCE}' $url >> pyproject.toml && uv tool run --quiet poetry lock"
_TOOLS = {
    "Pipfile.lock": ("python:3.13-build", "uv tool run --quiet pipenv lock"),
    "poetry.lock": ("python:3.13-build", _POETRY),
    "uv.lock": ("python:3.13-build", "UV_PYTHON=/venv/bin/python uv lock --quiet"),
    "package-lock.json": ("node:24-build", "npm install --package-lock-only"),
    "yarn.lock": ("node:24-build", "npx --yes yarn@1.22.22 install --ignore-scripts"),
    "berry yarn.lock": ("node:24-build", "npx --yes -p @yarnpkg/cli-dist@4.9.1 yarn install --mode=update-lockfile"),
    "bun.lock": ("node:24-build", "npx --yes bun@1 install --lockfile-only"),
    "pnpm-lock.yaml": ("node:24-build", "npx --yes pnpm@9 install --lockfile-only"),
}


def make(lock: str, folder: Path, keep: str) -> None:
    """Put the lock file into the folder. `keep` is its name: what else the tool leaves behind is removed."""
    image, command = _TOOLS[lock]
    inside = f"cp -r /from /app && cd /app && {command} && cp {keep} $(ls pyproject.toml || true) /from/"
    done = run(
        DOCKER,
        "run",
        "--rm",
        "-v",
        f"{folder}:/from",
        "-w",
        "/",
        f"minpaas/{image}",
        "sh",
        "-c",
        f"rmdir /app && {inside}",
    )
    assert (folder / keep).exists(), done.stdout
