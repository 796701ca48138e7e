"""Static sites: which folder is served, and how."""

import re
from typing import Any

from minpaas.plan.appjson import parse_json
from minpaas.plan.model import Notes, Plan, PlanError, SiteRecipe
from minpaas.plan.tree import Tree

_PATH = re.compile(r"(?!/)(?!.*\.\.)[\w./-]+")
_HEADER, _VALUE = re.compile(r"[A-Za-z0-9-]{1,60}"), re.compile(r"[^\"\\\n\r$]{0,1000}")


def detect(tree: Tree) -> str | None:
    """The file that makes this a static site, or None."""
    names = set(tree.names())
    marks = ("static.json", "Staticfile", "index.html")
    return next((one for one in marks if one in names), "public/index.html" if tree.has("public/index.html") else None)


def plan(tree: Tree, types: dict[str, str], notes: Notes) -> Plan:
    """How to serve it. Raises PlanError."""
    mark = detect(tree) or ""
    notes.because(f"Static site, by {mark or 'what was asked'}")
    if mark == "static.json":
        site = _static_json(tree, notes)
    elif mark == "Staticfile":
        site = _staticfile(tree)
    else:
        site = SiteRecipe("public" if mark.startswith("public/") else ".", not_found=_error_page(tree, mark))
    if types.get("web"):
        notes.warn(f"web of the Procfile ({types['web']}) is not used: the pages are served by nginx")
    notes.because(f"Served: {'the whole tree' if site.root == '.' else site.root + '/'}, by nginx")
    if site.fallback:
        notes.because(f"Unknown paths get {site.fallback}")
    return Plan("static", notes.reasons, {**types, "web": "serve-site"}, warnings=notes.warnings, site=site)


def _error_page(tree: Tree, mark: str) -> str:
    folder = "public/" if mark.startswith("public/") else ""
    return "404.html" if tree.has(f"{folder}404.html") else ""


def _staticfile(tree: Tree) -> SiteRecipe:
    told = dict(re.findall(r"^\s*(\w+)\s*:\s*[\"']?([^\"'\n#]*?)[\"']?\s*$", tree.read("Staticfile") or "", re.M))
    root = _folder(tree, told.get("root") or ("public" if tree.names("public") else "."), "Staticfile")
    spa = told.get("pushstate") in ("enabled", "true") or told.get("index_fallback") == "true"
    missing = "404.html" if tree.has(f"{root}/404.html") or (root == "." and tree.has("404.html")) else ""
    return SiteRecipe(root, "index.html" if spa else "", "" if spa else missing)


def _static_json(tree: Tree, notes: Notes) -> SiteRecipe:
    told = parse_json(tree.read("static.json") or "", "static.json")
    root = _folder(tree, str(told.get("root") or "public_html"), "static.json")
    for key in ("proxies", "redirects", "basic_auth", "https_only"):
        if told.get(key):
            notes.warn(f"{key} of static.json is not supported, and not used")
    routes = told.get("routes") if isinstance(told.get("routes"), dict) else {}
    fallback = str((routes or {}).get("/**") or (routes or {}).get("/*") or "").lstrip("/")
    missing = str(told.get("error_page") or "").lstrip("/")
    for path in (fallback, missing):
        if path and not _PATH.fullmatch(path):
            raise _bad("static.json", f"{path!r} is not a path in the root")
    headers = tuple(_headers(told.get("headers")))
    return SiteRecipe(root, fallback, missing, bool(told.get("clean_urls")), headers)


def _headers(told: Any) -> Any:
    everywhere = told.get("/**") or told.get("/*") if isinstance(told, dict) else None
    for name, value in (everywhere if isinstance(everywhere, dict) else {}).items():
        if _HEADER.fullmatch(name) and _VALUE.fullmatch(str(value)) and name.lower() != "cache-control":
            yield name, str(value)


def _folder(tree: Tree, root: str, where: str) -> str:
    root = root.strip().removeprefix("./").rstrip("/") or "."
    if root != "." and (not _PATH.fullmatch(root) or not tree.names(root)):
        raise _bad(where, f"there is no folder {root!r}")
    return root


def _bad(name: str, detail: str) -> PlanError:
    return PlanError(
        "file", f"{name} cannot be followed", detail, f"mend {name}, commit, and push again", f"bad {name}"
    )
