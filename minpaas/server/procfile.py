"""The Procfile: one `type: command` a line."""

import re

from minpaas.server.errors import BadProcfile

_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,62})\s*:\s*(\S.*)")


def parse(text: str) -> dict[str, str]:
    """Process types and their commands, in the file's order. Raises BadProcfile naming the line."""
    types: dict[str, str] = {}
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if not match:
            raise BadProcfile(f"line {number}: {line[:80]!r}", hint="write each line as  web: COMMAND")
        name, command = match.groups()
        if name in types:
            raise BadProcfile(f"line {number}: the type {name!r} is there twice", hint="give each type one line")
        types[name] = command.strip()
    return types
