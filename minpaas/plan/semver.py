"""Node.js version ranges, read without a network: which line, and how exactly, a range asks for."""

import re

Version = tuple[int, int, int]
Range = tuple[Version, Version]  # from (included) to (excluded)

_TOP: Version = (10**6, 0, 0)
_ALL: Range = ((0, 0, 0), _TOP)
_PART = re.compile(r"(\^|~>?|>=|<=|>|<|=)?\s*v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+][\w.+-]+)?")
_NAMES = {
    "argon": 4, "boron": 6, "carbon": 8, "dubnium": 10, "erbium": 12, "fermium": 14, "gallium": 16,
    "hydrogen": 18, "iron": 20, "jod": 22, "krypton": 24,
}  # fmt: skip


def ranges(text: str) -> list[Range] | None:
    """What satisfies it, or None when it cannot be read. Words such as lts/* and latest allow everything."""
    text = text.strip().strip("\"'").lower()
    if text in ("", "*", "x", "node", "latest", "stable", "current", "lts", "lts/*", "auto"):
        return [_ALL]
    if text.startswith("lts/"):
        major = _NAMES.get(text[4:])
        return [((major, 0, 0), (major + 1, 0, 0))] if major else None
    found = [_alternative(one.strip()) for one in text.split("||")]
    return None if None in found else [one for one in found if one is not None and one[0] < one[1]]


def choose(allowed: list[Range], lines: list[int]) -> str | None:
    """The first of the major lines that a range has a version of: as "22", or as exactly as the range bounds it."""
    for major in lines:
        for low, high in allowed:
            bottom, top = max(low, (major, 0, 0)), min(high, (major + 1, 0, 0))
            if bottom < top:
                return _named(bottom, top)
    return None


def _named(bottom: Version, top: Version) -> str:
    """The newest version below `top`, as exactly as needed."""
    major = bottom[0]
    if top[0] > major:
        return str(major)
    if top[2] > 0:
        return f"{major}.{top[1]}.{top[2] - 1}"
    return f"{major}.{top[1] - 1}"


def _alternative(text: str) -> Range | None:
    hyphen = re.fullmatch(r"(\S+)\s+-\s+(\S+)", text)
    if hyphen:
        text = f">={hyphen[1]} <={hyphen[2]}"
    low, high = _ALL
    rest = text.replace(",", " ").strip()
    while rest:
        match = _PART.match(rest)
        if not match:
            return None
        one = _bounds(match[1] or "=", [match[2], match[3], match[4]])
        low, high = max(low, one[0]), min(high, one[1])
        rest = rest[match.end() :].strip()
    return low, high


def _bounds(operator: str, parts: list[str | None]) -> Range:
    numbers = []
    for part in parts:
        if part is None or not part.isdigit():
            break
        numbers.append(int(part))
    if not numbers:
        return _ALL
    first = _filled(numbers)
    after = _filled([*numbers[:-1], numbers[-1] + 1])
    if operator == ">=":
        return first, _TOP
    if operator == ">":
        return after, _TOP
    if operator == "<":
        return _ALL[0], first
    if operator == "<=":
        return _ALL[0], after
    if operator == "^":
        return first, (first[0] + 1, 0, 0) if first[0] else after
    if operator.startswith("~"):
        return first, _filled([*numbers[:1], numbers[1] + 1]) if len(numbers) > 1 else after
    return first, after


def _filled(numbers: list[int]) -> Version:
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return major, minor, patch
