"""Start commands in the files of other platforms, for repositories that have no Procfile."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from minpaas.plan import yaml
from minpaas.plan.tree import Tree

# what is done here as well
_COMMON = re.compile(
    r"(?:\s*(?:(?:python -m )?pip install .*?|(?:npm|yarn|pnpm)(?: (?:install|ci|i|run build|build)(?: --[\w=-]+)*)?|uv sync.*?|poetry install.*?|"
    r"python manage\.py collectstatic.*?)\s*(?:&&|;|$))+"
)
_RAILWAY = ("railway.json", "railway.toml")
_INSTEAD = "a migration belongs to a release line of a Procfile, anything else to bin/post_compile"


@dataclass(frozen=True)
class Told:
    """What such a file says."""

    command: str
    health_path: str
    where: str
    release: str = ""  # what runs before the new version gets visitors
    warnings: list[str] = field(default_factory=list)


def dockerfile(tree: Tree) -> tuple[str, str]:
    """The Dockerfile that one of these files names, and that file."""
    named = (
        (yaml.mapping(_parsed(tree, "fly.toml").get("build")).get("dockerfile"), "fly.toml"),
        *((yaml.mapping(_parsed(tree, one).get("build")).get("dockerfilePath"), one) for one in _RAILWAY),
        (_scalar(_web_service(_services(tree.read("render.yaml") or "")), "dockerfilePath"), "render.yaml"),
    )
    usable = re.compile(r"(?!/)(?!.*\.\.)[\w./-]+")
    return next(
        ((path.removeprefix("./"), one) for path, one in named if isinstance(path, str) and usable.fullmatch(path)),
        ("", ""),
    )


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

    Of an image that the app's own `docker`file makes, only Railway's counts.
    """
    for name in _RAILWAY if docker else (*_RAILWAY, "nixpacks.toml"):
        deploy = _parsed(tree, name).get("start" if name == "nixpacks.toml" else "deploy")
        if isinstance(deploy, dict):
            command = str(deploy.get("startCommand") or deploy.get("cmd") or "").strip()
            path = str(deploy.get("healthcheckPath") or "")
            before = deploy.get("preDeployCommand")
            release = " && ".join(map(str, before)) if isinstance(before, list) else str(before or "")
            told = Told(
                command if _usable(command) else "",
                path if path.startswith("/") else "",
                name,
                release if _usable(release) else "",
            )
            if told.command or told.health_path or told.release:
                return told
    return None if docker else _render(tree.read("render.yaml") or "")


def render_variable(tree: Tree, name: str) -> str:
    """The value that render.yaml gives a config var of its first web service; empty where it gives none."""
    text = tree.read("render.yaml") or ""
    found = re.search(rf"^\s*(?:- )?key:[ \t]*{name}[ \t]*\n\s*value:[ \t]*[\"']?([^\"'#\n]+)", text, re.M)
    return found[1].strip() if found else ""


def _parsed(tree: Tree, name: str) -> dict[str, Any]:
    text = tree.read(name) or ""
    try:
        found = json.loads(text or "{}") if name.endswith(".json") else tomllib.loads(text)
    except ValueError:
        return {}  # another platform's file: not ours to refuse
    return found if isinstance(found, dict) else {}


def _render(text: str) -> Told | None:
    """The first web service of render.yaml, read line by line: one scalar is all that is wanted of it."""
    services = _services(text)
    for service in services:
        if not _is_web(service):
            continue
        command, release = _scalar(service, "startCommand"), _scalar(service, "preDeployCommand")
        path = _scalar(service, "healthCheckPath")
        if _usable(command):
            health = path if re.fullmatch(r"/\S*", path) else ""
            warnings = list(_not_followed(service, services))
            return Told(command, health, "render.yaml", release if _usable(release) else "", warnings)
    return None


def _services(text: str) -> list[str]:
    return re.split(r"^\s*- (?=(?:type|name|runtime|env):)", text, flags=re.M)


def _web_service(services: list[str]) -> str:
    return next((one for one in services if _is_web(one)), "")


def _is_web(service: str) -> bool:
    """Whether it is a web service of the top folder."""
    return bool(re.search(r"^\s*type:\s*web\s*$", service, re.M)) and not re.search(r"^\s*rootDir:\s*\S", service, re.M)


def _not_followed(service: str, services: list[str]) -> Iterator[str]:
    """What render.yaml asks for and nobody does here."""
    build = _scalar(service, "buildCommand")
    if build and not _COMMON.fullmatch(build):
        yield f"The buildCommand of render.yaml ({build}) is not run: {_INSTEAD}"
    names = re.findall(r"^\s*(?:- )?key:[ \t]*([A-Za-z_]\w*)\s*$", service, re.M)
    if names := [one for one in names if one != "NODE_VERSION"]:  # that one is followed
        yield f"The config vars of render.yaml are not set here: minpaas config:set for {', '.join(names)}"
    for one in services:
        if (
            one is not service
            and re.search(r"^\s*type:\s*(worker|web)\s*$", one, re.M)
            and (command := _scalar(one, "startCommand"))
        ):
            yield f"{_scalar(one, 'name') or 'A service'} of render.yaml is not started: add it to a Procfile, as  worker: {command}"


def _scalar(text: str, key: str) -> str:
    found = re.search(rf"^\s*{key}:[ \t]*([^|>\s].*?)\s*$", text, re.M)
    return re.sub(r"^([\"'])(.*)\1$", r"\2", found[1]) if found else ""


def _usable(command: str) -> bool:
    return bool(command.strip()) and not re.search(r"[\x00-\x1f]", command) and len(command) < 4096
