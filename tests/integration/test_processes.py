"""What happens to processes by themselves or by docker: seen within three seconds, brought back, given up in the end."""

import json
import time
from typing import Any

import pytest

from tests.conftest import Checkout, Platform, Visitor
from tests.integration.sources import script

pytestmark = pytest.mark.alone

WITHIN = 3.0  # seconds until the API says what docker inspect says
SERVER = """
import os, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/exit"):
            print("told to end", flush=True)
            os._exit(int(self.path[5:] or 7))
        if self.path == "/eat":
            self.server.eaten = [b"x" * (64 << 20) for _ in range(99)]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["MINPAAS_PROCESS"].encode())
    def log_message(self, *args): pass
print("started", flush=True)
if os.path.exists("/tmp/flag"):
    print("the flag is set", flush=True)
    sys.exit(9)
if os.path.exists("/tmp/slow"):
    time.sleep(2)
ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def live(platform: Platform, checkout: Checkout, app: str) -> str:
    """A running app."""
    checkout.commit(script(SERVER))
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    return app


def first(platform: Platform, app: str) -> dict[str, Any]:
    found: dict[str, Any] = platform.request("GET", f"/apps/{app}")["processes"][0]
    return found


def state(platform: Platform, container: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(platform.docker("inspect", container))[0]["State"]
    return found


def sees(platform: Platform, app: str, status: str, process: str) -> float:
    """Seconds until the API says so of the app and its first process."""
    began = time.monotonic()

    def said() -> bool:
        found = platform.request("GET", f"/apps/{app}")
        return (found["status"], found["processes"][0]["status"]) == (status, process)

    platform.wait_for(said, WITHIN, f"{status}, {process}: {platform.request('GET', f'/apps/{app}')}")
    return time.monotonic() - began


def test_outside_changes_are_seen(platform: Platform, live: str) -> None:
    container = first(platform, live)["container"]
    took = []
    for command, status, process, answer in (
        ("stop", "stopped", "stopped", 503),
        ("start", "running", "running", 200),
        ("kill", "crashed", "crashed", 503),
        ("start", "running", "running", 200),
        ("pause", "stopped", "paused", 503),
        ("unpause", "running", "running", 200),
        ("restart", "running", "running", 200),
    ):
        platform.docker(command, container)
        took.append(sees(platform, live, status, process))
        assert state(platform, container)["Status"] == {"stopped": "exited", "crashed": "exited"}.get(process, process)
        platform.wait_for(lambda wanted=answer: platform.get(live)[0] == wanted, 5, f"{answer} after {command}")
    assert first(platform, live)["container"] == container
    print(f"seen after {', '.join(f'{one:.2f}' for one in took)} s")


def test_a_removed_process_is_made_again(platform: Platform, live: str) -> None:
    container = first(platform, live)["container"]
    platform.docker("rm", "-f", container)
    platform.wait_for(lambda: first(platform, live)["container"] != container, 10, "another container")
    sees(platform, live, "running", "running")
    platform.wait_for(lambda: platform.get(live) == (200, "web.1"), 3, "an answer")
    assert len(platform.containers(live)) == 1
    platform.docker("rm", "-f", first(platform, live)["container"])
    platform.wait_for(lambda: platform.get(live)[0] == 200, 10, "an answer again")
    assert platform.request("GET", f"/apps/{live}")["release"] == 1


def test_an_end_is_counted_and_its_last_words_kept(platform: Platform, live: str) -> None:
    assert platform.get(live, "/exit7")[0] in (502, 503)
    platform.wait_for(lambda: first(platform, live)["restarts"] >= 1, WITHIN, "a restart to be counted")
    platform.wait_for(lambda: platform.get(live)[0] == 200, 5, "an answer")
    sees(platform, live, "running", "running")  # that it listens again is seen a moment after it answers
    found = first(platform, live)
    assert (found["status"], found["exit_code"], found["reason"]) == ("running", 7, "")


def test_nobody_is_sent_to_a_process_that_does_not_listen_yet(platform: Platform, live: str) -> None:
    platform.docker("exec", first(platform, live)["container"], "touch", "/tmp/slow")
    assert platform.get(live, "/exit7")[0] in (502, 503)
    platform.wait_for(lambda: first(platform, live)["restarts"] == 1, WITHIN, "a restart to be counted")
    with Visitor(platform, live) as visitor:
        platform.wait_for(lambda: platform.get(live)[0] == 200, 5, "an answer")
    assert {status for status, _ in visitor.answers} <= {503, 200}, "with the page that says so until it listens"
    assert visitor.answers[0][0] == 503
    sees(platform, live, "running", "running")


def test_out_of_memory_is_named(platform: Platform, live: str) -> None:
    platform.request("PUT", f"/apps/{live}/limits/web", {"memory": 64 << 20})
    try:
        platform.get(live, "/eat", timeout=20)
    except OSError:
        pass
    platform.wait_for(lambda: first(platform, live)["reason"] == "out of memory", WITHIN, "the reason")
    platform.wait_for(lambda: first(platform, live)["status"] == "running", 5, "it to be back")
    assert first(platform, live)["restarts"] >= 1
    assert first(platform, live)["exit_code"] == 137


def test_a_crash_loop_is_given_up(platform: Platform, live: str) -> None:
    """The engine waits longer each time: 0.1 s, 0.2 s, ... so that ten tries take about a hundred seconds."""
    container = first(platform, live)["container"]
    platform.docker("exec", container, "touch", "/tmp/flag")
    platform.get(live, "/exit9")
    began = time.monotonic()
    platform.wait_for(lambda: first(platform, live)["restarts"] >= 3, 10, "it to be tried again")
    # between two tries it runs for a moment
    platform.wait_for(lambda: platform.request("GET", f"/apps/{live}")["status"] == "crashed", WITHIN, "crashed")
    platform.wait_for(lambda: platform.get(live)[0] == 503, WITHIN, "the page that says so")
    platform.wait_for(lambda: first(platform, live)["status"] == "crashed", 150, "it to be given up")
    took = time.monotonic() - began
    platform.wait_for(lambda: state(platform, container)["Status"] == "exited", 5, "the engine to leave it")
    found = platform.request("GET", f"/apps/{live}")
    (process,) = found["processes"]
    assert (found["status"], found["exit_code"]) == ("crashed", 9)
    assert (process["exit_code"], process["last_lines"][-2:]) == (9, ["started", "the flag is set"])
    assert process["restarts"] >= 9
    print(f"given up after {process['restarts']} restarts in {took:.0f} s")
    time.sleep(2)
    assert state(platform, container)["Status"] == "exited"
    assert "crashed (exit code 9)" in platform.cli("status", live).stdout
    platform.request("POST", f"/apps/{live}/restart", {})
    assert platform.get(live) == (200, "web.1")
    assert first(platform, live)["restarts"] == 0


def test_one_of_two_web_processes_down(platform: Platform, live: str) -> None:
    platform.request("PATCH", f"/apps/{live}/formation", {"formation": {"web": 2}})
    assert {platform.get(live)[1] for _ in range(10)} == {"web.1", "web.2"}
    processes = platform.request("GET", f"/apps/{live}")["processes"]
    platform.docker("stop", processes[0]["container"])
    sees(platform, live, "running", "stopped")
    with Visitor(platform, live) as visitor:
        time.sleep(2)
    assert {text for _, text in visitor.answers} == {"web.2"}
    platform.docker("start", processes[0]["container"])
    sees(platform, live, "running", "running")
    platform.wait_for(lambda: platform.get(live)[1] == "web.1", 5, "web.1 to answer again")
