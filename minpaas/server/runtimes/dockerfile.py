"""The app's own Dockerfile: built as it is, its CMD is web."""

import re

from minpaas.server import procfile
from minpaas.server.git.repo import Files
from minpaas.server.runtimes import Plan


def detect(files: Files) -> str | None:
    """The Dockerfile, or None."""
    return "Dockerfile" if "Dockerfile" in files.names() else None


def plan(files: Files, command: str | None, base: str) -> Plan:
    """How to build it: PORT is the first EXPOSEd port of the last stage, else 8000."""
    text = files.read("Dockerfile") or ""
    last_stage = re.split(r"^\s*FROM\s", text, flags=re.M | re.I)[-1]
    exposed = re.search(r"^\s*EXPOSE\s+(\d+)", last_stage, re.M | re.I)
    declared = procfile.parse(files.read("Procfile") or "")
    reasons = ["Dockerfile found: it says how to build"]
    reasons.append(f"Port: {exposed[1]} (EXPOSE)" if exposed else "Port: $PORT, 8000 (no EXPOSE)")
    types = {**declared, "web": command or declared.get("web", "")}
    return Plan("dockerfile", reasons, types, port=int(exposed[1]) if exposed else 8000)
