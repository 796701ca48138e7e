"""The bake window: a new release that does badly is taken back by itself."""

import re
import time

import pytest

from tests.conftest import Checkout, Platform
from tests.integration.sources import serving

DIES = "import threading; threading.Timer({after}, os._exit, [9]).start()\n"
BROKEN = 'self.send_error(500) if self.path == "/broken" else None\n        if self.path == "/broken": return'


def dying(text: str, after: float = 1.0) -> dict[str, str | None]:
    """Answers at first, and ends soon."""
    files = serving(text)
    source = str(files["server.py"]).replace("import os\n", "import os\n" + DIES.format(after=after), 1)
    return {**files, "server.py": source}


def bake(platform: Platform, app: str, seconds: int, hold: bool = False) -> None:
    platform.request("PUT", f"/apps/{app}/bake", {"seconds": seconds, "hold": hold})


def live(platform: Platform, app: str) -> int:
    return int(platform.request("GET", f"/apps/{app}")["release"])


def ask_broken(platform: Platform, app: str, times: int) -> None:
    for _ in range(times):
        platform.get(app, "/broken")


def test_a_crash_loop_is_rolled_back(platform: Platform, checkout: Checkout, app: str) -> None:
    good = checkout.commit(serving("good"))
    assert platform.push(checkout, app).returncode == 0
    checkout.commit(dying("bad"))
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert "Watched for 30 s" in pushed.stdout
    platform.wait_for(lambda: live(platform, app) == 3, 30, "the rollback")
    platform.wait_for(lambda: platform.get(app) == (200, "good\n"), 5, "the good release")
    platform.wait_for(lambda: platform.ref(app) == good, 5, "the branch")
    newest = platform.request("GET", f"/apps/{app}/releases")[0]
    assert newest["reason"].startswith("Rolled back from v2 to v1 by itself: web.1 ended 3 times")
    platform.wait_for(lambda: platform.request("GET", f"/apps/{app}/bake")["notice"], 5, "the notice")
    assert "bake" in [one["kind"] for one in platform.request("GET", f"/apps/{app}/deploys")]
    assert "Rolled back from v2 to v1 by itself" in platform.request("GET", f"/apps/{app}/logs?source=system")
    assert "State changed from up to crashed: exit code 9" in platform.request("GET", f"/apps/{app}/logs?release=v2")


def test_a_burst_of_5xx_is_rolled_back_unless_it_was_there_before(
    platform: Platform, checkout: Checkout, app: str
) -> None:
    checkout.commit(serving("good"))
    assert platform.push(checkout, app).returncode == 0
    for _ in range(10):
        platform.get(app)
    checkout.commit(serving("bad", extra=BROKEN))
    assert platform.push(checkout, app).returncode == 0
    ask_broken(platform, app, 20)
    platform.wait_for(lambda: live(platform, app) == 3, 10, "the rollback")
    reason = platform.request("GET", f"/apps/{app}/releases")[0]["reason"]
    assert re.search(r"\d+ of \d+ requests failed \(5xx\), of v1's 0 of \d+$", reason), reason
    bake(platform, app, 0)
    checkout.commit({"x": "1"})
    assert platform.push(checkout, app, "+main").returncode == 0
    ask_broken(platform, app, 20)
    bake(platform, app, 4)
    checkout.commit({"x": "2"})
    assert platform.push(checkout, app).returncode == 0
    ask_broken(platform, app, 20)
    time.sleep(5)
    assert live(platform, app) == 5
    assert "v5 was watched for 4 s: it does well" in platform.request("GET", f"/apps/{app}/logs?source=system")


@pytest.mark.parametrize("door", ["http", "ssh", "path"])
def test_a_held_push_is_rejected(platform: Platform, checkout: Checkout, app: str, door: str) -> None:
    platform.request("POST", "/apps", {"name": app})
    good = checkout.commit(serving("good"))
    assert platform.push(checkout, app, door=door).returncode == 0
    bake(platform, app, 12, hold=True)
    checkout.commit(dying("bad"))
    pushed = platform.push(checkout, app, door=door)
    assert pushed.returncode == 1, pushed.stdout
    assert re.search(r"\[remote rejected\] main -> main \(rolled back: web\.1 ended 3 times", pushed.stdout), (
        pushed.stdout
    )
    assert platform.get(app) == (200, "good\n")
    assert platform.ref(app) == good
    assert live(platform, app) == 3
    bake(platform, app, 2, hold=True)
    checkout.commit(serving("better"))
    pushed = platform.push(checkout, app, door=door)
    assert pushed.returncode == 0, pushed.stdout
    assert "It does well" in pushed.stdout
    assert platform.get(app) == (200, "better\n")


def test_what_comes_next_ends_the_watch(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("good"))
    assert platform.push(checkout, app).returncode == 0
    checkout.commit(dying("bad", 2.0))
    assert platform.push(checkout, app).returncode == 0
    assert platform.request("GET", f"/apps/{app}/bake")["watching"] == "v2"
    platform.request("POST", f"/apps/{app}/rollback", {"release": 1})
    assert platform.request("GET", f"/apps/{app}/bake")["watching"] is None
    time.sleep(6)
    assert live(platform, app) == 3
    assert platform.get(app) == (200, "good\n")


def test_a_restart_of_the_server_ends_the_watch_and_says_so(
    own_platform: Platform, checkout: Checkout, app: str
) -> None:
    platform = own_platform
    for text in ("one", "two"):
        checkout.commit(serving(text))
        assert platform.push(checkout, app).returncode == 0
    platform.kill()
    platform.start()
    said = "MinPaas was restarted: the new release is no longer watched"
    assert said in platform.request("GET", f"/apps/{app}/logs?source=system")
    assert platform.request("GET", f"/apps/{app}/bake")["watching"] is None


def test_the_transcript_proves_that_nothing_was_lost(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("one"))
    first = platform.push(checkout, app)
    assert "probe requests" not in first.stdout
    checkout.commit(serving("two"))
    second = platform.push(checkout, app)
    found = re.search(r"(\d+) of (\d+) probe requests failed", second.stdout)
    assert found, second.stdout
    assert (found[1], int(found[2]) > 2) == ("0", True)
    platform.wait_for(
        lambda: "Cutover to v2: 0 of " in platform.request("GET", f"/apps/{app}/logs?source=system"),
        5,
        "the whole count",
    )
    assert "minpaas-probe" not in platform.request("GET", f"/apps/{app}/logs")


def test_the_command_line(platform: Platform, app: str) -> None:
    platform.request("POST", "/apps", {"name": app})
    assert platform.cli("bake", app).stdout == "Window:   30 s\nWatching: nothing\n"
    assert platform.cli("bake:set", app, "45", "--hold").returncode == 0
    assert platform.cli("bake", app).stdout.splitlines()[0] == "Window:   45 s (a push waits for its end)"
    assert platform.cli("bake:set", "0", "-a", app).returncode == 0
    assert platform.cli("bake", app).stdout.splitlines()[0] == "Window:   off"
    assert platform.cli("bake:set", app, "soon").returncode == 2
    assert platform.ask("PUT", f"/apps/{app}/bake", {"seconds": -1})[0] == 422
