"""The Aptfile of Heroku's buildpack, and the packages.txt of Streamlit's and Hugging Face's hosts: one Debian package a line."""

import re

from minpaas.plan import nixpacks
from minpaas.plan.model import Notes
from minpaas.plan.tree import Tree


def read(tree: Tree, notes: Notes, name: str = "Aptfile") -> list[str]:
    """The packages of an Aptfile, or of another file of this kind, and those that Railway's builders are told of."""
    wanted = []
    for raw in (tree.read(name) or "").splitlines():
        line = raw.partition("#")[0].strip()
        if re.fullmatch(r"[a-z0-9][a-z0-9+.:-]*(=[\w.+~:-]+)?", line):
            wanted.append(line)
        elif line:
            notes.warn(f"{name}: {line[:80]!r} is not the name of a Debian package and is not used")
    if wanted:
        notes.because(f"System packages: {' '.join(wanted)} ({name})")
    told = nixpacks.system_packages(tree, notes)
    return [*wanted, *(one for one in told if one not in wanted)]
