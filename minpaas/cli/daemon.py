"""A process of ours in the background, known by its pid file."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOG_LIMIT = 10 << 20


@dataclass(frozen=True)
class Daemon:
    """Its pid file and its log lie in the state folder, for its owner's eyes only.

    The pid file holds the pid and, below it, the process's start time in clock ticks, so that a process that was given
    the same pid later is never taken for ours, and never stopped.
    """

    name: str
    folder: Path

    @property
    def pidfile(self) -> Path:
        """Two lines: pid, start time."""
        return self.folder / f"{self.name}.pid"

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / f"{self.name}.log"

    def start(self, command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        """Start it in a session of its own, so that it outlives us and our terminal."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        out = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = subprocess.Popen(
                command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        except OSError as error:
            os.write(out, f"{command[0]}: {error.strerror}\n".encode())
            return
        finally:
            os.close(out)
        self.pidfile.write_text(f"{process.pid}\n{_start_time(process.pid) or 0}\n")
        process.returncode = 0  # it is not ours to wait for: this keeps Popen from warning about it

    def pid(self) -> int | None:
        """Its pid while it runs."""
        try:
            pid, started = (int(line) for line in self.pidfile.read_text().split())
        except (OSError, ValueError):
            return None
        return pid if _start_time(pid) == started else None

    def stop(self, patience: float = 20.0) -> bool:
        """SIGTERM, and SIGKILL when it has not ended in time. Whether there was anything to stop."""
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + patience
            while self.pid() and time.monotonic() < deadline:
                time.sleep(0.05)
            if self.pid():
                os.kill(pid, signal.SIGKILL)
        self.pidfile.unlink(missing_ok=True)
        return pid is not None

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
        except OSError:
            return ""


def _start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since the boot; None when it has ended, or waits to be reaped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold anything, brackets too
    return None if fields[0] == "Z" else int(fields[19])
