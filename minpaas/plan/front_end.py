"""Node.js trees that only build pages: which folder holds them, and whether one page answers for all paths."""

import json
import re
from collections.abc import Mapping
from typing import Any

from minpaas.plan import node_start, site_files, static
from minpaas.plan.development import is_development, script
from minpaas.plan.model import Notes, SiteRecipe
from minpaas.plan.tree import Tree

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
_LISTENS = re.compile(r"\blisten\s*\(|createServer|\bserve\s*\(|\b[Hh]api\b|\bexpress\s*\(|\bfastify\s*\(")
# where the script that builds has another name, by the framework
_BUILDS = (
    ("nuxt", "generate"), ("vitepress", "docs:build"), ("vuepress", "docs:build"), ("hexo", "generate"),
    ("storybook", "build-storybook"), ("@storybook/react", "build-storybook"), ("@storybook/html", "build-storybook"),
    ("@storybook/vue", "build-storybook"), ("@storybook/web-components", "build-storybook"),
)  # fmt: skip
# frameworks by a package, with the folder of the pages and whether one page answers for all paths; the first counts
_FRAMEWORKS = (
    ("react-scripts", "Create React App", "build", True), ("react-app-rewired", "Create React App", "build", True),
    ("@craco/craco", "Create React App", "build", True), ("preact-cli", "Preact", "build", True), ("hexo", "Hexo", "public", False),
    ("ember-cli", "Ember", "dist", True), ("@vue/cli-service", "Vue", "dist", True), ("@stencil/core", "Stencil", "www", True),
    ("snowpack", "Snowpack", "build", True), ("@parcel/core", "Parcel", "dist", True), ("parcel", "Parcel", "dist", True),
    ("parcel-bundler", "Parcel", "dist", True), ("storybook", "Storybook", "storybook-static", False), ("webpack", "webpack", "dist", True),
    ("gulp", "gulp", "dist", False), ("grunt", "grunt", "dist", False),
)  # fmt: skip


def site(tree: Tree, package: Mapping[str, Any], notes: Notes) -> tuple[SiteRecipe, str] | None:
    """How a front end that only builds is served, and why; None when the tree serves itself."""
    scripts = package.get("scripts") or {}
    start, build = script(scripts, "start"), _build(package)
    names = {*(package.get("dependencies") or {}), *(package.get("devDependencies") or {})}
    if _exported(tree, names, scripts, build):
        start = ""  # it is left over from the template: there is nothing that it could serve
    if (start and not is_development(scripts, start)) or _renders(tree, names, package):
        return None
    if node_start.server_script(tree, package):
        return None
    if not start and any(server in names for server in _SERVERS) and entry(tree, package):
        return None
    found = _output(tree, names, script(scripts, build)) if build and built(scripts, build) else None
    found = found or _pages(tree, package, build, start)
    if found is None:
        return None
    framework, root, spa = found
    told = site_files.read(tree, notes, built=bool(build))
    root = told.root or _served_folder(start) or root
    page = told.fallback or ("index.html" if spa else "")
    because = (
        f"its start script ({start}) is a development server"
        if start
        else f"it has {'a build and ' if build else ''}no server of its own"
    )
    pages = site_files.settled(told, root, page, "" if page else "404.html")
    where = "the whole tree" if root == "." else f"{root}/"
    return pages, f"{framework} front end: {because}; {where} is served" + (
        f", {page} for unknown paths" if page else ""
    )


def _renders(tree: Tree, names: set[str], package: Mapping[str, Any]) -> bool:
    """Whether a framework of pages is told to render them on a server."""
    if "@astrojs/node" in names:
        return "adapter" in _config(tree, "astro.config")
    if names & _NITRO:
        return True
    static_output = re.search(r'"outputMode"\s*:\s*"static"', tree.read("angular.json") or "")
    return "@angular/ssr" in names and server_command(tree, package) is not None and not static_output


def build_script(package: Mapping[str, Any]) -> str | None:
    """The name of the script that builds: build, or what a framework calls it that has no build, or what compiles."""
    scripts = package.get("scripts") or {}
    names = {*(package.get("dependencies") or {}), *(package.get("devDependencies") or {})}
    if "build" in scripts:
        return "build"
    if compiling := package.get(node_start.COMPILES):
        return str(compiling)
    return next((one for name, one in _BUILDS if name in names and one in scripts), None)


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
    told = [main.removeprefix("./"), f"{main}.js".removeprefix("./")] if isinstance(main, str) else []
    return next((one for one in [*told, *usual] if (text := tree.read(one)) is not None and listens.search(text)), None)


def svelte_adapter(tree: Tree, names: set[str]) -> str:
    """For which platform SvelteKit builds: node, static, auto, vercel, ...; empty where there is no SvelteKit."""
    if "@sveltejs/kit" not in names:
        return ""
    used = re.search(r"@sveltejs/adapter-([a-z]+)", _config(tree, "svelte.config") + _config(tree, "vite.config"))
    return used[1] if used else next((one for one in ("node", "static") if f"@sveltejs/adapter-{one}" in names), "auto")


def server_command(tree: Tree, package: Mapping[str, Any]) -> tuple[str, str] | None:
    """The server that a framework's build leaves behind, for trees without a start script."""
    names = {*(package.get("dependencies") or {}), *(package.get("devDependencies") or {})}
    scripts = package.get("scripts") or {}
    if "nuxt" in names and _nuxt_2(tree):
        return "nuxt start", "Nuxt 2"
    if "nuxt" in names:
        return "node .output/server/index.mjs", "Nuxt"
    adapter = svelte_adapter(tree, names)
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
    match = re.search(r"(?:^|\s)(?:sirv|live-server|http-server)\s+(?:\./)?([\w][\w./-]*)", start)
    return match[1].rstrip("/") if match and ".." not in match[1] else ""


def built(scripts: Mapping[str, Any], build: str) -> bool:
    """Whether a build script does something."""
    return not re.match(r"(echo|exit|true)\b", script(scripts, build))


def _exported(tree: Tree, names: set[str], scripts: Mapping[str, Any], build: str | None) -> bool:
    """Whether a framework that can serve is told to leave only pages."""
    if "next" in names:
        config = _config(tree, "next.config")
        return bool(re.search(r"\boutput\s*:\s*['\"]export['\"]", config)) or (
            "next export" in script(scripts, build) and not re.match(r"next start", script(scripts, "start"))
        )
    return any(one.startswith("@react-router/") for one in names) and bool(
        re.search(r"\bssr\s*:\s*false", _config(tree, "react-router.config"))
    )


def _output(tree: Tree, names: set[str], build: str) -> tuple[str, str, bool] | None:
    """(framework, folder, whether one page answers for all paths)."""
    if "@angular/core" in names:
        return "Angular", _angular(tree), True
    if "astro" in names:
        return "Astro", _below("", _configured(tree, "astro.config", "outDir", "dist")), False
    if "@docusaurus/core" in names:
        return "Docusaurus", "build", False
    if "gatsby" in names:
        return "Gatsby", "public", False
    if "next" in names:
        told = re.search(r"next export.* -o (?:\./)?([\w./-]+)", build)
        folder = told[1] if told else _configured(tree, "next.config", "distDir", "out")
        return ("Next.js", folder, False) if _exported(tree, names, {"build": build}, "build") else None
    if "nuxt" in names:
        return ("Nuxt", "dist" if _nuxt_2(tree) else ".output/public", False) if "generate" in build else None
    if svelte_adapter(tree, names) == "static":
        fallback = re.search(r"fallback\s*:\s*['\"]", _config(tree, "svelte.config"))
        return "SvelteKit", _configured(tree, "svelte.config", "pages", "build"), bool(fallback)
    if any(one.startswith("@react-router/") for one in names) and _exported(tree, names, {}, None):
        return "React Router", "build/client", True
    if "@sveltejs/kit" in names or any(name.startswith(("@remix-run/", "@react-router/")) for name in names):
        return None
    for name, framework, folder in (
        ("vitepress", "VitePress", ".vitepress/dist"),
        ("vuepress", "VuePress", ".vuepress/dist"),
    ):
        if name in names:
            inside = re.search(rf"{name} build\s+(?:\./)?([\w./-]+)", build)
            return framework, f"{inside[1]}/{folder}" if inside else folder, False
    if "@11ty/eleventy" in names:
        told = re.search(r"--output[= ](?:\./)?([\w./-]+)", build) or re.search(
            r"\boutput\s*:\s*['\"](?:\./)?([\w./-]+)['\"]",
            _config(tree, ".eleventy") or _config(tree, "eleventy.config"),
        )
        return "Eleventy", told[1].rstrip("/") if told else "_site", False
    return _bundled(tree, names, build)


def _bundled(tree: Tree, names: set[str], build: str) -> tuple[str, str, bool] | None:
    """The same of tools that only bundle."""
    if "vite" in names:
        told = re.search(r"--outDir[= ](?:\./)?([\w/-][\w./-]*)", build)
        root = _configured(tree, "vite.config", "root", "")
        return "Vite", _below(root, told[1] if told else _configured(tree, "vite.config", "outDir", "dist")), True
    for name, framework, folder, spa in _FRAMEWORKS:
        if name in names:
            if told := re.search(
                r"(?:--dist-dir|--out-dir|--output-path|--dest|-d|-o)[= ](?:\./)?([\w/-][\w./-]*)(?: |$)", build
            ):
                folder = told[1]
            elif name == "@vue/cli-service":
                folder = _below("", _configured(tree, "vue.config", "outputDir", folder))
            elif name == "webpack" and (
                inside := re.search(
                    r"path\s*:\s*\w*\.?\w*\(?\s*__dirname\s*(?:,|\+)\s*['\"]/?(?:\./)?([\w./-]+)",
                    _config(tree, "webpack.config"),
                )
            ):
                folder = inside[1]
            return framework, folder.rstrip("/"), spa
    return None


def _pages(tree: Tree, package: Mapping[str, Any], build: str | None, start: str) -> tuple[str, str, bool] | None:
    """The same of a tree with pages of its own, where package.json is only for tools."""
    page = static.detect(tree)
    names = {*(package.get("dependencies") or {}), *(package.get("devDependencies") or {})}
    # with a package for servers, a file at a usual place may also only call the one that listens
    listens = re.compile("") if any(one in names for one in _SERVERS) else _LISTENS
    if page is None or (not start and entry(tree, package, listens)):
        return None
    return "Static", page.rpartition("/")[0] or ".", False


def _nuxt_2(tree: Tree) -> bool:
    return bool(re.search(r'"nuxt"\s*:\s*"[~^]?2\b', tree.read("package.json") or ""))


def _angular(tree: Tree) -> str:
    """outputPath of angular.json; the application builder puts the pages in browser/ below it."""
    try:
        told = json.loads(tree.read("angular.json") or tree.read(".angular-cli.json") or "{}")
        if apps := told.get("apps"):
            return str(apps[0].get("outDir") or "dist")
        projects = told.get("projects") or {}
        chosen = [one for one in projects.items() if one[1].get("projectType", "application") == "application"]
        chosen = [one for one in chosen if "build" in (one[1].get("architect") or one[1].get("targets") or {})]
        default = [one for one in chosen if one[0] == told.get("defaultProject")]
        name, project = next(iter(default or chosen))
        build = (project.get("architect") or project.get("targets"))["build"]
    except (ValueError, StopIteration, KeyError, IndexError, AttributeError, TypeError):
        return "dist"
    path = (build.get("options") or {}).get("outputPath") or f"dist/{name}"
    if isinstance(path, dict):
        return f"{path.get('base', 'dist')}/{path.get('browser', 'browser')}".rstrip("/")
    modern = str(build.get("builder", "")).endswith(":application")
    return f"{path}/browser" if modern else str(path)


def _config(tree: Tree, stem: str) -> str:
    """A configuration file without its comments."""
    text = next((text for end in ("js", "mjs", "ts", "mts", "cjs") if (text := tree.read(f"{stem}.{end}"))), "")
    return re.sub(r"/\*.*?\*/|(?<![:\"'])//[^\n]*", "", text, flags=re.S)


def _configured(tree: Tree, stem: str, key: str, default: str) -> str:
    """A folder that a configuration file names, be it by path.resolve(__dirname, 'name')."""
    match = re.search(
        rf"\b{key}\s*:\s*(?:[\w.]+\(\s*(?:__dirname|import\.meta\.dirname|process\.cwd\(\))\s*,\s*)?['\"]([\w./-]+)['\"]",
        _config(tree, stem),
    )
    folder = (match[1] if match else default).removeprefix("./").strip("/")
    return default if folder == "." else folder


def _below(root: str, folder: str) -> str:
    """A folder as seen from the top: it may lead out of the root, as ../dist."""
    parts = [one for one in root.split("/") if one]
    for one in folder.split("/"):
        parts = parts[:-1] if one == ".." else [*parts, one]
    return "/".join(parts)
