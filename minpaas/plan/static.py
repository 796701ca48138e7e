"""Static sites: which folder is served, and how."""

import re
from dataclasses import replace

from minpaas.plan import hosting, site_files
from minpaas.plan.model import Notes, Plan, PlanError, SiteRecipe
from minpaas.plan.tree import Tree

# where pages are looked for, the most usual first
_FOLDERS = ("public", "docs", "dist", "build", "www", "_site", "site", "html", "htdocs", "public_html", "out", "src")
# what the first page is called where it is not index.html
_FIRST = ("index.html", "index.htm", "default.html", "default.htm", "home.html", "main.html")
# a file, whose it is, where its pages go, and a further file that must be there
_GENERATORS: tuple[tuple[str, ...], ...] = (
    ("config.toml", "Zola", "public", "templates/"), ("mkdocs.yml", "MkDocs", "site"), ("book.toml", "mdBook", "book"),
    ("_quarto.yml", "Quarto", "_site"), ("config.rb", "Middleman", "build", "source/"), ("pelicanconf.py", "Pelican", "output"),
    ("antora-playbook.yml", "Antora", "build/site"),
)  # fmt: skip
# the way to have pages served by Heroku's PHP: index.php only passes on a page
_PASSES_ON = re.compile(
    r"\s*<\?php\s+(?:header\([^)]*\);\s*)?(?:include|require|readfile)(?:_once)?\s*\(?\s*['\"](?:\./)?([\w-]+\.html?)['\"]\s*\)?\s*;?\s*(?:\?>)?\s*"
)


def detect(tree: Tree) -> str | None:
    """The file that makes this a static site, or None."""
    folders = (*hosting.published(tree), *_FOLDERS)
    # with a package.json of its own, what is there are the sources of pages
    pages = (one for one in folders if tree.has(f"{one}/index.html") and not tree.has(f"{one}/package.json"))
    return at_top(tree) or next((f"{one}/index.html" for one in pages), None)


def at_top(tree: Tree) -> str | None:
    """The same at the top of the tree."""
    names = set(tree.names())
    mark = next((one for one in ("static.json", "Staticfile", "index.html") if one in names), None)
    return mark or _page_of_php(tree)


def first_page(tree: Tree) -> str | None:
    """The page of a tree that has no index.html: one in other letters or of a usual name, or the only one that there is."""
    pages = [one for one in tree.names() if re.fullmatch(r"[^\"$\\;{}/]+\.html?", one, re.I)]
    usual = next((one for name in _FIRST for one in pages if one.lower() == name), None)
    return usual or (pages[0] if len(pages) == 1 and not pages[0].lower().startswith(("readme", "404")) else None)


def only_passes_on(tree: Tree) -> bool:
    """Whether a config.ru does no more than to serve the pages of a folder, the way to have them served by Heroku's Ruby."""
    text = re.sub(r"#.*", "", tree.read("config.ru") or "")
    serves = re.search(r"Rack::(Static|TryStatic|File|Directory)", text)
    return bool(serves) and not re.search(r"require_relative|require ['\"](\./|sinatra|rails)|Rails\.|Sinatra", text)


def plan(tree: Tree, types: dict[str, str], notes: Notes) -> Plan:
    """How to serve it. Raises PlanError."""
    mark = detect(tree) or first_page(tree) or ""
    if maker := generator(tree):
        raise not_run(*maker)
    notes.because(f"Static site, by {mark or 'what was asked'}")
    site = _site(tree, mark, notes)
    if types.get("web"):
        notes.warn(f"web of the Procfile ({types['web']}) is not used: the pages are served by nginx")
    notes.because(f"Served: {'the whole tree' if site.root == '.' else site.root + '/'}, by nginx")
    if site.fallback:
        notes.because(f"Unknown paths get {site.fallback}")
    if scripts := [one for one in tree.names("" if site.root == "." else site.root) if one.endswith(".php")]:
        notes.warn(f"PHP is not run here, and its files are not shown: {', '.join(scripts[:5])}")
    return Plan("static", notes.reasons, {**types, "web": "serve-site"}, warnings=notes.warnings, site=site)


def _site(tree: Tree, mark: str, notes: Notes) -> SiteRecipe:
    told = site_files.read(tree, notes)
    usual = {"static.json": "public_html", "Staticfile": "public"}.get(mark, mark.rpartition("/")[0])
    root = told.root if tree.names(told.root) else ""
    root = root or (usual if usual and tree.names(usual) else ".")
    only = "200.html" if tree.has(f"{root}/200.html".removeprefix("./")) else ""  # as Surge has it
    missing = "404.html" if tree.has(f"{root}/404.html".removeprefix("./")) else ""
    page = mark if mark in (_page_of_php(tree), first_page(tree)) else None
    return replace(site_files.settled(told, root, only, "" if only else missing), index=page or "index.html")


def _page_of_php(tree: Tree) -> str | None:
    match = _PASSES_ON.fullmatch(tree.read("index.php") or "")
    return match[1] if match and tree.has(match[1]) else None


def generator(tree: Tree) -> tuple[str, str] | None:
    """What makes pages of a tree that has none, and the folder where it puts them."""
    names = set(tree.names())
    if _is_jekyll(tree):
        return "Jekyll", "_site"
    if at_top(tree) or tree.has("public/index.html"):
        return None
    if _is_hugo(tree):
        return "Hugo", "public"
    found = (one for one in _GENERATORS if one[0] in names and (len(one) == 3 or one[3] in names))
    return next(((name, folder) for _, name, folder, *_ in found), None)


def _is_hugo(tree: Tree) -> bool:
    names = set(tree.names())
    if names & {"hugo.toml", "hugo.yaml", "hugo.yml", "hugo.json"} or "_default/" in tree.names("config"):
        return True
    told = "\n".join(tree.read(f"config.{end}") or "" for end in ("toml", "yaml", "yml", "json"))
    folders = {"content/", "archetypes/", "layouts/", "themes/"}
    return bool(re.search(r"^\W*baseURL\b", told, re.M | re.I)) and bool(names & folders)


def _is_jekyll(tree: Tree) -> bool:
    """Whether the pages are only what Jekyll makes pages of."""
    names = set(tree.names())
    if "_config.yml" not in names or ".nojekyll" in names or tree.has("_site/index.html"):
        return False
    page = tree.read("index.html") or ""
    return (
        page.startswith("---")
        or "{% include" in page
        or ("index.html" not in names and bool(names & {"_posts/", "_layouts/"}))
    )


def not_run(name: str, folder: str) -> PlanError:
    """What is said of a tree that a generator of pages makes a site of."""
    return PlanError(
        "nothing",
        f"This is a site for {name}, which is not run here",
        f"there are the sources of its pages, and no {folder}/index.html",
        f"commit what {name} makes (the folder {folder}), or bring a Dockerfile; then push again",
        f"{name} is not run here",
    )
