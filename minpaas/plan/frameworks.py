"""Frameworks that make pages: the folder in which their build leaves them, and which page answers for all paths."""

import json
import re
from collections.abc import Mapping
from typing import Any

from minpaas.plan.development import script
from minpaas.plan.tree import Tree

_PAGE = "index.html"
HUGO = ("hugo-bin", "hugo-extended", "hugo-installer")
# tools that bundle, by a package, with the folder of the pages and whether one page answers for all paths; the first counts
_BUNDLERS = (
    ("@quasar/app-vite", "Quasar", "dist/spa", True), ("@quasar/app-webpack", "Quasar", "dist/spa", True), ("@quasar/app", "Quasar", "dist/spa", True),
    ("umi", "Umi", "dist", True), ("@umijs/max", "Umi", "dist", True), ("@slidev/cli", "Slidev", "dist", True), ("gridsome", "Gridsome", "dist", False),
    ("honkit", "HonKit", "_book", False), *((one, "Hugo", "public", False) for one in HUGO), ("vite", "Vite", "dist", True), ("react-scripts", "Create React App", "build", True),
    ("react-app-rewired", "Create React App", "build", True), ("@craco/craco", "Create React App", "build", True),
    ("react-dev-utils", "Create React App", "build", True), ("preact-cli", "Preact", "build", True), ("hexo", "Hexo", "public", False),
    ("ember-cli", "Ember", "dist", True), ("@vue/cli-service", "Vue", "dist", True), ("@stencil/core", "Stencil", "www", True),
    ("snowpack", "Snowpack", "build", True), ("@parcel/core", "Parcel", "dist", True), ("parcel", "Parcel", "dist", True),
    ("parcel-bundler", "Parcel", "dist", True), ("storybook", "Storybook", "storybook-static", False), ("@rsbuild/core", "Rsbuild", "dist", True),
    ("@farmfe/core", "Farm", "dist", True), ("@rspack/cli", "Rspack", "dist", True), ("@rspress/core", "Rspress", "doc_build", False),
    ("rspress", "Rspress", "doc_build", False), ("expo", "Expo", "dist", True), ("webpack", "webpack", "dist", True),
    ("gulp", "gulp", "dist", False), ("grunt", "grunt", "dist", False),
)  # fmt: skip
# those whose index.html at the top is no page, but what their build makes one of
_OF_SOURCES = ("Vite", "Parcel", "Snowpack", "Quasar", "Farm", "Angular", "Ember")


def output(tree: Tree, names: set[str], build: str) -> tuple[str, str, str] | None:
    """(framework, folder, the page that answers for paths without one; empty: none)."""
    if "@angular/core" in names:
        return "Angular", _angular(tree), _PAGE
    if "astro" in names:
        return "Astro", _below("", configured(tree, "astro.config", "outDir", "dist")), ""
    if "@docusaurus/core" in names:
        return "Docusaurus", "build", ""
    if "gatsby" in names:
        return "Gatsby", "public", ""
    if "next" in names:
        told = re.search(r"next export.* -o (?:\./)?([\w./-]+)", build)
        folder = told[1] if told else configured(tree, "next.config", "distDir", "out")
        return ("Next.js", folder, "") if exported(tree, names, {"build": build}, "build") else None
    if "nuxt" in names:
        return ("Nuxt", "dist" if nuxt_2(tree) else ".output/public", "") if "generate" in build else None
    if svelte_adapter(tree, names) == "static":
        fallback = re.search(r"fallback\s*:\s*['\"]([\w./-]+)", config(tree, "svelte.config"))
        return "SvelteKit", configured(tree, "svelte.config", "pages", "build"), fallback[1] if fallback else ""
    if any(one.startswith("@react-router/") for one in names) and exported(tree, names, {}, None):
        return "React Router", "build/client", _PAGE
    if "@remix-run/dev" in names and exported(tree, names, {}, None):
        return "Remix", "build/client", _PAGE
    if "@sveltejs/kit" in names or any(name.startswith(("@remix-run/", "@react-router/")) for name in names):
        return None
    for name, framework, folder in (
        ("vitepress", "VitePress", ".vitepress/dist"),
        ("vuepress", "VuePress", ".vuepress/dist"),
    ):
        if name in names:
            inside = re.search(rf"{name} build\s+(?:\./)?([\w./-]+)", build)
            return framework, f"{inside[1]}/{folder}" if inside else folder, ""
    if "@11ty/eleventy" in names:
        told = re.search(r"--output[= ](?:\./)?([\w./-]+)", build) or re.search(
            r"\boutput\s*:\s*['\"](?:\./)?([\w./-]+)['\"]",
            config(tree, ".eleventy") or config(tree, "eleventy.config"),
        )
        return "Eleventy", told[1].rstrip("/") if told else "_site", ""
    return _bundled(tree, names, build)


def astro_adapter(tree: Tree) -> str:
    """The adapter of another host, where all pages are rendered by it; empty: there are pages without it."""
    told = config(tree, "astro.config")
    used = re.search(r"['\"](@astrojs/(?:vercel|netlify|cloudflare)|@deno/astro-adapter)\b", told)
    return used[1] if used and re.search(r"\boutput\s*:\s*['\"]server['\"]", told) else ""


def makes_pages_of(tree: Tree, framework: str) -> bool:
    """Whether an index.html that was committed is only what its build makes a page of."""
    library = framework == "Vite" and re.search(r"\blib\s*:\s*\{", config(tree, "vite.config"))
    return framework in _OF_SOURCES and not library


def _bundled(tree: Tree, names: set[str], build: str) -> tuple[str, str, str] | None:
    """The same of tools that only bundle."""
    for name, framework, folder, spa in _BUNDLERS:
        if name in names:
            page = _PAGE if spa else ""
            if name == "vite":
                told = re.search(r"--outDir[= ](?:\./)?([\w/-][\w./-]*)", build)
                root = configured(tree, "vite.config", "root", "")
                return (
                    framework,
                    _below(root, told[1] if told else configured(tree, "vite.config", "outDir", folder)),
                    page,
                )
            if told := re.search(
                r"(?:--dist-dir|--out-dir|--output-path|--dest|-d|-o)[= ](?:\./)?([\w/-][\w./-]*)(?: |$)", build
            ):
                folder = told[1]
            elif name == "@vue/cli-service":
                folder = _below("", configured(tree, "vue.config", "outputDir", folder))
            elif name == "webpack" and (
                inside := re.search(
                    r"path\s*:\s*\w*\.?\w*\(?\s*__dirname\s*(?:,|\+)\s*['\"]/?(?:\./)?([\w./-]+)",
                    config(tree, "webpack.config"),
                )
            ):
                folder = inside[1]
            return framework, folder.rstrip("/"), page
    return None


def svelte_adapter(tree: Tree, names: set[str]) -> str:
    """For which platform SvelteKit builds: node, static, auto, vercel, ...; empty where there is no SvelteKit."""
    if "@sveltejs/kit" not in names:
        return ""
    used = re.search(r"@sveltejs/adapter-([a-z]+)", config(tree, "svelte.config") + config(tree, "vite.config"))
    return used[1] if used else next((one for one in ("node", "static") if f"@sveltejs/adapter-{one}" in names), "auto")


def exported(tree: Tree, names: set[str], scripts: Mapping[str, Any], build: str | None) -> bool:
    """Whether a framework that can serve is told to leave only pages."""
    if "next" in names:
        told = config(tree, "next.config")
        return bool(re.search(r"\boutput\s*:\s*['\"]export['\"]", told)) or (
            "next export" in script(scripts, build) and not re.match(r"next start", script(scripts, "start"))
        )
    single = re.compile(r"\bssr\s*:\s*false")
    if "@remix-run/dev" in names:
        return bool(single.search(config(tree, "vite.config")))
    return any(one.startswith("@react-router/") for one in names) and bool(
        single.search(config(tree, "react-router.config"))
    )


def nuxt_2(tree: Tree) -> bool:
    """Whether it is Nuxt as it was before Nitro."""
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


def config(tree: Tree, stem: str) -> str:
    """A configuration file without its comments."""
    text = next((text for end in ("js", "mjs", "ts", "mts", "cjs") if (text := tree.read(f"{stem}.{end}"))), "")
    return re.sub(r"/\*.*?\*/|(?<![:\"'])//[^\n]*", "", text, flags=re.S)


def configured(tree: Tree, stem: str, key: str, default: str) -> str:
    """A folder that a configuration file names, be it by path.resolve(__dirname, 'name')."""
    match = re.search(
        rf"\b{key}\s*:\s*(?:[\w.]+\(\s*(?:__dirname|import\.meta\.dirname|process\.cwd\(\))\s*,\s*)?['\"]([\w./-]+)['\"]",
        config(tree, stem),
    )
    folder = (match[1] if match else default).removeprefix("./").strip("/")
    return default if folder == "." else folder


def _below(root: str, folder: str) -> str:
    """A folder as seen from the top: it may lead out of the root, as ../dist."""
    parts = [one for one in root.split("/") if one]
    for one in folder.split("/"):
        parts = parts[:-1] if one == ".." else [*parts, one]
    return "/".join(parts)
