"""What the tests share: the real server on a home of its own, with the real engine, nginx, git and ssh."""

import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
DOCKER = "/usr/bin/docker"

GIT_ENV = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_TERMINAL_PROMPT": "0",
}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(
    *command: object, cwd: Path | None = None, env: dict[str, str] | None = None, **kwargs: Any
) -> subprocess.CompletedProcess[str]:
    """A command with its output as text; it may fail."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **GIT_ENV, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=kwargs.pop("timeout", 180),
        **kwargs,
    )


class Checkout:
    """A repository on a developer's laptop."""

    def __init__(self, path: Path):
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: object) -> str:
        """Run git here; it must succeed."""
        done = run("git", *arguments, cwd=self.path)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def commit(self, files: dict[str, str | None], message: str = "Change") -> str:
        """Write files (None: delete), commit, and give the commit's id."""
        for name, content in files.items():
            target = self.path / name
            if content is None:
                target.unlink()
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


class Platform:
    """One MinPaas: a server process on a home of its own."""

    def __init__(self, home: Path, **settings: str):
        self.home = home
        self.instance = "mpt" + secrets.token_hex(3)
        self.port, self.ssh_port, self.http_port = free_port(), free_port(), free_port()
        self.env = {
            "MINPAAS_HOME": str(home),
            "MINPAAS_INSTANCE": self.instance,
            "MINPAAS_PORT": str(self.port),
            "MINPAAS_SSH_PORT": str(self.ssh_port),
            "MINPAAS_HTTP_PORT": str(self.http_port),
            "MINPAAS_START_TIMEOUT": "8",
            "MINPAAS_GRACE": "3",
            "MINPAAS_DRAIN": "5",
            "MINPAAS_BASE_REGISTRY": "none",
            "MINPAAS_BUILD_CACHE_GB": "0",  # the engine is shared by all that the tests start
            "MINPAAS_URL": f"http://127.0.0.1:{self.port}",
            **settings,
        }
        self.key = home / "client" / "id"
        self.key.parent.mkdir(parents=True, exist_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        ssh = f"ssh -i {self.key} -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        self.git_env = {**GIT_ENV, "GIT_SSH_COMMAND": ssh}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.log = (self.home / "server.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "minpaas.server.main:app", "--port", str(self.port), "--no-access-log"],
            cwd=ROOT,
            env={**os.environ, **self.env},
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        self.wait_for(self._answers, 60, "the server to answer")
        self.wait_for(lambda: self._open(self.ssh_port), 30, "ssh to answer")
        self.request("POST", "/keys", {"key": self.key.with_suffix(".pub").read_text()})

    def kill(self) -> None:
        """kill -9 of the control plane; nothing else."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, as a service manager does."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def remove(self) -> None:
        """Everything that this instance has made."""
        self.stop()
        pid_file = self.home / "state" / "nginx" / "nginx.pid"
        if pid_file.exists():
            run("kill", "-QUIT", pid_file.read_text().strip())
        ours = self.docker("ps", "-aq", "--filter", f"label=minpaas.instance={self.instance}").split()
        if ours:
            self.docker("rm", "-f", *ours)
        images = self.docker("images", "-q", "--filter", f"label=minpaas.instance={self.instance}").split()
        if images:
            self.docker("rmi", "-f", *set(images))
        run(DOCKER, "network", "rm", self.instance)
        shutil.rmtree(self.home, ignore_errors=True)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask the API; JSON or text. Raises AssertionError for an error answer."""
        status, text = self.ask(method, path, body, **headers)
        assert status < 400, f"{status}: {text}"
        return json.loads(text) if text[:1] in ("{", "[") else text

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """Ask the API: status and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def get(self, app: str, path: str = "/", timeout: float = 10) -> tuple[int, str]:
        """Visit an app through nginx."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout)
        try:
            connection.request("GET", path, headers={"Host": f"{app}.localhost"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def url(self, app: str, door: str = "ssh") -> str:
        """Where git pushes to: by ssh, http or path."""
        return {
            "ssh": f"ssh://minpaas@localhost:{self.ssh_port}/{app}.git",
            "http": f"http://localhost:{self.port}/git/{app}.git",
            "path": str(self.home / "repos" / f"{app}.git"),
        }[door]

    def push(
        self, checkout: Checkout, app: str, *refspec: str, door: str = "http", options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """git push; its output and exit code. The first one for a stack waits until that is made."""
        command = ["git", "push", *options, self.url(app, door), *(refspec or ("main",))]
        return run(*command, cwd=checkout.path, env=self.git_env, timeout=540)

    def cli(
        self, *arguments: object, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The minpaas command."""
        command = [sys.executable, "-c", "from minpaas.cli.cli import main; main()", *arguments]
        home = {"HOME": str(self.key.parent)}
        return run(*command, cwd=cwd or self.key.parent, env={**self.env, **self.git_env, **home, **(env or {})})

    def docker(self, *arguments: str) -> str:
        """The docker command; it must succeed."""
        done = run(DOCKER, *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def containers(self, app: str) -> list[str]:
        """Names of the app's containers, whatever their state."""
        return self.docker(
            "ps",
            "-a",
            "--format",
            "{{.Names}}",
            "--filter",
            f"label=minpaas.instance={self.instance}",
            "--filter",
            f"label=minpaas.app={app}",
            "--filter",
            "label=minpaas.process",
        ).split()

    def holders(self, app: str) -> list[str]:
        """Images that are kept from a prune, by a container that never runs."""
        label = f"label=minpaas.app={app}"
        mine = f"label=minpaas.instance={self.instance}"
        template = '{{.Label "minpaas.holds"}}'
        return self.docker(
            "ps", "-a", "--format", template, "--filter", mine, "--filter", label, "--filter", "label=minpaas.holds"
        ).split()

    def images(self, app: str) -> list[str]:
        """Ids of the app's images."""
        return self.docker(
            "images",
            "-q",
            "--no-trunc",
            "--filter",
            f"label=minpaas.instance={self.instance}",
            "--filter",
            f"label=minpaas.app={app}",
        ).split()

    def ref(self, app: str, ref: str = "refs/heads/main") -> str:
        """Where a ref of the hosted repository is; empty when it is not."""
        return run("git", "rev-parse", "--verify", "-q", ref, cwd=self.home / "repos" / f"{app}.git").stdout.strip()

    @staticmethod
    def wait_for(done: Any, seconds: float, what: str) -> None:
        """Until `done()` is true."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f"waited {seconds} s for {what}"
            time.sleep(0.05)

    def _answers(self) -> bool:
        assert self.process and self.process.poll() is None, (self.home / "server.log").read_text()[-3000:]
        return self._open(self.port) and self.ask("GET", "/healthz")[0] == 200

    @staticmethod
    def _open(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0


class Visitor:
    """Asks an app every 50 ms and keeps what it got."""

    def __init__(self, platform: Platform, app: str, every: float = 0.05):
        self.answers: list[tuple[int, str]] = []
        self._platform, self._app, self._every = platform, app, every
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._visit)

    def __enter__(self) -> "Visitor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    @property
    def failures(self) -> list[tuple[int, str]]:
        """Answers that are not 200."""
        return [answer for answer in self.answers if answer[0] != 200]

    def _visit(self) -> None:
        while not self._ending.wait(self._every):
            try:
                self.answers.append(self._platform.get(self._app))
            except OSError as error:
                self.answers.append((0, str(error)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several workers share the tests, those of a module stay together."""
    for item in items:
        if not item.get_closest_marker("spread"):
            item.add_marker(pytest.mark.xdist_group(str(item.path)))


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A running MinPaas that the tests of a session share; each test takes an app name of its own."""
    made = Platform(tmp_path_factory.mktemp("home"))
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
def own_platform(tmp_path: Path) -> Iterator[Platform]:
    """A running MinPaas for one test, which may kill it."""
    made = Platform(tmp_path / "home")
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
def app() -> str:
    """An app name that no other test has."""
    return f"app-{secrets.token_hex(4)}"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """An empty repository."""
    return Checkout(tmp_path / "checkout")
