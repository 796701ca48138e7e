"""render.yaml, Render's file, read line by line: a few scalars are all that is wanted of it."""

import re
from collections.abc import Iterator

from minpaas.plan.model import ConfigVar
from minpaas.plan.tree import Tree

_OWN = {"PORT", "PYTHON_VERSION", "NODE_VERSION"}  # given by us, and followed as what is asked for
_PORT = 10000  # what PORT is there: code and start commands count on it


def services(text: str) -> list[str]:
    """The text of each service, and what stands before the first."""
    return re.split(r"^[ \t]*- (?=(?:type|name|runtime|env):)", text, flags=re.M)


def web_service(text: str) -> str:
    """The first service that visitors reach: rather a program than pages, and rather the whole tree's than a folder's."""
    web = [one for one in services(text) if value(one, "type") == "web"]
    return min(web, key=lambda one: (_is_static(one), bool(value(one, "rootDir"))), default="")


def _is_static(service: str) -> bool:
    runtime = value(service, "runtime") or value(service, "env")
    return runtime == "static" or bool(value(service, "staticPublishPath"))


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
    return re.split(r"^[ \t]*- (?=key:)", service, flags=re.M)[1:]


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
    told = " ".join(re.sub(r"(?:^|(?<!\s)\s+)#.*", "", line).strip() for line in (found[2] + found[3]).splitlines()).strip()
    quoted = re.match(r"([\"'])(.*?)\1\s*(?:#.*)?(?:\n|$)", found[2])
    return quoted[2] if quoted else told
