"""Which version comes of what is asked: as it is written in the wild."""

import json
import shlex
from pathlib import Path

import pytest

from minpaas.plan import Folder, PlanError, plan
from minpaas.plan.semver import choose, ranges

NODES = {
    ">=18": "24",
    "20.x || 22.x || 24.x": "24",
    "^20.9.0": "20",
    "~20.11": "20.11",
    "20.11.1": "20.11.1",
    "v22": "22",
    "lts/hydrogen": "18",
    "lts/*": "24",
    ">=14 <17": "16",
    "<20.5": "20.4",
    "16 - 18": "18",
    ">=25": "26",
    "*": "24",
    ">= 12.0.0 < 15": "14",
    "^18.18.0 || >=20.0.0": "24",
    ">=8 <=16": "16",
    "^12 || ^14": "14",
    "^v14.17.0": "14",
    "~0.10.26": "0.10",
    "6.11.x": "6.11",
    "5.9.1": "5.9.1",
    ">=0.8": "24",
}


@pytest.mark.parametrize(("asked", "chosen"), NODES.items(), ids=list(NODES))
def test_a_range_of_node(asked: str, chosen: str) -> None:
    allowed = ranges(asked)
    assert allowed is not None
    assert choose(allowed, [24, 22, 20, 18, 16, 14, 12, 10, 8, 26, 25, 6, 4, 7, 5, 0]) == chosen


BUILDS = {"scripts": {"start": "node .", "build": "a"}}
OLD = {
    "webpack 4": ({**BUILDS, "devDependencies": {"webpack": "^4.44.2"}}, "16"),
    "webpack 4 of ember-auto-import": ({**BUILDS, "devDependencies": {"ember-auto-import": "^1.12.0"}}, "16"),
    "webpack 4 that nothing calls": ({"scripts": {"start": "node ."}, "devDependencies": {"webpack": "^4.44.2"}}, "24"),
    "webpack 4 in a folder": ({"scripts": {"start": "node .", "build": "npm run --prefix ./front build"}}, "16"),
    "webpack 4 with the old hashes": (
        {
            "scripts": {"start": "node .", "build": "NODE_OPTIONS=--openssl-legacy-provider a"},
            "dependencies": {"next": "10.0.0"},
        },
        "24",
    ),
    "gulp 3": ({"scripts": {"start": "node .", "postinstall": "gulp"}, "dependencies": {"gulp": "~3.9.0"}}, "10"),
    "bcrypt 3": ({"scripts": {"start": "node ."}, "dependencies": {"bcrypt": "^3.0.6"}}, "14"),
    "node-sass, as far as engines leaves it free": (
        {**BUILDS, "engines": {"node": ">=12 <20"}, "dependencies": {"node-sass": "^4.12.0"}},
        "14",
    ),
    "node-sass, against engines": (
        {**BUILDS, "engines": {"node": "18.x"}, "dependencies": {"node-sass": "^4.12.0"}},
        "18",
    ),
    "Angular 12": ({**BUILDS, "devDependencies": {"@angular/cli": "~12.2.18"}}, "16"),
    "Angular 13": ({**BUILDS, "devDependencies": {"@angular/cli": "~13.3.0"}}, "24"),
    "an option that node had": ({"scripts": {"start": "node --es-module-specifier-resolution=node a.js"}}, "18"),
    "volta": ({"scripts": {"start": "node ."}, "volta": {"node": "20.11.1"}}, "20.11.1"),
}


@pytest.mark.parametrize(("package", "version"), OLD.values(), ids=list(OLD))
def test_what_an_older_node_goes_with(package: dict[str, object], version: str, tmp_path: Path) -> None:
    (tmp_path / "front").mkdir()
    (tmp_path / "front" / "package.json").write_text('{"devDependencies": {"webpack": "4.0.0"}}')
    (tmp_path / "package.json").write_text(json.dumps({"name": "a", "main": "a.js", **package}))
    assert plan(Folder(tmp_path)).version == version


@pytest.mark.parametrize("asked", ["twenty", "lts/nothing", ">=a"])
def test_what_is_no_range_of_node(asked: str) -> None:
    assert ranges(asked) is None


PYTHONS = {
    (".python-version", "3.11\n"): "3.11",
    (".python-version", "# ours\n3.14.0 # new\n"): "3.14",
    (".python-version", "my-virtualenv\n"): "3.13",
    ("runtime.txt", "python-3.11.4\n"): "3.11",
    ("runtime.txt", "python-3.10.12"): "3.11",
    ("runtime.txt", "python-3.8.18"): "3.9",
    ("runtime.txt", "python-3.6.6"): "3.9",
    ("runtime.txt", "Python 3.7.2"): "3.9",
    ("runtime.txt", "3.11.4\r\n"): "3.11",
    (".python-version", "3.11.4/envs/shop\n"): "3.11",
    ("Pipfile", '[requires]\npython_version = "3.11"\n'): "3.11",
    (
        "render.yaml",
        "services:\n  - type: web\n    envVars:\n      - key: PYTHON_VERSION\n        value: 3.11.4\n",
    ): "3.11",
    (".tool-versions", "nodejs 20.1.0\npython 3.11.2\n"): "3.11",
    ("pyproject.toml", '[project]\nname = "a"\nrequires-python = ">=3.8,<3.12"\n'): "3.11",
    ("pyproject.toml", '[project]\nname = "a"\nrequires-python = "~=3.11.0"\n'): "3.11",
    ("pyproject.toml", '[project]\nname = "a"\nrequires-python = ">=3.14"\n'): "3.14",
    ("pyproject.toml", '[project]\nname = "a"\nrequires-python = "!=3.13.*,>=3.9"\n'): "3.11",
    ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.9"\n'): "3.13",
    ("pyproject.toml", '[tool.poetry.dependencies]\npython = "~3.11"\n'): "3.11",
}


@pytest.mark.parametrize(("file", "chosen"), PYTHONS.items(), ids=[" ".join(one)[:60] for one in PYTHONS])
def test_a_version_of_python(file: tuple[str, str], chosen: str, tmp_path: Path) -> None:
    (tmp_path / file[0]).write_text(file[1])
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "app.py").write_text("")
    assert plan(Folder(tmp_path)).version == chosen


@pytest.mark.parametrize("asked", ["2.7.18", "3.99", "pypy3.9-7.3"])
def test_a_python_that_cannot_be_had(asked: str, tmp_path: Path) -> None:
    (tmp_path / "runtime.txt").write_text(f"python-{asked}\n")
    (tmp_path / "app.py").write_text("")
    if asked.startswith("pypy"):
        assert any("no version of Python" in one for one in plan(Folder(tmp_path)).warnings)
        return
    with pytest.raises(PlanError, match=asked):
        plan(Folder(tmp_path))


def test_a_limit_of_the_project_forbids_the_next_newer_one(tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text("3.12\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\nrequires-python = ">=3.12,<3.13"\n')
    (tmp_path / "app.py").write_text("")
    with pytest.raises(PlanError, match=r"3\.12"):
        plan(Folder(tmp_path))


# what is asked, what is pinned and where: what is built with
PINNED = {
    ("", "requirements.txt", "numpy==1.26.4\n"): "3.11",
    ("", "requirements.txt", "Pillow ~= 8.1.0  # ours\n"): "3.9",
    ("", "requirements.txt", "gunicorn==19.9.0\n"): "3.11",
    ("", "requirements.txt", "Jinja2==2.10.1\n"): "3.9",
    ("", "requirements.txt", "gradio==4.44.1\n"): "3.11",
    ("", "requirements.txt", "six==1.16.0\nrequests==2.31.0\n"): "3.13",
    ("", "requirements.txt", "urllib3==1.25.8 ; python_version >= '3.6' \\\n    --hash=sha256:00\n"): "3.11",
    ("", "requirements.txt", "-r requirements/base.txt\n"): "3.11",
    ("", "requirements.txt", "numpy>=1.20.0,<2.0.0  # stay with 1.x\npandas>=1.3\n"): "3.11",
    ("", "requirements.txt", "pandas<=1.5.0,>=1.3\n"): "3.9",
    ("", "requirements.txt", "numpy<3\nstreamlit >=1.28, <2; python_version < '3.12'\n"): "3.13",
    ("3.12.1", "requirements.txt", "pandas==2.1.4\n"): "3.11",
    ("3.12.1", "requirements.txt", "pandas==2.3.0\n"): "3.13",
    ("3.10.4", "requirements.txt", "scipy==1.7.1\n"): "3.9",
    ("3.13", "requirements.txt", "numpy==1.26.4\n"): "3.13",
    ("", "Pipfile.lock", '{"default": {"scikit-learn": {"version": "==1.0.2"}}}'): "3.9",
    ("", "poetry.lock", """
[[package]]
name = "anything"
version = "1"
files = [{file = "anything-1-cp311-cp311-manylinux_2_17_x86_64.whl"}, {file = "anything-1.tar.gz"}]
[[package]]
name = "tool"
version = "1"
groups = ["dev"]
files = [{file = "tool-1-cp36-cp36m-manylinux1_x86_64.whl"}]
"""): "3.11",
    ("", "poetry.lock", """
[[package]]
name = "anything"
version = "1"
category = "main"
[metadata.files]
anything = [
    {file = "anything-1-cp38-cp38-manylinux1_x86_64.whl"}, {file = "anything-1-cp39-cp39-manylinux1_x86_64.whl"},
]
"""): "3.9",
    ("", "uv.lock", """
[[package]]
name = "plain"
version = "1"
wheels = [{url = "https://files/plain-1-py3-none-any.whl"}]
[[package]]
name = "stable"
version = "1"
wheels = [{url = "https://files/stable-1-cp37-abi3-manylinux_2_28_x86_64.whl"}]
[[package]]
name = "two"
version = "1"
wheels = [{url = "https://files/two-1-cp39-cp39-manylinux_2_17_x86_64.whl"}]
[[package]]
name = "two"
version = "2"
wheels = [{url = "https://files/two-2-cp313-cp313-manylinux_2_17_x86_64.whl"}]
"""): "3.13",
}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "chosen"), PINNED.items(), ids=[f"{a or 'open'} {b} {c[:24]!r}" for a, b, c in PINNED]
)
def test_a_version_that_the_pins_go_with(told: tuple[str, str, str], chosen: str, tmp_path: Path) -> None:
    asked, name, text = told
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/base.txt").write_text("lxml==4.9.3\n")
    (tmp_path / name).write_text(text)
    (tmp_path / "app.py").write_text("")
    if asked:
        (tmp_path / "runtime.txt").write_text(f"python-{asked}\n")
    if name != "requirements.txt":
        (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\nversion = "1"\n')
    assert plan(Folder(tmp_path)).version == chosen


def test_files_that_windows_wrote(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("Django==4.1\r\nnumpy==1.26.4\r\n".encode("utf-16"))
    (tmp_path / "Procfile").write_bytes("web: python serve.py\r\n".encode("utf-16"))
    (tmp_path / ".python-version").write_bytes("\ufeff3.12\r\n".encode())
    made = plan(Folder(tmp_path))
    assert (made.version, made.start, made.install) == (
        "3.11",
        "python serve.py",
        "uv pip install -r requirements.txt",
    )


BESIDE = {
    "Flask==1.1.2\ngunicorn\n": ["itsdangerous<2.1", "jinja2<3.1", "werkzeug<2.1"],
    "Flask_Login==0.5.0\nFlask==1.1.2\nJinja2==2.11.3\nitsdangerous==1.1.0\n": ["markupsafe<2.1", "werkzeug<2.1"],
    "flask==2.2.2\nwerkzeug\n": ["werkzeug<3"],
    "flask==2.2.2\nWerkzeug>=2\n": [],
    "pandas==1.5.3\nnumpy\nopenai==1.12.0\n": ["httpx<0.28", "numpy<2"],
    "pandas==2.2.3\nflask==3.0.0\n": [],
}


@pytest.mark.parametrize(("requirements", "wanted"), BESIDE.items(), ids=[repr(one)[:30] for one in BESIDE])
def test_what_a_pin_needs_in_an_older_version(requirements: str, wanted: list[str], tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(requirements)
    (tmp_path / "Procfile").write_text("web: serve\n")
    made = plan(Folder(tmp_path))
    assert [one for one in sorted(shlex.split(made.install)[5:]) if "<" in one] == wanted
