"""What a plan becomes: a generated Dockerfile from a template, the files it needs beside the tree, the stacks it stands on."""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from minpaas.plan import NodeRecipe, Plan, PythonRecipe, Rule, SiteRecipe
from minpaas.plan.python_packages import LOCKED

__all__ = ["Generated", "Plan", "generate", "render", "shipped", "stacks_of"]

STATIC = "static:1"
# the only config vars that a dependency step sees: a change of any other does not run it again
_INSTALLERS = ("PIP_", "UV_", "PIPENV_", "POETRY_", "NPM_", "YARN_", "PNPM_", "NODE_AUTH_", "BUNDLE_", "GITHUB_TOKEN")
_SITE_HEADERS = (("Cache-Control", "$usual_cache"), ("X-Content-Type-Options", "nosniff"))
_CACHES = {
    "uv": "/root/.cache/uv",
    "pip": "/root/.cache/pip",
    "npm": "/root/.npm",
    "yarn": "/root/.cache/yarn",
    "berry": "/root/.yarn/berry/cache",
    "pnpm": "/root/.local/share/pnpm/store",
    "bun": "/root/.bun/install/cache",
}


@dataclass(frozen=True)
class Generated:
    """A generated Dockerfile, and further files of its context."""

    dockerfile: str
    extra: dict[str, bytes] = field(default_factory=dict)


def _by_name(stack: str) -> str:
    return f"minpaas/{stack}"


def generate(plan: Plan, app: str, config: dict[str, str], base: Callable[[str], str] = _by_name) -> Generated:
    """The Dockerfile of a plan. Config vars reach build steps through files of stages that no image is made from.

    `base` gives the image of a stack.
    """
    installer = {name: value for name, value in config.items() if name.startswith(_INSTALLERS)}
    extra: dict[str, bytes] = {}
    if config:
        extra["config/app.sh"] = _exports(config)
    if installer:
        extra["config/installer.sh"] = _exports(installer)
    facts: dict[str, Any] = {
        "base_of": base,
        "config": bool(config),
        "installer": bool(installer),
        "environment": sorted(plan.environment.items()),
    }
    if plan.python:
        return _python(plan, plan.python, app, facts, extra, config)
    if plan.site:
        return _site(plan.site, app, facts, extra)
    assert plan.node
    extra |= {f"app/{name}": b"" for name in plan.node.empty}
    return Generated(_node(plan, plan.node, app, facts), extra)


def stacks_of(plan: Plan) -> list[str]:
    """The stacks that a plan stands on, such as python:3.13; what it runs on comes first."""
    if plan.python:
        assets = plan.python.assets
        return [f"python:{plan.python.version}", *([f"node:{assets.version}"] if assets else [])]
    if plan.site:
        return [STATIC, *([f"node:{plan.site.build.version}"] if plan.site.build else [])]
    return [f"node:{plan.node.version}"] if plan.node else []


@cache
def _templates() -> jinja2.Environment:
    # these render Dockerfiles, not pages; what goes in is checked by the planners
    return jinja2.Environment(
        loader=jinja2.PackageLoader("minpaas.server", "runtimes"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def render(template: str, **values: object) -> str:
    """A file from its template."""
    return _templates().get_template(template).render(**values)


def shipped(name: str) -> bytes:
    """A file that goes into a stack as it is."""
    return resources.files("minpaas.server.runtimes").joinpath(name).read_bytes()


def _python(
    plan: Plan,
    recipe: PythonRecipe,
    app: str,
    facts: dict[str, Any],
    extra: dict[str, bytes],
    config: dict[str, str],
) -> Generated:
    shims = _shims(plan, recipe)
    if shims:
        extra = {**extra, "config/run-installed": shipped("run-installed")}
    mounts = _cache(app, "uv") + (_cache(app, "pip") if recipe.manager == "pip" else "")
    if recipe.locked:
        extra = {**extra, "config/locked.txt": recipe.locked.encode()}
        mounts += f"--mount=type=bind,source=config/locked.txt,target={LOCKED} "
    disabled = config.get("DISABLE_COLLECTSTATIC", "").lower() in ("1", "true", "yes")
    assets = _node_stage(recipe.assets, app, facts, "assets") if recipe.assets else ""
    text = render(
        "python.Dockerfile",
        base=facts["base_of"](f"python:{recipe.version}"),
        recipe=recipe,
        collectstatic="" if disabled else recipe.collectstatic,
        copies=_copies(recipe.manifests),
        bound=_bound(recipe.manifests),
        cached=mounts,
        assets=assets,
        tree="--from=assets /app" if assets else "app/",
        changed=recipe.changes,
        shims=shims,
        # else one stage is enough: it borrows the compilers and headers for the step that installs
        two_stages=bool(recipe.packages or recipe.tool or recipe.whole_tree or recipe.project),
        **facts,
    )
    return Generated(_tidy(text), extra)


def _shims(plan: Plan, recipe: PythonRecipe) -> list[str]:
    """Which of uv, poetry, pipenv, pdm and hatch the app may call to start something: they are only there while it is built."""
    commands = " ".join([*plan.process_types.values(), plan.release_command, plan.postdeploy])
    asked = {one for one in ("uv", "poetry", "pipenv", "pdm", "hatch") if re.search(rf"\b{one} run\b", commands)}
    files = {"pyproject.toml": "uv", "uv.lock": "uv", "poetry.lock": "poetry"}
    asked |= {tool for name, tool in files.items() if name in recipe.manifests}
    asked |= set(recipe.runners)
    asked |= {"pipenv"} if recipe.locked or "Pipfile" in plan.install else set()
    return sorted(asked)


def _site(recipe: SiteRecipe, app: str, facts: dict[str, Any], extra: dict[str, bytes]) -> Generated:
    headers: dict[str, list[Rule]] = {}
    for rule in recipe.headers:
        name = next((one for one in headers if one.lower() == rule.name.lower()), rule.name)
        headers.setdefault(name, []).append(replace(rule, target=_quoted(rule.target)))
    served = render(
        "site.conf",
        site=recipe,
        headers=list(headers.items()),
        set_by_us=[one for one in _SITE_HEADERS if one[0].lower() not in map(str.lower, headers)],
        proxies=[(one.pattern.rstrip("/"), one.target.rstrip("/").replace("${", "@{")) for one in recipe.proxies],
    )
    extra = {**extra, "config/site.conf": served.encode()}
    pages = ""
    if recipe.build:
        pages = _node_stage(recipe.build, app, facts, "build")
        extra["config/find-pages"] = shipped("find-pages")
    text = render(
        "static.Dockerfile",
        base=facts["base_of"](STATIC),
        root=shlex.join(filter(None, [recipe.root, recipe.committed])),
        source=json.dumps(["app/" if recipe.root == "." else f"app/{recipe.root}/", "/site/"]),
        pages=pages,
        **facts,
    )
    return Generated(_tidy(text), extra)


def _quoted(value: str) -> str:
    """As it stands between quotes in a configuration of nginx."""
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _node(plan: Plan, recipe: NodeRecipe, app: str, facts: dict[str, Any]) -> str:
    """One stage where nothing is built, else two: so that node_modules need not be copied."""
    built = bool(recipe.build or recipe.prune or not recipe.manifests)
    kept = {name: value for name, value in recipe.environment.items() if name.startswith("YARN_")}
    staged = built or recipe.packages or recipe.writes or (recipe.compiled and recipe.tool)
    text = render(
        "node.Dockerfile",
        base=facts["base_of"](f"node:{recipe.version}"),
        recipe=recipe,
        built=built,
        stage=_node_stage(recipe, app, facts, "build") if staged else "",
        copies=_copies(recipe.manifests),
        cached=_cache(app, recipe.manager),
        tools=recipe.tool_at_run
        if staged
        else " && ".join(dict.fromkeys(filter(None, (recipe.tool, recipe.tool_at_run)))),
        **{**facts, "environment": sorted({**plan.environment, **kept}.items())},
    )
    return _tidy(text)


def _node_stage(recipe: NodeRecipe, app: str, facts: dict[str, Any], name: str) -> str:
    values = {**facts, "environment": sorted(recipe.environment.items())}
    return render(
        "node-stage.Dockerfile",
        base=facts["base_of"](f"node:{recipe.version}"),
        name=name,
        recipe=recipe,
        copies=_copies(recipe.manifests),
        cached=_cache(app, recipe.manager),
        **values,
    )


def _copies(manifests: tuple[str, ...]) -> list[str]:
    """COPY's arguments for the files that key a dependency layer: one line for the top, one for each deeper file."""
    top = [name for name in manifests if "/" not in name and name not in (".yarn", "patches")]
    deeper = [name for name in manifests if name not in top]
    lines = [" ".join([*(f"app/{name}" for name in top), "./"])] if top else []
    return [*lines, *(f"app/{name} {name}" for name in deeper)]


def _bound(manifests: tuple[str, ...]) -> str:
    """The same files as mounts: they key the layer as well, and it takes no layer of their own (50 ms of a first push)."""
    return "".join(f"--mount=type=bind,source=app/{name},target=/app/{name} " for name in manifests)


def _cache(app: str, tool: str) -> str:
    # each app has its own: what one app's build puts into a cache must not reach another's
    return f"--mount=type=cache,id=minpaas-{app}-{tool},target={_CACHES[tool]} "


def _tidy(dockerfile: str) -> str:
    return re.sub(r"\n{2,}", "\n", dockerfile.replace("\nFROM", "\n\nFROM")).replace("\nFROM", "\n\nFROM").lstrip()


def _exports(config: dict[str, str]) -> bytes:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(config.items())).encode()
