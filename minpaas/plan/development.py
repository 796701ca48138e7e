"""Start scripts that are for development: servers of pages for the person who writes them, not for visitors."""

import re
from collections.abc import Mapping
from typing import Any

from minpaas.plan.model import PlanError
from minpaas.plan.tree import Tree, dependencies

# programs that serve pages while somebody works on them, with the arguments that make them do so (none: always)
_DEVELOPMENT = {
    "vite": r"(?!build\b)", "react-scripts": r"(\S+ )*start\b", "react-app-rewired": "start", "craco": "start",
    "rescripts": "start", "ng": r"(serve|s)\b", "astro": r"(dev|preview|start)\b", "vue-cli-service": "serve",
    "parcel": r"(?!build\b)", "webpack-dev-server": "", "webpack": r".*(\bserve\b|--watch|-w\b)", "rollup": r".*(-w\b|-cw|--watch)",
    "gatsby": r"(develop|serve|clean)\b", "docusaurus": r"(start|serve)\b", "vitepress": r"(?!build\b)", "vuepress": "dev",
    "eleventy": ".*--(serve|watch)", "@11ty/eleventy": ".*--(serve|watch)", "nuxt": r"(dev\b|-|$)", "nuxi": "dev", "next": r"(dev\b|-|$)",
    "hexo": r"(server|s)\b", "preact": r"(watch|serve)\b", "ember": r"(serve|server|s)\b", "start-storybook": "", "storybook": "dev",
    "live-server": "", "lite-server": "", "browser-sync": "", "five-server": "", "snowpack": r"(dev|start)\b", "svelte-kit": r"(dev|preview)\b",
    "sirv": "", "poi": "", "budo": "", "ionic": "serve", "stencil": ".*--serve", "remix": "dev", "react-router": "dev", "expo": "start",
    "gulp": r"(serve|dev|watch|default|start|$)", "grunt": r"(serve|server|dev|watch|connect|$)", "quasar": "dev", "rsbuild": r"(dev|preview|-|$)",
    "rspack": r"(dev|serve|server|s|preview)\b|.*--watch", "rspress": r"(dev|preview)\b", "waku": "dev", "farm": r"(start|dev|preview|$)", "umi": "dev", "max": "dev", "gridsome": "develop", "slidev": r"(?!build|export)",
    "docsify": r"(serve|start)\b", "hugo": r"(.* )?serve", "honkit": "serve", "elm-app": "start", "wrangler": r"(pages )?dev\b", "netlify": "dev", "ntl": "dev", "vercel": "dev",
    "firebase": r"(serve|emulators:start)", "esbuild": r".*--(serve|watch)", "tailwindcss": r".*(--watch|-w\b)", "sass": ".*--watch", "node-sass": r".*(--watch|-w\b)",
    "wds": "", "web-dev-server": "", "es-dev-server": "", "elm-live": "", "reload": "", "superstatic": "",
}  # fmt: skip
# what stands before a program: variables, and programs that start another one
_BEFORE = re.compile(
    r"((set|export) [A-Za-z_]\w*=[^\s&]*\s*(&&|;)?\s*|[A-Za-z_]\w*=(\"[^\"]*\"|'[^']*'|\S*)\s+|(cross-env(-shell)?|npx|pnpx|bunx|(pnpm|yarn)( exec| dlx)?|dotenv( -e \S+)*( --)?|env-cmd( -f \S+)?|-y)\s+|"
    r"(\./)?node_modules/\.bin/)+"
)
_RUNNERS = re.compile(r"\b(concurrently|npm-run-all|run-p|run-s)\b")
_ALIAS = re.compile(r"(?:npm|yarn|pnpm)(?: run)?(?: -s| --silent)? ([\w:.-]+)")
# what such a server is in code, and what a server of the app's own is
_IN_CODE = re.compile(r"browser-?sync|live-server|WebpackDevServer|webpack-dev-(server|middleware)", re.I)
_OWN_SERVER = re.compile(
    r"\bexpress\s*\(|createServer|\bfastify\b|\bkoa\b|NODE_ENV['\"\]]* *[!=]==? *['\"](production|development)", re.I
)
# what opens a window on a desktop, and what packs programs for it
_DESKTOP = {"electron", "nextron", "nw"}
_OPENS = re.compile(r"(electron(-forge|-vite|mon)?|nextron|nw)( |$)")
_PACKS = re.compile(r"(electron-(builder|packager|forge|vite)|nextron)( |$)")
_IN_ELECTRON = re.compile(r"['\"]electron(/main)?['\"]")
# a command that only runs a script of a folder's own package.json
_FOLDER, _SCRIPT = r"(?:\./)?([\w@.-]+(?:/[\w@.-]+)*)/?", r"([\w:.-]+)"
_INSTALL = r"(?:(?:npm|yarn|pnpm)(?: (?:install|i|ci))?(?: -\S+)* && )?"
_ENTERS = (
    re.compile(rf"{_INSTALL}cd {_FOLDER} && {_INSTALL}(?:npm|yarn|pnpm)(?: run)? {_SCRIPT}"),
    re.compile(rf"(?:npm|yarn|pnpm) (?:--prefix|--cwd|--dir|-C)[ =]{_FOLDER}(?: run)? {_SCRIPT}"),
)
_ENTERS_LATE = re.compile(rf"npm(?: run)? {_SCRIPT} --prefix[ =]{_FOLDER}")
_PROGRAMS_OF_SERVERS = re.compile(
    r"\b(node|nodemon|ts-node|ts-node-dev|tsx|babel-node|python3?|flask|uvicorn|gunicorn|json-server)\b"
)


def is_development(tree: Tree, scripts: Mapping[str, Any], line: str) -> bool:
    """Whether a start script is a development server, which is not for visitors."""
    before = line.rpartition("&&")[0]
    # what has ended before the last command starts is no server, such as scripts/clean.js
    ended = [part for part in _parts(scripts, before, set()) if (code := _code(tree, part)) and "listen" not in code]
    parts = [part for part in _parts(scripts, line, set()) if part not in ended]
    serving = [part for part in parts if serves_pages(part) or _runs_such_code(tree, part)]
    return bool(serving) and not any(_PROGRAMS_OF_SERVERS.match(part) for part in parts if part not in serving)


def script(scripts: Mapping[str, Any], name: str | None) -> str:
    """A script, or the one that it only calls: start may be  npm run develop."""
    line, seen = str(scripts.get(name or "") or "").strip(), {name}
    while (alias := _ALIAS.fullmatch(line)) and alias[1] in scripts and alias[1] not in seen:
        seen.add(alias[1])
        line = str(scripts[alias[1]]).strip()
    return line


def bare(line: str) -> str:
    """A command without the variables, and the programs that start another one, before it."""
    return _BEFORE.sub("", line.strip(), count=1)


def refusal(start: str) -> PlanError | None:
    """What is said of a start script that no visitor could reach: a host's own runtime, or what phones ask for."""
    if re.match(r"(npx )?wrangler( pages)? dev\b", start):
        return _a_worker(f"its start script ({start}) runs it as Cloudflare does, on no port that visitors could reach")
    if phone := re.match(r"(?:npx )?(expo|react-native) start\b", start):
        hint = "for pages as well: npx expo install react-dom react-native-web ; commit, and push again"
        return PlanError(
            "command",
            "This is an app for phones, and has no pages",
            f"its start script ({start}) serves it to the phone of a person who writes it",
            hint
            if phone[1] == "expo"
            else "push the server that it talks to from a folder of its own (--path FOLDER), or bring a Dockerfile that serves pages",
            "an app for phones",
        )
    return None


def worker(tree: Tree) -> PlanError | None:
    """What is said of a Worker for Cloudflare that has no start script, and that node would only load."""
    files = ("wrangler.toml", "wrangler.jsonc", "wrangler.json")
    told = next(((one, text) for one in files if (text := tree.read(one))), ("", ""))
    found = re.search(r"^[ \t]*\"?main\"?\s*[=:]\s*[\"']([^\"']+)", told[1], re.M)
    return _a_worker(f"{told[0]} has main = {found[1]}, and there is no start script") if found else None


def _a_worker(because: str) -> PlanError:
    return PlanError(
        "command",
        "This is a Worker for Cloudflare, which is not run here",
        because,
        "bring a start script that serves it by Node.js (for Hono: @hono/node-server), or a Dockerfile; commit, and push again",
        "a Worker is not run here",
    )


def desktop(tree: Tree, package: Mapping[str, Any]) -> PlanError | None:
    """What is said of an app that opens a window where it is started, with no server for visitors and no pages of its own."""
    scripts = package.get("scripts") or {}
    names = dependencies(package)
    start, build, main = script(scripts, "start"), script(scripts, "build"), str(package.get("main") or "")
    because = ""
    if not names & _DESKTOP:
        return None
    if start and not is_development(tree, scripts, start):
        alone = not _RUNNERS.search(start)  # else a server may be started beside
        if any(_OPENS.match(part) or (alone and serves_pages(part)) for part in _parts(scripts, start, set())):
            because = f"its start script ({start}) opens a window on the machine of its user"
    elif any(_PACKS.match(part) for part in _parts(scripts, build, set())):
        because = f"its build script ({build}) packs a program for such machines"
    elif not start and not build and _IN_ELECTRON.search(tree.read(main) or "" if main else ""):
        because = f"its main ({main}) opens a window on the machine of its user"
    if not because:
        return None
    return PlanError(
        "command",
        "This is an app for desktops, and has no pages for visitors",
        because,
        "for pages as well: no start script, and a build script that only makes them (vite build); "
        "for a server: a start script that starts it, or a Dockerfile; commit, and push again",
        "an app for desktops",
    )


def entered(line: str) -> tuple[str, str] | None:
    """The folder and its script, where that is all that a line runs:  cd client && npm start ."""
    for pattern in _ENTERS:
        if found := pattern.fullmatch(line):
            return found[1], found[2]
    late = _ENTERS_LATE.fullmatch(line)
    return (late[2], late[1]) if late else None


def _parts(scripts: Mapping[str, Any], line: str, seen: set[str]) -> list[str]:
    """The programs that a line starts, with the scripts that it calls put in."""
    several = _RUNNERS.search(line)
    lines = re.split(r"&&|\|\||[;|&]|(?<!\w)[\"']|[\"'](?!\w)" if several else r"&&|\|\||[;|]", line)
    found = []
    for one in lines:
        part = bare(one)
        alias = _ALIAS.match(part)
        called = [alias[1]] if alias else re.findall(r"[\w:.-]+", part) if several else []
        called = [name.removeprefix("npm:") for name in called]
        inner = [name for name in called if name in scripts and name not in seen]
        seen.update(inner)
        for name in inner:
            found += _parts(scripts, str(scripts[name]), seen)
        if part and not inner:
            found.append(part)
    return found


def _runs_such_code(tree: Tree, part: str) -> bool:
    """Whether it is node with a file of the app's own that only starts such a server, as scripts/start.js of an ejected app."""
    code = _code(tree, part)
    # with this, all paths get the one page: what else it answers is only passed on
    only_pages = "connect-history-api-fallback" in code
    return bool(_IN_CODE.search(code)) and (only_pages or not _OWN_SERVER.search(code))


def _code(tree: Tree, part: str) -> str:
    """The file of the app's own that a command runs by node; empty where it runs none."""
    called = re.fullmatch(r"(?:node|nodemon)(?: -\S+)* (?:\./)?([\w./-]+)", part)
    return (called and (tree.read(called[1]) or tree.read(f"{called[1]}.js"))) or ""


def serves_pages(part: str) -> bool:
    """Whether one command is a development server."""
    program, _, rest = bare(part).partition(" ")
    arguments = _DEVELOPMENT.get(program)
    return arguments is not None and re.match(arguments, rest.strip()) is not None
