"""Node.js trees that only build pages: which folder holds them, and whether one page answers for all paths."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from minpaas.plan import frameworks, node_start, site_files, static
from minpaas.plan.development import bare, entered, is_development, script, serves_pages
from minpaas.plan.model import Notes, PlanError, SiteRecipe
from minpaas.plan.tree import Tree, Under, dependencies, json_of

_SERVERS = (
    "@astrojs/node",
    "@sveltejs/adapter-node",
    "express",
    "fastify",
    "koa",
    "@nestjs/core",
    "hono",
    "@hapi/hapi",
)
_NITRO = {"nitro", "nitropack", "nitro-nightly", "vinxi"}
# settings of tools, which some packages call their main file
OF_TOOLS = re.compile(r"(\./)?(gulpfile|gruntfile|webpack\.config|rollup\.config|vite\.config)\b", re.I)
# what makes programs rather than pages
_COMPILES = re.compile(
    r"\b(tsc|tsup|swc|ncc|nest|babel|pkg|unbuild|microbundle|prisma|echo)\b|--platform[= ]node|bun build"
)
_RUNS_TASKS = re.compile(r"(gulp|grunt)( |$)")  # which may start a server of the app's own
_LISTENS = re.compile(r"\blisten\s*\(|createServer|\bserve\s*\(|\b[Hh]api\b|\bexpress\s*\(|\bfastify\s*\(")
# where the script that builds has another name, by the framework
_BUILDS = (
    *(("expo", one) for one in ("build:web", "export", "export:web", "web:build", "build-web")), ("nuxt", "generate"), ("vitepress", "docs:build"), ("vuepress", "docs:build"), ("hexo", "generate"),
    ("storybook", "build-storybook"), ("@storybook/react", "build-storybook"), ("@storybook/html", "build-storybook"),
    ("@storybook/vue", "build-storybook"), ("@storybook/web-components", "build-storybook"),
)  # fmt: skip

# and where a front end has several builds, as of vue-element-admin
_FOR_PRODUCTION = ("build:prod", "build:production", "build-prod", "build-production", "build:pro")


def site(tree: Tree, package: Mapping[str, Any], notes: Notes) -> tuple[SiteRecipe, str] | None:
    """How a front end that only builds is served, and why; None when the tree serves itself."""
    scripts = package.get("scripts") or {}
    start, build = script(scripts, "start"), _build(package)
    names = dependencies(package)
    if inside := _inside(tree, start, notes):
        return inside
    if frameworks.exported(tree, names, scripts, build):
        start = ""  # it is left over from the template: there is nothing that it could serve
    if (start and not is_development(tree, scripts, start)) or _renders(tree, names, package):
        return None
    if node_start.server_script(tree, package) or (_RUNS_TASKS.match(bare(start)) and names & set(_SERVERS)):
        return None
    if not start and any(server in names for server in _SERVERS) and entry(tree, package):
        return None
    found = frameworks.output(tree, names, script(scripts, build)) if build and built(scripts, build) else None
    found = found or _pages(tree, package, build, start) or _of_another_tool(tree, package, build, start)
    if found is None:
        return None
    framework, root, page = found
    if framework == "Astro" and (elsewhere := frameworks.astro_adapter(tree)):
        raise PlanError(
            "command",
            f"Astro is told to render its pages by {elsewhere}",
            f"astro.config has output: 'server' with the adapter {elsewhere}, which builds for that host only",
            "npx astro add node (and remove that adapter), commit, and push again",
            f"built for {elsewhere}",
        )
    told = site_files.read(tree, notes, built=bool(build))
    root = told.root or _served_folder(start) or root
    page = told.fallback or page
    because = (
        f"its start script ({start}) is a development server"
        if start
        else f"it has {'a build and ' if build else ''}no server of its own"
    )
    pages = site_files.settled(told, root, page, "" if page else "404.html")
    if build and not frameworks.makes_pages_of(tree, framework) and (mark := static.detect(tree)):
        pages = replace(pages, committed=mark.rpartition("/")[0] or ".")
    if framework == "Static" and root == "." and not static.at_top(tree) and (first := static.first_page(tree)):
        pages = replace(pages, index=first)
    where = "the whole tree" if root == "." else f"{root}/"
    return pages, f"{framework} front end: {because}; {where} is served" + (
        f", {page} for unknown paths" if page else ""
    )


def _inside(tree: Tree, start: str, notes: Notes) -> tuple[SiteRecipe, str] | None:
    """The same of a folder whose front end is all that start starts, as by  cd client && npm start ."""
    folder, name = entered(start) or ("", "")
    package = json_of(tree, f"{folder}/package.json") if folder else {}
    scripts = package.get("scripts")
    if not isinstance(scripts, dict) or name not in scripts or not build_script(package):
        return None
    found = site(Under(tree, folder), {**package, "scripts": {**scripts, "start": scripts[name]}}, notes)
    if not found:
        return None
    root = folder if found[0].root == "." else f"{folder}/{found[0].root}"
    committed = found[0].committed and f"{folder}/{found[0].committed}".removesuffix("/.")
    return replace(
        found[0], root=root, committed=committed
    ), f"In {folder}/, which is all that start starts: {found[1]}"


def _of_another_tool(
    tree: Tree, package: Mapping[str, Any], build: str | None, start: str
) -> tuple[str, str, str] | None:
    """The same where nothing is known but that there is a build, and no server: where its pages are is seen afterwards."""
    line = script(package.get("scripts") or {}, build)
    if not build or not built(package.get("scripts") or {}, build) or server_command(tree, package):
        return None
    if not start and (package.get("main") or _COMPILES.search(line) or entry(tree, package, re.compile(""))):
        return None
    return "Static", "dist", ""


def _renders(tree: Tree, names: set[str], package: Mapping[str, Any]) -> bool:
    """Whether a framework of pages is told to render them on a server."""
    if "@astrojs/node" in names:
        return "adapter" in frameworks.config(tree, "astro.config")
    if names & _NITRO:
        return True
    static_output = re.search(r'"outputMode"\s*:\s*"static"', tree.read("angular.json") or "")
    return "@angular/ssr" in names and server_command(tree, package) is not None and not static_output


def build_script(package: Mapping[str, Any]) -> str | None:
    """The name of the script that builds: build, or what a framework calls it that has no build, or what compiles."""
    scripts = package.get("scripts") or {}
    names = dependencies(package)
    if "build" in scripts:
        return "build"
    if compiling := package.get(node_start.COMPILES):
        return str(compiling)
    found = next((one for name, one in _BUILDS if name in names and one in scripts), None)
    if not found and (not scripts.get("start") or serves_pages(str(scripts["start"]))):
        found = next((one for one in _FOR_PRODUCTION if one in scripts), None)
    return found


def _build(package: Mapping[str, Any]) -> str | None:
    scripts = package.get("scripts") or {}
    return "heroku-postbuild" if "heroku-postbuild" in scripts else build_script(package)


def entry(tree: Tree, package: Mapping[str, Any], listens: re.Pattern[str] = _LISTENS) -> str | None:
    """A file at the usual places that listens."""
    main = package.get("main")
    usual = [
        "server.js",
        "index.js",
        "app.js",
        "server.mjs",
        "index.mjs",
        "main.js",
        "src/index.js",
        "src/server.js",
        "server/index.js",
    ]
    told = (
        [main.removeprefix("./"), f"{main}.js".removeprefix("./")]
        if isinstance(main, str) and not OF_TOOLS.match(main)
        else []
    )
    return next((one for one in [*told, *usual] if (text := tree.read(one)) is not None and listens.search(text)), None)


def server_command(tree: Tree, package: Mapping[str, Any]) -> tuple[str, str] | None:
    """The server that a framework's build leaves behind, for trees without a start script."""
    names = dependencies(package)
    scripts = package.get("scripts") or {}
    if "nuxt" in names and frameworks.nuxt_2(tree):
        return "nuxt start", "Nuxt 2"
    if "nuxt" in names:
        return "node .output/server/index.mjs", "Nuxt"
    adapter = frameworks.svelte_adapter(tree, names)
    if adapter == "node" or (adapter == "auto" and _chooses_node(package)):
        return "node build", f"SvelteKit with adapter-{adapter}"
    if adapter:
        return "vite preview --host 0.0.0.0 --port $PORT", f"SvelteKit with adapter-{adapter}, which leaves no server"
    if names & _NITRO:
        return "node .output/server/index.mjs", "the server that Nitro builds"
    if "@astrojs/node" in names:
        return "HOST=0.0.0.0 node dist/server/entry.mjs", "Astro with its node adapter"
    if "next" in names:
        return "next start", "Next.js"
    if "@react-router/serve" in names:
        return "react-router-serve ./build/server/index.js", "React Router"
    if "@remix-run/serve" in names:
        return "remix-serve ./build/server/index.js", "Remix"
    if "@nestjs/core" in names:
        return "node dist/main", "NestJS"
    rendered = next((str(line) for name, line in scripts.items() if name.startswith("serve:ssr")), "")
    return (rendered, "Angular rendered on the server") if rendered and "@angular/ssr" in names else None


def _chooses_node(package: Mapping[str, Any]) -> bool:
    """Whether SvelteKit's adapter-auto is one that takes adapter-node where it is told to be on a machine of its own."""
    told = str(
        {**(package.get("dependencies") or {}), **(package.get("devDependencies") or {})}.get("@sveltejs/adapter-auto")
    )
    version = re.search(r"(\d+)(?:\.(\d+))?", told)
    return version is None or (int(version[1]), int(version[2] or 0)) >= (3, 2)


def _served_folder(start: str) -> str:
    """What a static server that start calls is told to serve."""
    for told in (
        r"(?:^|\s)(?:sirv|live-server|http-server|docsify serve|superstatic)\s+(?:\./)?([\w][\w./-]*)",
        r"(?:--server|-s|--baseDir)[= ][\"']?(?:\./)?(\w[\w./-]*)",
    ):
        if (match := re.search(told, start)) and ".." not in match[1]:
            return match[1].rstrip("/")
    return ""


def built(scripts: Mapping[str, Any], build: str) -> bool:
    """Whether a build script does something."""
    return not re.match(r"(echo|exit|true)\b", script(scripts, build))


def _pages(tree: Tree, package: Mapping[str, Any], build: str | None, start: str) -> tuple[str, str, str] | None:
    """The same of a tree with pages of its own, where package.json is only for tools."""
    page = static.detect(tree) or (None if start or entry(tree, package, re.compile("")) else static.first_page(tree))
    names = dependencies(package)
    # with a package for servers, a file at a usual place may also only call the one that listens
    listens = re.compile("") if any(one in names for one in _SERVERS) else _LISTENS
    if page is None or (not start and entry(tree, package, listens)):
        return None
    return "Static", page.rpartition("/")[0] or ".", ""
