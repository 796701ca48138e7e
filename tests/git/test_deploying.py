"""What a person sees who pushes to an app that deploys."""

import itertools
import subprocess
import time

from tests.git.conftest import Work
from tests.git.control_plane import Plan


def test_a_good_push_is_green_and_moves_the_branch(work: Work) -> None:
    work.place.plane.plan = Plan(says=[(0, "-----> Building\n"), (0, "       done\n")])
    commit = work.commit()
    pushed = work.push()
    assert pushed.ok, pushed.out
    assert "remote: -----> Building" in pushed.out
    assert work.ref() == commit
    question = work.place.plane.received()[0]
    assert question["updates"] == [["0" * 40, commit, "refs/heads/main"]]
    assert question["repo"] == work.app
    assert question["moved"] is False
    assert question["actor"].startswith("ssh:SHA256:" if work.transport == "ssh" else "http")


def test_a_failed_deploy_is_red_with_its_reason_and_the_branch_stays(work: Work) -> None:
    first = work.commit()
    assert work.push().ok
    work.place.plane.plan = Plan(says=[(0, " !     no\n")], refuses={"*": "build failed"})
    work.commit()
    pushed = work.push()
    assert pushed.code == 1
    assert "! [remote rejected] main -> main (build failed)" in pushed.out
    assert "remote:  !     no" in pushed.out
    assert work.ref() == first
    assert not work.leftovers()


def test_output_comes_line_by_line(work: Work) -> None:
    work.place.plane.plan = Plan(says=[(0.4, f"line {i}\n") for i in range(4)])
    work.commit()
    client = subprocess.Popen(
        ["git", "push", "origin", "main"], cwd=work.path, env=work.place.env, stderr=subprocess.PIPE
    )
    assert client.stderr
    seen = [time.monotonic() for line in client.stderr if b"remote: line" in line]
    assert client.wait(10) == 0
    assert len(seen) == 4
    assert all(later - earlier > 0.25 for earlier, later in itertools.pairwise(seen)), seen


def test_a_server_that_stops_says_push_again(work: Work) -> None:
    work.place.plane.plan = Plan(vanishes=True)
    work.commit()
    pushed = work.push()
    assert pushed.code == 1
    assert "remote:  !     MinPaas stopped during this deploy; push again" in pushed.out
    assert "(interrupted)" in pushed.out
    assert work.ref() is None


def test_an_app_that_is_denied_says_why(work: Work) -> None:
    work.place.plane.denied[work.app] = "There is no such app\ncreate it with: minpaas create"
    work.commit()
    pushed = work.push()
    assert pushed.code != 0
    assert "There is no such app" in pushed.out
    assert not work.server.exists()
