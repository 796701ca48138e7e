"""Pinned packages that do not go with a newer Python: what asks for no version is built with one that they go with."""

import re
from collections.abc import Iterator

# package: (from, before, the first Python that its versions between do not install or start with)
_LIMITS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "aiohttp": (("0", "3.10.6", "3.13"),),
    "cffi": (("0", "1.17", "3.13"),),
    "django": (("0", "4.2", "3.13"),),  # imports cgi
    "gevent": (("0", "24.10.1", "3.13"),),
    "greenlet": (("0", "3.1", "3.13"),),
    "grpcio": (("0", "1.66.2", "3.13"),),
    "httptools": (("0", "0.6.2", "3.13"),),
    "lxml": (("0", "5.3", "3.13"),),
    "matplotlib": (("0", "3.9.2", "3.13"),),
    "numpy": (("0", "1.23.2", "3.11"), ("1.23.2", "2.1", "3.13")),
    "pandas": (("0", "1.5.1", "3.11"), ("1.5.1", "2.2.3", "3.13")),
    "pillow": (("0", "10.4", "3.13"),),
    "psycopg2": (("0", "2.9.10", "3.13"),),
    "psycopg2-binary": (("0", "2.9.10", "3.13"),),
    "pydantic": (("0", "2.8", "3.13"),),
    "pyyaml": (("0", "6.0", "3.10"), ("6.0", "6.0.1", "3.12")),
    "scikit-learn": (("0", "1.5.2", "3.13"),),
    "scipy": (("0", "1.14.1", "3.13"),),
    "sqlalchemy": (("2.0", "2.0.31", "3.13"),),
    "uvloop": (("0", "0.17", "3.11"), ("0.17", "0.21", "3.13")),
}
_PIN = re.compile(r"^\s*([A-Za-z][\w.-]*?)\s*(?:\[[\w ,-]*\])?\s*==\s*(\d+(?:\.\d+)*)\s*(?:[;#].*)?$", re.M)


def limits(requirements: str) -> Iterator[tuple[str, str]]:
    """For each pin that has a limit: the pin and the limit, such as ("django==4.1.4", "<3.13")."""
    for name, version in _PIN.findall(requirements):
        name = name.lower().replace("_", "-")
        for start, end, python in _LIMITS.get(name, ()):
            if _numbers(start) <= _numbers(version) < _numbers(end):
                yield f"{name}=={version}", f"<{python}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(one) for one in version.split("."))
