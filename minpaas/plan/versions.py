"""Which version of Python: what is asked where it can be had, else the nearest that satisfies it, else no."""

import re
from collections.abc import Callable

from minpaas.plan import python_asked, python_pins
from minpaas.plan.model import Asked, Notes, PlanError
from minpaas.plan.tree import Tree

PYTHON, PYTHONS = "3.13", ("3.9", "3.11", "3.13", "3.14")  # the default, and what Debian has
_CLAUSE = re.compile(r"(\^|~=|~|>=|<=|==|!=|===|>|<|=)?\s*v?(\d+)(?:\.(\d+|\*))?(?:\.(\d+|\*))?[\w.*]*")
_PIN = re.compile(r"(?:={1,3}|~=?)?\s*(\d+\.\d+(?:\.\d+)?)(?:\.\*)?")

Minor = tuple[int, int]


def python(tree: Tree, notes: Notes, sticky: str, available: Callable[[str], bool]) -> tuple[str, str]:
    """The version of Python and what was asked. Raises PlanError when nothing satisfies it."""
    asked, limit = python_asked.wish(tree), python_asked.limit(tree) or python_asked.marked(tree)
    if asked and not asked.text[0].isdigit() and not _readable(asked.text):
        notes.warn(f"{asked.where} says {asked.text[:60]!r}, which is no version of Python: it is not used")
        asked = None
    for other in (asked, limit):
        if other and not _readable(other.text):
            raise unreadable("Python", other, PYTHON)
    pins = [Asked(text, pin) for pin, text in python_pins.limits(tree)]
    if asked is None and limit is None and (sticky or not pins):
        return sticky_or(PYTHON, sticky, "Python", notes), ""
    chosen = _python_exact(asked, limit, pins, notes, available) if asked and asked.exact else None
    if chosen is None:
        ranged = [one for one in (asked, limit) if one and not one.exact]
        chosen = _python_ranged(ranged, pins, sticky, notes)
    if chosen is None and asked is None and limit and (pin := _PIN.fullmatch(limit.text.strip())):
        # requirements.txt is installed without a look at pyproject.toml: then its version is a wish, not a limit
        strict = None if tree.has("requirements.txt") else limit
        chosen = _python_exact(Asked(pin[1], limit.where, exact=True), strict, pins, notes, available)
    if chosen is None:
        raise refused("Python", asked or limit, [f"Python {one}" for one in PYTHONS])
    return chosen, (asked or limit).text if asked or limit else ""  # type: ignore[union-attr]


def sticky_or(default: str, sticky: str, name: str, notes: Notes) -> str:
    """The version that the app was first built with, else the default."""
    if sticky and sticky != default:
        notes.because(f"{name} {sticky} (this app was first built with it, and asks for no version)")
        return sticky
    notes.because(f"{name} {default} (the default: no version is asked for)")
    return default


def _python_exact(
    asked: Asked | None, limit: Asked | None, pins: list[Asked], notes: Notes, available: Callable[[str], bool]
) -> str | None:
    """The minor version that is asked, else the nearest that the project's own limit allows and its pins go with."""
    assert asked
    numbers = [int(n) for n in re.findall(r"\d+", asked.text)]
    if len(numbers) < 2:
        return None
    minor = f"{numbers[0]}.{numbers[1]}"
    if available(minor):
        notes.because(f"Python {minor} ({asked.where} asks for {asked.text})")
        if len(numbers) > 2:
            notes.warn(
                f"{asked.where} asks for Python {asked.text}: built with the newest {minor}.x that there is here"
            )
        return minor
    allowed = [one for one in PYTHONS if limit is None or suits(one, limit.text)]
    newer = [one for one in allowed if numbers[0] == 3 and _minor(one) > _minor(minor)]
    if not newer:
        raise refused("Python", asked, [f"Python {one}" for one in PYTHONS])
    older = [one for one in reversed(allowed) if _minor(one) < _minor(minor)]
    nearest, pin = _going_with([*newer, *older], pins)
    notes.because(f"Python {nearest} ({asked.where} asks for {asked.text}, which cannot be had here)")
    why = f"with which {pin.where} goes" if pin and nearest != newer[0] else "the nearest newer one"
    notes.warn(f"Python {minor} cannot be had here: built with {nearest}, {why}")
    return nearest


def _python_ranged(asked: list[Asked], pins: list[Asked], sticky: str, notes: Notes) -> str | None:
    older = [one for one in reversed(PYTHONS) if _minor(one) < _minor(PYTHON)]
    newer = [one for one in PYTHONS if _minor(one) > _minor(PYTHON)]
    wished = [*([sticky] if sticky in PYTHONS else []), PYTHON, *older, *newer]
    allowed = [version for version in wished if all(suits(version, one.text) for one in asked)]
    if not allowed:
        return None
    if allowed[0] == sticky:
        pins = []  # it was built with it before
    chosen, pin = _going_with(allowed, pins)
    said = [f"{one.where} asks for {one.text}" for one in [*asked, *([pin] if pin and chosen != allowed[0] else [])]]
    notes.because(f"Python {chosen} ({' and '.join(said) or 'the default: no version is asked for'})")
    return chosen


def _going_with(versions: list[str], pins: list[Asked]) -> tuple[str, Asked | None]:
    """The first version that all pins go with, else the oldest; and the pin that wants the oldest."""
    if not pins:
        return versions[0], None
    tightest = min(pins, key=lambda one: _minor(one.text.removeprefix("<")))
    first = next((one for one in versions if suits(one, tightest.text)), None)
    return first or min(versions, key=_minor), tightest


def _minor(version: str) -> Minor:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _clauses(text: str) -> list[str]:
    return [one.strip() for one in re.split(r",|\s+(?=[<>=!~^])", text) if one.strip()]


def _readable(text: str) -> bool:
    return all(
        clause in ("*", "") or _CLAUSE.fullmatch(clause)
        for alternative in text.split("||")
        for clause in _clauses(alternative.strip())
    )


def suits(version: str, text: str) -> bool:
    """Whether some release of a minor version of Python satisfies a specifier of PEP 440 or of poetry."""
    return any(all(_holds(version, one) for one in _clauses(alternative)) for alternative in text.split("||"))


def _holds(version: str, clause: str) -> bool:
    match = _CLAUSE.fullmatch(clause)
    if not match or match[3] in (None, "*"):
        return _holds_major(version, match)
    have, operator, patch = _minor(version), match[1] or "==", int(match[4]) if (match[4] or "").isdigit() else 0
    bound = (int(match[2]), int(match[3]))
    verdicts = {
        "==": have == bound, "=": have == bound, "===": have == bound, "~": have == bound,
        ">=": have >= bound, ">": have >= bound, "<=": have <= bound, "<": have < bound or (have == bound and patch > 0),
        "!=": have != bound or patch > 0,
        "^": have >= bound and have[0] == bound[0],
        "~=": have == bound if match[4] else have >= bound and have[0] == bound[0],
    }  # fmt: skip
    return verdicts[operator]


def _holds_major(version: str, match: re.Match[str] | None) -> bool:
    if match is None:
        return True  # "*"
    have, bound = _minor(version)[0], int(match[2])
    return {"<": have < bound, ">": have > bound, "!=": have != bound, ">=": have >= bound, "<=": have <= bound}.get(
        match[1] or "==", have == bound
    )


def refused(name: str, asked: Asked | None, there: list[str]) -> PlanError:
    """What is asked for is not to be had."""
    assert asked
    return PlanError(
        "version",
        f"{name} {asked.text} cannot be had here",
        f"{asked.where} asks for {name} {asked.text}; there is {', '.join(there)}",
        f"ask for one of these in {asked.where}, or bring a Dockerfile; commit, and push again",
        f"{name} {asked.text} cannot be had",
    )


def unreadable(name: str, asked: Asked, example: str) -> PlanError:
    """What asks for a version cannot be understood."""
    return PlanError(
        "version",
        f"The version of {name} cannot be read",
        f"{asked.where} says {asked.text[:60]!r}",
        f"write it in {asked.where} as {example}, commit, and push again",
        f"bad version in {asked.where}"[:60],
    )
