"""Pinned packages that do not go with a newer Python: the version is one that they go with, where that is open."""

import json
import re
import tomllib
from collections.abc import Iterator

from minpaas.plan import requirements, spaces
from minpaas.plan.tree import Tree

# package: PYTHON:VERSION, from that Python on versions of the package before that one do not install or do not start (there
# is no wheel and what it needs to be compiled is not here, or they import what this Python has no more)
_FIRST = {
    "aiohttp": "3.10:3.8 3.11:3.8.3 3.12:3.9 3.13:3.10.6",
    "asyncpg": "3.11:0.27 3.13:0.30",
    "blis": "3.11:0.7.9 3.13:1.0.1",
    "catboost": "3.11:1.2 3.13:1.2.7",
    "celery": "3.11:5.0",
    "cffi": "3.13:1.17",
    "contourpy": "3.11:1.0.6 3.13:1.3",
    "discord.py": "3.10:2.0 3.13:2.4",
    "django": "3.11:3.0 3.13:4.2",
    "eventlet": "3.10:0.33 3.12:0.35 3.13:0.37",
    "frozenlist": "3.11:1.3.1 3.13:1.4.1",
    "gradio": "3.13:5.5",
    "gensim": "3.11:4.3 3.13:4.3.4",
    "gevent": "3.10:21.8 3.11:22.10 3.12:23.7 3.13:24.10.1",
    "greenlet": "3.10:1.1.2 3.11:2.0 3.12:3.0 3.13:3.1",
    "grpcio": "3.10:1.41 3.11:1.49.1 3.12:1.58 3.13:1.66.2",
    "gunicorn": "3.12:20.0",
    "h5py": "3.11:3.8 3.13:3.12",
    "httptools": "3.10:0.3 3.11:0.5 3.13:0.6.2",
    "jinja2": "3.10:2.10.2",
    "jiter": "3.13:0.6",
    "kiwisolver": "3.11:1.4.4 3.13:1.4.7",
    "llvmlite": "3.11:0.40 3.12:0.42 3.13:0.44",
    "lxml": "3.11:4.9.1 3.13:5.3",
    "markupsafe": "3.10:1.1",
    "matplotlib": "3.11:3.6 3.13:3.9.2",
    "multidict": "3.10:6.0 3.11:6.0.3 3.13:6.1",
    "nextcord": "3.13:3.0",
    "numba": "3.11:0.57 3.12:0.59 3.13:0.61",
    "numpy": "3.11:1.23.2 3.13:2.1",
    "opencv-python": "3.10:4.5.4.59",
    "opencv-python-headless": "3.10:4.5.4.59",
    "orjson": "3.11:3.8 3.12:3.9.10 3.13:3.10.7",
    "pandas": "3.11:1.5.1 3.13:2.2.3",
    "pillow": "3.11:9.2 3.13:10.4",
    "plotly": "3.12:5.0",
    "psycopg-binary": "3.13:3.2.2",
    "psycopg2": "3.13:2.9.10",
    "psycopg2-binary": "3.13:2.9.10",
    "py-cord": "3.13:2.6.1",
    "pyarrow": "3.11:10.0.1 3.12:14.0 3.13:18.0",
    "pydantic": "3.13:2.8",
    "pydantic-core": "3.13:2.20",
    "pymssql": "3.11:2.2.6 3.13:2.3.1",
    "pyproj": "3.11:3.4 3.13:3.7",
    "python-telegram-bot": "3.12:20.0",
    "pyyaml": "3.10:6.0 3.12:6.0.1",
    "regex": "3.13:2024.9",
    "reportlab": "3.11:3.6.12 3.12:4.0",
    "requests": "3.12:2.25",
    "rpds-py": "3.12:0.10 3.13:0.20",
    "scikit-image": "3.11:0.20 3.13:0.25",
    "scikit-learn": "3.11:1.1.3 3.13:1.5.2",
    "scipy": "3.11:1.9.2 3.13:1.14.1",
    "shapely": "3.11:1.8.5 3.13:2.0.6",
    "six": "3.12:1.16",
    "spacy": "3.11:3.4.2 3.12:3.7 3.13:3.8.3",
    "sqlalchemy": "3.10:1.3 3.13:2.0..2.0.31",
    "statsmodels": "3.11:0.13.3 3.13:0.14.4",
    "streamlit": "3.11:1.12 3.12:1.28 3.13:1.39",
    "tensorflow": "3.10:2.8 3.11:2.12 3.12:2.16 3.13:2.20",
    "tensorflow-cpu": "3.10:2.8 3.11:2.12 3.12:2.16 3.13:2.20",
    "thinc": "3.11:8.1.5 3.12:8.2 3.13:8.3.3",
    "tiktoken": "3.12:0.5.1 3.13:0.8",
    "tokenizers": "3.11:0.13.2 3.12:0.15 3.13:0.20",
    "torch": "3.11:1.13 3.12:2.2 3.13:2.5",
    "tornado": "3.10:5.0 3.12:6.0",
    "tweepy": "3.13:4.15",
    "typed-ast": "3.10:1.5 3.12:99",
    "urllib3": "3.12:1.26.5",
    "uvloop": "3.11:0.17 3.13:0.21",
    "watchfiles": "3.12:0.20 3.13:0.24",
    "websockets": "3.10:10.0",
    "werkzeug": "3.10:0.15",
    "wrapt": "3.11:1.14",
    "yarl": "3.11:1.8 3.13:1.13",
}  # fmt: skip
# package: (versions, what they do not start with unless it is older); for what is named without a version of its own, and
# with ? only for what is named
_BESIDE = {
    "anthropic": [("0..0.40", "httpx<0.28")],
    "dash": [("0..2.4", "werkzeug<2.1"), ("0..2.9", "flask<2.3")],
    "flask": [
        ("0..2.0", "werkzeug<2.1"),
        ("0..2.0", "jinja2<3.1"),
        ("0..2.0", "itsdangerous<2.1"),
        ("2.0..2.3", "werkzeug<3"),
    ],
    "flask-login": [("0..0.6.3", "werkzeug<3")],
    "flask-sqlalchemy": [("0..3.0", "sqlalchemy<2"), ("0..3.0", "flask<2.3")],
    "flask-wtf": [("0..1.0", "jinja2<3.1"), ("0..1.1", "flask<2.3")],
    "gradio": [("0..5.44", "huggingface-hub<1"), ("4.0..5.0", "pydantic<2.11")],
    "groq": [("0..0.13", "httpx<0.28")],
    "numpy": [("0..2.0", "?pyarrow<22")],
    "jinja2": [("0..3.0", "markupsafe<2.1")],
    "matplotlib": [("0..3.8.4", "numpy<2")],
    "openai": [("1.0..1.55.3", "httpx<0.28")],
    "pandas": [("0..2.2.2", "numpy<2"), ("0..2.2.2", "?pyarrow<22")],
    "scikit-learn": [("0..1.4.2", "numpy<2")],
    "scipy": [("0..1.13", "numpy<2")],
    "statsmodels": [("0..0.14.2", "numpy<2")],
    "streamlit": [
        ("0..1.12", "protobuf<3.21"),
        ("0..1.22", "altair<5"),
        ("0..1.8", "click<8.1"),
        ("0..1.38", "pyarrow<22"),
    ],
}
_PIN = re.compile(
    r"^[ \t]*([A-Za-z][\w.-]*?)\s*(?:\[[\w ,.-]*\])?\s*(?:===?|~=(?=\s*\d+\.\d+\.\d))\s*v?(\d+(?:\.\d+)*)[\w.*+-]*\s*(?:[;#\\].*)?$",
    re.M,
)
_BELOW = re.compile(
    r"^[ \t]*([A-Za-z][\w.-]*?)\s*(?:\[[\w ,.-]*\])?\s*(?:[>!=~][^;#<\n]*)?<(=?)\s*(\d+(?:\.\d+)*)\s*(?:,[^<;#\n]*)?(?:[;#].*)?$",
    re.M,
)


def limits(tree: Tree) -> Iterator[tuple[str, str]]:
    """For each pin that has a limit: the pin and where it is, and the limit, such as ("django==4.1.4 of requirements.txt", "<3.13")."""
    source = requirements.source(tree)
    if (space := spaces.read(tree)) and (limit := _limit(space.sdk, space.version)):
        yield f"{space.package} of README.md", f"<{limit}"
    if source == "Pipfile.lock":
        found = _pipfile_lock(tree.read(source) or "")
    elif source in ("poetry.lock", "uv.lock", "pdm.lock"):
        yield from _by_wheels(tree.read(source) or "", source)
        return
    elif source == "requirements.txt":
        text = requirements.text(tree)
        found = _PIN.findall(text)
        yield from _below(text, source)
    else:
        return
    for name, version in found:
        if limit := _limit(name, version):
            yield f"{name.lower()}=={version} of {source}", f"<{limit}"


def beside(text: str) -> Iterator[tuple[str, str]]:
    """What a pinned package has to have in an older version, where nothing else says which: the package and its limit, and the pin."""
    if "--hash" in text:
        return  # then everything is pinned
    found: dict[str, tuple[tuple[int, ...], str]] = {}
    for name, version in _PIN.findall(text):
        for versions, wanted in _BESIDE.get(_plain(name), []):
            other, _, limit = wanted.removeprefix("?").partition("<")
            if wanted[0] == "?" and not re.search(rf"^[ \t]*{other}\b", text, re.M | re.I):
                continue
            own = re.search(rf"^[ \t]*{other}\s*(\[[^]]*\])?\s*[=<>~!@]", text, re.M | re.I)
            if _within(version, versions) and not own:
                here = (_numbers(limit), f"{name.lower()}=={version}")
                found[other] = min(found.get(other, here), here)
    for other, (bound, pin) in found.items():
        yield f"{other}<{'.'.join(map(str, bound))}", pin


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.lower())


def _within(version: str, versions: str) -> bool:
    start, _, end = versions.rpartition("..")
    return _numbers(start or "0") <= _numbers(version) < _numbers(end)


def _below(text: str, source: str) -> Iterator[tuple[str, str]]:
    """The same of what has an upper limit: its newest version is what is installed."""
    for name, inclusive, version in _BELOW.findall(text):
        for rule in _FIRST.get(_plain(name), "").split():
            python, _, versions = rule.partition(":")
            if _numbers(version) <= _numbers(versions.rpartition("..")[2]) and not (inclusive and version == versions):
                yield f"{name.lower()}<{inclusive}{version} of {source}", f"<{python}"
                break


def _limit(name: str, version: str) -> str:
    """The first Python that a version of a package does not go with; empty where none is known."""
    for rule in _FIRST.get(_plain(name), "").split():
        python, _, versions = rule.partition(":")
        if version and _within(version, versions):
            return python
    return ""


def _pipfile_lock(text: str) -> list[tuple[str, str]]:
    try:
        packages = json.loads(text).get("default") or {}
        told = {name: str(one.get("version", "")) for name, one in packages.items() if isinstance(one, dict)}
    except (ValueError, AttributeError):
        return []  # said elsewhere
    return [(name, match[1]) for name, one in told.items() if (match := re.match(r"==(\d+(?:\.\d+)*)", one))]


def _by_wheels(text: str, source: str) -> Iterator[tuple[str, str]]:
    """A lock file that names each wheel says itself which Pythons a package goes with."""
    try:
        lock = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # said elsewhere
    old = lock.get("metadata", {}).get("files", {})  # where poetry wrote them before 1.3
    newest: dict[str, tuple[int, str]] = {}
    for one in lock.get("package", []):
        name, version = str(one.get("name", "")), str(one.get("version", ""))
        if one.get("category", "main") != "main" or not {"main", "default"} & set(one.get("groups", ["main"])):
            continue
        files = one.get("wheels") or one.get("files") or old.get(name) or []
        last = _newest_wheel([str(file.get("url") or file.get("file") or "") for file in files])
        number = re.match(r"\d+(?:\.\d+)*", version)
        if last is None and number and (limit := _limit(name, number[0])):
            last = int(limit.split(".")[1]) - 1
        # a lock file may have several versions of a package, each for other Pythons
        newest[name] = max(newest.get(name, (0, "")), (99 if last is None else last, version))
    for name, (last, version) in newest.items():
        if last < 99:
            yield f"{name}=={version} of {source}", f"<3.{last + 1}"


def _newest_wheel(files: list[str]) -> int | None:
    """The minor version of the newest Python that there is a wheel for; None where it is no matter of wheels."""
    minors = []
    for file in files:
        parts = file.rpartition("/")[2].removesuffix(".whl").split("-")
        if not file.endswith(".whl") or len(parts) < 5:
            continue
        python, abi, platform = parts[-3:]
        if platform != "any" and "linux" not in platform:
            continue
        if "py3" in python or "abi3" in abi:
            return None
        minors += [int(one) for one in re.findall(r"cp3(\d+)", python)]
    return max(minors, default=None)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(one) for one in version.split("."))
