"""The log of an app: one stream of all that is said of it, which outlives containers and releases."""

import http.client
import re
import threading
import time

import pytest

from tests.conftest import Checkout, Platform
from tests.integration.sources import script, serving

NUMBERS = """
import os, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"ok"
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
def count():
    for number in range({lines}):
        print("{name}", number, flush=True)
        if number % 100 == 99: time.sleep({pause})
threading.Thread(target=count, daemon=True).start()
ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
CRASHING = 'print("\\n".join(f"crash {n}" for n in range(1000)), flush=True); raise SystemExit(7)\n'


def numbered(name: str, lines: int, pause: float = 0.0) -> dict[str, str | None]:
    return script(NUMBERS.format(name=name, lines=lines, pause=pause))


def texts(answer: str, name: str) -> list[int]:
    """The numbers of a release's lines, in the order in which they came."""
    return [int(n) for n in re.findall(rf"app\[web\.1\]: {name} (\d+)$", answer, re.M)]


class Follower:
    """logs -f, on a thread."""

    def __init__(self, platform: Platform, app: str, query: str = "n=0"):
        self.lines: list[str] = []
        self._connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=120)
        self._connection.request("GET", f"/apps/{app}/logs?follow=true&{query}")
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for raw in self._answer:
                self.lines.append(raw.decode().rstrip("\n"))
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            return

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def test_following_across_redeploys_misses_and_doubles_no_line(
    platform: Platform, checkout: Checkout, app: str
) -> None:
    checkout.commit(numbered("one", 10_000, 0.03))
    assert platform.push(checkout, app).returncode == 0
    early = Follower(platform, app, "n=10000&source=app")
    for name in ("two", "three"):
        checkout.commit(numbered(name, 10_000, 0.03))
        pushed = platform.push(checkout, app)
        assert pushed.returncode == 0, pushed.stdout
    late = Follower(platform, app, "n=200000&source=app")
    platform.wait_for(lambda: "three 9999" in early.text and "three 9999" in late.text, 40, "the last line")
    for follower in (early, late):
        counts = {name: texts(follower.text, name) for name in ("one", "two", "three")}
        for name, seen in counts.items():
            assert seen == list(range(len(seen))), f"{name}: {len(seen)} lines, {len(set(seen))} different"
        assert len(counts["three"]) == 10_000
    kept = platform.request("GET", f"/apps/{app}/logs?n=200000&source=app")
    for name in ("one", "two", "three"):
        assert texts(kept, name) == texts(early.text, name), name
    print(f"{sum(len(texts(early.text, name)) for name in ('one', 'two', 'three'))} lines in 3 releases: 0 missed")


def test_each_release_keeps_its_last_lines(platform: Platform, checkout: Checkout, app: str) -> None:
    for number in range(1, 7):
        checkout.commit(numbered(f"r{number}", 1500))
        assert platform.push(checkout, app).returncode == 0
        time.sleep(0.5)
    checkout.commit(script(CRASHING))
    assert platform.push(checkout, app).returncode == 1
    platform.docker("update", "--restart=no", *platform.containers(app))
    platform.docker("kill", *platform.containers(app))
    platform.wait_for(lambda: len(platform.containers(app)) == 1, 20, "old processes to go")
    for number in range(1, 7):
        text = platform.request("GET", f"/apps/{app}/logs?n=1000&release=v{number}&source=app")
        assert texts(text, f"r{number}") == list(range(500, 1500)), f"v{number}: {text[-500:]}"
    failed = platform.request("GET", f"/apps/{app}/logs?n=200000&release=v7&source=app")
    assert texts(failed, "crash") == list(range(1000))
    system = platform.request("GET", f"/apps/{app}/logs?n=10000&source=system")
    assert "minpaas[web.1]: State changed from up to crashed: exit code 137" in system
    assert "minpaas[api]: Release v6 created by http" in system
    assert "minpaas[web.1]: State changed from up to stopped: exit code " in system


def test_all_sources_are_one_stream(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("one", extra='print("asked for", self.path, flush=True)'))
    assert platform.push(checkout, app).returncode == 0
    follower = Follower(platform, app, "n=5")
    platform.get(app, "/found?x=1")
    platform.wait_for(lambda: "/found" in follower.text and "minpaas[router]" in follower.text, 5, "both lines")
    platform.wait_for(lambda: "minpaas[router]" in platform.request("GET", f"/apps/{app}/logs"), 5, "the router")
    text = platform.request("GET", f"/apps/{app}/logs?n=1000")
    stamps = [line.split(" ")[0] for line in text.splitlines()]
    assert stamps == sorted(stamps)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", one) for one in stamps)
    routed = rf'minpaas\[router\]: at=info method=GET path="/found\?x=1" host={app}\.localhost request_id=\S+ status=200 service=\d+ms bytes=\d+$'
    assert re.search(routed, text, re.M), text
    assert "minpaas[build]: -----> Starting v1 (web=1)" in text
    assert "minpaas[web.1]: Starting process: python server.py" in text
    assert "minpaas[web.1]: State changed from starting to up" in text
    assert "app[web.1]: asked for /found?x=1" in text
    only = {"app": r"app\[", "build": r"minpaas\[build\]", "router": r"minpaas\[router\]", "system": r"minpaas\["}
    for source, start in only.items():
        lines = platform.request("GET", f"/apps/{app}/logs?source={source}").splitlines()
        assert lines
        assert all(re.match(rf"\S+ {start}", line) for line in lines), source
    assert platform.request("GET", f"/apps/{app}/logs?process=worker") == ""
    assert platform.request("GET", f"/apps/{app}/logs?since=0s") == ""
    assert "asked for" in platform.request("GET", f"/apps/{app}/logs?since=10m&process=web")


@pytest.mark.parametrize("query", ["source=nothing", "since=yesterday", "release=old", "process=../x", "n=-1"])
def test_what_cannot_be_is_refused(platform: Platform, checkout: Checkout, query: str) -> None:
    platform.ask("POST", "/apps", {"name": "refusing"})
    assert platform.ask("GET", f"/apps/refusing/logs?{query}")[0] in (400, 422)


def test_a_restart_in_the_middle_doubles_nothing(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(numbered("n", 100_000, 0.05))
    assert platform.push(checkout, app).returncode == 0
    container = platform.containers(app)[0]
    follower = Follower(platform, app, "n=100000&source=app")
    for _ in range(2):
        time.sleep(1)
        platform.docker("restart", "-t", "1", container)
    time.sleep(2)
    text = platform.request("GET", f"/apps/{app}/logs?n=200000&source=app")
    kept, seen = texts(text, "n"), texts(follower.text, "n")
    assert kept.count(0) == 3
    both = min(len(seen), len(kept))
    assert both > 1000
    assert seen[:both] == kept[:both]


def test_a_hundred_followers_cost_one_stream(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(numbered("n", 3000, 0.1))
    assert platform.push(checkout, app).returncode == 0
    followers = [Follower(platform, app, "n=10000&source=app") for _ in range(100)]
    platform.wait_for(lambda: all("n 2999" in one.text for one in followers), 40, "all followers")
    assert all(texts(one.text, "n") == list(range(3000)) for one in followers)


def test_logs_are_bounded(own_platform: Platform, checkout: Checkout, app: str) -> None:
    platform = own_platform
    platform.stop()
    platform.env["MINPAAS_LOG_MB"] = "1"
    platform.start()
    big = (
        'import sys\nfor n in range(40000): sys.stdout.write(f"%s {n:06d} " + "x" * 60 + chr(10))\nsys.stdout.flush()\n'
    )
    for number in range(1, 6):
        checkout.commit(script(big % f"r{number}" + str(serving("ok")["server.py"])))
        assert platform.push(checkout, app).returncode == 0
    platform.wait_for(lambda: len(platform.containers(app)) == 1, 20, "old processes to go")
    logs = platform.home / "state" / "apps" / app / "logs"
    assert sum(path.stat().st_size for path in logs.rglob("*.log")) <= 1 << 20
    assert "r4 039999" in platform.request("GET", f"/apps/{app}/logs?n=10&release=v4&source=app")
    assert "r1 " not in platform.request("GET", f"/apps/{app}/logs?n=1000&release=v1&source=app")
