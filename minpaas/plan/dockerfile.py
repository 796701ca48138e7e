"""The app's own Dockerfile: built as it is, its CMD is web unless a Procfile says otherwise."""

import re

from minpaas.plan.model import Notes, Plan, PlanError
from minpaas.plan.tree import Tree

_INSTRUCTION = re.compile(r"^\s*([A-Za-z]+)\s+(.*)$", re.S)


def detect(tree: Tree) -> str | None:
    """The Dockerfile, or None."""
    if "Dockerfile" in tree.names():
        return "Dockerfile"
    asked = _heroku_yml(tree)
    return asked if asked and tree.has(asked) else None


def plan(tree: Tree, types: dict[str, str], notes: Notes) -> Plan:
    """How to build it: PORT is the first EXPOSEd port of the last stage, else 8000. Raises PlanError."""
    path = detect(tree)
    if path is None:
        raise PlanError(
            "nothing", "There is no Dockerfile", f"the top folder has: {', '.join(tree.names()[:20])}",
            "add a Dockerfile, or deploy without --runtime dockerfile", "no Dockerfile",
        )  # fmt: skip
    exposed = port(tree.read(path) or "")
    notes.because(f"Dockerfile: {path} says how to build")
    notes.because(f"Port: {exposed} (EXPOSE)" if exposed else "Port: $PORT, 8000 (no EXPOSE)")
    if types.get("web"):
        notes.because(f"Start: {types['web']} (web of the Procfile, over the Dockerfile's CMD)")
    else:
        notes.because("Start: the Dockerfile's CMD")
    types = {**types, "web": types.get("web", "")}
    return Plan("dockerfile", notes.reasons, types, port=exposed or 8000, warnings=notes.warnings, dockerfile_path=path)


def port(text: str) -> int | None:
    """The first port that the last stage exposes, itself or by what it is made FROM."""
    stages: dict[str, int | None] = {}
    values: dict[str, str] = {}
    exposed: int | None = None
    name = ""
    for word, rest in instructions(text):
        if word == "FROM":
            stages[name] = exposed
            parts = rest.split()
            exposed = stages.get(parts[0].lower()) if parts else None
            name = parts[-1].lower() if len(parts) > 2 and parts[-2].upper() == "AS" else ""
        elif word in ("ARG", "ENV"):
            pair = re.match(r"(\w+)[= ]\s*[\"']?([^\s\"']*)", rest)
            if pair:
                values[pair[1]] = pair[2]
        elif word == "EXPOSE" and exposed is None:
            exposed = _number(rest, values)
    return exposed


def arguments(text: str) -> set[str]:
    """The names that the Dockerfile declares by ARG."""
    return {
        name for word, rest in instructions(text) if word == "ARG" for name in re.findall(r"(?:^|\s)(\w+)", rest)[:1]
    }


def instructions(text: str) -> list[tuple[str, str]]:
    """Instruction and arguments, comments left out and continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\[ \t]*\n", " ", "\n".join(lines))
    matches = [_INSTRUCTION.match(line) for line in joined.splitlines()]
    return [(match[1].upper(), match[2].strip()) for match in matches if match]


def _number(rest: str, values: dict[str, str]) -> int | None:
    word = rest.split()[0].partition("/")[0] if rest.split() else ""
    variable = re.fullmatch(r"\$\{?(\w+)(?::-(\w+))?\}?", word)
    if variable:
        word = values.get(variable[1]) or variable[2] or ""
    return int(word) if word.isdigit() and 0 < int(word) < 65536 else None


def _heroku_yml(tree: Tree) -> str:
    match = re.search(r"^\s+docker:\s*\n\s+web:\s*[\"']?([\w./-]+)", tree.read("heroku.yml") or "", re.M)
    return match[1].removeprefix("./") if match else ""
