"""A push that fails: its own reason, exit 1, and whatever served before has not noticed."""

from dataclasses import dataclass, field

import pytest

from tests.conftest import Checkout, Platform, Visitor, run
from tests.integration.sources import bound_to, script, serving


@dataclass
class Case:
    """A commit that must not go live, the reason that git shows, and what the transcript says."""

    name: str
    files: dict[str, str | None]
    reason: str
    said: list[str] = field(default_factory=list)
    refspec: str = "main"


CASES = [
    Case(
        "failing install",
        {"requirements.txt": "no-such-package-of-minpaas==1.0\n"},
        "build failed",
        ["no-such-package-of-minpaas", "ended with 1"],
    ),
    Case("syntax error", script("def broken(:\n"), "app exited with 1", ["SyntaxError", "web.1 exited with 1"]),
    Case("exit 0 at once", script("print('bye')\n"), "app exited with 0", ["bye"]),
    Case(
        "listening on loopback",
        bound_to("127.0.0.1"),
        "app listens on 127.0.0.1:8000, must listen on 0.0.0.0:$PORT",
        ["listens on 127.0.0.1:8000, must listen on 0.0.0.0:$PORT"],
    ),
    Case(
        "wrong port",
        bound_to("0.0.0.0", "3000"),
        "app listens on 3000, PORT was 8000",
        ["listens on 3000, PORT was 8000"],
    ),
    Case(
        "hanging start",
        script("import time\ntime.sleep(600)\n"),
        "app listens on no port after 8 s",
        ["read PORT from the environment"],
    ),
    Case(
        "long start",
        script("while True: pass\n"),
        "app listens on no port after 8 s",
        [
            "it may only need longer to start",
            "Next: allow it more, with minpaas checks:set --timeout 24 , and push again",
        ],
    ),
    Case(
        "silent listener",
        script(
            "import os, socket, time\ns = socket.create_server(('0.0.0.0', int(os.environ['PORT'])))\ntime.sleep(600)\n"
        ),
        "no HTTP answer within 8 s",
    ),
    Case(
        "server error where the live one does well",
        serving(extra="return self.send_error(500)"),
        "GET / answers 500, the live release 200",
    ),
    Case(
        "wrong branch",
        serving("elsewhere"),
        "wrong branch, type: git push minpaas feature:main",
        ["git push minpaas feature:main"],
        "main:feature",
    ),
    Case("branch deletion", serving("gone"), "the deploy branch cannot be deleted", ["minpaas delete"], ":main"),
    Case("no runtime", {"Procfile": None, "server.py": None, "README": "hello\n"}, "no runtime detected", ["README"]),
    Case("no start command", {"Procfile": None, "server.py": None, "requirements.txt": ""}, "no start command"),
    Case("bad Procfile", {"Procfile": "web python server.py\n"}, "bad Procfile", ["line 1"]),
    Case("notes", serving("notes"), "only branches and tags can be pushed", [], "main:refs/notes/x"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_the_old_release_never_stops(platform: Platform, checkout: Checkout, app: str, case: Case) -> None:
    good = checkout.commit(serving("good"))
    assert platform.push(checkout, app, door="ssh").returncode == 0
    containers, images = platform.containers(app), platform.images(app)
    checkout.commit(case.files, case.name)
    with Visitor(platform, app) as visitor:
        pushed = platform.push(checkout, app, case.refspec, door="ssh")
    assert pushed.returncode == 1, pushed.stdout
    assert "[remote rejected]" in pushed.stdout
    assert f"({case.reason})" in pushed.stdout, pushed.stdout
    for words in case.said:
        assert words in pushed.stdout, pushed.stdout
    assert visitor.answers
    assert visitor.failures == []
    assert set(visitor.answers) == {(200, "good\n")}
    assert platform.ref(app) == good
    assert platform.ref(app, "refs/heads/feature") == ""
    assert (platform.containers(app), platform.images(app)) == (containers, images)
    checkout.git("rm", "-q", "-f", "--ignore-unmatch", "requirements.txt", "README")
    fixed = checkout.commit(serving("fixed"))
    again = platform.push(checkout, app, door="ssh")
    assert again.returncode == 0, again.stdout
    assert platform.get(app) == (200, "fixed\n")
    assert platform.ref(app) == fixed


def test_a_file_path_push_is_as_truthful(platform: Platform, checkout: Checkout, app: str) -> None:
    good = checkout.commit(serving("good"))
    assert platform.push(checkout, app).returncode == 0
    checkout.commit(script("raise SystemExit(3)\n"))
    pushed = platform.push(checkout, app, door="path")
    assert pushed.returncode == 1
    assert "! [remote rejected] main -> main (app exited with 3)" in pushed.stdout
    assert platform.ref(app) == good
    assert platform.get(app) == (200, "good\n")


def test_an_old_git_that_moves_first_is_put_right(platform: Platform, checkout: Checkout, app: str) -> None:
    """Before git 2.29 there is no proc-receive: the ref moves, post-receive deploys, and a failure puts the ref back."""
    good = checkout.commit(serving("good"))
    assert platform.push(checkout, app).returncode == 0
    hosted = platform.home / "repos" / f"{app}.git"
    assert run("git", "config", "--unset-all", "receive.procReceiveRefs", cwd=hosted).returncode == 0
    checkout.commit(script("raise SystemExit(3)\n"))
    pushed = platform.push(checkout, app, door="path")
    assert "exited with 3" in pushed.stdout
    assert platform.ref(app) == good
    assert platform.get(app) == (200, "good\n")
    fixed = checkout.commit(serving("fixed"))
    assert platform.push(checkout, app, door="path").returncode == 0
    assert platform.ref(app) == fixed
    assert platform.get(app) == (200, "fixed\n")


def test_a_first_release_that_answers_500_is_live_with_a_warning(
    platform: Platform, checkout: Checkout, app: str
) -> None:
    checkout.commit(serving(extra="return self.send_error(500)"))
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert "!     GET / answers 500" in pushed.stdout
    assert platform.get(app)[0] == 500


def test_the_first_of_main_and_master_becomes_the_branch(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("one"))
    assert platform.push(checkout, app, "main:master").returncode == 0
    refused = platform.push(checkout, app, "main")
    assert refused.returncode == 1
    assert "(wrong branch, type: git push minpaas main:master)" in refused.stdout
    assert platform.request("GET", f"/apps/{app}")["branch"] == "refs/heads/master"


def test_tags_are_stored_and_deploy_nothing(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("one"))
    checkout.git("tag", "v1")
    pushed = platform.push(checkout, app, "v1")
    assert pushed.returncode == 0, pushed.stdout
    assert platform.ref(app, "refs/tags/v1")
    assert platform.request("GET", f"/apps/{app}")["status"] == "created"
    assert platform.get(app)[0] == 503


def test_an_atomic_push_is_all_or_nothing(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("one"))
    pushed = platform.push(checkout, app, "main", "main:feature", options=("--atomic",))
    assert pushed.returncode == 1
    assert "main -> main (atomic push failure)" in pushed.stdout
    assert platform.ref(app) == ""
    assert platform.containers(app) == []


@pytest.mark.parametrize("name", ["A", "a_b", "xn--80ak6aa92e", "minpaas", "localhost", "x" * 64, "1a", "a-"])
@pytest.mark.parametrize("door", ["ssh", "http"])
def test_bad_names_meet_the_same_words_at_every_door(
    platform: Platform, checkout: Checkout, name: str, door: str
) -> None:
    checkout.commit(serving("one"))
    pushed = platform.push(checkout, name, door=door)
    status, text = platform.ask("POST", "/apps", {"name": name})
    assert pushed.returncode == 128
    assert "That is not an app name" in pushed.stdout
    assert status == 422
    assert "That is not an app name" in text
    assert not (platform.home / "repos" / f"{name}.git").exists()
