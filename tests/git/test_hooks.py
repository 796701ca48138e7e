"""hooks/post-receive and hooks/proc-receive: run by our receive-pack, and by C git on a file path."""

import os
import secrets
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.git.conftest import TRANSPORTS, Place, Work
from tests.git.control_plane import Plan

VERSION = tuple(int(part) for part in subprocess.check_output(["git", "version"]).split()[2].split(b".")[:2])


@pytest.fixture
def by_path(place: Place, tmp_path: Path) -> Work:
    """A clone that pushes by file path: C git receives, and our hooks decide."""
    work = Work(place, tmp_path / "work", f"f{secrets.token_hex(5)}", "file").init()
    place.plane.create(work.app)
    for name, value in (("receive.procReceiveRefs", "refs/heads"), ("receive.advertisePushOptions", "true")):
        assert work.at_server("config", name, value).ok
    return work


def test_push_options_arrive(work: Work) -> None:
    work.commit()
    pushed = work.push("-o", "one", "-o", "zwei=ü", "origin", "main")
    assert pushed.ok, pushed.out
    assert work.place.plane.received()[0]["options"] == ["one", "zwei=ü"]


def test_atomic_is_told(work: Work) -> None:
    work.commit()
    assert work.push("--atomic", "origin", "main").ok
    assert work.place.plane.received()[0]["atomic"] is True


def test_each_ref_has_its_own_verdict(work: Work) -> None:
    commit = work.commit()
    work.out("tag", "v1")
    work.place.plane.plan = Plan(refuses={"refs/heads/side": "wrong branch, type: git push minpaas side:main"})
    pushed = work.push("origin", "main", "main:side", "v1")
    assert pushed.code == 1
    assert "(wrong branch, type: git push minpaas side:main)" in pushed.out
    assert work.ref() == commit
    assert work.ref("refs/heads/side") is None
    assert work.ref("refs/tags/v1") == commit


def test_atomic_with_one_refusal_moves_nothing(work: Work) -> None:
    work.commit()
    work.place.plane.plan = Plan(refuses={"refs/heads/side": "no"}, moves=False)
    assert work.push("--atomic", "origin", "main", "main:side").code == 1
    assert work.ref() is None


def test_a_ref_that_the_story_has_not_moved_is_moved(work: Work) -> None:
    work.place.plane.plan = Plan(moves=False)
    commit = work.commit()
    assert work.push().ok
    assert work.ref() == commit


def test_deletion_is_asked_about(work: Work) -> None:
    commit = work.commit()
    assert work.push().ok
    work.place.plane.plan = Plan(refuses={"*": "the deploy branch cannot be deleted"})
    pushed = work.push("origin", ":main")
    assert "(the deploy branch cannot be deleted)" in pushed.out
    assert work.ref() == commit


def test_keep_alive_in_silence(place: Place, tmp_path: Path) -> None:
    """Over both at once, because it takes its time."""
    place.plane.plan = Plan(says=[(5.8, "done\n")])
    works = [Work(place, tmp_path / name, f"k{secrets.token_hex(5)}", name).init() for name in TRANSPORTS]
    for work in works:
        work.commit()
    with ThreadPoolExecutor() as pool:
        for pushed in pool.map(lambda work: work.push(env={"GIT_TRACE_PACKET": "1"}), works):
            assert pushed.ok
            assert "sideband< \\2" in pushed.out


def test_the_deploy_goes_on_when_the_pusher_leaves(work: Work) -> None:
    work.place.plane.plan = Plan(says=[(0.2, f"line {i}\n") for i in range(8)])
    commit = work.commit()
    client = subprocess.Popen(
        ["git", "push", "origin", "main"],
        cwd=work.path,
        env=work.place.env,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert client.stderr
    while b"line 1" not in client.stderr.readline():
        pass
    os.killpg(client.pid, signal.SIGKILL)
    client.wait()
    until = time.monotonic() + 10
    while not work.ref() and time.monotonic() < until:
        time.sleep(0.05)
    assert work.ref() == commit


def test_two_pushes_of_one_app_reach_the_control_plane_together(work: Work) -> None:
    """No lock is held over the hook: the queue is the control plane's."""
    work.place.plane.plan = Plan(says=[(1.0, "slow\n")])
    work.commit()
    clients = [
        subprocess.Popen(
            ["git", "push", "origin", f"main:{name}"], cwd=work.path, env=work.place.env, stderr=subprocess.DEVNULL
        )
        for name in ("main", "side")
    ]
    assert [client.wait(20) for client in clients] == [0, 0]
    first, second = sorted(work.place.plane.finished)
    assert second - first < 0.9


def test_a_hook_of_somebodys_own(work: Work) -> None:
    """Any executable will do: without a report its exit status is the verdict."""
    work.commit()
    assert work.push().ok
    hook = work.server / "hooks" / "post-receive"
    hook.write_text('#!/bin/sh\nwhile read old new ref; do echo "saw $ref"; done\nexit 3\n')
    commit = work.commit()
    pushed = work.push()
    assert "remote: saw refs/heads/main" in pushed.out
    assert "post-receive hook declined" in pushed.out
    assert work.ref() != commit


def test_no_control_plane(work: Work) -> None:
    work.commit()
    assert work.push().ok
    socket = work.place.home / "state" / "hook.sock"
    work.commit()
    socket.rename(socket.with_suffix(".away"))
    try:
        pushed = work.push()
    finally:
        socket.with_suffix(".away").rename(socket)
    assert not pushed.ok
    assert "MinPaas is not running; start it with: minpaas up" in pushed.out


def test_by_path_a_good_push(by_path: Work) -> None:
    by_path.place.plane.plan = Plan(says=[(0.3, "-----> one\n"), (0.3, "-----> two\n")])
    commit = by_path.commit()
    pushed = by_path.push("-o", "x=1", "origin", "main")
    assert pushed.ok, pushed.out
    assert "remote: -----> one" in pushed.out
    assert by_path.ref() == commit
    before, after = by_path.place.plane.received()
    assert (before["moved"], after["moved"]) == (False, True)
    assert before["options"] == ["x=1"]


def test_by_path_a_failed_deploy(by_path: Work) -> None:
    by_path.place.plane.plan = Plan(refuses={"*": "build failed"})
    by_path.commit()
    pushed = by_path.push()
    assert pushed.code == 1
    assert "! [remote rejected] main -> main (build failed)" in pushed.out
    assert by_path.ref() is None


def test_by_path_several_branches(by_path: Work) -> None:
    commit = by_path.commit()
    by_path.place.plane.plan = Plan(refuses={"refs/heads/side": "wrong branch"})
    pushed = by_path.push("origin", "main", "main:side")
    assert pushed.code == 1
    assert "(wrong branch)" in pushed.out
    assert by_path.ref() == commit


def test_by_path_without_control_plane(by_path: Work) -> None:
    by_path.commit()
    socket = by_path.place.home / "state" / "hook.sock"
    socket.rename(socket.with_suffix(".away"))
    try:
        pushed = by_path.push()
    finally:
        socket.with_suffix(".away").rename(socket)
    assert pushed.code == 1
    assert "start it with: minpaas up" in pushed.out
    assert "(MinPaas is not running)" in pushed.out
    assert by_path.ref() is None
