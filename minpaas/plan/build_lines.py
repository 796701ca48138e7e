"""The build commands of other platforms, read as lines: what they install, what they run beside, and where."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from minpaas.plan import procfile, render_yaml, yaml
from minpaas.plan.tree import Tree, joined

# lines of a build command that are done here as well
_DONE = re.compile(
    r"(?:(?:uv|poetry|pipenv) run )?(?:(?:python3? -m )?pip3? install .*|uv (?:sync|pip install).*|(?:poetry|pipenv) (?:install|sync).*|"
    r"(?:npm|yarn|pnpm)(?: (?:install|ci|i|run build|build)(?: --[\w=-]+)*)?|python3? [\w./-]*manage\.py (?:collectstatic|migrate)\b.*|"
    r"set [-+].*|chmod .*|echo .*|cd .*|#.*|corepack .*|npm (?:install|i) (?:-g|--global) (?:npm|yarn|pnpm|bun)(?:@\S+)?|node (?:-v|--version))?"
)
_MIGRATE = re.compile(r"(python3?) ([\w./-]*manage\.py) migrate\b([^|]*)")
_FURTHER = re.compile(
    r"(?:\w+=\S+ +)*(?:npx |bunx |yarn (?:run )?|pnpm (?:run |exec )?|npm run )?(?:prisma (?:migrate deploy|db push)|knex migrate:latest|"
    r"sequelize(?:-cli)? db:migrate|typeorm\S* migration:run|drizzle-kit (?:migrate|push)|alembic upgrade|flask db upgrade|(?:db:)?migrate)\b.*"
)
_PACKAGE = re.compile(r"[\"']?[A-Za-z][\w.-]*(\[[\w,-]+\])?([=~<>!]=?[\w.*]+)?[\"']?")
# lines of it that are run as they are, but not what speaks to a database: that is not there while building
_PROGRAM = re.compile(r"(?:python3?|flask|pybabel|spacy) .+")
_FILES = re.compile(r"(?:mkdir|cp|mv|touch) (?!.*\bnode_modules\b).+")
_NODE = re.compile(r"(?:\w+=\S* +)*(?:npm|npx|yarn|pnpm|bun|bunx)(?: .+)?")
_ENTERED = re.compile(r"(?:--prefix|--cwd|--dir|-C)[ =]+[\"']?(?:\./)?([\w@.-][\w@./-]*)")
_DATABASE = re.compile(r"manage\.py|alembic|migrat|seed|\bdb\b|[-_]db|db[-_]|database|user|venv|ensurepip")
INSTALLS = re.compile(r"(?:npm|yarn|pnpm|bun)(?: (?:install|ci|i))?(?: -\S+)*")
_RUNNER = re.compile(r"^(?:uv|poetry|pipenv) run +")
RAILWAY = ("railway.json", "railway.toml")
_TOOLS = {"pip", "setuptools", "wheel", "poetry", "uv", "pipenv"}


def installs(tree: Tree) -> tuple[list[str], list[str]]:
    """The files and the packages that such a file's build command installs by pip; not where a Procfile says what is run."""
    files, packages = list[str](), list[str]()
    for folder, line in _told(tree):
        if not (told := re.search(r"\bpip3? +install +(.+)", line)):
            continue
        words = iter(re.sub(r"(?<!\S)(?:--requirement=|-r(?=\S))", "-r ", told[1]).split())
        for word in words:
            if word in ("-r", "--requirement"):
                path = joined(folder, next(words, "").strip("\"'"))
                files += [path] if tree.has(path) else []
            elif _PACKAGE.fullmatch(word) and word not in _TOOLS:
                packages.append(word.strip("\"'"))
    return list(dict.fromkeys(files)), list(dict.fromkeys(packages))


def built(tree: Tree) -> list[str]:
    """What such a build command does beside, of what needs no database: fetching corpora, training, compiling."""
    found = []
    for folder, line in _told(tree):
        if _FILES.fullmatch(line):
            found.append(f"cd {folder} && {line}" if folder else line)
        elif _runs(line):
            into = f"cd {folder} && " if folder else ""
            if "nltk" in line:  # where it looks, and the image that runs has it; what is not there, it names when asked
                into, line = f"mkdir -p /venv/nltk_data && {into}", f"({line} || echo 'not all of it could be fetched')"
            found.append(f"{into}{line}")
    return found


def of_node(tree: Tree) -> list[tuple[str, str, str]]:
    """What it does by npm and the like in folders with packages of their own: that folder, where it is said, and the command."""
    told = [(_entered(folder, line), folder, line) for folder, line in _told(tree) if not _DATABASE.search(line)]
    return [one for one in told if one[0] and tree.has(f"{one[0]}/package.json")]


def enters(tree: Tree, folder: str) -> bool:
    """Whether it builds in a folder by npm and the like."""
    return any(one == folder for one, _, _ in of_node(tree))


def at_top(tree: Tree) -> str:
    """What it runs by npm and the like at the top after the install, where that is more than the build script."""
    lines = [line for folder, line in _told(tree) if _at_top(folder, line) and not INSTALLS.fullmatch(line)]
    return " && ".join(lines) if any(not _DONE.fullmatch(line) for line in lines) else ""


def of_files(tree: Tree) -> list[str]:
    """What it copies and makes."""
    return [f"cd {folder} && {line}" if folder else line for folder, line in _told(tree) if _FILES.fullmatch(line)]


def left_out(tree: Tree, command: str) -> str:
    """What of a build command nobody does here, nor anything that stands for it."""
    done = {(folder, line) for _, folder, line in of_node(tree)}
    done |= {(folder, line) for folder, line in _told(tree) if tree.has("package.json") and _at_top(folder, line)}
    told = [one for one in commands(with_scripts(tree, command)) if one not in done and not _runs(one[1])]
    return "; ".join(
        line
        for folder, line in told
        if not _FILES.fullmatch(line)
        and not _FURTHER.fullmatch(_RUNNER.sub("", line))
        and (_entered(folder, line) or not _DONE.fullmatch(line))
    )


def _entered(folder: str, line: str) -> str:
    """The folder whose packages a command of npm or the like is about; empty for the top, and for other commands."""
    into = _ENTERED.search(line)
    return joined(folder, into[1] if into else "") if _NODE.fullmatch(line) else ""


def _at_top(folder: str, line: str) -> bool:
    return bool(_NODE.fullmatch(line)) and not folder and not _entered(folder, line) and not _DATABASE.search(line)


def _runs(line: str) -> bool:
    return bool(_PROGRAM.fullmatch(line)) and not _DONE.fullmatch(line) and not _DATABASE.search(line)


def commands(command: str) -> Iterator[tuple[str, str]]:
    """The commands of a build command, each with the folder that it is run in."""
    folder, outer = "", None
    for line in re.split(r"&&|[;\n]", command.replace("\\\n", " ")):
        line = line.strip()
        if line.startswith("(cd "):
            outer, line = folder, line[1:]
        closed = outer is not None and line.endswith(")")
        line = line.removesuffix(")") if closed else line
        if into := re.fullmatch(r"cd +([\w./-]+)(?: *\|\| *exit \d+)?", line):
            folder = joined(folder, into[1])
        elif line:
            yield folder, line
        if closed and outer is not None:
            folder, outer = outer, None


def migration(tree: Tree) -> str:
    """What migrates a database in the build command, by the usual tools; empty where nothing does."""
    found = []
    for folder, line in _told(tree):
        bare = _RUNNER.sub("", line)
        if django := _MIGRATE.search(line):
            found.append(f"{django[1]} {joined(folder, django[2])} migrate{django[3]}".strip())
        elif _FURTHER.fullmatch(bare):
            found.append(f"(cd {folder} && {bare})" if folder else bare)
    return " && ".join(found)


def _told(tree: Tree) -> list[tuple[str, str]]:
    """What render.yaml, railway.json or nixpacks.toml build with, and what a script says that it calls, each command once. Nothing where a Procfile says what is run."""
    if procfile.names_web(tree):
        return []
    return list(dict.fromkeys(one for command in _build_commands(tree) for one in commands(command)))


def _build_commands(tree: Tree) -> list[str]:
    told = [render_yaml.value(render_yaml.web_service(tree.read("render.yaml") or ""), "buildCommand")]
    for name in RAILWAY:
        build = parsed(tree, name).get("build")
        told.append(str(build.get("buildCommand") or "") if isinstance(build, dict) else "")
    phases = parsed(tree, "nixpacks.toml").get("phases")
    for phase in phases.values() if isinstance(phases, dict) else []:
        told += map(str, phase.get("cmds") or []) if isinstance(phase, dict) else []
    if not any(told) and "pip install -r requirements.txt" in (script := tree.read("build.sh") or ""):
        return [script]  # as Render's guides have it, where the dashboard is told of it and no render.yaml
    return [with_scripts(tree, one) for one in told]


def with_scripts(tree: Tree, command: str) -> str:
    """A command with each script of the tree that it calls in the script's own words."""

    def words(match: re.Match[str]) -> str:
        return tree.read(match[1]) or match[0]

    return re.sub(r"(?:\b(?:bash|sh) +)?(?:\./)?\b([\w./-]+\.sh)\b", words, command)


def loaded(tree: Tree, name: str) -> Any:
    """Another platform's file of JSON or TOML; an empty one where there is none. Raises ValueError."""
    text = tree.read(name) or ""
    return json.loads(text or "{}") if name.endswith(".json") else tomllib.loads(text)


def parsed(tree: Tree, name: str) -> dict[str, Any]:
    """The same as a mapping; an empty one where it cannot be read."""
    try:
        return yaml.mapping(loaded(tree, name))
    except ValueError:
        return {}  # another platform's file: not ours to refuse
