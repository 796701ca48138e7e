"""kill -9 of the control plane at the worst moments: apps serve on, nothing is left behind, the same push then deploys."""

import http.client
import json
import subprocess
import threading
import time

import pytest

from tests.conftest import Checkout, Platform, Visitor
from tests.integration.sources import script, serving

pytestmark = pytest.mark.alone

REQUESTS = 2000


def test_apps_serve_on_without_the_control_plane(own_platform: Platform, checkout: Checkout) -> None:
    platform, apps = own_platform, ("one", "two", "three")
    for app in apps:
        checkout.commit(serving(app))
        assert platform.push(checkout, app, "+main").returncode == 0
    failed = []

    def visit(app: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", platform.http_port, timeout=10)
        for _ in range(REQUESTS // len(apps) + 1):
            connection.request("GET", "/", headers={"Host": f"{app}.localhost"})
            answer = connection.getresponse()
            if (answer.status, answer.read()) != (200, f"{app}\n".encode()):
                failed.append(app)

    visitors = [threading.Thread(target=visit, args=(app,)) for app in apps]
    for visitor in visitors:
        visitor.start()
    time.sleep(0.2)
    platform.kill()
    for visitor in visitors:
        visitor.join()
    assert failed == []
    print(f"{REQUESTS} requests while the control plane was dead: 0 failed")
    platform.start()
    listed = {app["name"]: app["status"] for app in platform.request("GET", "/apps")}
    assert listed == dict.fromkeys(apps, "running")
    commit = checkout.commit(serving("again"))
    assert platform.push(checkout, "three").returncode == 0
    assert platform.get("three") == (200, "again\n")
    assert platform.ref("three") == commit


SLOW_BUILD = 'FROM minpaas/python:3.13\nRUN sleep 4 # {nonce}\nCOPY server.py .\nCMD ["python3", "server.py"]\n'
SLOW_START = "import time\ntime.sleep(3)\n" + str(serving("new")["server.py"])


@pytest.mark.parametrize(
    ("moment", "files"),
    [
        ("build", {**serving("new"), "Dockerfile": SLOW_BUILD.format(nonce=time.time()), "Procfile": None}),
        ("run", script(SLOW_START)),
        ("route", serving("new")),
    ],
)
def test_a_killed_deploy_leaves_nothing(
    own_platform: Platform, checkout: Checkout, moment: str, files: dict[str, str | None]
) -> None:
    platform, app = own_platform, "hello"
    good = checkout.commit(serving("good"))
    assert platform.push(checkout, app).returncode == 0
    before = platform.containers(app)
    new = checkout.commit(files)
    with Visitor(platform, app) as visitor:
        push = subprocess.Popen(
            ["git", "push", platform.url(app, "http"), "main"],
            cwd=checkout.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        _await_step(platform, app, new, moment)
        platform.kill()
        output, _ = push.communicate(timeout=30)
        assert push.returncode != 0, output
        platform.start()
    assert visitor.failures == []
    assert _settled(platform, app) in (good, new)
    listed = platform.request("GET", f"/apps/{app}")
    assert listed["status"] == "running"
    assert listed["commit"] == platform.ref(app)
    platform.wait_for(lambda: len(platform.containers(app)) == 1, 15, "leftovers to go")
    if listed["commit"] == good:
        assert platform.containers(app) == before
        platform.wait_for(lambda: len(platform.images(app)) == 1, 10, "images to go")
    again = platform.push(checkout, app)
    assert again.returncode == 0, again.stdout
    assert platform.get(app) == (200, "new\n")
    assert platform.ref(app) == new
    results = [entry["result"] for entry in platform.request("GET", f"/apps/{app}/deploys")]
    assert "failed" in results or listed["commit"] == new


def _await_step(platform: Platform, app: str, commit: str, step: str) -> None:
    """Until the journal says that the deploy of this commit has come so far."""
    folder = platform.home / "state" / "apps" / app / "deploys"

    def reached() -> bool:
        for path in folder.glob("*.json"):
            try:
                entry = json.loads(path.read_bytes())
            except (OSError, ValueError):
                continue
            if entry.get("commit") == commit and entry["step"] == step:
                return True
        return False

    end = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < end, step
        time.sleep(0.001)


def _settled(platform: Platform, app: str) -> str:
    return str(platform.request("GET", f"/apps/{app}")["commit"])


def test_a_killed_git_process_comes_back(own_platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("one"))
    children = own_platform_children(own_platform)
    assert len(children) == 1
    subprocess.run(["kill", "-9", children[0]], check=True)
    own_platform.wait_for(lambda: own_platform_children(own_platform) not in ([], children), 10, "the git process")
    own_platform.wait_for(lambda: own_platform.push(checkout, app, door="ssh").returncode == 0, 20, "ssh")
    assert own_platform.get(app) == (200, "one\n")


def own_platform_children(platform: Platform) -> list[str]:
    """Pids of the git process."""
    assert platform.process
    found = subprocess.run(
        ["pgrep", "-P", str(platform.process.pid), "-f", "minpaas.server.ssh"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.split()


def test_containers_removed_by_hand_come_back(own_platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("one"))
    assert own_platform.push(checkout, app).returncode == 0
    own_platform.stop()
    own_platform.docker("rm", "-f", *own_platform.containers(app))
    own_platform.start()
    own_platform.wait_for(lambda: own_platform.get(app) == (200, "one\n"), 10, "the app to come back")
    assert own_platform.push(checkout, app).returncode == 0


def test_a_crashed_app_is_shown_as_crashed(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(
        serving(
            "one",
            extra="import threading; threading.Timer(0.1, os._exit, [7]).start() if self.path == '/die' else None",
        )
    )
    assert platform.push(checkout, app).returncode == 0
    platform.docker("update", "--restart=no", *platform.containers(app))
    platform.get(app, "/die")
    platform.wait_for(lambda: platform.request("GET", f"/apps/{app}")["status"] == "crashed", 3, "the crash to be seen")
    assert platform.request("GET", f"/apps/{app}")["exit_code"] == 7
    assert platform.get(app)[0] in (502, 503)
