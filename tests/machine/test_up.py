"""The first thing that a newcomer does: a fresh clone, `make up`, twice, and everything away again.

On the real engine, nginx, git and ssh, with ports and names of its own, for a user of its own behind sudo.
"""

import io
import json
import os
import pwd
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from minpaas.cli.up import loopbacks

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("hello-node", "hello-python")

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as make up does"),
    pytest.mark.timeout(900),
]


@dataclass
class Machine:
    """A clone, its settings, and what the two runs of `make up` said."""

    clone: Path
    env: dict[str, str]
    user: str

    def run(self, *command: str) -> tuple[subprocess.CompletedProcess[str], float]:
        """A command in the clone, and how long it took."""
        started = time.monotonic()
        done = subprocess.run(
            command, cwd=self.clone, env=self.env, text=True, capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        return done, time.monotonic() - started

    def minpaas(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The clone's own command."""
        return self.run(".venv/bin/minpaas", *arguments)[0]

    def url(self, name: str) -> str:
        """An app's."""
        return f"http://{name}.localhost:{self.env['MINPAAS_HTTP_PORT']}/"


def free_ports(count: int) -> list[str]:
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(listener.getsockname()[1]) for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A fresh clone, and a user behind sudo who never had an SSH key."""
    clone = tmp_path_factory.mktemp("up") / "minpaas"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    user = f"minpaas-u{os.getpid()}"
    subprocess.run(["useradd", "--create-home", user], check=True)
    api, ssh, http = free_ports(3)
    env = {name: value for name, value in os.environ.items() if not name.startswith("MINPAAS_")} | {
        "MINPAAS_PORT": api,
        "MINPAAS_SSH_PORT": ssh,
        "MINPAAS_HTTP_PORT": http,
        "MINPAAS_INSTANCE": f"up{os.getpid()}",
        "SUDO_USER": user,
    }
    machine = Machine(clone, env, user)
    yield machine
    machine.run("make", "clean", "CONFIRM=1")
    subprocess.run(["userdel", "--remove", user], check=True, capture_output=True)


@pytest.fixture(scope="module")
def first(machine: Machine) -> subprocess.CompletedProcess[str]:
    """The first `make up`; its transcript is shown where a test fails."""
    done, seconds = machine.run("make", "up")
    print(done.stdout, done.stderr, f"make up took {seconds:.1f} s")
    assert done.returncode == 0
    assert seconds < 240
    return done


def test_both_samples_are_live(machine: Machine, first: subprocess.CompletedProcess[str]) -> None:
    for name in NAMES:
        assert machine.url(name) in first.stdout
        for address in loopbacks():  # ::1 as well, where the machine has IPv6
            host = f"Host: {name}.localhost"
            url = f"http://{f'[{address}]' if ':' in address else address}:{machine.env['MINPAAS_HTTP_PORT']}/"
            done, _ = machine.run("curl", "-sg", "-o", "/dev/null", "-w", "%{http_code}", "-H", host, url)
            assert done.stdout == "200"
        assert f"<title>{name}</title>" in machine.run("curl", "-s", machine.url(name))[0].stdout


@pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium here")
@pytest.mark.parametrize("name", NAMES)
def test_a_browser_finds_them_by_name(machine: Machine, first: object, name: str) -> None:
    browse = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", machine.url(name)]
    assert f"<title>{name}</title>" in machine.run(*browse)[0].stdout


def test_the_key_and_the_known_host_are_the_users(machine: Machine, first: subprocess.CompletedProcess[str]) -> None:
    assert "made an SSH key" in first.stdout
    entry = pwd.getpwnam(machine.user)
    for name in ("id_ed25519", "id_ed25519.pub", "known_hosts"):
        assert Path(entry.pw_dir, ".ssh", name).stat().st_uid == entry.pw_uid


def test_a_second_time_changes_nothing_and_says_so(machine: Machine, first: object) -> None:
    done, seconds = machine.run("make", "up")
    print(done.stdout, done.stderr, f"the second make up took {seconds:.1f} s")
    assert done.returncode == 0
    assert "Everything was up already; nothing was changed" in done.stdout
    assert seconds < 15


def test_the_doctor_is_content(machine: Machine, first: object) -> None:
    done = machine.minpaas("doctor", "--json")
    assert [finding for finding in json.loads(done.stdout) if finding["state"] == "problem"] == []
    assert done.returncode == 0


def test_down_stops_and_up_brings_back(machine: Machine, first: object) -> None:
    done, _ = machine.run("make", "down")
    assert done.returncode == 0, done.stderr
    for variable in ("MINPAAS_PORT", "MINPAAS_SSH_PORT", "MINPAAS_HTTP_PORT"):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(machine.env[variable])), timeout=5)
    assert containers(machine) == []
    done, seconds = machine.run("make", "up")
    print(done.stdout, done.stderr, f"make up after make down took {seconds:.1f} s")
    assert done.returncode == 0
    for name in NAMES:
        assert machine.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", machine.url(name))[0].stdout == "200"


def test_clean_leaves_nothing_of_ours_behind_and_all_of_others(machine: Machine, first: object) -> None:
    engine, instance = docker.from_env(), machine.env["MINPAAS_INSTANCE"]
    labels = f"LABEL minpaas.instance=other{instance} minpaas.app=kept minpaas.stack=1"
    name = f"other{instance}/kept"
    engine.api.import_image_from_data(empty_tar(), repository=name, tag="1", changes=[labels])
    try:
        done, _ = machine.run("make", "clean", "CONFIRM=1")
        assert done.returncode == 0, done.stderr
        tags = [tag for image in engine.images.list() for tag in image.tags]
    finally:
        engine.images.remove(f"{name}:1", force=True)
    assert f"{name}:1" in tags, "the image of another home was removed"
    assert [tag for tag in tags if tag.startswith(instance)] == []
    assert [network.name for network in engine.networks.list() if instance in str(network.name)] == []
    assert containers(machine) == []
    left = machine.run("git", "status", "--porcelain", "--ignored")[0].stdout.splitlines()
    assert [line for line in left if "__pycache__" not in line] == []


def empty_tar() -> bytes:
    """A tar with nothing in it: an image's content."""
    data = io.BytesIO()
    tarfile.open(fileobj=data, mode="w").close()
    return data.getvalue()


def containers(machine: Machine) -> list[str]:
    """What of this instance runs in Docker."""
    names = [str(container.name) for container in docker.from_env().containers.list()]
    return [name for name in names if name.startswith(machine.env["MINPAAS_INSTANCE"])]
