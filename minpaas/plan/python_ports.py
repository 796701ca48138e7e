"""Where a Python program listens: the options that tell it, or the number that its code has."""

import ast
import re

_READS_PORT = re.compile(r"['\"]PORT['\"]")
_PORT_OPTION = re.compile(r"['\"]--((?:server[-_])?port)['\"]|\bdefine\(\s*['\"]port['\"]")
_HOST_OPTION = re.compile(r"['\"]--(host|address|ip|server[-_](?:name|host|address|ip))['\"]")
# what begins to listen, and is given the port by its name, in its place, or beside the address
_LISTENS = {
    "run", "launch", "serve", "listen", "start", "start_server", "run_app", "run_server", "run_simple", "make_server",
    "run_webhook", "start_webhook", "FastMCP", "HTTPServer", "ThreadingHTTPServer", "TCPServer", "ThreadingTCPServer", "WSGIServer",
}  # fmt: skip
_UNTOLD = {"nicegui": 8080}  # where a framework that is told no port listens, for all to reach


def told(text: str) -> str:
    """The options that tell a program where to listen, where it has them and does not read PORT by itself."""
    port = _PORT_OPTION.search(text)
    if _READS_PORT.search(text) or not port:
        return ""
    host = _HOST_OPTION.search(text)
    return f"{f' --{host[1]}=0.0.0.0' if host else ''} --{port[1] or 'port'}=$PORT"


def fixed(text: str) -> int:
    """The port that a program names as a number, where nothing can tell it another; 0 where it names none."""
    if _READS_PORT.search(text) or told(text):
        return 0
    nodes = _nodes(text)
    numbers = {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = _listening(nodes)
    named = [port for call in calls for one in _places(call) if (port := _number(numbers, one))]
    untold = [
        port for name, port in _UNTOLD.items() if calls and re.search(rf"^[ \t]*(from|import) {name}\b", text, re.M)
    ]
    return next(iter([*named, *untold]), 0)


def listens(text: str) -> bool:
    """Whether a program says where it listens, rather than settings that others read."""
    reads = _READS_PORT.search(text) and _listening(_nodes(text))
    return bool(reads or told(text) or fixed(text))


def _nodes(text: str) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return []


def _listening(nodes: list[ast.AST]) -> list[ast.Call]:
    """The calls that begin to listen."""
    return [node for node in nodes if isinstance(node, ast.Call) and _called(node) in _LISTENS]


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else str(getattr(node.func, "id", ""))


def _places(call: ast.Call) -> list[ast.expr]:
    """Where a call may have its port."""
    named = [one.value for one in call.keywords if one.arg in ("port", "server_port")]
    pairs = [part for one in call.args if isinstance(one, ast.Tuple) for part in one.elts]
    return [*named, *call.args, *pairs]


def _number(numbers: dict[str, ast.expr], node: ast.expr) -> int:
    """The port that an expression is, also by the name of one."""
    node = numbers.get(node.id, node) if isinstance(node, ast.Name) else node
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, int) and 1024 <= value < 65536 else 0
