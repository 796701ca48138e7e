"""The system's own sshd: a push through C git is as truthful, and a URL deploy can fetch from it."""

import getpass
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Checkout, Platform, free_port, run
from tests.integration.sources import script, serving

pytestmark = pytest.mark.alone

SSHD = Path("/usr/sbin/sshd")
PORT = free_port()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OpenSSH's server, unpacked from Debian's packages where it is not installed: installing it would start it."""
    if SSHD.exists():
        return SSHD
    folder = tmp_path_factory.mktemp("sshd")
    assert run("apt-get", "download", "openssh-server", "libwrap0", cwd=folder).returncode == 0
    for package in folder.glob("*.deb"):
        assert run("dpkg", "-x", package, folder / "root").returncode == 0
    return folder / "root" / "usr" / "sbin" / "sshd"


@pytest.fixture(scope="module", autouse=True)
def privilege_separation() -> Iterator[None]:
    """The system user that sshd asks for when it runs as root; Debian's package would make it."""
    missing = os.geteuid() == 0 and run("getent", "passwd", "sshd").returncode != 0
    if missing:
        made = run("useradd", "--system", "--home-dir", "/run/sshd", "--shell", "/usr/sbin/nologin", "sshd")
        assert made.returncode == 0, made.stdout
    yield
    if missing:
        run("userdel", "sshd")


@pytest.fixture
def ssh_port(sshd: Path, own: Platform, tmp_path: Path) -> Iterator[int]:
    """Its port on loopback; it lets the platform's client key and the server's deploy key in."""
    port, folder = PORT, tmp_path / "etc"
    folder.mkdir()
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host")
    keys = [own.key.with_suffix(".pub").read_text()]
    keys.append(own.cli("keys", "deploy").stdout)
    (folder / "authorized").write_text("".join(keys))
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        "StrictModes no\nPermitRootLogin yes\nUsePAM no\nPidFile none\n"
    )
    os.makedirs("/run/sshd", exist_ok=True)
    libraries = ":".join(str(one) for one in sshd.parents[2].glob("usr/lib/*-linux-gnu"))
    child = subprocess.Popen(
        [sshd, "-D", "-e", "-f", folder / "config"],
        stderr=(folder / "log").open("w"),
        env={**os.environ, "LD_LIBRARY_PATH": libraries},
    )
    own.wait_for(lambda: own._open(port), 10, "sshd")
    yield port
    child.terminate()
    child.wait()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A MinPaas that may fetch by ssh from loopback."""
    made = Platform(tmp_path_factory.mktemp("openssh"), MINPAAS_REPO_HOSTS=f"127.0.0.1:{PORT}")
    try:
        made.start()
        yield made
    finally:
        made.remove()


def test_a_push_through_openssh_is_truthful(own: Platform, ssh_port: int, checkout: Checkout, app: str) -> None:
    own.request("POST", "/apps", {"name": app})
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{ssh_port}{own.home}/repos/{app}.git"
    good = checkout.commit(serving("by openssh"))
    pushed = run("git", "push", url, "main", cwd=checkout.path, env=own.git_env)
    assert pushed.returncode == 0, pushed.stdout
    assert "remote: -----> Live: " in pushed.stdout
    assert own.get(app) == (200, "by openssh\n")
    checkout.commit(script("raise SystemExit(9)\n"))
    failed = run("git", "push", url, "main", cwd=checkout.path, env=own.git_env)
    assert failed.returncode == 1
    assert "! [remote rejected] main -> main (app exited with 9)" in failed.stdout
    assert own.ref(app) == good
    branch = run("git", "push", url, "main:feature", cwd=checkout.path, env=own.git_env)
    assert "(wrong branch, type: git push minpaas feature:main)" in branch.stdout
    deleted = run("git", "push", url, ":main", cwd=checkout.path, env=own.git_env)
    assert "(the deploy branch cannot be deleted)" in deleted.stdout
    assert own.get(app) == (200, "by openssh\n")


def test_a_url_deploy_by_ssh(own: Platform, ssh_port: int, checkout: Checkout, app: str, tmp_path: Path) -> None:
    commit = checkout.commit(serving("fetched by ssh"))
    bare = tmp_path / "public.git"
    run("git", "clone", "-q", "--bare", checkout.path, bare)
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{ssh_port}{bare}"
    began = time.monotonic()
    done = own.cli("deploy", "-a", app, "--repo", url)
    assert done.returncode == 0, done.stdout
    print(f"deployed by ssh in {time.monotonic() - began:.1f} s")
    assert own.get(app) == (200, "fetched by ssh\n")
    assert own.ref(app) == commit
