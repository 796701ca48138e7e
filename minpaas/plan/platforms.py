"""Start commands in the files of other platforms, for repositories that have no Procfile."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from minpaas.plan import render_yaml, yaml
from minpaas.plan.model import HOST, ConfigVar
from minpaas.plan.tree import Tree, joined

# lines of a build command that are done here as well
_DONE = re.compile(
    r"(?:(?:uv|poetry|pipenv) run )?(?:(?:python3? -m )?pip3? install .*|uv (?:sync|pip install).*|(?:poetry|pipenv) install.*|"
    r"(?:npm|yarn|pnpm)(?: (?:install|ci|i|run build|build)(?: --[\w=-]+)*)?|python3? [\w./-]*manage\.py (?:collectstatic|migrate)\b.*|"
    r"set [-+].*|echo .*|cd .*|#.*)?"
)
_MIGRATE = re.compile(r"(python3?) ([\w./-]*manage\.py) migrate\b([^|]*)")
_PACKAGE = re.compile(r"[\"']?[A-Za-z][\w.-]*(\[[\w,-]+\])?([=~<>!]=?[\w.*]+)?[\"']?")
# lines of it that are run as they are, but not what speaks to a database: that is not there while building
_PROGRAM = re.compile(r"(?:python3?|flask|pybabel|spacy) .+")
_DATABASE = re.compile(r"manage\.py|alembic|migrat|seed|\bdb\b|[-_]db|db[-_]|database|user|venv|ensurepip")
_RAILWAY = ("railway.json", "railway.toml")
_TOOLS = {"pip", "setuptools", "wheel", "poetry", "uv", "pipenv"}
_ONE = {"WEB_CONCURRENCY": "1"}  # only Heroku has several processes where nothing asks for them
_INSTEAD = "it belongs to bin/post_compile"


@dataclass(frozen=True)
class Told:
    """What such a file says."""

    command: str
    health_path: str
    where: str
    release: str = ""  # what runs before the new version gets visitors
    warnings: list[str] = field(default_factory=list)
    config_vars: list[ConfigVar] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)  # what that platform sets, and code asks for
    port: int = 0  # PORT there, where it is not ours


def dockerfile(tree: Tree) -> tuple[str, str]:
    """The Dockerfile that one of these files names, and that file."""
    named = (
        (yaml.mapping(_parsed(tree, "fly.toml").get("build")).get("dockerfile"), "fly.toml"),
        *((yaml.mapping(_parsed(tree, one).get("build")).get("dockerfilePath"), one) for one in _RAILWAY),
        (render_yaml.value(render_yaml.web_service(tree.read("render.yaml") or ""), "dockerfilePath"), "render.yaml"),
    )
    usable = re.compile(r"(?!/)(?!.*\.\.)[\w./-]+")
    return next(
        ((path.removeprefix("./"), one) for path, one in named if isinstance(path, str) and usable.fullmatch(path)),
        ("", ""),
    )


def context(tree: Tree, path: str) -> str:
    """The folder that such a Dockerfile is built in, where render.yaml says one; empty for the whole tree."""
    service = render_yaml.web_service(tree.read("render.yaml") or "")
    named = render_yaml.value(service, "dockerContext").removeprefix("./").strip("/").removesuffix(".")
    same = render_yaml.value(service, "dockerfilePath").removeprefix("./") == path
    return named if same and named and path.startswith(f"{named}/") else ""


def root(tree: Tree) -> tuple[str, str]:
    """The folder of the repository that such a file builds, and what says so."""
    service = render_yaml.web_service(tree.read("render.yaml") or "")
    base = yaml.mapping(_parsed(tree, "netlify.toml").get("build")).get("base")
    told = (
        (render_yaml.value(service, "rootDir"), "rootDir of render.yaml"),
        (str(base or ""), "base of netlify.toml"),
    )
    for folder, where in told:
        folder = joined("", folder)
        if folder and tree.names(folder):
            return folder, where
    return "", ""


def port(tree: Tree) -> tuple[int | None, str]:
    """Where the app listens inside of its container, as fly.toml or a compose file says, and that file."""
    fly = _parsed(tree, "fly.toml")
    services = fly.get("services")
    for told in (fly.get("http_service"), *(services if isinstance(services, list) else [])):
        if isinstance(inner := yaml.mapping(told).get("internal_port"), int) and 0 < inner < 65536:
            return inner, "internal_port of fly.toml"
    for name in ("docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml"):
        for service in yaml.mapping(yaml.parse(tree.read(name) or "").get("services")).values():
            ports = yaml.mapping(service).get("ports")
            if "build" in yaml.mapping(service) and isinstance(ports, list) and ports:
                inside = re.search(r"(?::|^)(\d+)(/tcp)?$", str(ports[0]))
                if inside and 0 < int(inside[1]) < 65536:
                    return int(inside[1]), name
    return None, ""


def read(tree: Tree, *, docker: bool = False) -> Told | None:
    """railway.json, railway.toml, render.yaml or nixpacks.toml, the first that says something of use.

    Of an image that the app's own `docker`file makes, Railway's counts, fly.toml and Render's dockerCommand.
    """
    for name in _RAILWAY if docker else (*_RAILWAY, "nixpacks.toml"):
        deploy = _parsed(tree, name).get("start" if name == "nixpacks.toml" else "deploy")
        if isinstance(deploy, dict):
            command = str(deploy.get("startCommand") or deploy.get("cmd") or "").strip()
            path = str(deploy.get("healthcheckPath") or "")
            before = deploy.get("preDeployCommand")
            release = " && ".join(map(str, before)) if isinstance(before, list) else str(before or "")
            told = Told(
                _migrated(tree, command, release) if _usable(command) else "",
                path if path.startswith("/") else "",
                name,
                release if _usable(release) else "",
                environment={"RAILWAY_ENVIRONMENT": "production", "RAILWAY_PUBLIC_DOMAIN": HOST, **_ONE},
                port=0 if docker else _fixed_port(command),
            )
            if told.command or told.health_path or told.release:
                return told
    return _fly(tree) or _render_docker(tree) if docker else _render(tree)


def unreadable(tree: Tree) -> list[str]:
    """What is to be said of such files that have an error: they are not followed, and their platform would refuse them."""
    found = []
    for name in (*_RAILWAY, "nixpacks.toml", "fly.toml"):
        try:
            _loaded(tree, name)
        except ValueError as error:
            found.append(f"{name} cannot be read, and is not used: {error}")
    return found


def installs(tree: Tree) -> tuple[list[str], list[str]]:
    """The files and the packages that such a file's build command installs by pip; not where a Procfile says what is run."""
    if re.search(r"^\s*web\s*:", tree.read("Procfile") or "", re.M):
        return [], []
    files, packages = list[str](), list[str]()
    for folder, line in _lines(_build_command(tree)):
        if not (told := re.search(r"\bpip3? +install +(.+)", line)):
            continue
        words = iter(re.sub(r"--requirement=|-r(?=\S)", "-r ", told[1]).split())
        for word in words:
            if word in ("-r", "--requirement"):
                path = joined(folder, next(words, "").strip("\"'"))
                files += [path] if tree.has(path) else []
            elif _PACKAGE.fullmatch(word) and word not in _TOOLS:
                packages.append(word.strip("\"'"))
    return list(dict.fromkeys(files)), list(dict.fromkeys(packages))


def built(tree: Tree) -> list[str]:
    """What such a build command does beside, of what needs no database: fetching corpora, training, compiling."""
    if re.search(r"^\s*web\s*:", tree.read("Procfile") or "", re.M):
        return []
    found = []
    for folder, line in _lines(_build_command(tree)):
        if _runs(line):
            into = f"cd {folder} && " if folder else ""
            if "nltk" in line:  # where it looks, and the image that runs has it; what is not there, it names when asked
                into, line = f"mkdir -p /venv/nltk_data && {into}", f"({line} || echo 'not all of it could be fetched')"
            found.append(f"{into}{line}")
    return found


def _runs(line: str) -> bool:
    return bool(_PROGRAM.fullmatch(line)) and not _DONE.fullmatch(line) and not _DATABASE.search(line)


def _lines(command: str) -> Iterator[tuple[str, str]]:
    """The commands of a build command, each with the folder that it is run in."""
    folder = ""
    for line in re.split(r"&&|[;\n]", command.replace("\\\n", " ")):
        line = line.strip()
        if into := re.fullmatch(r"cd +([\w./-]+)", line):
            folder = joined(folder, into[1])
        elif line:
            yield folder, line


def _migration(tree: Tree) -> str:
    """The command that migrates a Django database in the build command; empty where none does."""
    for folder, line in _lines(_build_command(tree)):
        if found := _MIGRATE.search(line):
            return f"{found[1]} {joined(folder, found[2])} migrate{found[3]}".strip()
    return ""


def _build_command(tree: Tree) -> str:
    """What render.yaml, railway.json or nixpacks.toml build with, and what a script says that it calls."""
    told = [render_yaml.value(render_yaml.web_service(tree.read("render.yaml") or ""), "buildCommand")]
    for name in _RAILWAY:
        build = _parsed(tree, name).get("build")
        told.append(str(build.get("buildCommand") or "") if isinstance(build, dict) else "")
    phases = _parsed(tree, "nixpacks.toml").get("phases")
    for phase in phases.values() if isinstance(phases, dict) else []:
        told += map(str, phase.get("cmds") or []) if isinstance(phase, dict) else []
    if not any(told) and "pip install -r requirements.txt" in (script := tree.read("build.sh") or ""):
        return script  # as Render's guides have it, where the dashboard is told of it and no render.yaml
    return "\n".join(_with_scripts(tree, one) for one in told)


def _with_scripts(tree: Tree, command: str) -> str:
    """A command with each script of the tree that it calls in the script's own words."""

    def words(match: re.Match[str]) -> str:
        return tree.read(match[1]) or match[0]

    return re.sub(r"(?:\b(?:bash|sh) +)?(?:\./)?\b([\w./-]+\.sh)\b", words, command)


def _loaded(tree: Tree, name: str) -> Any:
    text = tree.read(name) or ""
    return json.loads(text or "{}") if name.endswith(".json") else tomllib.loads(text)


def _parsed(tree: Tree, name: str) -> dict[str, Any]:
    try:
        return yaml.mapping(_loaded(tree, name))
    except ValueError:
        return {}  # another platform's file: not ours to refuse


def _fly(tree: Tree) -> Told | None:
    """What fly.toml runs in the image."""
    told = _parsed(tree, "fly.toml")
    processes, deploy = yaml.mapping(told.get("processes")), yaml.mapping(told.get("deploy"))
    command, release = str(processes.get("app") or processes.get("web") or ""), str(deploy.get("release_command") or "")
    if not (_usable(command) or _usable(release)):
        return None
    return Told(command if _usable(command) else "", "", "fly.toml", release if _usable(release) else "")


def _render_docker(tree: Tree) -> Told | None:
    """The first web service of render.yaml, where Docker builds it."""
    service = render_yaml.web_service(tree.read("render.yaml") or "")
    if not re.search(r"^\s*(runtime|env):\s*docker\s*$", service, re.M):
        return None
    command, release = render_yaml.value(service, "dockerCommand"), render_yaml.value(service, "preDeployCommand")
    path = render_yaml.value(service, "healthCheckPath")
    return Told(
        command if _usable(command) else "",
        path if re.fullmatch(r"/\S*", path) else "",
        "render.yaml",
        release if _usable(release) else "",
        [],
        list(render_yaml.config_vars(service)),
        {"RENDER": "true", "RENDER_EXTERNAL_HOSTNAME": HOST, "RENDER_EXTERNAL_URL": f"http://{HOST}"},
    )


def _render(tree: Tree) -> Told | None:
    """The first web service of render.yaml, read line by line: a few scalars are all that is wanted of it."""
    text = tree.read("render.yaml") or ""
    services, service = render_yaml.services(text), render_yaml.web_service(text)
    command, release = render_yaml.value(service, "startCommand"), render_yaml.value(service, "preDeployCommand")
    if not _usable(command):
        return None
    path = render_yaml.value(service, "healthCheckPath")
    warnings = list(_not_followed(tree, service, services))
    health = path if re.fullmatch(r"/\S*", path) else ""
    return Told(
        _migrated(tree, command, release),
        health,
        "render.yaml",
        release if _usable(release) else "",
        warnings,
        list(render_yaml.config_vars(service)),
        {"RENDER": "true", "RENDER_EXTERNAL_HOSTNAME": HOST, "RENDER_EXTERNAL_URL": f"http://{HOST}", **_ONE},
        _fixed_port(command) or render_yaml.port(service),
    )


def _fixed_port(command: str) -> int:
    """The port that a start command names as a number: its platform finds where the app listens. 0 where it names none."""
    found = re.search(
        r"(?:--port|--bind|--address|-[pbl])[= ](?:\S*:)?(\d{2,5})(?=\s|$)|\bhttp\.server (\d{2,5})\b", command
    )
    return int(found[1] or found[2]) if found else 0


def _migrated(tree: Tree, command: str, release: str) -> str:
    """A start command after the migration of the build: its files stay there, so a SQLite file of the app's own does."""
    migration = "" if "migrate" in f"{command} {release}" else _migration(tree)
    return f"{migration} && {command}" if migration else command


def _not_followed(tree: Tree, service: str, services: list[str]) -> Iterator[str]:
    """What render.yaml asks for and nobody does here."""
    build = render_yaml.value(service, "buildCommand")
    lines = [(folder, line) for folder, line in _lines(_with_scripts(tree, build)) if not _runs(line)]
    if left := "; ".join(line for folder, line in lines if not _DONE.fullmatch(line) or (folder and "npm" in line)):
        yield f"The buildCommand of render.yaml ({' '.join(build.split())}) is not run: of it, {left[:200]} is left out; {_INSTEAD}"
    for one in services:
        if (
            one != service
            and re.search(r"^\s*type:\s*(worker|web)\s*$", one, re.M)
            and (command := render_yaml.value(one, "startCommand"))
        ):
            yield f"{render_yaml.value(one, 'name') or 'A service'} of render.yaml is not started: add it to a Procfile, as  worker: {command}"


def _usable(command: str) -> bool:
    return bool(command.strip()) and not re.search(r"[\x00-\x1f]", command) and len(command) < 4096
