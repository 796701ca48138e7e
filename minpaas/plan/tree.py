"""A tree of files as the planners see it: a commit in the server's object store, or a folder on a laptop."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

_MOST = 1 << 20  # bytes of a file that is read
_MOST_FILES = 400  # that are looked through
_NOT_SOURCE = ("node_modules/", "venv/", ".venv/", "env/", ".git/", "__pycache__/", "static/", "public/")


class Tree(Protocol):
    """Paths are relative with slashes; "" is the top."""

    def names(self, folder: str = "") -> list[str]:
        """Names in a folder, folders with a slash at the end; empty when there is no such folder."""

    def has(self, name: str) -> bool:
        """Whether there is a regular file of this path."""

    def read(self, name: str) -> str | None:
        """A regular file's text, or None."""


def decoded(content: bytes) -> str:
    """A file's text: UTF-8, or UTF-16 as PowerShell's `>` writes it. The mark at its beginning is no part of it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


class Folder:
    """A folder of this machine."""

    def __init__(self, path: Path):
        self._path = path

    def names(self, folder: str = "") -> list[str]:
        """Sorted as git sorts; .git is not part of the tree."""
        at = self._path / folder
        found = [one for one in at.iterdir() if one.name != ".git"] if at.is_dir() else []
        return sorted(one.name + ("/" if one.is_dir() and not one.is_symlink() else "") for one in found)

    def has(self, name: str) -> bool:
        """Symlinks are not followed."""
        path = self._path / name
        return path.is_file() and not path.is_symlink()

    def read(self, name: str) -> str | None:
        """None also for what is too large."""
        path = self._path / name
        if not self.has(name) or path.stat().st_size > _MOST:
            return None
        return decoded(path.read_bytes())


class Under:
    """A folder inside a tree, as if it were the top. Files `above` it are seen in it: they speak of it."""

    def __init__(self, tree: Tree, folder: str, above: tuple[str, ...] = ()):
        self._tree, self._folder = tree, folder.strip("/")
        self._above = tuple(one for one in above if tree.has(one))

    def names(self, folder: str = "") -> list[str]:
        """Names in it."""
        inside = self._tree.names(self._at(folder))
        return inside if folder else sorted({*inside, *self._above})

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return self._tree.has(self._at(name))

    def read(self, name: str) -> str | None:
        """Its text."""
        return self._tree.read(self._at(name))

    def _at(self, name: str) -> str:
        return name if name in self._above else f"{self._folder}/{name}".strip("/")


def find(tree: Tree, name: str, depth: int) -> str | None:
    """The path of the first file of this name at most `depth` folders down; the highest wins."""
    level = [""]
    for _ in range(depth + 1):
        for folder in level:
            if tree.has(f"{folder}{name}"):
                return f"{folder}{name}"
        below = [f"{folder}{one}" for folder in level for one in tree.names(folder) if one.endswith("/")]
        level = [one for one in below if not one.startswith(".") and "node_modules" not in one][:200]
    return None


def joined(folder: str, name: str) -> str:
    """A path that is written in a folder, from the top."""
    parts: list[str] = []
    for part in f"{folder}/{name}".split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def paths(tree: Tree) -> Iterator[str]:
    """The files of a tree, those at the top first, without what was installed; only so many of a large one."""
    pending, left = [""], _MOST_FILES
    while pending and left > 0:
        folder = pending.pop(0)
        for name in tree.names(folder):
            if not name.endswith("/"):
                left -= 1
                yield f"{folder}{name}"
            elif name not in _NOT_SOURCE:
                pending.append(f"{folder}{name}")


def json_of(tree: Tree, name: str) -> dict[str, Any]:
    """A file's object; empty where there is none, or where it cannot be read."""
    try:
        found = json.loads((tree.read(name) or "{}").removeprefix("\ufeff"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def dependencies(package: Mapping[str, Any]) -> set[str]:
    """The packages that a package.json names, those for development among them."""
    return {*(package.get("dependencies") or {}), *(package.get("devDependencies") or {})}
