"""render.yaml, Render's file, read line by line: a few scalars are all that is wanted of it."""

import re
from collections.abc import Iterator
from typing import Any

from minpaas.plan.model import ConfigVar
from minpaas.plan.tree import Tree

_OWN = {"PORT", "PYTHON_VERSION", "NODE_VERSION"}  # given by us, and followed as what is asked for
_PORT = 10000  # what PORT is there: code and start commands count on it


def services(text: str) -> list[str]:
    """The text of each service, and what stands before the first."""
    first = re.search(r"^ *services:[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\n)*( *)- ", text, re.M)
    return re.split(rf"^{first[1]}- ", text, flags=re.M) if first else [text]


def web_service(text: str) -> str:
    """The first service that visitors reach: rather a program than pages, and rather the whole tree's than a folder's."""
    web = [one for one in services(text) if value(one, "type") == "web"]
    return min(web, key=lambda one: (is_static(one), bool(value(one, "rootDir"))), default="")


def is_static(service: str) -> bool:
    """Whether a service is pages alone."""
    runtime = value(service, "runtime") or value(service, "env")
    return runtime == "static" or bool(value(service, "staticPublishPath"))


def pages_folder(service: str) -> str:
    """The folder whose pages a service is; empty for the whole tree, and for a program."""
    told = value(service, "rootDir") or value(service, "staticPublishPath").rpartition("/")[0]
    return told.removeprefix("./").strip("/") if is_static(service) else ""


def routes(service: str) -> Iterator[tuple[str, str, int]]:
    """Redirects of a service of pages, and the paths that another path answers: from, to, status."""
    for told in _items(service) if is_static(service) else ():
        source, target = value(told, "source"), value(told, "destination")
        if source and target:
            yield source, target.replace("*", ":splat"), 301 if value(told, "type") == "redirect" else 200


def headers(service: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Paths of a service of pages with a header each."""
    for told in _items(service) if is_static(service) else ():
        if (path := value(told, "path")) and (name := value(told, "name")):
            yield path, {name: value(told, "value")}


def _items(service: str) -> list[str]:
    """The items of its lists: each as far as it is indented."""
    return [found[2] for found in re.finditer(r"^( *)- +(.*(?:\n(?:\1 +.*|[ \t]*$))*)", service, re.M)]


def variable(tree: Tree, name: str) -> str:
    """The value that render.yaml gives a config var of its first web service; empty where it gives none."""
    text = tree.read("render.yaml") or ""
    found = re.search(rf"^[ \t]*(?:- )?key:[ \t]*{name}[ \t]*\n\s*value:[ \t]*[\"']?([^\"'#\n]+)", text, re.M)
    return found[1].strip() if found else ""


def port(service: str) -> int:
    """What PORT is for a service: as it says, else as for all."""
    given = next((value(one, "value") for one in _variables(service) if value(one, "key") == "PORT"), "")
    return int(given) if given.isdigit() and 0 < int(given) < 65536 else _PORT


def config_vars(service: str) -> Iterator[ConfigVar]:
    """The config vars of a service: given, to be made up, or to be set by hand."""
    for told in _variables(service):
        name, given = value(told, "key"), value(told, "value")
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or name in _OWN:
            continue
        generated = value(told, "generateValue") == "true"
        yield ConfigVar(name, given or None, not given and not generated, generated, where="render.yaml")


def _variables(service: str) -> list[str]:
    return [one for one in _items(service) if one.startswith("key:")]


def command(service: str, key: str) -> str:
    """A command as one line, for it may stand on several: they run one after the other, as in a script."""
    told = re.sub(r"[ \t]*\\\n\s*", " ", value(service, key))
    lines = [line for line in told.splitlines() if line and not line.startswith("#")]
    return re.sub(r"(&&|[|;{]|\b(?:then|do|else));", r"\1", "; ".join(lines))


def value(text: str, key: str) -> str:
    """A scalar of YAML: on its line and those that go on with it, or the block below it."""
    if block := re.search(rf"^( *){key}:[ \t]*([|>])[-+]?[ \t]*\n((?:\1 +.*(?:\n|\Z)|[ \t]*\n)+)", text, re.M):
        return ("\n" if block[2] == "|" else " ").join(line.strip() for line in block[3].strip().splitlines())
    found = re.search(rf"^( *){key}:[ \t]*([^|>\s].*)((?:\n\1 +(?! |#|- |[\w-]+:(?:\s|$)).*)*)", text, re.M)
    if not found:
        return ""
    told = " ".join(
        re.sub(r"(?:^|(?<!\s)\s+)#.*", "", line).strip() for line in (found[2] + found[3]).splitlines()
    ).strip()
    quoted = re.match(r"([\"'])(.*?)\1\s*(?:#.*)?(?:\n|$)", found[2])
    return quoted[2] if quoted else told
