"""Which version comes of what is asked: as it is written in the wild."""

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
}


@pytest.mark.parametrize(("asked", "chosen"), NODES.items(), ids=list(NODES))
def test_a_range_of_node(asked: str, chosen: str) -> None:
    allowed = ranges(asked)
    assert allowed is not None
    assert choose(allowed, [24, 22, 20, 18, 16, 14, 12, 10, 8, 26, 25]) == chosen


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


@pytest.mark.parametrize("asked", ["3.7.9", "2.7.18", "3.99", "pypy3.9-7.3"])
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
