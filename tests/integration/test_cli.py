"""The minpaas command as a person types it: output, exit codes, and finding the app."""

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import GIT_ENV, Checkout, Platform, run
from tests.integration.sources import serving


@pytest.fixture(scope="module")
def live(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A running app that prints a line a request."""
    checkout = Checkout(tmp_path_factory.mktemp("cli") / "checkout")
    checkout.commit(serving("cli", extra='print("asked for", self.path, flush=True)'))
    assert platform.push(checkout, "typed").returncode == 0
    return "typed"


def test_apps(platform: Platform, live: str) -> None:
    lines = platform.cli("apps").stdout.splitlines()
    assert lines[0].split() == ["NAME", "RUNTIME", "STATUS", "PORT", "RELEASE", "URL"]
    row = next(line.split() for line in lines if line.startswith(live))
    port = str(platform.request("GET", f"/apps/{live}")["port"])
    assert row == [live, "python", "running", port, "v1", f"http://{live}.localhost:{platform.http_port}"]
    assert live in [app["name"] for app in json.loads(platform.cli("apps", "--json").stdout)]


def test_status(platform: Platform, live: str) -> None:
    found = platform.cli("status", live)
    assert found.returncode == 0
    assert found.stdout.splitlines()[:3] == [
        f"=== {live}",
        "Status:    running",
        f"URL:       http://{live}.localhost:{platform.http_port}",
    ]
    assert platform.cli("apps:info", "-a", live).stdout == found.stdout
    assert json.loads(platform.cli("status", live, "--json").stdout)["name"] == live


def test_logs_and_following(platform: Platform, live: str) -> None:
    platform.get(live, "/one")
    assert "app[web.1]: asked for /one" in platform.cli("logs", live, "-n", "5").stdout
    as_json = json.loads(platform.cli("logs", live, "-n", "1", "--source", "app", "--json").stdout)
    assert (as_json["process"], as_json["text"]) == ("web.1", "asked for /one")
    command = [
        sys.executable,
        "-c",
        "from minpaas.cli.cli import main; main()",
        "logs",
        live,
        "-f",
        "-n",
        "1",
        "--source",
        "app",
    ]
    # who was started in the background of a script ignores Ctrl-C, and so would its children
    follower = subprocess.Popen(
        command,
        env={**os.environ, **platform.env},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert follower.stdout
    assert "asked for /one" in follower.stdout.readline()
    platform.get(live, "/two")
    assert "asked for /two" in follower.stdout.readline()
    follower.send_signal(signal.SIGINT)
    assert follower.wait(10) == 0


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (["status", "nowhere"], 3, "There is no such app"),
        (["logs", "nowhere"], 3, "There is no such app"),
        (["delete", "nowhere", "--confirm"], 3, "There is no such app"),
        (["create", "BAD_NAME"], 1, "try the name 'bad-name'"),
        (["status"], 2, "Which app?"),
        (["status", "one", "-a", "two"], 2, "Two apps are named"),
        (["nonsense"], 2, "No such command"),
        (["keys", "add", "/nowhere.pub"], 1, "The key cannot be read"),
        (["deploy", "-a", "x", "--ref", "main"], 2, "go with --repo"),
        (["deploy", "-a", "x", "--repo", "http://127.0.0.1:1/x.git"], 1, "MINPAAS_REPO_HOSTS=127.0.0.1:1"),
    ],
)
def test_exit_codes(platform: Platform, live: str, command: list[str], code: int, words: str) -> None:
    done = platform.cli(*command)
    assert (done.returncode, words in done.stdout) == (code, True), done.stdout


def test_no_server_is_5(platform: Platform) -> None:
    done = platform.cli("apps", env={"MINPAAS_URL": "http://127.0.0.1:1"})
    assert done.returncode == 5
    assert "start it with: minpaas up" in done.stdout


def test_refused_is_4(platform: Platform) -> None:
    done = platform.cli("apps", env={"MINPAAS_URL": f"http://127.0.0.1:{platform.port}", "MINPAAS_TOKEN": "wrong"})
    assert done.returncode == 0, "no token is set on the server, so none is looked at"
    token = platform.cli("token", "create").stdout.split()[0]
    try:
        assert platform.cli("apps", env={"MINPAAS_TOKEN": "wrong"}).returncode == 4
        assert platform.cli("apps", env={"MINPAAS_TOKEN": token}).returncode == 0
    finally:
        (platform.home / "state" / "token").unlink()


def test_create_push_and_delete_in_a_checkout(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("mine"))
    created = platform.cli("create", app, cwd=checkout.path)
    assert created.returncode == 0, created.stdout
    assert f"Created {app}. It will answer at http://{app}.localhost:{platform.http_port}" in created.stdout
    assert checkout.git("remote", "get-url", "minpaas") == f"ssh://minpaas@localhost:{platform.ssh_port}/{app}.git"
    pushed = run("git", "push", "minpaas", "main", cwd=checkout.path, env=platform.git_env)
    assert pushed.returncode == 0, pushed.stdout
    assert platform.cli("status", cwd=checkout.path).stdout.startswith(f"=== {app}\n")
    assert platform.cli("open", "--json", cwd=checkout.path).stdout.strip() == json.dumps(
        {"url": f"http://{app}.localhost:{platform.http_port}"}
    )
    refused = platform.cli("delete", cwd=checkout.path)
    assert refused.returncode == 1
    assert platform.get(app) == (200, "mine\n")
    assert _typed(platform, checkout, "wrong") == 1
    assert platform.get(app) == (200, "mine\n")
    assert _typed(platform, checkout, app) == 0
    assert platform.get(app)[0] == 404


def test_delete_with_the_name_given_twice(platform: Platform, app: str) -> None:
    assert platform.cli("create", app).returncode == 0
    refused = platform.cli("delete", app, "--confirm", "another")
    assert refused.returncode == 1
    assert f"{app} and another are two apps" in refused.stdout
    assert platform.cli("delete", app, "--confirm", app).returncode == 0
    assert platform.cli("status", app).returncode == 3


def _typed(platform: Platform, checkout: Checkout, answer: str) -> int:
    """Exit code of `minpaas delete` on a terminal where `answer` is typed."""
    command = [sys.executable, "-c", "from minpaas.cli.cli import main; main()", "delete"]
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        command,
        cwd=checkout.path,
        env={**os.environ, **GIT_ENV, **platform.env},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    time.sleep(0.3)
    os.write(ours, answer.encode() + b"\n")
    code = child.wait(60)
    os.close(ours)
    os.close(theirs)
    return code


def test_keys(platform: Platform) -> None:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "cli@test", "-f", platform.key.parent / "cli")
    added = platform.cli("keys", "add", platform.key.parent / "cli.pub")
    assert added.returncode == 0
    assert "cli@test may push" in added.stdout
    assert "cli@test" in platform.cli("keys", "list").stdout
    assert "may not push any more" in platform.cli("keys:remove", "cli@test").stdout
    assert "cli@test" not in platform.cli("keys:list").stdout


def test_version_and_help(platform: Platform) -> None:
    from minpaas import __version__

    assert platform.cli("version").stdout == f"minpaas {__version__} (server {__version__})\n"
    shown = platform.cli("--help").stdout
    for word in (
        "deploy",
        "apps",
        "logs",
        "delete",
        "create",
        "open",
        "status",
        "keys",
        "version",
        "up",
        "down",
        "doctor",
    ):
        assert f"\n  {word} " in shown
    assert "apps:destroy" not in shown
