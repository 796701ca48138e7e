"""state/: never half written, never overwritten when it cannot be read, one server a home."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minpaas.server import registry as registry_module
from minpaas.server.errors import AlreadyRunning, CorruptState, NoSuchApp
from minpaas.server.models import App, Release
from minpaas.server.registry import Registry, write_durably
from minpaas.server.settings import Settings


def opened(home: Path) -> Registry:
    made = Registry(Settings(home=home))
    made.open()
    return made


def test_records_survive(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.save(
        App(
            name="hello",
            runtime="python",
            port=32768,
            status="running",
            url="http://hello.localhost",
            command="python app.py",
        )
    )
    first.close()
    second = opened(tmp_path)
    assert second.app("hello").port == 32768
    with pytest.raises(NoSuchApp):
        second.app("other")
    second.remove("hello")
    second.close()
    assert opened(tmp_path).apps() == []


def test_the_file_is_for_people_and_private(tmp_path: Path) -> None:
    registry = opened(tmp_path)
    registry.save(App(name="hello", runtime="node", port=1, status="running", url="u", command="npm start"))
    path = tmp_path / "state" / "apps.json"
    body = json.loads(path.read_text())
    assert body["version"] == 1
    assert {"runtime", "port", "status", "url", "command"} <= body["apps"]["hello"].keys()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_every_write_is_temp_fsync_rename_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("fsync", "rename"):
        real = getattr(os, name)
        monkeypatch.setattr(
            registry_module.os, name, lambda *a, real=real, name=name: (calls.append(name), real(*a))[1]
        )
    target = tmp_path / "file"
    write_durably(target, b"one")
    assert calls == ["fsync", "rename", "fsync"]
    write_durably(target, b"two")
    assert target.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["file"]


def test_only_write_durably_writes_state() -> None:
    """Nothing else in the registry opens a file for writing."""
    source = Path(registry_module.__file__).read_text()
    assert ".write_text(" not in source
    assert ".write_bytes(" not in source
    assert source.count("os.O_WRONLY") == 1


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 1}', b'{"version": 99, "apps": {}}', b"[]", b'{"version": 1, "apps": {"X": {}}}',
                                     b'{"version": 1, "apps": {"a": {"port": "many"}}}', b"\xff\xfe"])  # fmt: skip
def test_a_corrupt_file_stops_the_start_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state" / "apps.json"
    path.parent.mkdir()
    path.write_bytes(content)
    before = hashlib.sha256(content).hexdigest()
    with pytest.raises(CorruptState) as caught:
        opened(tmp_path)
    assert str(path) in str(caught.value)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_a_second_server_is_refused(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(AlreadyRunning) as caught:
        opened(tmp_path)
    assert str(os.getpid()) in str(caught.value)
    first.close()
    opened(tmp_path)


def test_observed_status_is_written_at_most_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = opened(tmp_path)
    registry.save(App(name="hello"))
    writes: list[float] = []
    real = registry_module.write_durably
    monkeypatch.setattr(
        registry_module, "write_durably", lambda *a, **k: (writes.append(time.monotonic()), real(*a, **k))
    )
    for number in range(100):
        registry.observe("hello", "crashed" if number % 2 else "running", number)
    assert registry.app("hello").exit_code == 99
    time.sleep(1.3)
    assert len(writes) <= 2
    assert json.loads((tmp_path / "state" / "apps.json").read_text())["apps"]["hello"]["exit_code"] == 99


def test_releases_and_journals(tmp_path: Path) -> None:
    registry = opened(tmp_path)
    registry.save(App(name="hello"))
    for number in (1, 2, 10):
        registry.write_release(
            Release(
                version=1,
                app="hello",
                number=number,
                image="sha256:x",
                commit="c",
                runtime="python",
                process_types={"web": "x"},
            )
        )
    assert [one.name for one in registry.releases("hello")] == ["v1", "v2", "v10"]
    registry.write_journal("hello", "1", {"id": "1", "step": "build"})
    assert registry.journals("hello") == [{"id": "1", "step": "build"}]


_WRITER = """
import sys
from pathlib import Path
from minpaas.server.models import App
from minpaas.server.registry import Registry
from minpaas.server.settings import Settings
registry = Registry(Settings(home=Path(sys.argv[1])))
registry.open()
number = int(registry.app("hello").command or 0) if registry.has("hello") else 0
print("ready", flush=True)
while True:
    number += 1
    registry.save(App(name="hello", command=str(number), url="x" * 300))
"""


def test_sigkill_at_random_moments_leaves_the_old_or_the_new_state(tmp_path: Path) -> None:
    chance, last = random.Random(1), 0
    for _ in range(12):
        child = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert child.stdout and child.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0.01, 0.1))
        child.send_signal(signal.SIGKILL)
        child.wait()
        registry = opened(tmp_path)
        number = int(registry.app("hello").command or 0) if registry.has("hello") else 0
        registry.close()
        assert number >= last  # the same where a busy machine let it write nothing
        last = number
        assert [p.name for p in (tmp_path / "state").iterdir() if p.name.endswith(".tmp")] == []
    assert last > 12
