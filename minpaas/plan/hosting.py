"""What the files of hosts for pages say: Netlify, Vercel, Firebase, Cloudflare, Render, Azure. What is not of pages is named."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from minpaas.plan import render_yaml
from minpaas.plan.appjson import parse_json
from minpaas.plan.model import PlanError
from minpaas.plan.tree import Tree

Redirects = list[tuple[str, str, int]]  # from, to, status
_INDEX = "index.html"
_CODE = (".js", ".ts", ".mjs", ".mts", ".cjs", ".py", ".go", ".rb", ".jsx", ".tsx")


def published(tree: Tree) -> Iterator[str]:
    """Folders of pages that are named, the first that can be used counts."""
    render = re.search(r"^[ \t]*staticPublishPath:\s*[\"']?(?:\./)?([\w./-]+)", tree.read("render.yaml") or "", re.M)
    vercel = read_json(tree, "vercel.json")
    built = [mapping(one.get("config")).get("distDir") for one in items(vercel.get("builds"))]
    cloudflare = _cloudflare(tree)
    named = (
        mapping(read_toml(tree, "netlify.toml").get("build")).get("publish"),
        render[1] if render else None,
        vercel.get("outputDirectory"),
        *built,
        _firebase(tree).get("public"),
        cloudflare.get("pages_build_output_dir"),
        mapping(cloudflare.get("assets")).get("directory"),
        mapping(cloudflare.get("site")).get("bucket"),
    )
    yield from (str(one).removeprefix("./").strip("/") for one in named if one)


def fallback(tree: Tree) -> str:
    """The page for paths that have none, where one is named without a list of rules."""
    if mapping(_cloudflare(tree).get("assets")).get("not_found_handling") == "single-page-application":
        return _INDEX
    azure = mapping(read_json(tree, "staticwebapp.config.json").get("navigationFallback")).get("rewrite")
    vercel = read_json(tree, "vercel.json")
    told = everything([*items(vercel.get("rewrites")), *items(vercel.get("routes"))])
    return told or str(azure or "").lstrip("/")


def redirects(tree: Tree) -> Iterator[tuple[str, Redirects]]:
    """Each file with its rules; those that hold for some visitors only are left out."""
    yield "netlify.toml", list(_netlify(tree))
    yield (
        "vercel.json",
        [
            (str(one.get("source")), str(one.get("destination")), 308 if one.get("permanent") else 307)
            for one in items(read_json(tree, "vercel.json").get("redirects"))
            if not one.get("has")
        ],
    )
    yield "firebase.json", list(_firebase_rules(tree))
    yield "render.yaml", list(render_yaml.routes(render_yaml.web_service(tree.read("render.yaml") or "")))


def headers(tree: Tree) -> Iterator[tuple[str, dict[str, Any]]]:
    """Paths with their headers."""
    told = [*items(read_json(tree, "vercel.json").get("headers")), *items(_firebase(tree).get("headers"))]
    for one in told:
        path = re.sub(r"\(\.\*\)|\*\*", "*", str(one.get("source") or ""))
        yield path, {str(pair.get("key")): pair.get("value") for pair in items(one.get("headers"))}
    for one in items(read_toml(tree, "netlify.toml").get("headers")):
        yield str(one.get("for") or ""), mapping(one.get("values"))
    yield from render_yaml.headers(render_yaml.web_service(tree.read("render.yaml") or ""))


def functions(tree: Tree) -> Iterator[tuple[str, str]]:
    """Folders with functions that the host would run, and whose they are."""
    names, netlify = set(tree.names()), read_toml(tree, "netlify.toml")
    named = [mapping(netlify.get(one)).get(key) for one, key in (("build", "functions"), ("functions", "directory"))]
    for folder in [*named, "netlify/functions", "netlify/edge-functions"]:
        if isinstance(folder, str) and _has_code(tree, folder.removeprefix("./").strip("/")):
            yield f"{folder.removeprefix('./').strip('/')}/", "Netlify"
    if "requirements.txt" not in names and (
        _has_code(tree, "api") if "vercel.json" in names else _handles(tree, "api")
    ):
        yield "api/", "Vercel"
    if "staticwebapp.config.json" in names and _has_code(tree, "api"):
        yield "api/", "Azure"
    if names & {"wrangler.toml", "wrangler.json", "wrangler.jsonc"}:
        if _has_code(tree, "functions"):
            yield "functions/", "Cloudflare"
        if isinstance(main := _cloudflare(tree).get("main"), str) and tree.has(main.removeprefix("./")):
            yield main.removeprefix("./"), "Cloudflare"
    if read_json(tree, "firebase.json").get("functions") is not None and "functions/" in names:
        yield "functions/", "Firebase"


def everything(rewrites: Any) -> str:
    """index.html, where a list of rewrites as Vercel has it answers all paths with it."""
    for one in items(rewrites):
        source, target = one.get("source") or one.get("src"), one.get("destination") or one.get("dest")
        every = re.search(r"\(\.\*\)|:\w+\*|\(\?!.*\.\*", str(source))
        if every and str(target).lstrip("/") in ("", _INDEX):
            return _INDEX
    return ""


def read_json(tree: Tree, name: str) -> dict[str, Any]:
    """Another platform's file: what cannot be read is not ours to refuse."""
    try:
        return parse_json(tree.read(name) or "{}", name)
    except PlanError:
        return {}


def read_toml(tree: Tree, name: str) -> dict[str, Any]:
    """The same of TOML."""
    try:
        return tomllib.loads(tree.read(name) or "")
    except tomllib.TOMLDecodeError:
        return {}


def mapping(told: Any) -> dict[str, Any]:
    """What should be an object."""
    return told if isinstance(told, dict) else {}


def items(told: Any) -> list[dict[str, Any]]:
    """What should be a list of objects."""
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def _netlify(tree: Tree) -> Iterator[tuple[str, str, int]]:
    for one in items(read_toml(tree, "netlify.toml").get("redirects")):
        if not one.get("conditions") and not one.get("query"):
            status = one.get("status")
            yield str(one.get("from") or ""), str(one.get("to") or ""), status if isinstance(status, int) else 301


def _firebase(tree: Tree) -> dict[str, Any]:
    """The hosting of firebase.json: one site, or the first of several."""
    told = read_json(tree, "firebase.json").get("hosting")
    return mapping(next(iter(items(told)), {}) if isinstance(told, list) else told)


def _firebase_rules(tree: Tree) -> Iterator[tuple[str, str, int]]:
    told = _firebase(tree)
    for one in items(told.get("redirects")):
        status = one.get("type")
        yield (
            str(one.get("source") or ""),
            str(one.get("destination") or ""),
            status if isinstance(status, int) else 301,
        )
    for one in items(told.get("rewrites")):
        # those to functions have no destination
        source = str(one.get("source") or "")
        yield "/**" if source == "**" else source, str(one.get("destination") or "to a function"), 200


def _cloudflare(tree: Tree) -> dict[str, Any]:
    """wrangler.toml, or wrangler.jsonc: JSON with comments."""
    if told := read_toml(tree, "wrangler.toml"):
        return told
    for name in ("wrangler.jsonc", "wrangler.json"):
        text = re.sub(r"^[ \t]*//.*$|/\*.*?\*/|(?<=[,{\[\]}\s])//.*$", "", tree.read(name) or "", flags=re.M)
        if text.strip():
            try:
                return parse_json(re.sub(r",(\s*[}\]])", r"\1", text), name)
            except PlanError:
                return {}
    return {}


def _handles(tree: Tree, folder: str) -> bool:
    """Whether files of a folder answer requests as functions do, rather than to be loaded by pages."""
    texts = (tree.read(f"{folder}/{name}") or "" for name in tree.names(folder)[:20] if name.endswith(_CODE))
    handler = re.compile(
        r"(?:export default|module\.exports\s*=)\s*(?:async\s*)?(?:function\s*\w*\s*)?\(\s*req\w*\s*,\s*res|VercelRequest"
    )
    return any(handler.search(text) for text in texts)


def _has_code(tree: Tree, folder: str) -> bool:
    names = tree.names(folder)
    deeper = [one for name in names[:50] if name.endswith("/") for one in tree.names(f"{folder}/{name}".rstrip("/"))]
    return any(one.endswith(_CODE) for one in [*names, *deeper])
