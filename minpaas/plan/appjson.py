"""app.json as Heroku and Dokku know it: config vars, formation, scripts, health checks, add-ons, buildpacks."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from minpaas.plan.model import AddOn, ConfigVar, Notes, PlanError, Runtime
from minpaas.plan.tree import Tree
from minpaas.plan.yaml import mapping

# what an add-on would have set; the first word that its name starts with counts
_SETS = {
    "heroku-postgresql": "DATABASE_URL",
    "cleardb": "CLEARDB_DATABASE_URL",
    "jawsdb": "JAWSDB_URL",
    "heroku-redis": "REDIS_URL",
    "heroku-kafka": "KAFKA_URL",
    "rediscloud": "REDISCLOUD_URL",
    "redistogo": "REDISTOGO_URL",
    "stackhero-redis": "STACKHERO_REDIS_URL_TLS",
    "openredis": "OPENREDIS_URL",
    "mongolab": "MONGODB_URI",
    "mongohq": "MONGOHQ_URL",
    "cloudamqp": "CLOUDAMQP_URL",
    "memcachier": "MEMCACHIER_SERVERS",
    "memcachedcloud": "MEMCACHEDCLOUD_SERVERS",
    "sendgrid": "SENDGRID_API_KEY",
    "mailgun": "MAILGUN_API_KEY",
    "postmark": "POSTMARK_API_TOKEN",
    "cloudinary": "CLOUDINARY_URL",
    "bucketeer": "BUCKETEER_BUCKET_NAME",
    "bonsai": "BONSAI_URL",
    "searchbox": "SEARCHBOX_URL",
    "algoliasearch": "ALGOLIASEARCH_API_KEY",
    "newrelic": "NEW_RELIC_LICENSE_KEY",
    "papertrail": "",  # logs: there is nothing to set
    "logdna": "",
    "logentries": "",
    "coralogix": "",
    "scheduler": "",
    "librato": "LIBRATO_TOKEN",
    "rollbar": "ROLLBAR_ACCESS_TOKEN",
    "sentry": "SENTRY_DSN",
}
_BUILDPACKS: tuple[tuple[str, Runtime], ...] = (
    ("python", "python"),
    ("nodejs", "node"),
    ("create-react-app", "node"),
    ("emberjs", "node"),
    ("static", "static"),
    ("nginx", "static"),
)
_OUT_OF_LFS = "take the pattern that it goes by out of .gitattributes (git lfs untrack), git add --renormalize {name}"
_OTHER_BUILDPACKS = (
    "ruby",
    "php",
    "java",
    "gradle",
    "scala",
    "clojure",
    "go",
    "elixir",
    "rust",
    "dotnet",
    "deno",
    "swift",
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class AppJson:
    """What app.json says that concerns us."""

    present: bool = False
    config_vars: list[ConfigVar] = field(default_factory=list)
    formation: dict[str, int] = field(default_factory=dict)
    predeploy: str = ""  # Dokku's: before each release
    postdeploy: str = ""
    health_path: str = ""
    addons: list[AddOn] = field(default_factory=list)
    runtimes: tuple[Runtime, ...] = ()  # as its buildpacks name them
    others: tuple[str, ...] = ()  # languages of buildpacks that there is nothing of here


def read(tree: Tree, notes: Notes) -> AppJson:
    """The tree's app.json, or an empty one. Raises PlanError naming the line."""
    text = tree.read("app.json")
    found = parse_json(text, "app.json") if text is not None else {}
    buildpacks = _urls(found.get("buildpacks")) or _named_elsewhere(tree)
    addons = add_ons(found.get("addons"), "app.json", notes)
    scripts = mapping(found.get("scripts"))
    dokku = mapping(scripts.get("dokku"))
    if after := _script(dokku, "postdeploy"):
        notes.warn(
            f"{after} (dokku.postdeploy of app.json) is not run: as release of a Procfile it is, before each release goes live"
        )
    for one in found["cron"] if isinstance(found.get("cron"), list) else []:
        if command := mapping(one).get("command"):
            notes.warn(
                f"{command} (cron of app.json) is not run at its times: let cron of this machine call  minpaas run {command}"
            )
    return AppJson(
        text is not None,
        list(config_vars(found.get("env"))),
        _formation(found.get("formation")) or _scale(tree),
        _script(dokku, "predeploy"),
        _script(scripts, "postdeploy"),
        _health_path(found.get("healthchecks")) or _checks(tree),
        addons,
        _runtimes(buildpacks),
        _others(buildpacks),
    )


def parse_json(text: str, name: str) -> dict[str, Any]:
    """An object, or PlanError naming the line."""
    try:
        found = json.loads(text.removeprefix("\ufeff"))
    except ValueError as error:
        if text.startswith("version https://git-lfs"):
            raise _bad(name, "it is a pointer of Git LFS, not the file itself", _OUT_OF_LFS) from None
        line = getattr(error, "lineno", 1)
        shown = text.splitlines()[line - 1].strip()[:60] if text.strip() else ""
        raise _bad(name, f"line {line}: {getattr(error, 'msg', error)} ({shown})") from None
    if not isinstance(found, dict):
        raise _bad(name, "line 1: it is not an object")
    return found


def _bad(name: str, detail: str, how: str = "mend {name}") -> PlanError:
    hint = f"{how.format(name=name)}, commit, and push again"
    return PlanError("file", f"{name} cannot be read", detail, hint, f"bad {name}")


def config_vars(env: Any) -> Iterator[ConfigVar]:
    """The config vars of an `env`."""
    for name, told in (env if isinstance(env, dict) else {}).items():
        if not _NAME.fullmatch(name):
            continue
        if not isinstance(told, dict):
            yield ConfigVar(name, _text(told), required=told is None)
            continue
        value = told.get("value")
        generated = told.get("generator") == "secret"
        required = told.get("required", True) not in (False, "false") and value is None and not generated
        default = _text(value)
        yield ConfigVar(name, default, required, generated, str(told.get("description") or ""))


def _text(value: Any) -> str | None:
    """As JSON writes it: true, not True."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _formation(told: Any) -> dict[str, int]:
    counts = {}
    if isinstance(told, list):  # as it was written once: [{"process": "web", "quantity": 1}]
        told = {str(one.get("process")): one for one in told if isinstance(one, dict)}
    for kind, one in (told if isinstance(told, dict) else {}).items():
        quantity = one.get("quantity", 1) if isinstance(one, dict) else one
        if isinstance(quantity, int) and 0 <= quantity <= 100:
            counts[str(kind)] = quantity
    return counts


def _scale(tree: Tree) -> dict[str, int]:
    """The formation of a DOKKU_SCALE, which is older than app.json's."""
    lines = re.findall(r"^[ \t]*([\w-]+)\s*=\s*(\d{1,2})\s*$", tree.read("DOKKU_SCALE") or "", re.M)
    return {kind: int(count) for kind, count in lines}


def _script(scripts: dict[str, Any], name: str) -> str:
    told = scripts.get(name)
    told = told.get("command") if isinstance(told, dict) else told
    return told.strip() if isinstance(told, str) else ""


def _health_path(checks: Any) -> str:
    web = checks.get("web") if isinstance(checks, dict) else None
    for check in web if isinstance(web, list) else []:
        path = check.get("path") if isinstance(check, dict) else None
        if isinstance(path, str) and re.fullmatch(r"/[!-~]{0,500}", path):
            return path
    return ""


def _checks(tree: Tree) -> str:
    """The first path of a CHECKS, Dokku's file before the health checks of app.json."""
    found = re.search(r"^[ \t]*(?:(?:https?:)?//[^/\s]+)?(/[!-~]{0,500})", tree.read("CHECKS") or "", re.M)
    return found[1] if found else ""


def add_ons(told: Any, where: str, notes: Notes) -> list[AddOn]:
    """The add-ons of a list, each with what to set instead of it."""
    found = list(_addons(told))
    for one in found:
        instead = f"set {one.sets} instead" if one.sets else "nothing needs to be set"
        notes.warn(f"The add-on {one.name} of {where} is not provided: {instead}")
    return found


def _addons(told: Any) -> Any:
    for one in told if isinstance(told, list) else []:
        plan = one.get("plan") if isinstance(one, dict) else one
        if not isinstance(plan, str):
            continue
        name = plan.partition(":")[0]
        default = re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_URL"
        sets = next((value for key, value in _SETS.items() if name.startswith(key)), default)
        alias = one.get("as") if isinstance(one, dict) else None
        yield AddOn(name, f"{alias}_URL" if isinstance(alias, str) and sets.endswith("_URL") else sets)


def _urls(told: Any) -> list[str]:
    return [str(one.get("url") if isinstance(one, dict) else one) for one in (told if isinstance(told, list) else [])]


def _named_elsewhere(tree: Tree) -> list[str]:
    """Buildpacks of .buildpacks, one URL a line, and of project.toml."""
    lines = [line.strip() for line in (tree.read(".buildpacks") or "").splitlines() if line.strip()]
    groups = re.findall(r"^[ \t]*(?:id|uri)\s*=\s*[\"']([\w./:-]+)[\"']", tree.read("project.toml") or "", re.M)
    return [one for one in lines if not one.startswith("#")] or groups


def _runtimes(urls: list[str]) -> tuple[Runtime, ...]:
    named = [next((runtime for word, runtime in _BUILDPACKS if word in url), None) for url in urls]
    return tuple(dict.fromkeys(one for one in named if one))


def _others(urls: list[str]) -> tuple[str, ...]:
    return tuple(one for url in urls for one in _OTHER_BUILDPACKS if re.search(rf"(heroku/|buildpack-){one}\b", url))
