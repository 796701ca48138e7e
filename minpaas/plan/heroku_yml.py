"""heroku.yml as Heroku's container stack knows it: which Dockerfiles, and what runs in their images."""

import re
from dataclasses import dataclass, field
from typing import Any

from minpaas.plan import yaml
from minpaas.plan.model import Notes
from minpaas.plan.tree import Tree

_ADDON = re.compile(r"^[ \t]*- +plan: *([\w:-]+)[ ]*(?:\n\s*as: *(\w+))?", re.M)

_IN_THE_BACKGROUND = re.compile(r"worker|bot|clock|cron|job|sched|release|task|queue|consumer", re.I)


@dataclass(frozen=True)
class HerokuYml:
    """What heroku.yml says that concerns us."""

    dockerfile: str = ""  # of web, else of the first type
    types: dict[str, str] = field(default_factory=dict)  # type -> command; "" runs the image's own CMD
    release: str = ""
    arguments: dict[str, str] = field(default_factory=dict)  # of build.config
    config: dict[str, str] = field(default_factory=dict)  # of setup.config
    addons: list[dict[str, str]] = field(default_factory=list)  # as app.json writes them


def read(tree: Tree, notes: Notes | None = None) -> HerokuYml | None:
    """The tree's heroku.yml where it builds by Docker, or None; `notes` are told what is not followed."""
    text = tree.read("heroku.yml") or ""
    told = yaml.parse(text)
    build = yaml.mapping(told.get("build"))
    images = {kind: str(path).removeprefix("./") for kind, path in yaml.mapping(build.get("docker")).items() if path}
    images = {kind: path for kind, path in images.items() if _usable(path)}
    if not images:
        return None
    commands = yaml.mapping(told.get("run"))
    if "web" not in {*images, *commands} and len(images) == 1 and not _IN_THE_BACKGROUND.match(next(iter(images))):
        images = {"web": next(iter(images.values()))}  # its one image has another name
    main = "web" if "web" in images else next(iter(images))
    types = {kind: _command(commands.get(kind)) for kind in [*images, *commands] if kind != "release"}
    for kind, path in images.items():
        if path != images[main] and kind != "release":
            types.pop(kind, None)
            if notes:
                notes.warn(f"{kind} of heroku.yml has a Dockerfile of its own ({path}): only {images[main]} is built")
    return HerokuYml(
        images[main],
        types,
        _command(told.get("release")),
        _scalars(build.get("config")),
        _scalars(yaml.mapping(told.get("setup")).get("config")),
        [{"plan": plan, **({"as": alias} if alias else {})} for plan, alias in _ADDON.findall(text)],
    )


def commands(tree: Tree) -> dict[str, str]:
    """What its run section says where there is no build section: the process types of a buildpack's app."""
    told = yaml.parse(tree.read("heroku.yml") or "")
    types = {kind: _command(one) for kind, one in yaml.mapping(told.get("run")).items()}
    return {kind: command for kind, command in types.items() if command and "build" not in told}


def _scalars(told: Any) -> dict[str, str]:
    return {name: value for name, value in yaml.mapping(told).items() if isinstance(value, str)}


def _command(told: Any) -> str:
    """A command, the command of {command, image}, or the commands of a list one after the other."""
    if isinstance(told, dict):
        told = told.get("command")
    lines = told if isinstance(told, list) else [told]
    return " && ".join(one.replace("\\$", "$") for one in lines if isinstance(one, str) and one)


def _usable(path: str) -> bool:
    return bool(re.fullmatch(r"(?!/)(?!.*\.\.)[\w./-]+", path))
