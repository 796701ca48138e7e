"""The REST API as a program meets it: shapes, errors, refusals, and the three requests of the README."""

import json

import pytest

from tests.conftest import Checkout, Platform, run
from tests.integration.sources import serving


@pytest.fixture(scope="module")
def live(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A running app that prints a line a request."""
    checkout = Checkout(tmp_path_factory.mktemp("rest") / "checkout")
    checkout.commit(serving("rest", extra='print("asked for", self.path, flush=True)'))
    assert platform.push(checkout, "restful").returncode == 0
    return "restful"


def test_an_app(platform: Platform, live: str) -> None:
    found = platform.request("GET", f"/apps/{live}")
    assert found["name"] == live
    assert found["runtime"] == "python"
    assert found["status"] == "running"
    assert found["url"] == f"http://{live}.localhost:{platform.http_port}"
    assert found["command"] == "python server.py"
    assert found["release"] == 1
    assert found["commit"] == platform.ref(live)
    assert found in platform.request("GET", "/apps")


def test_the_published_port_answers_for_debugging(platform: Platform, live: str) -> None:
    port = platform.request("GET", f"/apps/{live}")["port"]
    assert run("curl", "-s", f"http://127.0.0.1:{port}/").stdout == "rest\n"


def test_curl_as_the_readme_says(platform: Platform, live: str) -> None:
    base = f"http://localhost:{platform.port}"
    listed = run("curl", "-s", f"{base}/apps")
    assert live in [app["name"] for app in json.loads(listed.stdout)]
    logs = run("curl", "-s", f"{base}/apps/{live}/logs")
    assert "app[web.1]: asked for /" in logs.stdout
    body = '{"app": "hello", "repo": "http://127.0.0.1:9/x.git"}'
    deploy = run("curl", "-s", "-X", "POST", f"{base}/deploy", "-H", "Content-Type: application/json", "-d", body)
    assert json.loads(deploy.stdout)["error"] == "private-address"


def test_logs_are_plain_text_and_bounded(platform: Platform, live: str) -> None:
    for number in range(5):
        platform.get(live, f"/{number}")
    text = platform.request("GET", f"/apps/{live}/logs?n=3&source=app")
    assert [line.rpartition(": ")[2] for line in text.splitlines()] == ["asked for /2", "asked for /3", "asked for /4"]
    assert platform.request("GET", f"/apps/{live}/logs?n=0") == ""


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("GET", "/apps/nowhere", None, 404, "no-such-app"),
        ("DELETE", "/apps/nowhere", None, 404, "no-such-app"),
        ("GET", "/apps/nowhere/logs", None, 404, "no-such-app"),
        ("GET", "/apps/BAD_NAME", None, 422, "bad-app-name"),
        ("GET", "/nothing", None, 404, "not-found"),
        ("PATCH", "/apps", None, 405, "refused"),
        ("POST", "/apps", {"name": "BAD"}, 422, "bad-app-name"),
        ("POST", "/apps", {"name": "restful"}, 409, "app-exists"),
        ("POST", "/apps", {}, 422, "refused"),
        ("POST", "/apps", {"name": "x", "other": 1}, 422, "refused"),
        ("POST", "/apps", {"name": 7}, 422, "refused"),
        ("POST", "/deploy", {"app": "x"}, 422, "refused"),
        ("POST", "/deploy", {"app": "x", "repo": "file:///etc"}, 422, "bad-repo-url"),
        ("POST", "/deploy", {"app": "x", "repo": "https://h/x", "ref": "-h"}, 422, "bad-ref"),
        ("POST", "/deploy", {"app": "x", "repo": "https://h/x", "command": "a\nb"}, 422, "bad-command"),
        ("POST", "/deploy", {"app": "x", "repo": "https://h/x", "runtime": "cobol"}, 422, "refused"),
        ("POST", "/keys", {"key": "nonsense"}, 422, "refused"),
        ("POST", "/keys", {"key": "-----BEGIN OPENSSH PRIVATE KEY-----"}, 422, "refused"),
        ("DELETE", "/keys/SHA256:nobody", None, 404, "not-found"),
        ("GET", "/apps/restful/deploys/nothing", None, 404, "not-found"),
        ("GET", "/apps/restful/logs?n=many", None, 422, "refused"),
    ],
)
def test_errors_have_one_shape(
    platform: Platform, live: str, method: str, path: str, body: object, status: int, error: str
) -> None:
    found, text = platform.ask(method, path, body)
    shape = json.loads(text)
    assert (found, shape["error"]) == (status, error), text
    assert set(shape) == {"error", "title", "detail", "hint"}
    assert all(isinstance(value, str) for value in shape.values())
    assert shape["title"]


def test_keys_come_and_go(platform: Platform) -> None:
    run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-C", "ada@laptop", "-f", platform.key.parent / "other")
    line = (platform.key.parent / "other.pub").read_text()
    added = platform.request("POST", "/keys", {"key": line})
    again = platform.request("POST", "/keys", {"key": line})
    assert added == again
    assert added["comment"] == "ada@laptop"
    assert [key["fingerprint"] for key in platform.request("GET", "/keys")].count(added["fingerprint"]) == 1
    platform.request("DELETE", f"/keys/{added['fingerprint']}")
    assert added not in platform.request("GET", "/keys")


def test_a_foreign_page_and_a_foreign_name_are_refused(platform: Platform, live: str) -> None:
    assert platform.ask("DELETE", f"/apps/{live}", Origin="http://evil.localhost")[0] == 403
    assert platform.ask("GET", "/apps", Host="evil.com")[0] == 403
    assert platform.get(live) == (200, "rest\n")


def test_the_dashboard_is_not_reachable_through_the_router(platform: Platform) -> None:
    assert platform.get("minpaas")[0] == 404
