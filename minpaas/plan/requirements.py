"""Which files of a Python tree say what is installed, and what those that pip reads have in them."""

import re

from minpaas.plan import build_lines
from minpaas.plan.tree import Tree, joined

LOCKS = (
    ("Pipfile.lock", "pipenv"),
    ("requirements.txt", "pip"),
    ("poetry.lock", "poetry"),
    ("uv.lock", "uv"),
    ("pdm.lock", "pdm"),
)
_SETS = (
    "production",
    "prod",
    "heroku",
    "deploy",
    "base",
    "common",
    "requirements",
    "main",
)  # of a requirements/ folder
LOCAL = re.compile(r"^[ \t]*(-e\s|--editable|\.{1,2}(/|\s*$)|file:)|@\s*file:|^[ \t]*[\w./-]+\.(whl|tar\.gz)\s*$", re.M)


def source(tree: Tree) -> str:
    """The file that decides which versions are installed; empty when none does."""
    if build_lines.installs(tree)[0]:
        return "requirements.txt"
    return next((name for name, _ in LOCKS if tree.has(name)), "requirements.txt" if roots(tree) else "")


def text(tree: Tree) -> str:
    """The text of requirements.txt and of what it includes, where they are what is installed."""
    if source(tree) != "requirements.txt":
        return ""
    return read(tree, files(tree)[0])


def read(tree: Tree, names: list[str]) -> str:
    """The text of files that pip reads: each space as one, and no empty lines, over which patterns would take long."""
    lines = "\n".join(tree.read(name) or "" for name in names).splitlines()
    return "\n".join(filter(None, (" ".join(line.split()) for line in lines)))


def roots(tree: Tree) -> list[str]:
    """The files that pip installs from: as another platform's build command says, else the usual one."""
    if told := build_lines.installs(tree)[0]:
        return told
    if tree.has("requirements.txt"):
        return ["requirements.txt"]
    if any(tree.has(name) for name in ("Pipfile", "pyproject.toml", "setup.py", *(name for name, _ in LOCKS))):
        return []
    inside = tree.names("requirements")
    return next(([f"requirements/{one}.txt"] for one in _SETS if f"{one}.txt" in inside), [])


def files(tree: Tree) -> tuple[list[str], bool]:
    """requirements.txt with what it names by -r or -c, and whether some of it is a path into the tree."""
    pending, seen, local = roots(tree), list[str](), False
    while pending:
        name = pending.pop()
        if not tree.has(name) or name in seen:
            continue
        if not re.fullmatch(r"[A-Za-z0-9._/-]+", name):
            local = True
            continue
        seen.append(name)
        text = read(tree, [name])
        folder = name.rpartition("/")[0]
        for included in re.findall(r"^[ \t]*(?:-r|-c|--requirement|--constraint)[ =]*(\S+)", text, re.M):
            pending.append(joined(folder, included))
        local = local or bool(LOCAL.search(text))
    return seen, local
