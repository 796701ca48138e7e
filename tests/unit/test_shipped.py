"""What is shipped beside the code: the lock, the samples, the unit."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from minpaas.cli import control, samples, service
from minpaas.cli.person import person

ROOT = Path(__file__).resolve().parents[2]


def test_the_lock_has_every_dependency_with_hashes_and_no_address() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"] + ["hatchling", "editables"]
    lock = (ROOT / "requirements.lock").read_text()
    locked = set(re.findall(r"^([\w.-]+)==", lock, re.M))
    assert {re.match(r"[\w.-]+", name)[0] for name in wanted} <= locked  # type: ignore[index]
    assert lock.count("==") <= lock.count("--hash=sha256:")
    assert "://" not in lock


def test_the_node_sample_names_no_address_but_has_integrity() -> None:
    text = (samples.FOLDER / "hello-node" / "package-lock.json").read_text()
    assert "://" not in text
    installed = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert all("integrity" in entry for entry in installed.values())


@pytest.mark.parametrize("name", ["hello-node", "hello-python"])
def test_a_sample_is_the_same_commit_every_time(name: str) -> None:
    assert name in samples.names()
    found = set()
    for _ in range(2):
        with samples._repository(name, person()) as (folder, commit):
            assert (folder / ".git").is_dir()
            found.add(commit)
        assert not folder.exists()
    assert len(found) == 1
    assert re.fullmatch(r"[0-9a-f]{40}", found.pop())


def test_the_unit_starts_this_interpreter_with_the_settings_of_now() -> None:
    environ = {"MINPAAS_DOMAIN": "ex.org", "MINPAAS_TOKEN": "secret", "MINPAAS_URL": "http://x", "HOME": "/h"}
    unit = service.rendered(control.command(), Path("/srv/min paas"), environ).splitlines()
    start = next(line for line in unit if line.startswith("ExecStart="))
    assert "-m uvicorn minpaas.server.main:app --host 127.0.0.1 --port 4000" in start
    assert 'Environment="MINPAAS_HOME=/srv/min paas"' in unit
    assert "Environment=MINPAAS_DOMAIN=ex.org" in unit
    assert "KillMode=process" in unit
    assert not [line for line in unit if "secret" in line or "MINPAAS_URL" in line or "HOME=/h" in line]


def test_the_unit_quotes_what_systemd_would_read_otherwise() -> None:
    unit = service.rendered(["/opt/a b/python", "50%", "$x"], Path("/h"), {"MINPAAS_DOMAIN": 'a"b\\c'})
    assert 'ExecStart="/opt/a b/python" 50%% "$$x"' in unit
    assert r'Environment="MINPAAS_DOMAIN=a\"b\\c"' in unit
