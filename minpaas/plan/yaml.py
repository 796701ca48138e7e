"""The part of YAML that stands in the files of platforms: nested keys, scalars, lists of scalars. Nothing else is needed of them."""

import re
from typing import Any

_KEY = re.compile(r"( *)([\w.-]+):(?: +(.*))?$")
_ITEM = re.compile(r"( *)- +(.*)$")


def parse(text: str) -> dict[str, Any]:
    """Keys with what they hold; lines of any other kind are passed over."""
    top: dict[str, Any] = {}
    open_at: list[tuple[int, Any, str]] = [
        (-1, top, "")
    ]  # indent, the mapping, the key that waits for what is below it
    for raw in text.expandtabs(2).splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        item, pair = _ITEM.fullmatch(line), _KEY.fullmatch(line)
        if pair:
            indent = len(pair[1])
            while open_at[-1][0] >= indent:
                open_at.pop()
            _, parent, waiting = open_at[-1]
            if waiting:
                if not isinstance(parent.get(waiting), dict):
                    parent[waiting] = {}
                parent = parent[waiting]
            parent[pair[2]] = _scalar(pair[3] or "")
            open_at.append((indent, parent, pair[2]))
        elif item:
            while len(item[1]) < open_at[-1][0]:
                open_at.pop()
            _, parent, waiting = open_at[-1]
            if waiting:
                before = parent.get(waiting)
                parent[waiting] = [*(before if isinstance(before, list) else []), _scalar(item[2])]
    return top


def mapping(told: Any) -> dict[str, Any]:
    """What a key holds where it holds keys, else nothing."""
    return told if isinstance(told, dict) else {}


def _scalar(text: str) -> Any:
    text = text.strip()
    if re.fullmatch(r"\[.*\]", text):
        return [_scalar(one) for one in text[1:-1].split(",") if one.strip()]
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
