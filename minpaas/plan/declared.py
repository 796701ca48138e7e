"""What files of this and of other platforms say beside the code: what is started, and what goes with it."""

from dataclasses import dataclass, field, replace

from minpaas.plan import appjson, heroku_yml, nixpacks, platforms
from minpaas.plan.appjson import AppJson
from minpaas.plan.model import ConfigVar, Notes, Runtime
from minpaas.plan.tree import Tree


@dataclass(frozen=True)
class Declared:
    """What files of this and other platforms say beside the code, and which file says what is started."""

    app: AppJson
    types: dict[str, str]
    where: str
    release: str
    health: str
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0


def read(
    tree: Tree, chosen: Runtime, types: dict[str, str], command: str | None, app: AppJson, notes: Notes
) -> Declared:
    """What is declared for an app that is built as `chosen`; web is the `command` where one is given. Raises PlanError."""
    where = "Procfile" if tree.has("Procfile") else "heroku.yml"
    said = Declared(app, types, where, types.get("release", ""), app.health_path)
    if chosen == "dockerfile" and (heroku := heroku_yml.read(tree, notes)):
        asked = [replace(one, where="heroku.yml") for one in appjson.config_vars(heroku.config)]
        add_ons = appjson.add_ons(heroku.addons, "heroku.yml", notes)
        app = replace(app, config_vars=[*app.config_vars, *asked], addons=[*app.addons, *add_ons])
        said = replace(said, app=app, types=dict(heroku.types), release=heroku.release, where="heroku.yml")
    elif not command and "web" not in types and (told := platforms.read(tree, docker=chosen == "dockerfile")):
        notes.warnings += told.warnings
        said = replace(
            said,
            app=_with_config_vars(app, told.config_vars),
            types={"web": told.command, **types} if told.command else types,
            where=told.where if told.command else where,
            release=said.release or told.release,
            health=said.health or told.health_path,
            environment=told.environment,
            port=told.port,
        )
    elif chosen in ("python", "node"):
        said = replace(said, app=_with_config_vars(app, platforms.given(tree)))
    if chosen in ("python", "node"):
        said = replace(said, app=_with_config_vars(said.app, list(nixpacks.variables(tree))))
    return replace(said, types={**said.types, "web": command}, where="--command") if command else said


def started(tree: Tree, types: dict[str, str], command: str | None) -> dict[str, str]:
    """What is started, with web as it will be where something says so: it tells which of two languages serves."""
    told = None if command or "web" in types else platforms.read(tree)
    web = command or (told.command if told else "")
    return {**types, "web": web} if web else types


def _with_config_vars(app: AppJson, found: list[ConfigVar]) -> AppJson:
    """What app.json asks for, and what it does not name."""
    named = {one.name for one in app.config_vars}
    return replace(app, config_vars=[*app.config_vars, *(one for one in found if one.name not in named)])
