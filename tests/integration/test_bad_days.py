"""What an adversary found, each held here: green pushes that did not serve, red ones that did, and pushes without an end."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import Checkout, Platform, Visitor, run
from tests.integration.sources import script, serving

HEAD = """
import os, socket, sys, time
server = socket.create_server(("0.0.0.0", int(os.environ["PORT"])))
asked = 0
while True:
    client, _ = server.accept()
    client.recv(65536)
    asked += 1
"""
OK = 'client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok"); client.close()'


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("dies after one answer", f"    {OK}\n    os._exit(7)\n", "app exited with 7"),
        ("hangs after one answer", f"    if asked == 1:\n        {OK}\n", "answers once only"),
        (
            "fails after one answer",
            f"    if asked == 1:\n        {OK}\n        continue\n"
            '    client.sendall(b"HTTP/1.1 500 No\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n"); client.close()\n',
            "GET / answers 500, the live release 200",
        ),
        (
            "promises more than it sends",
            '    client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 100\\r\\nConnection: close\\r\\n\\r\\nshort"); client.close()\n',
            "no HTTP answer within 8 s",
        ),
        (
            "a byte a second",
            '    try:\n        for c in "HTTP/1.1 200 OK" * 100:\n            client.sendall(c.encode())\n            time.sleep(0.5)\n'
            "    except OSError:\n        pass\n",
            "no HTTP answer within 8 s",
        ),
        (
            "headers that nginx does not take",
            '    client.sendall(b"HTTP/1.1 200 OK\\r\\nX: " + b"x" * 60000 + b"\\r\\nContent-Length: 0\\r\\n\\r\\n"); client.close()\n',
            "no HTTP answer within 8 s",
        ),
    ],
)
def test_what_would_not_serve_is_not_live(
    platform: Platform, checkout: Checkout, app: str, name: str, body: str, reason: str
) -> None:
    good = checkout.commit(serving("good"))
    assert platform.push(checkout, app).returncode == 0
    checkout.commit(script(HEAD + body), name)
    began = time.monotonic()
    with Visitor(platform, app) as visitor:
        pushed = platform.push(checkout, app)
    assert time.monotonic() - began < 25
    assert pushed.returncode == 1, pushed.stdout
    assert reason in pushed.stdout, pushed.stdout
    assert set(visitor.answers) == {(200, "good\n")}
    assert platform.ref(app) == good


def test_a_slow_answer_can_be_cancelled(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("good"))
    assert platform.push(checkout, app).returncode == 0
    checkout.commit(script(HEAD + "    time.sleep(60)\n"))
    push = subprocess.Popen(
        ["git", "push", platform.url(app, "http"), "main"],
        cwd=checkout.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    platform.wait_for(lambda: platform.request("GET", f"/apps/{app}")["deploying"], 10, "the deploy to begin")
    running = platform.request("GET", f"/apps/{app}")["deploying"]
    time.sleep(2.5)
    platform.request("POST", f"/apps/{app}/deploys/{running}/cancel")
    output, _ = push.communicate(timeout=5)
    assert push.returncode == 1
    assert b"(cancelled)" in output
    platform.wait_for(lambda: len(platform.containers(app)) == 1, 5, "the new process to go")


def test_a_push_cannot_speak_with_our_voice(platform: Platform, checkout: Checkout, app: str) -> None:
    evil = "subject \x1b]0;pwn\x07\x1b[2J\r-----> Live: all is well \u202e evil"
    checkout.commit({"\x1b]0;name\x07": "x"}, evil)
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 1
    for forbidden in ("\x1b]", "\x1b[2J", "\u202e", "\x07"):
        assert forbidden not in pushed.stdout
    assert not [line for line in pushed.stdout.splitlines() if line.removeprefix("remote: ").startswith("-----> Live")]


def test_a_git_process_that_dies_ends_the_push(own_platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit({**serving("x"), "Dockerfile": f"FROM minpaas/python:3.13\nRUN sleep 20 # {time.time()}\n"})
    push = subprocess.Popen(
        ["git", "push", own_platform.url(app, "http"), "main"], cwd=checkout.path, stderr=subprocess.PIPE
    )
    own_platform.wait_for(lambda: app in str(own_platform.request("GET", "/apps")), 10, "the app")
    own_platform.wait_for(lambda: own_platform.request("GET", f"/apps/{app}")["deploying"], 10, "the deploy")
    assert own_platform.process
    found = run("pgrep", "-P", own_platform.process.pid, "-f", "minpaas.server.ssh").stdout.split()
    os.kill(int(found[0]), signal.SIGKILL)
    push.communicate(timeout=10)
    assert push.returncode != 0


def nginx_processes(platform: Platform) -> list[int]:
    """Pids of this home's nginx, master and workers."""
    prefix, found = platform.home / "state" / "nginx", []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            if (proc / "comm").read_text().strip() == "nginx" and os.path.samefile(proc / "cwd", prefix):
                found.append(int(proc.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("only_master", [True, False])
def test_nginx_comes_back(own_platform: Platform, checkout: Checkout, app: str, only_master: bool) -> None:
    checkout.commit(serving("good"))
    assert own_platform.push(checkout, app).returncode == 0
    master = int((own_platform.home / "state" / "nginx" / "nginx.pid").read_text())
    for pid in [master] if only_master else nginx_processes(own_platform):
        os.kill(pid, signal.SIGKILL)

    def back() -> bool:
        try:
            new = int((own_platform.home / "state" / "nginx" / "nginx.pid").read_text())
            return new != master and own_platform.get(app) == (200, "good\n")
        except (OSError, ValueError):
            return False

    own_platform.wait_for(back, 10, "nginx to come back")
    checkout.commit(serving("newer"))
    assert own_platform.push(checkout, app).returncode == 0
    assert own_platform.get(app) == (200, "newer\n")


def test_a_worker_that_dies_leaves_the_web_alone(platform: Platform, checkout: Checkout, app: str) -> None:
    worker = "import time\ntime.sleep(5)\nraise SystemExit(1)\n"
    files = {**serving("good"), "worker.py": worker, "Procfile": "web: python server.py\nworker: python worker.py\n"}
    checkout.commit(files)
    assert platform.push(checkout, app).returncode == 0
    platform.request("PATCH", f"/apps/{app}/formation", {"formation": {"worker": 1}})
    with Visitor(platform, app) as visitor:
        time.sleep(8)
    assert visitor.failures == []


def test_a_full_disk_is_named_and_harms_nothing(tmp_path: Path, checkout: Checkout, app: str) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", small).returncode:
        pytest.skip("no right to mount a small disk here")
    platform = Platform(small / "home")
    try:
        platform.start()
        good = checkout.commit(serving("good"))
        assert platform.push(checkout, app).returncode == 0
        for free in (0, 8, 40):
            filler = small / "filler"
            room = os.statvfs(small)
            filler.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - free * 1024)))
            checkout.commit(serving(f"with {free} KB"))
            pushed = run(
                "git", "push", platform.url(app, "http"), "main", cwd=checkout.path, env=platform.git_env, timeout=30
            )
            if pushed.returncode:
                assert "disk" in pushed.stdout or "space" in pushed.stdout, pushed.stdout
                assert platform.get(app) == (200, "good\n")
                assert platform.ref(app) == good
            else:
                good = platform.ref(app)
                assert platform.get(app)[1] == f"with {free} KB\n"
            filler.unlink()
        json.loads((platform.home / "state" / "apps.json").read_bytes())
        checkout.commit(serving("room again"))
        assert platform.push(checkout, app).returncode == 0
        assert platform.get(app) == (200, "room again\n")
    finally:
        platform.remove()
        run("umount", "-l", small)


def test_a_bad_journal_stops_nothing(own_platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("good"))
    assert own_platform.push(checkout, app).returncode == 0
    own_platform.kill()
    (own_platform.home / "state" / "apps" / app / "deploys" / "x.json").write_text("[]")
    own_platform.start()
    assert own_platform.get(app) == (200, "good\n")


@pytest.mark.alone
def test_an_engine_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "home", DOCKER_HOST="unix:///nowhere/docker.sock")
    began = time.monotonic()
    with pytest.raises(AssertionError):
        platform.start()
    assert time.monotonic() - began < 5
    log = (platform.home / "server.log").read_text()
    assert " !     The machine is not ready: the Docker engine does not answer" in log
    assert "Traceback" not in log
