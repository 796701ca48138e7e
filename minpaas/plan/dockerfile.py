"""The app's own Dockerfile: built as it is, its CMD is web unless a Procfile or heroku.yml says otherwise."""

import json
import re
from collections.abc import Iterable

from minpaas.plan import heroku_yml, platforms
from minpaas.plan.model import Notes, Plan, PlanError
from minpaas.plan.tree import Tree

_INSTRUCTION = re.compile(r"^\s*([A-Za-z]+)\s+(.*)$", re.S)
_HEREDOC = re.compile(r"<<-?([\"']?)(\w+)\1")
_PAIR = re.compile(r"(\w+)=(?:\"([^\"]*)\"|'([^']*)'|(\S*))")
# a port that a command is told, as  --port 80  and  -b 0.0.0.0:80
_TOLD_PORT = re.compile(
    r"(?:--(?:[a-z]+[.-])?port|-p|-l|--listen)[= ](\d{2,5})(?!\S)|(?:^|[ =@/])(?:0\.0\.0\.0|\[::\]|\*)?:(\d{2,5})(?![\w.:])|http\.server (\d{2,5})(?!\S)"
)
_SHELL = re.compile(r"(?:\S*/)?(?:ba|da|a|z)?sh")
_PORT = re.compile(r"\$(?:PORT\b|\{PORT\b)")
_NOT_HTTP = (22, 443, 8443, 4369, 5671, 5672)  # ssh, HTTPS, what queues speak
# where nothing at the top says how to build
_OTHER_NAMES = (
    "Containerfile", "dockerfile", "Dockerfile.prod", "Dockerfile.production", "Dockerfile.heroku", "prod.Dockerfile",
    "docker/Dockerfile", "docker/prod/Dockerfile", ".docker/Dockerfile", "deploy/Dockerfile",
)  # fmt: skip


def detect(tree: Tree) -> str | None:
    """The Dockerfile: the one that a platform's file names, else the one at the top; or None."""
    return _named(tree)[0] or ("Dockerfile" if "Dockerfile" in tree.names() else None)


def beside(tree: Tree) -> str | None:
    """A Dockerfile of another name, for a tree that nothing else says how to build."""
    return next((name for name in _OTHER_NAMES if tree.has(name)), None)


def plan(tree: Tree, types: dict[str, str], notes: Notes) -> Plan:
    """How to build it. PORT is what the last stage exposes first, else what is said elsewhere. Raises PlanError."""
    path = detect(tree) or beside(tree)
    if path is None:
        raise PlanError(
            "nothing", "There is no Dockerfile", f"the top folder has: {', '.join(tree.names()[:20])}",
            "add a Dockerfile, or deploy without --runtime dockerfile", "no Dockerfile",
        )  # fmt: skip
    named, where = _named(tree)
    notes.because(f"Dockerfile: {path} says how to build{f' (named by {where})' if named else ''}")
    known, why = _port(tree, tree.read(path) or "", types.get("web") or "")
    notes.because(f"Port: {known} ({why})" if known else "Port: the one that the image exposes, else 8000 (no EXPOSE)")
    heroku = heroku_yml.read(tree)
    if not heroku:
        types = {**types, "web": types.get("web", "")}
    formation = {}
    if "web" not in types:
        formation = {next(iter(types)): 1}
        notes.because(f"No web process: {next(iter(types))} is started, and visitors meet a page that says so")
    elif not types["web"] and (line := _for_a_shell(tree.read(path) or "")):
        types = {**types, "web": line}
        notes.because(f"Start: {line} (the Dockerfile's CMD, by a shell as on Heroku: without one it could not start)")
    elif not types["web"]:
        notes.because("Start: the Dockerfile's CMD")
    return Plan(
        "dockerfile", notes.reasons, types, port=known or 8000, port_known=known is not None, formation=formation,
        warnings=notes.warnings, dockerfile_path=path, arguments=heroku.arguments if heroku else platforms.arguments(tree),
        # Heroku builds in the folder of the Dockerfile, every other platform at the top or where it is told
        context=path.rpartition("/")[0] if heroku and heroku.dockerfile == path else platforms.context(tree, path),
    )  # fmt: skip


def port(text: str) -> int | None:
    """The port of visitors that the last stage exposes, itself or by what it is made FROM."""
    return visitors_port(_last_stage(text)[0])


def visitors_port(exposed: Iterable[int]) -> int | None:
    """The first of some ports that plain HTTP may be on."""
    ports = list(exposed)
    return next((one for one in ports if one not in _NOT_HTTP), ports[0] if ports else None)


def arguments(text: str) -> set[str]:
    """The names that the Dockerfile declares by ARG."""
    told = [re.sub(r"\"[^\"]*\"|'[^']*'", "", rest) for word, rest in instructions(text) if word == "ARG"]
    return {name for rest in told for name in re.findall(r"(?:^|\s)(\w+)", rest)}


def instructions(text: str) -> list[tuple[str, str]]:
    """Instruction and arguments; comments and here-documents left out, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\[ \t]*\n", " ", "\n".join(lines))
    found, ends = [], list[str]()
    for line in joined.splitlines():
        if ends:
            ends = ends[1:] if line.strip() == ends[0] else ends
            continue
        if match := _INSTRUCTION.match(line):
            found.append((match[1].upper(), match[2].strip()))
            ends = [end for _, end in _HEREDOC.findall(line)] if match[1].upper() in ("RUN", "COPY", "ADD") else []
    return found


def _named(tree: Tree) -> tuple[str | None, str]:
    """A Dockerfile that a file of a platform names, and that file."""
    heroku = heroku_yml.read(tree)
    path, where = (heroku.dockerfile, "heroku.yml") if heroku else platforms.dockerfile(tree)
    return (path, where) if path and tree.has(path) else (None, "")


def _port(tree: Tree, text: str, command: str) -> tuple[int | None, str]:
    """The port, and what says so."""
    exposed, environment = _last_stage(text)
    if found := visitors_port(exposed):
        return found, "EXPOSE"
    if set_to := _number(environment.get("PORT", ""), environment):
        return set_to, "ENV PORT"
    found, where = platforms.port(tree)
    if not found and (found := _told_port(command or _command(text))):
        where = "the start command" if command else "CMD"
    return found, where


def _command(text: str) -> str:
    """What the last stage starts, as words."""
    started = _started(text)
    return " ".join(
        " ".join(_list(started[word]) or [started[word]]) for word in ("ENTRYPOINT", "CMD") if word in started
    )


def _started(text: str) -> dict[str, str]:
    """ENTRYPOINT and CMD of the last stage, as they are written."""
    told: dict[str, str] = {}
    for word, rest in instructions(text):
        if word == "FROM":
            told = {}
        elif word in ("ENTRYPOINT", "CMD"):
            told[word] = rest
    return told


def _list(rest: str) -> list[str]:
    """The words of a command in the form that is a list; empty for the form that a shell reads."""
    try:
        return [str(one) for one in json.loads(rest)] if rest.startswith("[") else []
    except ValueError:
        return []


def _for_a_shell(text: str) -> str:
    """CMD as a line for a shell, where it is a list that only works by one: it names $PORT, or is all in one word."""
    started = _started(text)
    words = _list(started.get("CMD", ""))
    if "ENTRYPOINT" in started or not words or (_SHELL.fullmatch(words[0]) and "-c" in words):
        return ""
    if len(words) == 1 and " " in words[0].strip():
        return words[0].strip()
    return " ".join(map(_quoted, words)) if any(map(_PORT.search, words)) else ""


def _quoted(word: str) -> str:
    """A word for a shell, which puts in what is meant by $PORT and nothing else."""
    if _PORT.search(word):
        return '"' + re.sub(r'(["`\\])', r"\\\1", word) + '"'
    return word if re.fullmatch(r"[\w@%+=:,./-]+", word) else "'" + word.replace("'", "'\"'\"'") + "'"


def _told_port(command: str) -> int | None:
    found = None if "$PORT" in command or "${PORT" in command else _TOLD_PORT.search(command)
    number = int(next(filter(None, found.groups()))) if found else 0
    return number if 0 < number < 65536 else None


def _last_stage(text: str) -> tuple[list[int], dict[str, str]]:
    """What the last stage exposes, and what it sets by ENV."""
    stages: dict[str, tuple[list[int], dict[str, str]]] = {}
    values: dict[str, str] = {}
    exposed: list[int] = []
    environment: dict[str, str] = {}
    name = ""
    for word, rest in instructions(text):
        if word == "FROM":
            stages[name] = exposed, environment
            parts = [one for one in rest.split() if not one.startswith("--")]
            exposed, environment = stages.get(parts[0].lower(), ([], {})) if parts else ([], {})
            name = parts[-1].lower() if len(parts) > 2 and parts[-2].upper() == "AS" else ""
        elif word in ("ARG", "ENV"):
            pairs = {one: _resolved(value, values) for one, value in _pairs(rest).items()}
            values |= pairs
            environment = {**environment, **pairs} if word == "ENV" else environment
        elif word == "EXPOSE":
            exposed = [*exposed, *(one for part in rest.split() if (one := _number(part, values)))]
    return exposed, {**values, **environment} if "PORT" in environment else {}


def _pairs(rest: str) -> dict[str, str]:
    """NAME=VALUE ..., or NAME VALUE as it was written once."""
    old = re.match(r"(\w+)\s+(.*)$", rest)
    if old:
        return {old[1]: old[2].strip("\"'")}
    return {name: one or two or three for name, one, two, three in _PAIR.findall(rest)}


def _resolved(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)(?::-(\w+))?\}?", lambda one: values.get(one[1]) or one[2] or "", text)


def _number(word: str, values: dict[str, str]) -> int | None:
    """A port such as 80, 80/tcp, 3000-3005, $PORT or ${PORT:-3000}; what is said of UDP is no port of a website."""
    word, _, protocol = _resolved(word, values).partition("/")
    first = word.partition("-")[0]
    return int(first) if first.isdigit() and 0 < int(first) < 65536 and protocol.lower() != "udp" else None
