"""One-offs on the real engine: piped and in a real terminal, detached, inside a process, and what becomes of them."""

import fcntl
import hashlib
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GIT_ENV, Checkout, Platform
from tests.integration.sources import serving

CLI = [sys.executable, "-c", "from minpaas.cli.cli import main; main()"]


@pytest.fixture(scope="module")
def live(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A running app with a config var and a task in its Procfile."""
    checkout = Checkout(tmp_path_factory.mktemp("run") / "checkout")
    files = serving("one")
    checkout.commit({**files, "Procfile": f"{files['Procfile']}task: echo a task of $WORD\n"})
    platform.request("POST", "/apps", {"name": "oneoffs"})
    platform.request("PATCH", "/apps/oneoffs/config", {"values": {"WORD": "it's $HOME"}})
    pushed = platform.push(checkout, "oneoffs")
    assert pushed.returncode == 0, pushed.stdout
    return "oneoffs"


def environment(platform: Platform) -> dict[str, str]:
    return {**os.environ, **GIT_ENV, **platform.env, "HOME": str(platform.key.parent), "TERM": "xterm"}


def cli(platform: Platform, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command with pipes: standard output and error apart."""
    return subprocess.run(
        [*CLI, *words], input=given, capture_output=True, env=environment(platform), timeout=60, check=False
    )


def one_offs(platform: Platform, app: str) -> list[str]:
    return [name for name in platform.containers(app) if ".run." in name]


OPEN: "list[Terminal]" = []


class Terminal:
    """A person at a terminal of 100 by 30."""

    def __init__(self, platform: Platform, *words: str):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execvpe(CLI[0], [*CLI, *words], environment(platform))
        OPEN.append(self)
        self.size(100, 30)
        self.seen = ""

    def size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def expect(self, pattern: str, seconds: float = 15) -> str:
        """Until the pattern has come; what came with it is used up."""
        end = time.monotonic() + seconds
        while not (match := re.search(pattern, self.seen)):
            left = end - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.seen!r}"
            if select.select([self.master], [], [], left)[0]:
                self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
        self.seen = self.seen[match.end() :]
        return match[0]

    def ends(self) -> int:
        """Its exit code."""
        while True:
            try:
                if not os.read(self.master, 65536):
                    break
            except OSError:
                break
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.master)
        OPEN.remove(self)
        return code


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """A test that fails leaves no terminal behind."""
    yield
    for terminal in OPEN[:]:
        os.kill(terminal.pid, signal.SIGKILL)
        terminal.ends()


@pytest.mark.parametrize("code", [0, 3, 255])
def test_exit_codes_are_passed_on(platform: Platform, live: str, code: int) -> None:
    assert cli(platform, "run", "-a", live, f"exit {code}").returncode == code


def test_a_killed_one_says_137(platform: Platform, live: str) -> None:
    assert cli(platform, "run", "-a", live, "sh", "-c", "kill -9 $$").returncode == 137


def test_out_of_memory_is_named(platform: Platform, live: str) -> None:
    done = cli(platform, "run", "-a", live, "python", "-c", "x = b'x' * (900 << 20)")
    assert done.returncode == 137
    assert b"out of memory" in done.stderr


def test_what_is_not_there_says_127(platform: Platform, live: str) -> None:
    done = cli(platform, "run", "-a", live, "no-such-program", "x")
    assert done.returncode == 127
    assert b"no-such-program" in done.stderr
    assert one_offs(platform, live) == []


def test_a_login_shell_finds_the_apps_own_python(platform: Platform, live: str) -> None:
    assert cli(platform, "run", "-a", live, "bash", "-lc", "command -v python").stdout == b"/venv/bin/python\n"


def test_streams_are_apart_and_words_arrive_as_they_are(platform: Platform, live: str) -> None:
    done = cli(
        platform, "run", "-a", live, "python", "-c", "import sys; print(sys.argv[1:]); sys.exit('no')", "-a", "b c"
    )
    assert (done.stdout, done.stderr, done.returncode) == (b"['-a', 'b c']\n", b"no\n", 1)


def test_config_vars_and_procfile_entries(platform: Platform, live: str) -> None:
    assert cli(platform, "run", "-a", live, "task").stdout == b"a task of it's $HOME\n"
    done = cli(
        platform, "run", "-a", live, "-e", "WORD=mine", "-e", "B=", "echo $WORD; echo $MINPAAS_PROCESS | cut -c1-4"
    )
    assert done.stdout == b"mine\nrun.\n"


def test_ten_megabytes_each_way(platform: Platform, live: str) -> None:
    data = os.urandom(10 << 20)
    began = time.monotonic()
    done = cli(platform, "run", "-a", live, "sha256sum", given=data)
    assert done.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()
    middle = time.monotonic()
    assert cli(platform, "run", "-a", live, "cat", given=data).stdout == data
    print(f"in {middle - began:.1f} s, in and out {time.monotonic() - middle:.1f} s")


def test_no_output_is_lost_or_doubled(platform: Platform, live: str) -> None:
    for _ in range(5):
        assert cli(platform, "run", "-a", live, "echo first; seq 2000").stdout.split() == [
            b"first",
            *[str(n).encode() for n in range(1, 2001)],
        ]
    assert one_offs(platform, live) == []


def test_a_terminal(platform: Platform, live: str) -> None:
    at = Terminal(
        platform, "run", "-a", live, "stty size; tty; read x; echo got $x; sleep 1; stty size; echo $TERM; exit 5"
    )
    at.expect(r"30 100\r\n/dev/pts")
    at.type("hello\r")
    at.expect(r"hello\r\ngot hello")
    at.size(132, 50)
    at.expect(r"50 132")
    at.expect(r"xterm")
    assert at.ends() == 5


def test_a_shell_in_a_terminal(platform: Platform, live: str) -> None:
    at = Terminal(platform, "run", "-a", live)
    at.expect(r"[$#] ")
    at.type("echo $((40 + 2)) $WORD\r")
    at.expect(r"42 it's \$HOME")
    at.type("exit 7\r")
    assert at.ends() == 7


def test_ctrl_c_goes_to_the_process(platform: Platform, live: str) -> None:
    at = Terminal(platform, "run", "-a", live, "echo ready; exec sleep 100")
    at.expect("ready")
    at.type("\x03")
    assert at.ends() == 130
    piped = subprocess.Popen(
        [*CLI, "run", "-a", live, "echo ready; exec sleep 100"], stdout=subprocess.PIPE, env=environment(platform)
    )
    assert piped.stdout
    assert piped.stdout.readline() == b"ready\n"
    piped.send_signal(signal.SIGINT)
    assert piped.wait(10) == 130


@pytest.mark.parametrize("command", ["echo ready; exec sleep 1000", "echo ready; while :; do sleep 1; done"])
@pytest.mark.parametrize("terminal", [True, False])
def test_a_client_that_is_killed_leaves_nothing(platform: Platform, live: str, command: str, terminal: bool) -> None:
    if terminal:
        at = Terminal(platform, "run", "-a", live, command)
        at.expect("ready")
        os.kill(at.pid, signal.SIGKILL)
        assert at.ends() == -signal.SIGKILL
    else:
        words = [*CLI, "run", "-a", live, command]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.PIPE, env=environment(platform)) as piped:
            assert piped.stdout
            assert piped.stdout.readline() == b"ready\n"
            piped.kill()
    platform.wait_for(lambda: one_offs(platform, live) == [], 5, "the one-off to go")


def test_detached(platform: Platform, live: str) -> None:
    made = json.loads(
        cli(platform, "run", "-a", live, "--detach", "--json", "echo out; echo err >&2; sleep 10; exit 4").stdout
    )
    name = made["name"]
    assert re.fullmatch(r"run\.[0-9]{4}", name)
    platform.wait_for(lambda: cli(platform, "run:log", "-a", live, name).stdout == b"out\n", 5, "its output")
    listed = cli(platform, "run:list", "-a", live).stdout.decode()
    assert re.search(rf"{name} +running, detached +\S+ +v1 +echo out;", listed), listed
    (found,) = [one for one in json.loads(cli(platform, "run:list", live, "--json").stdout) if one["name"] == name]
    assert (found["status"], found["attached"], found["exit_code"]) == ("running", False, None)
    followed = cli(platform, "run:log", "-a", live, "-f", name)
    assert (followed.stdout, followed.stderr, followed.returncode) == (b"out\n", b"err\n", 4)
    platform.wait_for(lambda: one_offs(platform, live) == [], 5, "it to go")
    kept = cli(platform, "run:log", "-a", live, "-f", name)
    assert (kept.stdout, kept.stderr, kept.returncode) == (b"out\n", b"err\n", 4)
    (ended,) = [one for one in platform.request("GET", f"/apps/{live}/run") if one["name"] == name]
    assert (ended["status"], ended["exit_code"]) == ("ended", 4)
    assert platform.request("GET", f"/apps/{live}/run/{name}/output") in ("out\nerr\n", "err\nout\n")


def test_stop(platform: Platform, live: str) -> None:
    name = cli(platform, "run", "-a", live, "--detach", "sleep 1000").stdout.decode().split()[0]
    container = one_offs(platform, live)[0]
    assert platform.docker("port", container) == ""
    began = time.monotonic()
    assert cli(platform, "run:stop", "-a", live, name).stdout.decode() == f"Stopped {name}.\n"
    assert time.monotonic() - began < 5
    assert one_offs(platform, live) == []
    assert cli(platform, "run:log", "-a", live, "-f", name).returncode == 143
    assert cli(platform, "run:stop", "-a", live, "run.0000").returncode == 1


def test_limits_and_labels_are_the_apps(platform: Platform, live: str) -> None:
    name = cli(platform, "run", "-a", live, "-d", "sleep 1000").stdout.decode().split()[0]
    found = json.loads(platform.docker("inspect", one_offs(platform, live)[0]))[0]
    web = json.loads(platform.docker("inspect", platform.request("GET", f"/apps/{live}")["processes"][0]["container"]))[
        0
    ]
    for limit in ("Memory", "PidsLimit", "CapDrop", "SecurityOpt"):
        assert found["HostConfig"][limit] == web["HostConfig"][limit]
    assert found["Image"] == web["Image"]
    assert found["Config"]["Labels"]["minpaas.process"] == name
    platform.request("POST", f"/apps/{live}/run/{name}/stop")


def test_a_deploy_leaves_it_and_a_delete_does_not(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("one"))
    assert platform.push(checkout, app).returncode == 0
    words = [*CLI, "run", "-a", app, "echo ready; exec sleep 1000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment(platform)) as piped:
        assert piped.stdout
        assert piped.stdout.readline() == b"ready\n"
        cli(platform, "run", "-a", app, "-d", "sleep 1000")
        checkout.commit(serving("two"))
        assert platform.push(checkout, app).returncode == 0
        platform.wait_for(lambda: len(platform.containers(app)) == 3, 20, "the old web process to go")
        assert len(one_offs(platform, app)) == 2
        platform.request("DELETE", f"/apps/{app}")
        assert piped.wait(10) == 137
    assert platform.containers(app) == []


def test_enter(platform: Platform, live: str) -> None:
    at = Terminal(platform, "enter", "-a", live, "web.1")
    at.expect(r"[$#] ")
    at.type("stty size; cat /proc/1/cmdline | tr '\\0' ' '; echo; echo $WORD; exit 9\r")
    at.expect(r"30 100\r\n[^\r]*server\.py[^\r]*\r\nit's \$HOME")
    assert at.ends() == 9
    done = cli(platform, "enter", "-a", live, "web.1", "sh", "-c", "cat; echo no >&2; exit 3", given=b"x" * 100_000)
    assert (done.stdout, done.stderr, done.returncode) == (b"x" * 100_000, b"no\n", 3)
    assert cli(platform, "enter", "-a", live, "web.7").returncode == 1


def test_a_visit_whose_client_is_killed_leaves_nothing(platform: Platform, live: str) -> None:
    words = [*CLI, "enter", "-a", live, "web.1", "sh", "-c", "echo ready; exec sleep 4321"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment(platform)) as piped:
        assert piped.stdout
        assert piped.stdout.readline() == b"ready\n"
        piped.kill()
    container = platform.request("GET", f"/apps/{live}")["processes"][0]["container"]
    platform.wait_for(lambda: "sleep 4321" not in platform.docker("top", container), 5, "the visit to end")


def test_waiting_ones_slow_nobody(platform: Platform, live: str) -> None:
    """A hundred readers that wait for output hold no thread: the API answers as before."""

    def times(count: int) -> list[float]:
        took = []
        for _ in range(count):
            began = time.monotonic()
            platform.request("GET", "/apps")
            took.append(time.monotonic() - began)
        return sorted(took)

    container = platform.request("GET", f"/apps/{live}")["processes"][0]["container"]
    before = times(50)

    def wait(_: int) -> Any:
        asked = {"command": ["sh", "-c", "read x"], "inside": "web.1"}
        name = platform.request("POST", f"/apps/{live}/run", asked)["name"]
        return platform.request("GET", f"/apps/{live}/run/{name}/output")

    with ThreadPoolExecutor(100) as pool:
        waiting = [pool.submit(wait, number) for number in range(100)]
        platform.wait_for(lambda: platform.docker("top", container).count("read x") >= 100, 60, "a hundred to wait")
        during = times(50)
        threads = len(list(Path(f"/proc/{platform.process.pid}/task").iterdir())) if platform.process else 0
        platform.docker("exec", container, "sh", "-c", "kill $(grep -l '[r]ead x' /proc/[0-9]*/cmdline | cut -d/ -f3)")
        assert [one.result() for one in waiting] == [""] * 100
    print(
        f"GET /apps median {before[25] * 1000:.1f} ms, with 100 waiting {during[25] * 1000:.1f} ms, {threads} threads"
    )
    assert during[25] < max(0.05, 5 * before[25])


def test_after_a_crash_attached_ones_go_and_detached_ones_stay(
    own_platform: Platform, checkout: Checkout, app: str
) -> None:
    checkout.commit(serving("one"))
    assert own_platform.push(checkout, app).returncode == 0
    words = [*CLI, "run", "-a", app, "echo ready; exec sleep 1000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment(own_platform)) as piped:
        assert piped.stdout
        assert piped.stdout.readline() == b"ready\n"
        name = cli(own_platform, "run", "-a", app, "-d", "echo here; sleep 1000").stdout.decode().split()[0]
        own_platform.kill()
        assert piped.wait(10) == 5
    own_platform.start()
    assert [one["name"] for one in own_platform.request("GET", f"/apps/{app}/run")] == [name]
    assert cli(own_platform, "run:log", "-a", app, name).stdout == b"here\n"
    assert threading.active_count() < 50
