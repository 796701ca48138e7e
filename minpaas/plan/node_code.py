"""What the code of a Node.js app takes from its packages, found by reading it from the file that is started."""

import re

from minpaas.plan.tree import Tree

_MOST = 80  # files
_IMPORT = re.compile(
    r"\brequire\(\s*['\"]([^'\"]+)['\"]|^[ \t]*(?:import|export)\b(?! type\b)[^'\"\n;]*['\"]([^'\"]+)['\"]|^[ \t]*\} from ['\"]([^'\"]+)['\"]",
    re.M,
)
# what frameworks' own servers read again when they are started
_CONFIGS = {
    "next": "next.config", "nuxt": "nuxt.config", "waku": "waku.config", "moleculer-runner": "moleculer.config",
    "medusa": "medusa-config",
}  # fmt: skip
_ENDINGS = ("", ".js", ".mjs", ".cjs", ".ts", ".mts", ".tsx", "/index.js", "/index.ts", "/index.mjs")


def packages(tree: Tree, commands: str, build: str = "") -> dict[str, str]:
    """Each package that is needed, with the file that needs it. What stands beside NODE_ENV is only for development.

    `build` are the commands that build: a bundler's entry in them is what a file of the same name is made from.
    """
    words = re.findall(r"[\w./-]+", commands)
    entries = [word for word in re.findall(r"[\w./-]+", build) if _is_code(word)]
    waiting = [
        path for word in words for path in _files(tree, _CONFIGS.get(word, word)) or _made_from(tree, word, entries)
    ]
    read, found = set[str](), dict[str, str]()
    while waiting and len(read) < _MOST:
        path = waiting.pop(0)
        if path in read:
            continue
        read.add(path)
        text = tree.read(path) or ""
        for match in _IMPORT.finditer(text):
            name = match[1] or match[2] or match[3]
            if "NODE_ENV" in text[max(0, match.start() - 120) : match.start()]:
                continue
            if name.startswith("."):
                waiting += _files(tree, f"{path.rpartition('/')[0]}/{name}".lstrip("/"))
            elif package := re.match(r"@[\w.-]+/[\w.-]+|[\w.-]+", name):
                found.setdefault(package[0], path)
                waiting += _files(tree, _CONFIGS.get(package[0], ""))  # of a server of one's own around it
    return found


def _files(tree: Tree, word: str) -> list[str]:
    """The file that a word of a command or an import names, or the source that it is made from."""
    parts: list[str] = []
    for one in word.split("/"):
        parts = parts[:-1] if one == ".." else parts if one in ("", ".") else [*parts, one]
    path = "/".join(parts)
    if not path or word.startswith("/") or parts[0] == "node_modules":
        return []
    source = re.sub(r"\.[cm]?js$", "", re.sub(r"^(dist|build|lib|out|server)/(src/)?", "src/", path))
    stems = [path, re.sub(r"\.js$", "", path), source]
    return [one for stem in stems for ending in _ENDINGS if tree.has(one := f"{stem}{ending}") and _is_code(one)][:1]


def _made_from(tree: Tree, word: str, entries: list[str]) -> list[str]:
    """The entry of a bundler that a file which is not there is made from."""
    named = [one for one in entries if _is_code(word) and _name(one) == _name(word)]
    return [path for one in named for path in _files(tree, one)][:1]


def _name(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _is_code(path: str) -> bool:
    return path.endswith((".js", ".mjs", ".cjs", ".ts", ".mts", ".tsx"))
