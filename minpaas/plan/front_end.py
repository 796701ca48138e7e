"""Node.js trees that only build pages: which folder holds them, and whether one page answers for all paths."""

import json
import re
from collections.abc import Mapping
from typing import Any

from minpaas.plan.model import SiteRecipe
from minpaas.plan.tree import Tree

# a start script that begins like this runs a development server, which is not for visitors
_DEVELOPMENT = re.compile(
    r"^(cross-env\s+)?([A-Z_]+=\S+\s+)*(npx\s+)?(vite(\s+(dev|serve|preview)|\s*$|\s+--)|react-scripts start|ng serve|ng s\b|astro (dev|preview|start)|"
    r"vue-cli-service serve|parcel(\s+(serve|watch))?\s|webpack(-dev-server| serve)|gatsby (develop|serve)|docusaurus (start|serve)|"
    r"vitepress (dev|preview)|eleventy --serve|react-app-rewired start|craco start|nuxt(\s+dev|\s*$)|nuxi dev)"
)
_ALIAS = re.compile(r"(?:npm|yarn|pnpm)(?: run)? ([\w:.-]+)")
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
_SPA_ROUTERS = ("react-router", "vue-router", "@angular/router", "@tanstack/react-router", "wouter")


def site(tree: Tree, package: Mapping[str, Any]) -> tuple[SiteRecipe, str] | None:
    """How a front end that only builds is served, and why; None when the tree serves itself."""
    scripts = package.get("scripts") or {}
    start, build = script(scripts, "start"), build_script(package)
    if build is None or (start and not _DEVELOPMENT.match(start)):
        return None
    names = {*(package.get("dependencies") or {}), *(package.get("devDependencies") or {})}
    found = _output(tree, names, script(scripts, build))
    if found is None or (not start and any(server in names for server in _SERVERS)):
        return None
    framework, root, spa = found
    pages = SiteRecipe(root, "index.html" if spa else "", "" if spa else "404.html")
    because = (
        "it has a build and no server of its own"
        if not start
        else f"its start script ({start}) is a development server"
    )
    return pages, f"{framework} front end: {because}; {root}/ is served" + (
        ", index.html for unknown paths" if spa else ""
    )


def script(scripts: Mapping[str, Any], name: str) -> str:
    """A script, or the one that it only calls: start may be  npm run develop."""
    line, seen = str(scripts.get(name) or "").strip(), {name}
    while (alias := _ALIAS.fullmatch(line)) and alias[1] in scripts and alias[1] not in seen:
        seen.add(alias[1])
        line = str(scripts[alias[1]]).strip()
    return line


def build_script(package: Mapping[str, Any]) -> str | None:
    """The name of the script that builds: build, and generate where Nuxt has no other."""
    scripts = package.get("scripts") or {}
    nuxt = any("nuxt" in (package.get(kind) or {}) for kind in ("dependencies", "devDependencies"))
    return next((one for one in ("build", *(["generate"] if nuxt else [])) if one in scripts), None)


def server_command(package: Mapping[str, Any]) -> tuple[str, str] | None:
    """The server that a framework's build leaves behind, for trees without a start script."""
    names = {*(package.get("dependencies") or {}), *(package.get("devDependencies") or {})}
    if "nuxt" in names:
        return "node .output/server/index.mjs", "Nuxt"
    if "@sveltejs/adapter-node" in names:
        return "node build", "SvelteKit with adapter-node"
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
    return None


def _output(tree: Tree, names: set[str], build: str) -> tuple[str, str, bool] | None:
    """(framework, folder, whether one page answers for all paths)."""
    if "@angular/core" in names:
        return "Angular", _angular(tree), True
    if "astro" in names:
        return "Astro", _configured(tree, "astro.config", "outDir", "dist"), False
    if "@docusaurus/core" in names:
        return "Docusaurus", "build", False
    if "gatsby" in names:
        return "Gatsby", "public", False
    if "next" in names:
        exported = re.search(r"output\s*:\s*['\"]export['\"]", _config(tree, "next.config"))
        return ("Next.js", "out", False) if exported else None
    if "nuxt" in names:
        return ("Nuxt", "dist" if _nuxt_2(tree) else ".output/public", False) if "generate" in build else None
    if "@sveltejs/adapter-static" in names:
        fallback = re.search(r"fallback\s*:\s*['\"]", _config(tree, "svelte.config"))
        return "SvelteKit", "build", bool(fallback)
    if "@sveltejs/kit" in names or any(name.startswith(("@remix-run/", "@react-router/")) for name in names):
        return None
    if "react-scripts" in names or "react-app-rewired" in names or "@craco/craco" in names:
        return "Create React App", "build", True
    if "vitepress" in names:
        return "VitePress", "docs/.vitepress/dist" if "docs" in build else ".vitepress/dist", False
    if "@11ty/eleventy" in names:
        return "Eleventy", "_site", False
    if "@vue/cli-service" in names:
        return "Vue", "dist", True
    if "vite" in names:
        return "Vite", _configured(tree, "vite.config", "outDir", "dist"), True
    if "parcel" in names or "parcel-bundler" in names:
        return "Parcel", "dist", True
    return ("webpack", "dist", True) if "webpack" in names and tree.read("webpack.config.js") else None


def _nuxt_2(tree: Tree) -> bool:
    return bool(re.search(r'"nuxt"\s*:\s*"[~^]?2\b', tree.read("package.json") or ""))


def _angular(tree: Tree) -> str:
    """outputPath of angular.json; the application builder puts the pages in browser/ below it."""
    try:
        projects = json.loads(tree.read("angular.json") or "{}").get("projects") or {}
        name, project = next(iter(projects.items()))
        build = project["architect"]["build"]
    except (ValueError, StopIteration, KeyError, AttributeError, TypeError):
        return "dist"
    path = (build.get("options") or {}).get("outputPath") or f"dist/{name}"
    if isinstance(path, dict):
        return f"{path.get('base', 'dist')}/{path.get('browser', 'browser')}".rstrip("/")
    modern = str(build.get("builder", "")).endswith(":application")
    return f"{path}/browser" if modern else str(path)


def _config(tree: Tree, stem: str) -> str:
    return next((text for end in ("js", "mjs", "ts", "mts", "cjs") if (text := tree.read(f"{stem}.{end}"))), "")


def _configured(tree: Tree, stem: str, key: str, default: str) -> str:
    match = re.search(rf"\b{key}\s*:\s*['\"]([\w./-]+)['\"]", _config(tree, stem))
    folder = (match[1] if match else default).removeprefix("./").strip("/")
    return default if ".." in folder else folder
