"""The Aptfile of Heroku's buildpack: one Debian package a line."""

import re

from minpaas.plan.model import Notes
from minpaas.plan.tree import Tree


def read(tree: Tree, notes: Notes) -> list[str]:
    """The packages of an Aptfile."""
    wanted = []
    for raw in (tree.read("Aptfile") or "").splitlines():
        line = raw.partition("#")[0].strip()
        if re.fullmatch(r"[a-z0-9][a-z0-9+.:-]*(=[\w.+~:-]+)?", line):
            wanted.append(line)
        elif line:
            notes.warn(f"Aptfile: {line[:80]!r} is not the name of a Debian package and is not used")
    if wanted:
        notes.because(f"System packages: {' '.join(wanted)} (Aptfile)")
    return wanted
