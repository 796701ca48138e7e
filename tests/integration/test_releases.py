"""Releases, config vars, rollback and formation on the real engine."""

import base64
import hashlib
import json
import subprocess
import time
from typing import Any

import pytest

from tests.conftest import Checkout, Platform, Visitor, run
from tests.integration.sources import script, serving

ENVIRONMENT = """
import hashlib, json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    wbufsize = 65536
    def do_GET(self):
        body = json.dumps({k: hashlib.sha256(os.environb[k.encode()]).hexdigest() for k in os.environ}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
TORTURE = [
    "plain", "", " ", " leading", "trailing ", "a b", "$HOME", "$", "a$", "${X}", "$(id)", "`id`", "'single'", '"double"', "\\", "\\n", "a\nb",
    "\n", "tab\there", "é", "日本語", "🎉", "#hash", "a=b", '{"json": ["x", 1]}', "%s%d", "!bang", "*", "-----BEGIN KEY-----\nabc=\n-----END KEY-----\n",
    "x" * 32768,
]  # fmt: skip


def sha(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def seen(platform: Platform, app: str) -> dict[str, str]:
    """What the app's environment holds, as digests."""
    found: dict[str, str] = json.loads(platform.get(app)[1])
    return found


def config(platform: Platform, app: str, restart: bool = True, **values: str | None) -> Any:
    return platform.request("PATCH", f"/apps/{app}/config", {"values": values, "restart": restart})


def test_config_vars_arrive_byte_for_byte(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(script(ENVIRONMENT))
    assert platform.push(checkout, app).returncode == 0
    images = platform.images(app)
    wanted: dict[str, str | None] = {f"T{number}": value for number, value in enumerate(TORTURE)}
    after = config(platform, app, **wanted)
    assert after["release"] == 2
    found = seen(platform, app)
    assert {name: found[name] for name in wanted} == {name: sha(str(value)) for name, value in wanted.items()}
    assert platform.images(app) == images
    assert platform.request("GET", f"/apps/{app}/config") == wanted
    assert config(platform, app, **wanted)["release"] == 2, "unchanged values make no release"
    assert config(platform, app, T0=None, T1="new")["release"] == 3
    found = seen(platform, app)
    assert "T0" not in found
    assert found["T1"] == sha("new")


def test_config_is_staged_and_kept_secret(platform: Platform, checkout: Checkout, app: str) -> None:
    platform.request("POST", "/apps", {"name": app})
    canary = base64.b64encode(hashlib.sha256(app.encode()).digest()).decode()
    assert config(platform, app, SECRET=canary)["release"] is None
    checkout.commit(script(ENVIRONMENT))
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0
    assert seen(platform, app)["SECRET"] == sha(canary)
    assert config(platform, app, restart=False, OTHER="staged")["release"] == 1
    assert "OTHER" not in seen(platform, app)
    checkout.commit({"x": "y"})
    assert platform.push(checkout, app).returncode == 0
    assert seen(platform, app)["OTHER"] == sha("staged")
    assert canary not in pushed.stdout
    image = platform.images(app)[0]
    assert canary not in platform.docker("history", "--no-trunc", image)
    for path in (platform.home / "state").rglob("*"):
        if path.is_file():
            assert canary.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("name", ["1A", "A-B", "A B", "", "PORT", "A=B"])
def test_bad_names_are_refused(platform: Platform, app: str, name: str) -> None:
    platform.request("POST", "/apps", {"name": app})
    status, text = platform.ask("PATCH", f"/apps/{app}/config", {"values": {name: "x"}})
    assert (status, json.loads(text)["error"]) == (422, "bad-config-var")


def test_rollback_brings_code_and_config_back(platform: Platform, checkout: Checkout, app: str) -> None:
    first = checkout.commit(serving("one", extra='self.server_version = os.environ.get("WORD", "-")'))
    assert platform.push(checkout, app).returncode == 0
    config(platform, app, WORD="two")
    second = checkout.commit(serving("two"))
    assert platform.push(checkout, app).returncode == 0
    with Visitor(platform, app) as visitor:
        began = time.monotonic()
        after = platform.request("POST", f"/apps/{app}/rollback", {"release": 1})
        took = time.monotonic() - began
    print(f"rollback in {took:.2f} s")
    assert visitor.failures == []
    assert (after["release"], after["commit"]) == (4, first)
    assert platform.get(app) == (200, "one\n")
    assert platform.request("GET", f"/apps/{app}/config") == {}
    assert platform.ref(app) == first
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, "a re-push of what was rolled back from deploys it again"
    assert platform.ref(app) == second
    assert platform.get(app) == (200, "two\n")
    assert platform.request("POST", f"/apps/{app}/rollback", {})["commit"] == first
    releases = platform.request("GET", f"/apps/{app}/releases")
    assert [one["name"] for one in releases] == ["v6", "v5", "v4", "v3", "v2", "v1"]
    assert [one["live"] for one in releases] == [True] + [False] * 5
    info = platform.request("GET", f"/apps/{app}/releases/v2")
    assert info["changed"]["config_added"] == ["WORD"]
    assert info["reason"] == "Set WORD"
    for number in (99, 6):
        assert platform.ask("POST", f"/apps/{app}/rollback", {"release": number})[0] == 404


def test_a_rollback_without_its_image_is_refused(platform: Platform, checkout: Checkout, app: str) -> None:
    for text in ("one", "two"):
        checkout.commit(serving(text))
        assert platform.push(checkout, app).returncode == 0
    image = platform.request("GET", f"/apps/{app}/releases/1")["image"]
    platform.wait_for(lambda: image in platform.holders(app), 15, "the image to be held")
    platform.wait_for(lambda: len(platform.containers(app)) == 1, 15, "the old to go")
    held = ["--filter", f"label=minpaas.app={app}", "--filter", f"label=minpaas.holds={image}"]
    platform.docker("rm", platform.docker("ps", "-aq", *held).strip())
    platform.docker("rmi", "-f", image)
    status, text = platform.ask("POST", f"/apps/{app}/rollback", {"release": 1})
    assert (status, json.loads(text)["error"]) == (422, "image-gone")
    assert platform.get(app) == (200, "two\n")


def test_images_of_releases_survive_a_prune(platform: Platform, checkout: Checkout, app: str) -> None:
    for text in ("one", "two"):
        checkout.commit(serving(text))
        assert platform.push(checkout, app).returncode == 0
    kept = {one["image"] for one in platform.request("GET", f"/apps/{app}/releases")}
    platform.wait_for(lambda: set(platform.holders(app)) == kept, 15, "the images to be held")
    platform.wait_for(lambda: len(platform.containers(app)) == 1, 15, "the old to go")
    first = platform.request("GET", f"/apps/{app}/releases/1")["image"]
    assert run("/usr/bin/docker", "rmi", first).returncode != 0, "the engine says that a container has it"
    assert platform.request("POST", f"/apps/{app}/rollback", {"release": 1})["release"] == 3
    assert platform.get(app) == (200, "one\n")
    platform.request("DELETE", f"/apps/{app}")
    assert platform.holders(app) == []


def test_formation(platform: Platform, checkout: Checkout, app: str) -> None:
    worker = "import time\nwhile True:\n    print('working', flush=True)\n    time.sleep(0.5)\n"
    files = {**serving("formed"), "worker.py": worker}
    checkout.commit({**files, "Procfile": "web: python server.py\nworker: python worker.py\n"})
    assert platform.push(checkout, app).returncode == 0
    assert [one["type"] for one in platform.request("GET", f"/apps/{app}")["processes"]] == ["web"]
    with Visitor(platform, app) as visitor:
        after = platform.request("PATCH", f"/apps/{app}/formation", {"formation": {"web": 2, "worker": "+1"}})
        assert [f"{one['type']}.{one['number']}" for one in after["processes"]] == ["web.1", "web.2", "worker.1"]
        assert after["release"] == 1
        good = checkout.commit({"worker.py": worker + "#\n"})
        assert platform.push(checkout, app).returncode == 0
        # not what is on the engine: the processes of v1 may still be draining
        before = [one["container"] for one in platform.request("GET", f"/apps/{app}")["processes"]]
        checkout.commit({"worker.py": "raise SystemExit(4)\n"})
        pushed = platform.push(checkout, app)
    assert visitor.failures == []
    assert pushed.returncode == 1
    assert "(app exited with 4)" in pushed.stdout
    assert [one["container"] for one in platform.request("GET", f"/apps/{app}")["processes"]] == before
    assert platform.ref(app) == good
    assert platform.request("PATCH", f"/apps/{app}/formation", {"formation": {"web": 0}})["status"] == "running"
    assert platform.get(app)[0] == 503
    platform.request("PATCH", f"/apps/{app}/formation", {"formation": {"web": 1, "worker": 0}})
    assert platform.get(app) == (200, "formed\n")
    assert platform.ask("PATCH", f"/apps/{app}/formation", {"formation": {"nobody": 1}})[0] == 422


def test_stop_start_restart_and_maintenance(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("up"))
    assert platform.push(checkout, app).returncode == 0
    before = platform.containers(app)
    with Visitor(platform, app) as visitor:
        platform.request("POST", f"/apps/{app}/restart", {})
    assert visitor.failures == []
    assert platform.containers(app) != before
    platform.request("PUT", f"/apps/{app}/maintenance", {"on": True})
    assert platform.get(app)[0] == 503
    checkout.commit(serving("newer"))
    assert platform.push(checkout, app).returncode == 0
    assert platform.get(app)[0] == 503, "maintenance is held across deploys"
    platform.request("PUT", f"/apps/{app}/maintenance", {"on": False})
    assert platform.get(app) == (200, "newer\n")
    assert platform.request("POST", f"/apps/{app}/stop")["status"] == "stopped"
    assert platform.get(app)[0] == 503
    platform.wait_for(lambda: not platform.containers(app), 10, "the processes to go")
    changed = config(platform, app, A="1")
    assert (changed["release"], changed["status"]) == (3, "stopped"), "a stopped app stays stopped"
    assert platform.containers(app) == []
    assert platform.get(app)[0] == 503
    platform.request("POST", f"/apps/{app}/start")
    assert platform.get(app) == (200, "newer\n")


def test_a_locked_app_takes_no_deploy(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("one"))
    assert platform.push(checkout, app).returncode == 0
    platform.request("PUT", f"/apps/{app}/lock", {"why": "moving house"})
    checkout.commit(serving("two"))
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 1
    assert "moving house" in pushed.stdout
    assert "(app is locked)" in pushed.stdout
    platform.request("PUT", f"/apps/{app}/lock", {"why": ""})
    assert platform.push(checkout, app).returncode == 0


def test_domains(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("mine"))
    assert platform.push(checkout, app).returncode == 0
    host = f"{app}.example.org"
    platform.request("POST", f"/apps/{app}/domains", {"host": f"*.{host}"})
    platform.request("POST", f"/apps/{app}/domains", {"host": host.upper()})
    other = platform.request("POST", "/apps", {"name": f"{app}-2"})["name"]
    assert platform.ask("POST", f"/apps/{other}/domains", {"host": host})[0] == 409
    for bad in ("x; } server {", "$host", "a\nb", "localhost", f"x.{'localhost'}", "-a.b", "a..b", "", "a b.c"):
        assert platform.ask("POST", f"/apps/{app}/domains", {"host": bad})[0] == 422, bad
    for name in (host, f"any.{host}"):
        asked = subprocess.run(
            ["curl", "-s", "-H", f"Host: {name}", f"http://127.0.0.1:{platform.http_port}/"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert asked.stdout == "mine\n"
    platform.request("DELETE", f"/apps/{app}/domains/{host}")
    assert [one["host"] for one in platform.request("GET", f"/apps/{app}")["domains"]] == [f"*.{host}"]


def test_the_release_command_decides(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit({**serving("one"), "Procfile": "web: python server.py\nrelease: echo migrating as $WHO\n"})
    platform.request("POST", "/apps", {"name": app})
    config(platform, app, WHO="ada")
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert "  migrating as ada" in pushed.stdout
    good = platform.ref(app)
    checkout.commit({"Procfile": "web: python server.py\nrelease: python -c 'raise SystemExit(5)'\n"})
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 1
    assert "(release command failed)" in pushed.stdout
    assert platform.ref(app) == good
    assert platform.get(app) == (200, "one\n")


def test_app_json_settles_the_first_deploy(platform: Platform, checkout: Checkout, app: str) -> None:
    description = {
        "env": {
            "PLAIN": {"value": "given"},
            "SECRET": {"generator": "secret"},
            "NEEDED": {"description": "no default"},
            "OWN": "from app.json",
        },
        "formation": {"web": {"quantity": 2}},
        "scripts": {"postdeploy": "echo after the first deploy: $PLAIN"},
    }
    checkout.commit({**script(ENVIRONMENT), "app.json": json.dumps(description)})
    platform.request("POST", "/apps", {"name": app})
    config(platform, app, OWN="mine")
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    values = platform.request("GET", f"/apps/{app}/config")
    assert (values["PLAIN"], values["OWN"]) == ("given", "mine")
    assert len(values["SECRET"]) >= 32
    assert values["SECRET"] not in pushed.stdout
    assert f"app.json asks for NEEDED: minpaas config:set NEEDED=... -a {app}" in pushed.stdout
    assert "  after the first deploy: given" in pushed.stdout
    assert seen(platform, app)["SECRET"] == sha(values["SECRET"])
    assert platform.request("GET", f"/apps/{app}")["formation"] == {"web": 2}
    checkout.commit({"x": "y"})
    again = platform.push(checkout, app)
    assert again.returncode == 0
    assert "Running the postdeploy script" not in again.stdout
    assert platform.request("GET", f"/apps/{app}/config") == values


def test_a_build_can_be_cancelled(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("one"))
    assert platform.push(checkout, app).returncode == 0
    slow = f"FROM minpaas/python:3.13\nRUN sleep 60 # {time.time()}\nCMD true\n"
    checkout.commit({"Dockerfile": slow, "Procfile": None})
    push = subprocess.Popen(
        ["git", "push", platform.url(app, "http"), "main"],
        cwd=checkout.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    platform.wait_for(lambda: platform.request("GET", f"/apps/{app}")["deploying"], 10, "the deploy to begin")
    running = platform.request("GET", f"/apps/{app}")["deploying"]
    time.sleep(1.5)
    began = time.monotonic()
    assert platform.request("POST", f"/apps/{app}/deploys/{running}/cancel") == {"cancelled": running}
    output, _ = push.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert push.returncode == 1
    assert b"(cancelled)" in output
    assert platform.get(app) == (200, "one\n")
    assert platform.ask("POST", f"/apps/{app}/deploys/{running}/cancel")[0] == 404


def test_twenty_pushes_at_once(
    platform: Platform, tmp_path_factory: pytest.TempPathFactory, checkout: Checkout, app: str
) -> None:
    checkout.commit(serving("base"))
    assert platform.push(checkout, app).returncode == 0
    base = platform.ref(app)
    pushers = []
    for number in range(20):
        checkout.git("checkout", "-q", "-B", f"b{number}", base)
        checkout.commit(serving(f"number {number}"))
    for number in range(20):
        command = ["git", "push", platform.url(app, "http"), f"+b{number}:main"]
        pushers.append(
            subprocess.Popen(command, cwd=checkout.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
    outcomes = []
    for number, pusher in enumerate(pushers):
        output, _ = pusher.communicate(timeout=120)
        words = {
            "superseded by a newer push": "superseded",
            "stale: fetch first": "stale",
            "failed to update ref": "stale",
            "fetch first": "stale",
        }
        reason = next(
            (word for text, word in words.items() if text in output), "live" if pusher.returncode == 0 else output
        )
        assert (pusher.returncode == 0) == (reason == "live"), output
        outcomes.append((number, reason))
    print([reason for _, reason in outcomes])
    assert {reason for _, reason in outcomes} <= {"live", "superseded", "stale"}
    live = [number for number, reason in outcomes if reason == "live"]
    assert len(live) == 1, "never two live from one old id"
    assert platform.get(app) == (200, f"number {live[0]}\n")
    platform.wait_for(lambda: len(platform.containers(app)) == 1, 15, "the old to go")
