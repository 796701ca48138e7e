"""A background process is known by its pid file, and nothing else is ever stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from minpaas.cli.daemon import Daemon

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


def until_up(daemon: Daemon) -> None:
    """Wait for the process's first line."""
    deadline = time.monotonic() + 10
    while daemon.last_lines() != "up":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_starts_apart_from_us_and_stops(tmp_path: Path) -> None:
    daemon = Daemon("thing", tmp_path / "state")
    assert daemon.pid() is None
    daemon.start(SLEEP)
    until_up(daemon)
    pid = daemon.pid()
    assert pid
    assert os.getsid(pid) == pid
    assert daemon.log.stat().st_mode & 0o777 == 0o600
    assert daemon.folder.stat().st_mode & 0o777 == 0o700
    assert daemon.stop()
    assert daemon.pid() is None
    assert not daemon.pidfile.exists()
    assert not daemon.stop()


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    daemon = Daemon("thing", tmp_path)
    daemon.start(STUBBORN)
    until_up(daemon)
    assert daemon.stop(patience=0.3)
    assert daemon.pid() is None


def test_a_process_that_got_its_pid_later_is_left_alone(tmp_path: Path) -> None:
    daemon = Daemon("thing", tmp_path)
    with subprocess.Popen(SLEEP, stdout=subprocess.DEVNULL) as other:
        daemon.pidfile.write_text(f"{other.pid}\n12345\n")
        assert daemon.pid() is None
        assert not daemon.stop()
        assert other.poll() is None
        other.send_signal(signal.SIGKILL)


def test_a_pid_file_of_rubbish_is_no_process(tmp_path: Path) -> None:
    daemon = Daemon("thing", tmp_path)
    for rubbish in ("", "x\n", "1\n", "-1\n0\n", "1 2 3"):
        daemon.pidfile.write_text(rubbish)
        assert daemon.pid() is None


def test_what_cannot_be_started_is_in_the_log(tmp_path: Path) -> None:
    daemon = Daemon("thing", tmp_path)
    daemon.start(["/nonexistent/thing"])
    assert daemon.pid() is None
    assert daemon.last_lines() == "/nonexistent/thing: No such file or directory"


def test_a_long_log_makes_room(tmp_path: Path) -> None:
    daemon = Daemon("thing", tmp_path)
    daemon.log.write_bytes(b"x" * (11 << 20))
    daemon.start(["true"])
    assert daemon.log.stat().st_size == 0
    assert daemon.log.with_suffix(".log.1").stat().st_size == 11 << 20
