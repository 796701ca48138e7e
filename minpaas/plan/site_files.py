"""The files that say how a site is served: static.json, Staticfile, _redirects, _headers, and those of other platforms."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from minpaas.plan import hosting
from minpaas.plan.appjson import parse_json
from minpaas.plan.hosting import mapping
from minpaas.plan.model import Notes, PlanError, Rule, SiteRecipe
from minpaas.plan.tree import Tree

_PATH = re.compile(r"(?!/)(?!.*\.\.)[\w./@+~ -]+")
_GLOB = re.compile(r"/?[\w./@+~:*%-]*")
_TARGET = re.compile(r"[\w./:?&=%#@+~-]+")
_ORIGIN = re.compile(r"(https?://|\$\{\w+\})[\w./:${}@%~-]*")
_HEADER, _VALUE = re.compile(r"[A-Za-z0-9-]{1,60}"), re.compile(r"[^\n\r$]{0,2000}")
# a header of the file's own kind is known better by the server
_NOT_SET = {"content-type", "content-length", "content-encoding", "etag"}


def read(tree: Tree, notes: Notes, *, built: bool = False) -> SiteRecipe:
    """What these files say; the root is empty where none names it. `built` sites get their folder by the build. Raises PlanError."""
    site = SiteRecipe("")
    if tree.has("static.json"):
        site = _static_json(tree, notes, built)
    elif tree.has("Staticfile"):
        site = _staticfile(tree, built)
    published = (one for one in hosting.published(tree) if _PATH.fullmatch(one) and one != ".")
    site = site if site.root else replace(site, root=next(published, ""))
    for name in ("_redirects", "public/_redirects", "static/_redirects", f"{site.root}/_redirects"):
        if text := tree.read(name):
            site = _with_redirects(site, list(_lines_of_redirects(text)), name, notes)
            break
    for name, rules in hosting.redirects(tree):
        site = _with_redirects(site, rules, name, notes)
    for name in ("_headers", "public/_headers", "static/_headers", f"{site.root}/_headers"):
        if text := tree.read(name):
            site = replace(site, headers=(*site.headers, *_lines_of_headers(text)))
            break
    site = replace(site, headers=(*site.headers, *_headers(list(hosting.headers(tree)))))
    for name, host in hosting.functions(tree):
        notes.warn(f"{name} has functions of {host}, which are not run here: what they would answer is not there")
    page = hosting.fallback(tree)
    return replace(site, fallback=site.fallback or (page if _PATH.fullmatch(page) else ""))


def settled(told: SiteRecipe, root: str, fallback: str, not_found: str) -> SiteRecipe:
    """What is told, with what is known otherwise where it tells nothing."""
    return replace(
        told,
        root=root,
        fallback=told.fallback or fallback,
        not_found=told.not_found or ("" if told.fallback else not_found),
    )


def _static_json(tree: Tree, notes: Notes, built: bool) -> SiteRecipe:
    told = parse_json(tree.read("static.json") or "", "static.json")
    root = _root(tree, str(told.get("root") or ""), "static.json", built)
    if told.get("https_only"):
        notes.warn(
            "https_only of static.json is not followed: whether there is HTTPS is up to what stands before the router"
        )
    routes = [(one, str(file).lstrip("/")) for one, file in mapping(told.get("routes")).items()]
    missing = str(told.get("error_page") or "").lstrip("/")
    for path in (*(file for _, file in routes), missing):
        if path and not _PATH.fullmatch(path):
            raise _bad("static.json", f"{path!r} is not a path in the root")
    redirects = [
        (one, to.get("url"), to.get("status")) for one, to in mapping(told.get("redirects")).items() if mapping(to)
    ]
    redirects = [
        (one, str(url), status if status in (301, 302, 303, 307, 308) else 301) for one, url, status in redirects
    ]
    site = SiteRecipe(
        root,
        fallback=next((file for one, file in routes if one in ("/**", "/*")), "")
        or hosting.everything(told.get("routes")),
        not_found=missing,
        clean=told.get("clean_urls") is not False,
        headers=tuple(_headers([(path, mapping(one)) for path, one in mapping(told.get("headers")).items()])),
        routes=tuple(
            Rule(_regex(one), file) for one, file in routes if one not in ("/**", "/*") and _GLOB.fullmatch(one)
        ),
        proxies=tuple(_proxies(mapping(told.get("proxies")), notes)),
        protected=bool(told.get("basic_auth")),
    )
    return _with_redirects(site, redirects, "static.json", notes)


def _proxies(told: dict[str, Any], notes: Notes) -> Iterator[Rule]:
    for path, one in told.items():
        origin = str(mapping(one).get("origin") or "")
        if _GLOB.fullmatch(path) and "*" not in path and _ORIGIN.fullmatch(origin):
            yield Rule("/" + path.strip("/"), origin)
        else:
            notes.warn(f"The proxy {path} of static.json is not followed: {origin[:80]!r} is no origin")


def _staticfile(tree: Tree, built: bool) -> SiteRecipe:
    told = dict(re.findall(r"^[ \t]*(\w+)\s*:\s*[\"']?([^\"'\n#]*?)[\"']?\s*$", tree.read("Staticfile") or "", re.M))
    root = _root(tree, told.get("root") or "", "Staticfile", built)
    spa = told.get("pushstate") in ("enabled", "true") or told.get("index_fallback") == "true"
    spa = spa or "index.html" in told.get("try_files", "")
    hsts = told.get("http_strict_transport_security") == "true"
    headers = (Rule(".*", "max-age=31536000", name="Strict-Transport-Security"),) if hsts else ()
    return SiteRecipe(root, fallback="index.html" if spa else "", headers=headers)


def _lines_of_redirects(text: str) -> Iterator[tuple[str, str, int]]:
    """Lines such as  /old/*  /new/:splat  302."""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        status = words[2].rstrip("!") if len(words) == 3 else "301"
        if len(words) in (2, 3) and status.isdigit():
            yield words[0], words[1], int(status)


def _with_redirects(site: SiteRecipe, told: list[tuple[str, str, int]], where: str, notes: Notes) -> SiteRecipe:
    """The site with redirects, and with those that are none: a page for other paths, or a server elsewhere."""
    left = []
    for source, target, status in told:
        everything = source in ("/*", "/**")
        elsewhere = target.startswith(("http://", "https://"))
        if not (_GLOB.fullmatch(source) and (_TARGET.fullmatch(target) or _ORIGIN.fullmatch(target))):
            left.append(source)
        elif status == 200 and elsewhere and source.endswith("/*") and not everything:
            proxy = Rule(source.removesuffix("/*"), re.sub(r"/?:splat$", "", target))
            site = replace(site, proxies=(*site.proxies, proxy))
        elif status == 200 and everything and not elsewhere:
            site = replace(site, fallback=site.fallback or target.lstrip("/") or "index.html")
        elif status == 200 and not elsewhere and "$" not in (to := _filled(source, target)):
            site = replace(site, routes=(*site.routes, Rule(_regex(source), to.lstrip("/") or "index.html")))
        elif status == 404 and not elsewhere:
            site = replace(site, not_found=site.not_found or target.lstrip("/"))
        elif status in (301, 302, 303, 307, 308) and not (everything and not elsewhere):
            site = replace(site, redirects=(*site.redirects, Rule(_regex(source), _filled(source, target), status)))
        else:
            left.append(source)
    if left:
        notes.warn(f"Not followed of {where}: {', '.join(one[:60] for one in left[:5])}")
    return site


def _lines_of_headers(text: str) -> Iterator[Rule]:
    """A path on a line of its own, and below it, indented, its headers."""
    found: list[tuple[str, dict[str, Any]]] = []
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line[0].isspace():
            found.append((line.strip(), {}))
        elif found:
            found[-1][1][name.strip()] = value.strip()
    return _headers(found)


def _headers(told: list[tuple[str, dict[str, Any]]]) -> Iterator[Rule]:
    for path, one in told:
        for name, value in one.items() if _GLOB.fullmatch(path) else ():
            if _HEADER.fullmatch(name) and _VALUE.fullmatch(str(value)) and name.lower() not in _NOT_SET:
                yield Rule(_regex(path, names=False), str(value), name=name)


def _regex(path: str, *, names: bool = True) -> str:
    """A path with * and :names as a regular expression for all of it; /folder is also /folder/."""
    found = re.escape("/" + path.strip("/"))
    found = re.sub(r"(\\\*)+", "(?<splat>.*)" if names else ".*", found, count=1)
    found = re.sub(r"(\\\*)+", ".*", found)
    found = re.sub(r":(\w+)", r"(?<\1>[^/]+)" if names else "[^/]+", found)
    return f"^{found}$" if path.endswith("*") else f"^{found.rstrip('/')}/?$"


def _filled(source: str, target: str) -> str:
    """The target with what the names of the source have found."""
    names = {*re.findall(r":(\w+)", source), *(["splat"] if "*" in source else [])}
    return re.sub(r"(?<!/):(\w+)|(?<=/):(\w+)", lambda one: _name(one, names), target)


def _name(found: re.Match[str], names: set[str]) -> str:
    name = found[1] or found[2]
    return f"${{{name}}}" if name in names else found[0]


def _root(tree: Tree, root: str, where: str, built: bool) -> str:
    """The folder that a file names; empty when it names none that is there, and there are pages at the top."""
    root = root.strip().removeprefix("/app/").removeprefix("./").strip("/")
    if not root or root == ".":
        return ""
    if _PATH.fullmatch(root) and (built or tree.names(root)):
        return root
    if tree.has("index.html") or built:
        return ""
    raise _bad(where, f"there is no folder {root!r}")


def _bad(name: str, detail: str) -> PlanError:
    return PlanError(
        "file", f"{name} cannot be followed", detail, f"mend {name}, commit, and push again", f"bad {name}"
    )
