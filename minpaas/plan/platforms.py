"""Start commands in the files of other platforms, for repositories that have no Procfile."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from minpaas.plan import appjson, build_lines, nixpacks, render_yaml, yaml
from minpaas.plan.model import HOST, ConfigVar
from minpaas.plan.tree import Tree, joined

_ONE = {"WEB_CONCURRENCY": "1"}  # only Heroku has several processes where nothing asks for them
_INSTEAD = "it belongs to bin/post_compile (Python) or to the build script (Node.js)"


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
        (yaml.mapping(build_lines.parsed(tree, "fly.toml").get("build")).get("dockerfile"), "fly.toml"),
        *(
            (yaml.mapping(build_lines.parsed(tree, one).get("build")).get("dockerfilePath"), one)
            for one in build_lines.RAILWAY
        ),
        (render_yaml.value(render_yaml.web_service(tree.read("render.yaml") or ""), "dockerfilePath"), "render.yaml"),
    )
    usable = re.compile(r"(?!/)(?!.*\.\.)[\w./-]+")
    return next(
        ((path.removeprefix("./"), one) for path, one in named if isinstance(path, str) and usable.fullmatch(path)),
        ("", ""),
    )


def arguments(tree: Tree) -> dict[str, str]:
    """The build args that fly.toml gives."""
    told = yaml.mapping(yaml.mapping(build_lines.parsed(tree, "fly.toml").get("build")).get("args"))
    return {one.name: one.default for one in appjson.config_vars(told) if one.default is not None}


def context(tree: Tree, path: str) -> str:
    """The folder that such a Dockerfile is built in, where render.yaml says one; empty for the whole tree."""
    service = render_yaml.web_service(tree.read("render.yaml") or "")
    named = render_yaml.value(service, "dockerContext").removeprefix("./").strip("/").removesuffix(".")
    same = render_yaml.value(service, "dockerfilePath").removeprefix("./") == path
    return named if same and named and path.startswith(f"{named}/") else ""


def root(tree: Tree) -> tuple[str, str]:
    """The folder of the repository that such a file builds, and what says so."""
    service = render_yaml.web_service(tree.read("render.yaml") or "")
    base = yaml.mapping(build_lines.parsed(tree, "netlify.toml").get("build")).get("base")
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
    fly = build_lines.parsed(tree, "fly.toml")
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
    """railway.json, railway.toml, railpack.json, nixpacks.toml or render.yaml, the first that says something of use.

    Of an image that the app's own `docker`file makes, Railway's counts, fly.toml and Render's dockerCommand.
    """
    for name in build_lines.RAILWAY if docker else (*build_lines.RAILWAY, *nixpacks.FILES):
        deploy = build_lines.parsed(tree, name).get("start" if name == "nixpacks.toml" else "deploy")
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
                port=0 if docker else fixed_port(command),
            )
            if told.command or told.health_path or told.release:
                return told
    return _fly(tree) or _render_docker(tree) if docker else _render(tree)


def unreadable(tree: Tree) -> list[str]:
    """What is to be said of such files that have an error: they are not followed, and their platform would refuse them."""
    found = []
    for name in (*build_lines.RAILWAY, *nixpacks.FILES, "fly.toml"):
        try:
            build_lines.loaded(tree, name)
        except ValueError as error:
            found.append(f"{name} cannot be read, and is not used: {error}")
    return found


def _fly(tree: Tree) -> Told | None:
    """What fly.toml runs in the image, and with which config vars."""
    told = build_lines.parsed(tree, "fly.toml")
    processes, deploy = yaml.mapping(told.get("processes")), yaml.mapping(told.get("deploy"))
    command, release = str(processes.get("app") or processes.get("web") or ""), str(deploy.get("release_command") or "")
    found = [replace(one, where="fly.toml") for one in appjson.config_vars(told.get("env")) if one.name != "PORT"]
    if not (_usable(command) or _usable(release) or found):
        return None
    release = release if _usable(release) else ""
    return Told(command if _usable(command) else "", "", "fly.toml", release, config_vars=found)


def _render_docker(tree: Tree) -> Told | None:
    """The first web service of render.yaml, where Docker builds it."""
    service = render_yaml.web_service(tree.read("render.yaml") or "")
    if not re.search(r"^[ \t]*(runtime|env):\s*docker\s*$", service, re.M):
        return None
    command, release = render_yaml.command(service, "dockerCommand"), render_yaml.command(service, "preDeployCommand")
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
    command, release = render_yaml.command(service, "startCommand"), render_yaml.command(service, "preDeployCommand")
    if not _usable(command):
        return _render_pages(service) if render_yaml.is_static(service) else None
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
        fixed_port(command) or render_yaml.port(service),
    )


def _render_pages(service: str) -> Told:
    """What a service of pages gives their build: what has no value there is said, for pages can do without it."""
    found = list(render_yaml.config_vars(service))
    open_ones = ", ".join(one.name for one in found if one.required)
    warning = f"The pages are built without {open_ones} of render.yaml unless you set it: minpaas config:set NAME=VALUE, and push again"
    usable = [one for one in found if not one.required]
    return Told("", "", "render.yaml", warnings=[warning] if open_ones else [], config_vars=usable)


def given(tree: Tree) -> list[ConfigVar]:
    """The config vars that render.yaml gives beside a Procfile, which says what is run: nothing is asked for, nor told of that host."""
    service = render_yaml.web_service(tree.read("render.yaml") or "")
    return [
        one
        for one in render_yaml.config_vars(service)
        if not one.required and "onrender.com" not in (one.default or "")
    ]


def fixed_port(command: str) -> int:
    """The port that a start command names as a number: its platform finds where the app listens. 0 where it names none."""
    found = re.search(
        r"(?:--port|--bind|--address|-[pbl])[= ](?:\S*:)?(\d{2,5})(?=\s|$)|\b(?:http\.server |PORT=)(\d{2,5})\b",
        command,
    )
    return int(found[1] or found[2]) if found else 0


def _migrated(tree: Tree, command: str, release: str) -> str:
    """A start command after the migration of the build: its files stay there, so a SQLite file of the app's own does."""
    migration = "" if re.search(r"migrat|upgrade|db push", f"{command} {release}") else build_lines.migration(tree)
    return f"{migration} && {command}" if migration else command


def _not_followed(tree: Tree, service: str, services: list[str]) -> Iterator[str]:
    """What render.yaml asks for and nobody does here."""
    build = render_yaml.value(service, "buildCommand")
    if left := build_lines.left_out(tree, build):
        yield f"The buildCommand of render.yaml ({' '.join(build.split())}) is not run: of it, {left[:200]} is left out; {_INSTEAD}"
    for one in services:
        folder = render_yaml.pages_folder(one)
        if one != service and folder and tree.has(f"{folder}/package.json") and not build_lines.enters(tree, folder):
            yield f"{render_yaml.value(one, 'name') or 'A service'} of render.yaml is not built: deploy it as another app, with --path {folder}"
        if (
            one != service
            and re.search(r"^[ \t]*type:\s*(worker|web)\s*$", one, re.M)
            and (command := render_yaml.command(one, "startCommand"))
        ):
            yield f"{render_yaml.value(one, 'name') or 'A service'} of render.yaml is not started: add it to a Procfile, as  worker: {command}"


def _usable(command: str) -> bool:
    return bool(command.strip()) and not re.search(r"[\x00-\x1f]", command) and len(command) < 4096
