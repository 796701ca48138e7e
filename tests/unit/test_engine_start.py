"""Starting the Docker engine: one that takes long is waited for, one that ends is not. The real one: tests/machine."""

import os
import time
from pathlib import Path

import pytest

from minpaas.cli import engine
from minpaas.cli.errors import Trouble

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts an engine")

# after SECONDS it answers /version, as the real one does once it has seen to the containers of its last run
SLOW = """#!/usr/bin/env python3
import http.server, socketserver, time
time.sleep({seconds})
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'{{"Version": "1.2.3"}}')
    def address_string(self): return "here"
class Server(socketserver.UnixStreamServer):
    pass
Server("{socket}", Answer).serve_forever()
"""
BROKEN = """#!/bin/sh
echo "failed to start daemon: no disk"
exit 1
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose dockerd is the one that is started, on a machine without systemd and without an engine."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    monkeypatch.setattr(engine, "has_systemd", lambda: False)
    monkeypatch.setattr(engine, "_LONG", 0.4)
    return folder


def dockerd(folder: Path, text: str) -> None:
    """Make it the machine's engine."""
    (folder / "dockerd").write_text(text)
    (folder / "dockerd").chmod(0o755)


def test_one_that_takes_long_is_waited_for_and_told_of(programs: Path, tmp_path: Path) -> None:
    dockerd(programs, SLOW.format(seconds=1.5, socket=tmp_path / "docker.sock"))
    told: list[str] = []
    state = tmp_path / "state"
    try:
        assert engine.start(state, told.append).startswith("started dockerd")
        assert engine.version() == "1.2.3"
        assert len(told) == 1 and told[0].startswith("still starting")
    finally:
        engine.daemon(state).stop()


def test_one_that_ends_is_refused_at_once_with_what_it_said(programs: Path, tmp_path: Path) -> None:
    dockerd(programs, BROKEN)
    started = time.monotonic()
    with pytest.raises(Trouble, match="did not start: failed to start daemon: no disk"):
        engine.start(tmp_path / "state", lambda _: None)
    assert time.monotonic() - started < 5


def test_one_that_never_answers_is_stopped_when_patience_ends(programs: Path, tmp_path: Path) -> None:
    dockerd(programs, SLOW.format(seconds=60, socket=tmp_path / "docker.sock"))
    with pytest.raises(Trouble, match="did not start"):
        engine.start(tmp_path / "state", lambda _: None, patience=0.6)
    assert engine.daemon(tmp_path / "state").pid() is None
