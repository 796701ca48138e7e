"""What a Node.js app starts where its start script does not say it: the file of node that stands in another script or another folder."""

import re
from collections.abc import Mapping
from typing import Any

from minpaas.plan import development
from minpaas.plan.tree import Tree, dependencies, joined

COMPILES = "minpaas:compiles"  # a key of package.json as it was read: the script that compiling() names
# scripts that start what the build has made, where start is for development or is missing
_AFTER_THE_BUILD = ("start:prod", "start:production", "serve", "preview", "prod")
_COMPILING = (
    "compile",
    "build:prod",
    "build:production",
    "build:server",
    "build-server",
    "build:ts",
    "build-ts",
    "transpile",
    "tsc",
)
_NODE = re.compile(r"node((?:\s+--?[\w-]+(?:=\S+)?|\s+-r\s+\S+)*)\s+(?![-])([\w@./-]+)(\s[\w\s./=:-]*)?")
# what puts a server into the background and ends, and the same in front
_BACKGROUND = (
    (r"(npx )?pm2 start (?!.*--(no-daemon|attach))", "pm2-runtime start "),
    (r"(npx )?forever start ", "forever "),
)
_ENDINGS = ("", ".js", ".mjs", ".cjs", "/index.js", "/index.mjs", "/package.json")
_WATCHES = re.compile(r"(?:^|\s)(?:-w|--watch)\b")
_WATCHING = re.compile(r"(?:nodemon|node|ts-node-dev|tsnd|ts-node|tsx)\b[^&|;]*?\s(?:\./)?([\w@./-]+\.[cm]?[jt]s)")
_BARE_FILE = re.compile(r"from\s+['\"]\.{1,2}/(?:[\w@-]+/)*[\w@-]+['\"]")
_LISTENS = re.compile(r"\blisten\s*\(|createServer|\bserve\s*\(")


def file_of(line: str) -> str:
    """The file that a script starts by node alone; empty where it does something else, too."""
    found = _NODE.fullmatch(development.bare(line))
    return joined("", found[2]) if found else ""


def is_there(tree: Tree, file: str) -> bool:
    """Whether the repository has a file, as node looks for it."""
    return any(tree.has(f"{file}{ending}") for ending in _ENDINGS)


def server_script(tree: Tree, package: Mapping[str, Any]) -> str | None:
    """The name of a script that starts the server which the build makes; the file may also be there, and listen."""
    scripts = package.get("scripts") or {}
    if not {"build", "heroku-postbuild"} & set(scripts):
        return None
    for name in _AFTER_THE_BUILD:
        file = file_of(development.script(scripts, name)) if name in scripts else ""
        texts = [tree.read(f"{file}{ending}") or "" for ending in _ENDINGS] if file else []
        if file and (not is_there(tree, file) or any(_LISTENS.search(text) and "PORT" in text for text in texts)):
            return name
    return None


def compiled(tree: Tree, package: Mapping[str, Any]) -> str:
    """The start script with the file where the build puts it, as AdonisJS does with all of an app; empty: it is right as it is."""
    scripts = package.get("scripts") or {}
    line = str(scripts.get("start") or "").strip()
    file = file_of(line)
    source = re.sub(r"\.([cm]?)js$", r".\1ts", file)
    if not file or is_there(tree, file) or source == file or not tree.has(source) or "build" not in scripts:
        return ""
    folder = _configured(tree, "outDir")
    return re.sub(rf"(\s)(?:\./)?{re.escape(file)}(?=\s|$)", rf"\1{folder}/{file}", line) if folder else ""


def compiled_entry(tree: Tree, package: Mapping[str, Any]) -> str:
    """Where the build of tsc puts the entry of an app that does not say what is started; empty where nothing is known of it."""
    build = development.script(package.get("scripts") or {}, "build")
    folder, root = _configured(tree, "outDir"), _configured(tree, "rootDir") or "src"
    source = next((one for one in ("index", "server", "app", "main") if tree.has(f"{root}/{one}.ts")), "")
    below = f"{root}/" if re.search(r"\"rootDir\"\s*:\s*\"\./?\"", tree.read("tsconfig.json") or "") else ""
    made = f"{folder}/{below}{source}.js" if folder and source and re.search(r"\btsc\b", build) else ""
    # tsc leaves imports as they are written: what node does not resolve in them, the runner of the dev script does
    unresolved = made and build == "tsc" and not _resolved(tree.read(f"{root}/{source}.ts") or "", tree, package)
    return "" if unresolved and developed(tree, package) else made


def _resolved(code: str, tree: Tree, package: Mapping[str, Any]) -> bool:
    """Whether node finds the files that the compiled entry of an app imports: by no alias, and with their endings in ES modules."""
    aliases = re.search(r"\"paths\"\s*:\s*\{\s*\"", tree.read("tsconfig.json") or "")
    return not aliases and not (package.get("type") == "module" and _BARE_FILE.search(code))


def _configured(tree: Tree, key: str) -> str:
    """A folder that tsconfig.json names, without the slash."""
    found = re.search(rf"\"{key}\"\s*:\s*\"(?:\./)?([\w-][\w./-]*)\"", tree.read("tsconfig.json") or "")
    return found[1].rstrip("/") if found else ""


def compiling(tree: Tree, package: Mapping[str, Any]) -> str | None:
    """The script that makes the file which is started, where none is named build."""
    scripts = package.get("scripts") or {}
    if {"build", "heroku-postbuild", "prestart"} & set(scripts):
        return None
    file = file_of(str(scripts.get("start") or "").strip())
    if not file or is_there(tree, file) or tree.names(file):
        return None
    return next((one for one in _COMPILING if one in scripts and not _WATCHES.search(str(scripts[one]))), None)


def uncompiled(tree: Tree, package: Mapping[str, Any]) -> str:
    """tsc, where start runs a file of its output that is not there, and no script makes it, for each developer does by hand."""
    scripts = package.get("scripts") or {}
    names = dependencies(package)
    file, folder = file_of(str(scripts.get("start") or "").strip()), _configured(tree, "outDir")
    made = {"build", "heroku-postbuild", "prestart"} & set(scripts) or package.get(COMPILES)
    missing = file.startswith(f"{folder}/") and not is_there(tree, file) if folder else False
    return "tsc" if missing and not made and "typescript" in names else ""


def in_front(line: str) -> str:
    """A command that does not end while its server runs: what it would put into the background is kept in front."""
    for background, front in _BACKGROUND:
        line = re.sub(rf"^{background}", front, line)
    return line


def loading_modules(tree: Tree, line: str) -> str:
    """A command of ts-node for ES modules as every Node.js knows it: since 18.19 ts-node itself does not load them."""
    told = re.search(r"\"ts-node\"\s*:\s*\{[^}]*\"esm\"\s*:\s*true", tree.read("tsconfig.json") or "")
    found = re.fullmatch(rf"(?:npx )?(?:ts-node --esm|ts-node-esm{'|ts-node' if told else ''}) ((?!-)\S.*)", line)
    return f"node --loader ts-node/esm {found[1]}" if found else line


def missing_environment(tree: Tree, text: str) -> tuple[str, ...]:
    """Files of variables that commands insist on and that are not in the repository, as is right for them."""
    named = re.findall(r"--env-file[= ](?:\./)?([\w.-][\w./-]*)", text) + re.findall(
        r"\benv-cmd +(?:-f|--file) +(?:\./)?(\S+)", text
    )
    if re.search(r"\benv-cmd +(?!-)", text):
        named.append(".env")
    return tuple(one for one in dict.fromkeys(named) if ".." not in one and not tree.has(one))


def developed(tree: Tree, package: Mapping[str, Any]) -> str:
    """The command for the file that a script for development runs and watches; empty where there is none such."""
    scripts = package.get("scripts") or {}
    names = dependencies(package)
    for line in [
        development.script(scripts, name) for name in ("dev", "develop", "start:dev", "server") if name in scripts
    ]:
        found = _WATCHING.fullmatch(development.bare(line))
        # node alone may also run a tool of the repository's own
        if found and tree.has(found[1]) and (line.split()[0] != "node" or _LISTENS.search(tree.read(found[1]) or "")):
            runner = (
                next((one for one in ("tsx", "ts-node") if one in names), "node") if found[1].endswith("ts") else "node"
            )
            kept = re.findall(r"(?:-r|--require|--import) \S+|--env-file=\S+", line)
            return " ".join([runner, *kept, found[1]])
    return ""
