"""Python frameworks that bring their own server: how each is told to listen on 0.0.0.0:$PORT."""

import re
from dataclasses import dataclass

from minpaas.plan import python_ports
from minpaas.plan.python_packages import has
from minpaas.plan.tree import Tree

_LISTEN = "--host 0.0.0.0 --port $PORT"
_BOKEH = "--address 0.0.0.0 --port $PORT --allow-websocket-origin '*'"  # else only pages of localhost may speak to it


@dataclass(frozen=True)
class Tool:
    """A framework: the package that is imported, how its start file is known, and the command for it."""

    package: str
    name: str
    command: str
    sign: str = ""  # what only the file that is started has
    server: str = ""  # what is installed for it as well


_TOOLS = (
    Tool("streamlit", "Streamlit", "streamlit run {file} --server.port $PORT --server.address 0.0.0.0 --server.headless true"),
    Tool("chainlit", "Chainlit", f"chainlit run {{file}} {_LISTEN}"),
    Tool("gradio", "Gradio", "GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=$PORT python {file}"),
    Tool("shiny", "Shiny", f"shiny run {_LISTEN} {{file}}", r"\bApp\(|shiny\.express"),
    Tool("marimo", "marimo", f"marimo run {{file}} {_LISTEN} --headless", r"\bApp\("),
    Tool("panel", "Panel", f"panel serve {{file}} {_BOKEH}", r"\.servable\("),
    Tool("bokeh", "Bokeh", f"bokeh serve {{file}} {_BOKEH}", r"\bcurdoc\("),
    Tool("solara", "Solara", f"solara run {{file}} {_LISTEN}", r"^def Page\b|^(Page|routes|app) *="),
    Tool("mesop", "Mesop", "gunicorn {module}:me --bind 0.0.0.0:$PORT", r"^import mesop as me\b(?s:.*)@me\.page", "gunicorn"),
    Tool("robyn", "Robyn", "ROBYN_HOST=0.0.0.0 ROBYN_PORT=$PORT python {file}", r"\bRobyn\("),
    Tool("flet", "Flet", "FLET_FORCE_WEB_SERVER=true FLET_SERVER_IP=0.0.0.0 FLET_SERVER_PORT=$PORT python {file}", r"^[ \t]*(ft|flet)\.(run|app)\(", "flet-web"),
    # without  server = app.server , which gunicorn needs
    Tool("dash", "Dash", "waitress-serve --host 0.0.0.0 --port $PORT {module}:app.server", r"^app *= *(dash\.)?Dash\(", "waitress"),
)  # fmt: skip


def find(tree: Tree, files: list[str], packages: str) -> tuple[Tool, str] | None:
    """The tool that is used, and the file that is started with it; `packages` are those that the tree names."""
    texts = {path: tree.read(path) or "" for path in files}
    found = []
    for tool in _TOOLS:
        if packages.strip() and not has(packages, tool.package):
            continue  # imported where it is there
        using = [
            path for path, text in texts.items() if tool.package in imports(text) and re.search(tool.sign, text, re.M)
        ]
        # what another of them imports is a part of it
        parts = {name for path in using for name in imports(texts[path])}
        entries = [path for path in using if path.rpartition("/")[2].removesuffix(".py") not in parts] or using
        found += [(files.index(entries[0]), tool)] if entries else []
    best = min(found, key=lambda one: one[0], default=None)
    return (best[1], files[best[0]]) if best else None


def command(tool: Tool, path: str, text: str) -> str:
    """How a file with this text is started with it: as a program by itself it may have options of its own."""
    options = python_ports.told(text) if tool.command.endswith("python {file}") else ""
    return tool.command.format(file=quoted(path), module=path.removesuffix(".py").replace("/", ".")) + options


def quoted(path: str) -> str:
    """A path as the shell reads it."""
    return path if re.fullmatch(r"[\w./-]+", path, re.A) else "'" + path.replace("'", "'\\''") + "'"


def dash_of(text: str, server: str) -> str:
    """The Dash application whose server has this name; empty where the text has none."""
    found = re.search(rf"^{server} *= *(\w+)\.server\b", text, re.M)
    return found[1] if found else ""


def notebook(tree: Tree, packages: str) -> str:
    """The notebook that Voila serves; empty where it is not among the packages, or there is none."""
    found = [name for name in tree.names() if name.endswith(".ipynb")]
    return found[0] if found and has(packages, "voila") else ""


def imports(text: str) -> set[str]:
    """The first words of what a file imports."""
    return set(re.findall(r"^[ \t]*(?:from|import)\s+(\w+)", text, re.M))
