"""Python: requirements.txt (or pyproject.toml) installed by uv into /venv, its own layer."""

import re

from minpaas.server import procfile
from minpaas.server.errors import NoStartCommand
from minpaas.server.git.repo import Files
from minpaas.server.runtimes import Plan, render

VERSION = "3.13"
_MARKS = ("requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "manage.py", "app.py", "main.py", "server.py")
_ENTRY = ("app.py", "main.py", "server.py", "wsgi.py")


def detect(files: Files) -> str | None:
    """The file that makes this a Python app, or None."""
    names = set(files.names())
    return next((mark for mark in _MARKS if mark in names), None)


def plan(files: Files, command: str | None, base: str) -> Plan:
    """How to build it. Raises NoStartCommand."""
    names = set(files.names())
    reasons = [f"Python app detected by {detect(files) or '--runtime python'}"]
    requirements = "requirements.txt" if "requirements.txt" in names else None
    if requirements:
        reasons.append("Dependencies: requirements.txt, installed by uv")
    elif "pyproject.toml" in names:
        reasons.append("Dependencies: pyproject.toml, installed by uv")
    types = _process_types(files, names, command, reasons)
    dockerfile = render(
        "python.Dockerfile",
        base=base,
        requirements=_requirement_files(files) if requirements else [],
        project=not requirements and "pyproject.toml" in names,
    )
    return Plan("python", reasons, types, dockerfile, stack=f"python:{VERSION}")


def _process_types(files: Files, names: set[str], command: str | None, reasons: list[str]) -> dict[str, str]:
    declared = procfile.parse(files.read("Procfile") or "")
    if command:
        reasons.append("Start command: given by --command")
        return {**declared, "web": command}
    if "web" in declared:
        reasons.append("Start command: web of the Procfile")
        return declared
    entry = next((name for name in _ENTRY if name in names), None)
    if entry is None:
        raise NoStartCommand(
            "no Procfile with a web line, and none of " + ", ".join(_ENTRY),
            hint="add a file named Procfile with the line  web: gunicorn MODULE:app --bind 0.0.0.0:$PORT",
        )
    chosen = _from_source(entry, files.read(entry) or "", (files.read("requirements.txt") or "").lower())
    reasons.append(f"Start command: {chosen} (no Procfile; {entry} found)")
    return {**declared, "web": chosen}


def _from_source(entry: str, source: str, requirements: str) -> str:
    """A server for the application object in the file, where there is one and the server is installed; else the file."""
    module = entry.removesuffix(".py")
    for framework, server in (("Flask", "gunicorn"), ("FastAPI", "uvicorn")):
        found = re.search(rf"^(\w+)\s*(?::[^=]+)?=\s*(?:\w+\.)?{framework}\(", source, re.M)
        if found and re.search(rf"^{server}\b", requirements, re.M):
            bind = "--bind 0.0.0.0:$PORT" if server == "gunicorn" else "--host 0.0.0.0 --port $PORT"
            return f"{server} {module}:{found[1]} {bind}"
    return f"python {entry}"


def _requirement_files(files: Files) -> list[str]:
    """requirements.txt and the files that it names with -r or -c, so that only these key the dependency layer."""
    pending, seen = ["requirements.txt"], list[str]()
    while pending:
        name = pending.pop()
        text = files.read(name)
        if text is None or name in seen or not re.fullmatch(r"[A-Za-z0-9._/-]+", name):
            continue
        seen.append(name)
        folder = name.rpartition("/")[0]
        for included in re.findall(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]*(\S+)", text, re.M):
            pending.append(f"{folder}/{included}".lstrip("/") if folder else included)
        if re.search(r"^\s*(-e\s|--editable|\.{1,2}(/|\s*$)|file:)", text, re.M):
            return []  # a local path: the whole tree must be there before the install
    return seen
