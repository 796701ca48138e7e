"""Completion in real shells, on a real terminal: names of commands, colons and all, and of apps."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, Platform


class Terminal:
    """A shell that a person types into, with completion installed as the README says."""

    def __init__(self, shell: str, home: Path, platform: Platform):
        bin = home / "bin"
        bin.mkdir()
        (bin / "minpaas").write_text(f"#!{sys.executable}\nfrom minpaas.cli.cli import main\nmain()\n")
        (bin / "minpaas").chmod(0o755)
        path = f"{bin}:{os.environ['PATH']}"
        self.env = {"HOME": str(home), "ZDOTDIR": str(home), "PATH": path, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
        self.env |= {"MINPAAS_URL": platform.env["MINPAAS_URL"], "LC_ALL": "C.UTF-8"}
        installed = subprocess.run([shell, "-c", "minpaas --install-completion; true"], env=self.env, check=True)
        assert installed.returncode == 0
        self.ours, theirs = pty.openpty()
        self.shell = subprocess.Popen(
            [shell, "-i"], env=self.env, cwd=home, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.read(until="ready", typed="echo rea''dy\n", patience=15)

    def read(self, until: str, typed: str, patience: float = 8) -> str:
        """Type, and what the screen shows until a pattern is there, without control sequences."""
        os.write(self.ours, typed.encode())
        end, seen = time.monotonic() + patience, ""
        while time.monotonic() < end:
            if select.select([self.ours], [], [], 0.1)[0]:
                seen += os.read(self.ours, 65536).decode("utf-8", "replace")
            plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\x07\r]", "", seen)
            if re.search(until, plain):
                return plain
        raise AssertionError(f"no {until!r} in {seen!r}")

    def close(self) -> None:
        """End the shell."""
        self.shell.kill()
        self.shell.wait()
        os.close(self.ours)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(platform: Platform, app: str, shell: str, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    platform.request("POST", "/apps", {"name": app})
    terminal = Terminal(shell, tmp_path, platform)
    wipe = "\x15"  # Ctrl-U: an empty line again
    try:
        terminal.read("minpaas doctor ", "minpaas doc\t")
        terminal.read("minpaas releases", f"{wipe}minpaas relea\t")
        terminal.read("minpaas config:import ", f"{wipe}minpaas config:im\t")
        terminal.read("minpaas maintenance:off ", f"{wipe}minpaas maintenance:of\t")
        terminal.read("minpaas rollback ", f"{wipe}minpaas rollb\t")
        terminal.read(f"minpaas status {app}", f"{wipe}minpaas status {app[:-2]}\t")
        terminal.read(f"minpaas ps:restart -a {app}", f"{wipe}minpaas ps:restart -a {app[:-2]}\t")
        listed = terminal.read(r"builds:output|output", f"{wipe}minpaas builds:\t\t")
        assert "cancel" in listed
    finally:
        terminal.close()
