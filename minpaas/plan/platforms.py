"""Start commands in the files of other platforms, for repositories that have no Procfile."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from minpaas.plan import yaml
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
_OWN = {"PORT", "PYTHON_VERSION", "NODE_VERSION"}  # given by us, and followed as what is asked for
_RENDERS_PORT = 10000  # what PORT is there: code and start commands count on it
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
        (_value(_web_service(tree.read("render.yaml") or ""), "dockerfilePath"), "render.yaml"),
    )
    usable = re.compile(r"(?!/)(?!.*\.\.)[\w./-]+")
    return next(
        ((path.removeprefix("./"), one) for path, one in named if isinstance(path, str) and usable.fullmatch(path)),
        ("", ""),
    )


def context(tree: Tree, path: str) -> str:
    """The folder that such a Dockerfile is built in, where render.yaml says one; empty for the whole tree."""
    service = _web_service(tree.read("render.yaml") or "")
    named = _value(service, "dockerContext").removeprefix("./").strip("/").removesuffix(".")
    same = _value(service, "dockerfilePath").removeprefix("./") == path
    return named if same and named and path.startswith(f"{named}/") else ""


def root(tree: Tree) -> tuple[str, str]:
    """The folder of the repository that such a file builds, and what says so."""
    service = _web_service(tree.read("render.yaml") or "")
    base = yaml.mapping(_parsed(tree, "netlify.toml").get("build")).get("base")
    told = ((_value(service, "rootDir"), "rootDir of render.yaml"), (str(base or ""), "base of netlify.toml"))
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
    told = [_value(_web_service(tree.read("render.yaml") or ""), "buildCommand")]
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


def render_variable(tree: Tree, name: str) -> str:
    """The value that render.yaml gives a config var of its first web service; empty where it gives none."""
    text = tree.read("render.yaml") or ""
    found = re.search(rf"^\s*(?:- )?key:[ \t]*{name}[ \t]*\n\s*value:[ \t]*[\"']?([^\"'#\n]+)", text, re.M)
    return found[1].strip() if found else ""


def _loaded(tree: Tree, name: str) -> Any:
    text = tree.read(name) or ""
    return json.loads(text or "{}") if name.endswith(".json") else tomllib.loads(text)


def _parsed(tree: Tree, name: str) -> dict[str, Any]:
    try:
        return yaml.mapping(_loaded(tree, name))
    except ValueError:
        return {}  # another platform's file: not ours to refuse


def _services(text: str) -> list[str]:
    return re.split(r"^\s*- (?=(?:type|name|runtime|env):)", text, flags=re.M)


def _web_service(text: str) -> str:
    """The first service that visitors reach: rather a program than pages, and rather the whole tree's than a folder's."""
    web = [one for one in _services(text) if _value(one, "type") == "web"]
    web.sort(
        key=lambda one: (
            (_value(one, "runtime") or _value(one, "env")) == "static" or bool(_value(one, "staticPublishPath"))
        )
    )
    return next((one for one in web if not _value(one, "rootDir")), web[0] if web else "")


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
    service = _web_service(tree.read("render.yaml") or "")
    if not re.search(r"^\s*(runtime|env):\s*docker\s*$", service, re.M):
        return None
    command, release = _value(service, "dockerCommand"), _value(service, "preDeployCommand")
    path = _value(service, "healthCheckPath")
    return Told(
        command if _usable(command) else "",
        path if re.fullmatch(r"/\S*", path) else "",
        "render.yaml",
        release if _usable(release) else "",
        [],
        list(_config_vars(service)),
        {"RENDER": "true", "RENDER_EXTERNAL_HOSTNAME": HOST, "RENDER_EXTERNAL_URL": f"http://{HOST}"},
    )


def _render(tree: Tree) -> Told | None:
    """The first web service of render.yaml, read line by line: a few scalars are all that is wanted of it."""
    text = tree.read("render.yaml") or ""
    services, service = _services(text), _web_service(text)
    command, release = _value(service, "startCommand"), _value(service, "preDeployCommand")
    if not _usable(command):
        return None
    path = _value(service, "healthCheckPath")
    warnings = list(_not_followed(tree, service, services))
    health = path if re.fullmatch(r"/\S*", path) else ""
    return Told(
        _migrated(tree, command, release),
        health,
        "render.yaml",
        release if _usable(release) else "",
        warnings,
        list(_config_vars(service)),
        {"RENDER": "true", "RENDER_EXTERNAL_HOSTNAME": HOST, "RENDER_EXTERNAL_URL": f"http://{HOST}", **_ONE},
        _fixed_port(command) or _number(service) or _RENDERS_PORT,
    )


def _fixed_port(command: str) -> int:
    """The port that a start command names as a number: its platform finds where the app listens. 0 where it names none."""
    found = re.search(
        r"(?:--port|--bind|--address|-[pbl])[= ](?:\S*:)?(\d{2,5})(?=\s|$)|\bhttp\.server (\d{2,5})\b", command
    )
    return int(found[1] or found[2]) if found else 0


def _number(service: str) -> int:
    """The value that render.yaml gives PORT; 0 where it gives none."""
    told = next(
        (one for one in re.split(r"^\s*- (?=key:)", service, flags=re.M)[1:] if _value(one, "key") == "PORT"), ""
    )
    return int(value) if (value := _value(told, "value")).isdigit() and 0 < int(value) < 65536 else 0


def _migrated(tree: Tree, command: str, release: str) -> str:
    """A start command after the migration of the build: its files stay there, so a SQLite file of the app's own does."""
    migration = "" if "migrate" in f"{command} {release}" else _migration(tree)
    return f"{migration} && {command}" if migration else command


def _config_vars(service: str) -> Iterator[ConfigVar]:
    """The config vars of a service: given, to be made up, or to be set by hand."""
    for told in re.split(r"^\s*- (?=key:)", service, flags=re.M)[1:]:
        name, value = _value(told, "key"), _value(told, "value")
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or name in _OWN:
            continue
        generated = _value(told, "generateValue") == "true"
        yield ConfigVar(name, value or None, not value and not generated, generated, where="render.yaml")


def _not_followed(tree: Tree, service: str, services: list[str]) -> Iterator[str]:
    """What render.yaml asks for and nobody does here."""
    build = _value(service, "buildCommand")
    lines = [(folder, line) for folder, line in _lines(_with_scripts(tree, build)) if not _runs(line)]
    if left := "; ".join(line for folder, line in lines if not _DONE.fullmatch(line) or (folder and "npm" in line)):
        yield f"The buildCommand of render.yaml ({' '.join(build.split())}) is not run: of it, {left[:200]} is left out; {_INSTEAD}"
    for one in services:
        if (
            one != service
            and re.search(r"^\s*type:\s*(worker|web)\s*$", one, re.M)
            and (command := _value(one, "startCommand"))
        ):
            yield f"{_value(one, 'name') or 'A service'} of render.yaml is not started: add it to a Procfile, as  worker: {command}"


def _value(text: str, key: str) -> str:
    """A scalar of YAML: on its line, or the block below it."""
    if block := re.search(rf"^( *){key}:[ \t]*[|>][-+]?[ \t]*\n((?:\1 +.*(?:\n|\Z)|[ \t]*\n)+)", text, re.M):
        return "\n".join(line.strip() for line in block[2].strip().splitlines())
    found = re.search(rf"^\s*{key}:[ \t]*([^|>\s].*?)\s*$", text, re.M)
    return re.sub(r"^([\"'])(.*)\1$", r"\2", re.sub(r"\s+#.*", "", found[1])) if found else ""


def _usable(command: str) -> bool:
    return bool(command.strip()) and not re.search(r"[\x00-\x1f]", command) and len(command) < 4096
