"""Config vars as text: .env files and JSON in; .env, JSON and shell out. What goes out comes back byte for byte.

A .env file: NAME=value a line, `export ` before it and ` # comment` after it if need be. 'single quotes' take everything as it
is, "double quotes" know \\n \\r \\t \\" \\\\ \\$ \\`; both may span lines. Nothing is ever expanded: $HOME stays $HOME.
"""

import json
import re
from collections.abc import Mapping

from minpaas.cli.errors import WrongUsage

FORMATS = ("env", "json", "shell")
_HEAD = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_SKIP = re.compile(r"(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t\r]*(?:#[^\n]*)?")
_BARE = re.compile(r"[^\n]*")
_REST = re.compile(r"[ \t\r]*(?:#[^\n]*)?(?:\n|$)")
_SAFE = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "`": "`"}


def parse(text: str) -> dict[str, str]:
    """The variables of a .env file or of a JSON object of strings. Raises WrongUsage with the line."""
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] == "{":
        return _parse_json(text)
    found: dict[str, str] = {}
    at = _end(_SKIP, text, 0)
    while at < len(text):
        head = _HEAD.match(text, at)
        if not head:
            line = text[at:].partition("\n")[0].strip()
            raise _wrong(text, at, f"{line.partition('=')[0][:40]!r} is not followed by = or is no name")
        found[head[1]], at = _value(text, head.end())
        at = _end(_SKIP, text, at)
    return found


def render(values: Mapping[str, str], format: str = "env") -> str:
    """The variables as text: env (what `parse` reads and sh sources), json, or shell (with export)."""
    if format == "json":
        return json.dumps(values, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    if format == "shell":
        return "".join(f"export {name}={_single(value)}\n" for name, value in sorted(values.items()))
    return "".join(f"{name}={_quoted(value)}\n" for name, value in sorted(values.items()))


def _value(text: str, at: int) -> tuple[str, int]:
    """A value that starts here, and where its line ends."""
    if text[at : at + 1] not in ("'", '"'):
        bare = _BARE.match(text, at)
        assert bare
        return re.split(r"(?:^|\s)#", bare[0], maxsplit=1)[0].strip(), bare.end()
    value, begin = "", at
    while at < len(text) and text[at] not in " \t\r\n":
        if text[at] == "'":
            end = text.find("'", at + 1)
            if end < 0:
                raise _wrong(text, begin, "a quote is opened and not closed")
            value, at = value + text[at + 1 : end], end + 1
        elif text[at] == '"':
            part, at = _double(text, at)
            value += part
        else:  # between quotes, as in sh: 'it'\''s'
            at += text[at] == "\\"
            value, at = value + text[at : at + 1], at + 1
    if not _REST.match(text, at):
        raise _wrong(text, at, "after the closing quote comes something else than a comment")
    return value, at


def _double(text: str, at: int) -> tuple[str, int]:
    """What stands in double quotes, and where it ends."""
    parts: list[str] = []
    begin, at = at, at + 1
    while at < len(text):
        if text[at] == '"':
            return "".join(parts), at + 1
        if text[at] == "\\" and text[at + 1 : at + 2] in _ESCAPES:
            parts.append(_ESCAPES[text[at + 1]])
            at += 2
        else:
            parts.append(text[at])
            at += 1
    raise _wrong(text, begin, "a quote is opened and not closed")


def _parse_json(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise WrongUsage("The JSON cannot be read", str(error)) from None
    for name, value in found.items():
        if not isinstance(value, str):
            raise WrongUsage("Config vars are strings", f"{name} is {json.dumps(value)[:40]}", "put it in quotes")
    return dict(found)


def _quoted(value: str) -> str:
    """As plain as can be; what sh reads the same."""
    if _SAFE.fullmatch(value) or not value:
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'


def _single(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _wrong(text: str, at: int, what: str) -> WrongUsage:
    number = text.count("\n", 0, at) + 1
    return WrongUsage(f"Line {number} cannot be read", what, "a line is NAME=value, NAME='value' or NAME=\"value\"")
