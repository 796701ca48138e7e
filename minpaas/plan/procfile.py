"""The Procfile: one `type: command` a line."""

import re

from minpaas.plan.model import Notes, PlanError
from minpaas.plan.tree import Tree

_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,62})\s*:\s*(\S.*)")
_NAMES = re.compile(r"procfile(\.(txt|web|md))?", re.I)


def read(tree: Tree, notes: Notes) -> dict[str, str]:
    """The process types of a tree's Procfile; none when there is no Procfile. Raises PlanError naming the line."""
    return parse(tree.read("Procfile") or "", notes)


def names_web(tree: Tree) -> bool:
    """Whether there is a Procfile with a web line, before which no other platform's file counts."""
    return bool(re.search(r"^[ \t]*web\s*:", tree.read("Procfile") or "", re.M))


def misnamed(tree: Tree) -> str | None:
    """What was meant as a Procfile, and is not read as one."""
    names = tree.names()
    return None if "Procfile" in names else next((one for one in names if _NAMES.fullmatch(one)), None)


def parse(text: str, notes: Notes) -> dict[str, str]:
    """Process types and their commands, in the file's order. Raises PlanError naming the line.

    Of a type that is there twice the last line counts, as on Heroku, and the notes say so.
    """
    types: dict[str, str] = {}
    text = text.replace("\x00", "").lstrip("\ufffd")  # as PowerShell's > writes it: UTF-16
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if not match:
            raise _bad(f"line {number}: {line[:80]!r}", "write each line as  web: COMMAND")
        name, command = match.groups()
        if name != "web" and name.lower() == "web":
            notes.warn(f"Procfile, line {number}: {name} is taken as web, which is written in small letters")
            name = "web"
        if name in types:
            notes.warn(f"Procfile, line {number}: {name} is there twice, the last line counts: {command.strip()}")
        types[name] = command.strip()
    return types


def _bad(detail: str, hint: str) -> PlanError:
    return PlanError("procfile", "The Procfile cannot be read", detail, hint, "bad Procfile")
