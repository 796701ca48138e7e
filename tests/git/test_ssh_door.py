"""The SSH door: who may come in, and what for."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import paramiko
import pytest

from tests.git.conftest import Place, Work, free_port, wait_for


def ssh(
    place: Place, *args: str, options: tuple[str, ...] = (), timeout: float = 30
) -> "subprocess.CompletedProcess[str]":
    base = shlex.split(place.env["GIT_SSH_COMMAND"])
    command = [*base, *options, "-p", str(place.ssh_port), "git@127.0.0.1", *args]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=place.env, timeout=timeout
    )


def log(place: Place) -> str:
    return (place.home / "git.log").read_text()


def test_a_shell_is_a_friendly_line(place: Place) -> None:
    done = ssh(place)
    assert done.returncode == 1
    assert "MinPaas only speaks git" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        "ls",
        "git-upload-archive 'x'",
        "git-receive-pack",
        "git-receive-pack a b",
        "git-receive-pack 'a",
        "git",
        "",
        "sh -c id",
    ],
)
def test_other_commands_are_refused(place: Place, command: str) -> None:
    done = ssh(place, command) if command else ssh(place, " ")
    assert done.returncode == 1
    assert "only" in done.stderr + done.stdout


@pytest.mark.parametrize("app", ["../x", "/etc/passwd", "..", "A", "a/b", "x;id", "", "-x", "localhost", "a" * 70])
def test_names_that_are_no_apps(place: Place, app: str) -> None:
    done = ssh(place, f"git-receive-pack {shlex.quote(app)}")
    assert done.returncode == 1
    assert "That is not an app name" in done.stderr
    assert not [question for question in place.plane.questions if question.get("app") == app]


def test_git_with_a_space(place: Place) -> None:
    done = ssh(place, "git upload-pack '/spaced.git'")
    assert "capabilities" in done.stdout or done.stdout.startswith("0000")


def test_a_subsystem_is_refused(place: Place) -> None:
    assert ssh(place, "sftp", options=("-s",)).returncode != 0


def test_forwarding_is_refused(place: Place) -> None:
    port = free_port()
    done = ssh(place, "ls", options=("-o", "ExitOnForwardFailure=yes", "-R", f"{port}:127.0.0.1:1"))
    assert done.returncode == 255
    assert "forwarding failed" in done.stderr


def test_a_terminal_is_refused(place: Place) -> None:
    assert "PTY allocation request failed" in ssh(place, options=("-tt",)).stderr


def test_passwords_are_not_asked_for(place: Place) -> None:
    done = ssh(place, options=("-o", "PubkeyAuthentication=no", "-o", "BatchMode=yes"))
    assert "Permission denied (publickey)" in done.stderr


def make_key(folder: Path, *args: str) -> Path:
    path = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", str(path), *args], check=True)
    return path


def push_with(work: Work, key: Path) -> bool:
    words = shlex.split(work.place.env["GIT_SSH_COMMAND"])
    words[words.index("-i") + 1] = str(key)
    return work.push(env={"GIT_SSH_COMMAND": shlex.join(words)}).ok


@pytest.mark.parametrize(
    "kind", [("-t", "ed25519"), ("-t", "rsa", "-b", "2048"), ("-t", "ecdsa"), ("-t", "ecdsa", "-b", "521")]
)
def test_kinds_of_keys_and_reading_them_again(place: Place, tmp_path: Path, kind: tuple[str, ...]) -> None:
    work = Work(place, tmp_path / "work", f"key{kind[1]}{len(kind)}{kind[-1]}", "ssh").init()
    work.commit()
    key = make_key(tmp_path, *kind)
    assert not push_with(work, key)
    fingerprint = subprocess.check_output(["ssh-keygen", "-lf", str(key)], text=True).split()[1]
    assert f"refused key {fingerprint}" in log(place)
    allowed = place.home / "state" / "authorized_keys"
    before = allowed.read_text()
    try:
        allowed.write_text(before + "# a comment\n\n" + key.with_suffix(".pub").read_text())
        assert push_with(work, key)
        assert place.plane.received()[-1]["actor"] == f"ssh:{fingerprint}"
    finally:
        allowed.write_text(before)
    work.commit()
    assert not push_with(work, key)


def test_a_key_with_options_is_not_let_in(place: Place, tmp_path: Path) -> None:
    """We do not obey from="..." and the like, so such a line must not open the door."""
    work = Work(place, tmp_path / "work", "keyoptions", "ssh").init()
    work.commit()
    key = make_key(tmp_path, "-t", "ed25519")
    allowed = place.home / "state" / "authorized_keys"
    before = allowed.read_text()
    try:
        allowed.write_text(f'{before}from="10.0.0.1" {key.with_suffix(".pub").read_text()}')
        assert not push_with(work, key)
    finally:
        allowed.write_text(before)


def test_sha1_signatures_are_not_taken(place: Place, tmp_path: Path) -> None:
    with socket.create_connection(("127.0.0.1", place.ssh_port)) as connection:
        client = paramiko.Transport(connection)
        client.start_client(timeout=10)
        assert b"ssh-rsa" not in client.server_extensions.get("server-sig-algs", b"").split(b",")
        client.close()


def test_ipv6_loopback_as_well(place: Place) -> None:
    """`localhost` may lead to either."""
    try:
        connection = socket.create_connection(("::1", place.ssh_port), 5)
    except OSError as error:
        assert error.errno in (99, 97), error  # only where the machine has no IPv6
        return
    with connection:
        assert connection.recv(3) == b"SSH"


def test_our_files_are_for_us_alone(place: Place) -> None:
    for name in ("ssh_host_ed25519_key", "git.sock"):
        assert (place.home / "state" / name).stat().st_mode & 0o777 == 0o600
    assert "OPENSSH PRIVATE KEY" in (place.home / "state" / "ssh_host_ed25519_key").read_text()


def test_strangers_cannot_use_up_the_door(place: Place, tmp_path: Path) -> None:
    crowd = [socket.create_connection(("127.0.0.1", place.ssh_port)) for _ in range(60)]
    try:
        deadline = time.monotonic() + 5
        dropped = 0
        while dropped < 20 and time.monotonic() < deadline:
            dropped = sum(_is_closed(one) for one in crowd)
            time.sleep(0.05)
        assert 20 <= dropped < 60
    finally:
        for one in crowd:
            one.close()
    wait_for(place.ssh_port)
    deadline = time.monotonic() + 10
    while ssh(place).returncode != 1 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert ssh(place).returncode == 1


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while data := connection.recv(4096):
            assert data
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home so deep that the kernel would not take its sockets' paths."""
    deep = tmp_path.joinpath(*["a-rather-long-name-of-a-folder"] * 4)
    deep.mkdir(parents=True)
    assert len(str(deep)) > 108
    return deep


def start(home: Path, port: int, **kwargs) -> "subprocess.Popen[bytes]":
    env = {**os.environ, "MINPAAS_HOME": str(home), "MINPAAS_SSH_PORT": str(port)}
    return subprocess.Popen(
        [sys.executable, "-m", "minpaas.server.ssh"], env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs
    )


def test_it_ends_with_its_standard_input(home: Path) -> None:
    port = free_port()
    process = start(home, port)
    wait_for(port)
    process.send_signal(signal.SIGINT)  # Ctrl-C at the terminal is for the control plane
    time.sleep(0.2)
    assert process.poll() is None
    assert process.stdin
    process.stdin.close()
    assert process.wait(2) == 0


def test_it_waits_for_the_one_before_it(home: Path) -> None:
    port = free_port()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        process = start(home, port)
        time.sleep(1.0)
        assert process.poll() is None
    wait_for(port)
    assert process.stdin
    process.stdin.close()
    assert process.wait(2) == 0


def test_it_sweeps_what_a_kill_has_left(home: Path) -> None:
    repo = home / "repos" / "swept.git"
    (repo / "objects" / "incoming-minpaas-x").mkdir(parents=True)
    (repo / "objects" / "incoming-minpaas-x" / "in.pack").write_bytes(b"half")
    (repo / "refs" / "heads").mkdir(parents=True)
    old, fresh = repo / "refs" / "heads" / "main.lock", repo / "refs" / "heads" / "new.lock"
    for path in (old, fresh, repo / "minpaas.lock"):
        path.touch()
    for path in (old, repo / "minpaas.lock"):
        os.utime(path, (0, 0))
    port = free_port()
    process = start(home, port)
    wait_for(port)
    assert process.stdin
    process.stdin.close()
    process.wait(2)
    assert not (repo / "objects" / "incoming-minpaas-x").exists()
    assert not old.exists()
    assert fresh.exists()
    assert (repo / "minpaas.lock").exists()
    shutil.rmtree(home)
