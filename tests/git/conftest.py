"""A real git process, a real hook server and a real HTTP front, on free ports of a home of their own."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn

from minpaas.server.git_http import GitHTTP
from minpaas.server.settings import load
from tests.git.control_plane import ControlPlane, Plan

TRANSPORTS = ("ssh", "http")


@dataclass
class Done:
    """What a git command came to."""

    code: int
    out: str

    @property
    def ok(self) -> bool:
        return self.code == 0


@dataclass
class Place:
    """Everything that is running, and the environment in which git reaches it."""

    home: Path
    plane: ControlPlane
    process: "subprocess.Popen[bytes]"
    ssh_port: int
    http_port: int
    env: dict[str, str] = field(default_factory=dict)

    def url(self, transport: str, app: str) -> str:
        if transport == "ssh":
            return f"ssh://git@127.0.0.1:{self.ssh_port}/{app}.git"
        if transport == "http":
            return f"http://127.0.0.1:{self.http_port}/git/{app}.git"
        return str(self.plane.repo(app))

    def memory_peak(self) -> int:
        """The git process's peak resident memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def git(self, *args: str, cwd: Path | None = None, env: dict[str, str] | None = None, timeout: float = 60) -> Done:
        """Run git; stdout and stderr together."""
        ran = subprocess.run(
            ["git", *args],
            cwd=cwd,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
        )
        return Done(ran.returncode, ran.stdout.decode("utf-8", "replace"))


class Work:
    """A person's clone, with `origin` set to the app over one transport."""

    def __init__(self, place: Place, path: Path, app: str, transport: str):
        self.place, self.path, self.app, self.transport = place, path, app, transport
        self.url = place.url(transport, app)
        self.server = place.plane.repo(app)

    def init(self) -> "Work":
        self.path.mkdir()
        self("init", "-q", "-b", "main")
        self("remote", "add", "origin", self.url)
        return self

    def __call__(self, *args: str, **kwargs) -> Done:
        return self.place.git(*args, cwd=self.path, **kwargs)

    def out(self, *args: str) -> str:
        done = self(*args)
        assert done.ok, done.out
        return done.out.strip()

    def write(self, name: str, content: str | bytes = "hello\n") -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, name: str = "file", content: str | bytes | None = None) -> str:
        self.write(name, secrets.token_hex(8) + "\n" if content is None else content)
        self.out("add", "-A")
        self.out("commit", "-q", "-m", name)
        return self.out("rev-parse", "HEAD")

    def push(self, *args: str, **kwargs) -> Done:
        return self("push", *(args or ("origin", "main")), **kwargs)

    def at_server(self, *args: str) -> Done:
        return self.place.git("-C", str(self.server), *args)

    def ref(self, ref: str = "refs/heads/main") -> str | None:
        done = self.at_server("rev-parse", "--verify", "-q", ref)
        return done.out.strip() if done.ok else None

    def leftovers(self) -> list[str]:
        """What a failed push must not leave behind."""
        found = [
            *(self.server / "objects").glob("incoming-*"),
            *self.server.rglob("tmp_*"),
            *self.server.rglob("*.lock"),
        ]
        return [str(path) for path in found if path.name != "minpaas.lock"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("home")
    plane = ControlPlane(home)
    ssh_port, http_port = free_port(), free_port()
    keys = tmp_path_factory.mktemp("keys")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / "id")], check=True)
    shutil.copy(keys / "id.pub", home / "state" / "authorized_keys")
    env = {**os.environ, "MINPAAS_HOME": str(home), "MINPAAS_SSH_PORT": str(ssh_port), "MALLOC_ARENA_MAX": "2"}
    log = (home / "git.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "minpaas.server.ssh"], env=env, stdin=subprocess.PIPE, stderr=log, cwd=home
    )
    server = uvicorn.Server(uvicorn.Config(Mounted(GitHTTP(load(env))), port=http_port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(ssh_port)
    wait_for(http_port)
    yield Place(home, plane, process, ssh_port, http_port, client_env(keys, home))
    server.should_exit = True
    assert process.poll() is None, (home / "git.log").read_text()
    assert process.stdin
    process.stdin.close()
    assert process.wait(5) == 0
    thread.join(10)
    plane.close()


class Mounted:
    """What `app.mount("/git", ...)` does."""

    def __init__(self, app: GitHTTP):
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        await self.app({**scope, "root_path": "/git"}, receive, send)


def client_env(keys: Path, home: Path) -> dict[str, str]:
    """Nobody's configuration but ours."""
    ssh = (
        f"ssh -F /dev/null -i {keys / 'id'} -o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new "
        f"-o UserKnownHostsFile={keys / 'known'} -o LogLevel=INFO"
    )
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "ssh:http:file",
        "GIT_SSH_COMMAND": ssh,
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in PERSON.items()},
        "NO_PROXY": "127.0.0.1",
    }


PERSON = {"NAME": "A Person", "EMAIL": "person@example.org"}


def wait_for(port: int) -> None:
    until = time.monotonic() + 15
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")


@pytest.fixture
def place(running: Place) -> Place:
    """The running place with nothing planned."""
    running.plane.plan, running.plane.deploys, running.plane.denied = Plan(), True, {}
    running.plane.questions.clear()
    running.plane.finished.clear()
    return running


@pytest.fixture(params=TRANSPORTS, scope="session")
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def work(place: Place, tmp_path: Path, transport: str) -> Work:
    """A new app that deploys, and an empty clone."""
    return Work(place, tmp_path / "work", f"a{secrets.token_hex(5)}", transport).init()


@pytest.fixture
def plain(place: Place, tmp_path: Path, transport: str) -> Work:
    """A new app without hooks: refs just move, as with any git server."""
    place.plane.deploys = False
    return Work(place, tmp_path / "work", f"p{secrets.token_hex(5)}", transport).init()


CONFORMANCE = "git conformance"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line that says how much of git's behaviour is kept."""
    reports = {
        outcome: [r for r in terminalreporter.getreports(outcome) if "tests/git/" in r.nodeid and r.when == "call"]
        for outcome in ("passed", "failed")
    }
    passed, all_ = len(reports["passed"]), sum(map(len, reports.values()))
    if all_:
        terminalreporter.write_line(f"{CONFORMANCE}: {passed} of {all_}")
