"""Applications of tests/apps, pushed unchanged, must answer."""

import http.client
import json
import platform
import re
import shutil

import pytest

from tests.builds import locks
from tests.builds.cases import CASES, Case
from tests.builds.conftest import checked_out
from tests.conftest import ROOT, Checkout, Platform

pytestmark = [pytest.mark.timeout(600), pytest.mark.spread]


@pytest.mark.parametrize("case", [one for one in CASES if one.answers], ids=lambda case: case.folder)
def test_it_goes_live_unchanged(stacks: Platform, checkout: Checkout, app: str, case: Case) -> None:
    pushed = stacks.push(checked_out(case, checkout), app)
    assert pushed.returncode == 0, pushed.stdout
    status, text = stacks.get(app)
    assert (status, case.answers in text) == (200, True), text
    for path, words in case.pages.items():
        status, text = stacks.get(app, path)
        assert (status, words in text) == (200, True), text


def headers(platform: Platform, app: str, path: str) -> tuple[int, dict[str, str]]:
    """What a page is answered with."""
    connection = http.client.HTTPConnection("127.0.0.1", platform.http_port, timeout=10)
    connection.request("GET", path, headers={"Host": f"{app}.localhost"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def test_a_static_site_has_caching_headers_and_no_listing(stacks: Platform, checkout: Checkout, app: str) -> None:
    case = next(one for one in CASES if one.folder == "static-index-html")
    assert stacks.push(checked_out(case, checkout), app).returncode == 0
    status, page = headers(stacks, app, "/")
    assert (status, page["cache-control"]) == (200, "no-cache")
    assert "etag" in page
    status, hashed = headers(stacks, app, "/assets/app-3f9a1c2b.js")
    assert (status, hashed["cache-control"]) == (200, "public, max-age=31536000, immutable")
    assert headers(stacks, app, "/assets/")[0] == 404
    assert headers(stacks, app, "/.git/config")[0] == 404
    status, text = stacks.get(app, "/nowhere")
    assert (status, "there is no such page" in text) == (404, True)


@pytest.mark.parametrize(
    ("name", "source", "megabytes", "stack"),
    [("hello-python", "app.py", 60, "minpaas/python:3.13"), ("hello-node", "server.js", 40, "minpaas/node:24")],
)
def test_a_sample_is_small_and_a_change_of_it_runs_no_dependency_step_again(
    stacks: Platform, checkout: Checkout, app: str, name: str, source: str, megabytes: int, stack: str
) -> None:
    shutil.copytree(ROOT / "minpaas" / "samples" / name, checkout.path, dirs_exist_ok=True)
    checkout.commit({})
    assert stacks.push(checkout, app).returncode == 0
    checkout.commit({source: (checkout.path / source).read_text().replace("<h1>", "<h1>Changed: ")})
    pushed = stacks.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    steps = [line for line in pushed.stdout.splitlines() if re.search(r"\$ (uv|npm|python|node)\b", line)]
    assert steps, pushed.stdout
    assert all("(unchanged, from the cache)" in line for line in steps), steps
    assert "<h1>Changed: " in stacks.get(app)[1]
    sizes = [int(stacks.docker("image", "inspect", "-f", "{{.Size}}", one)) for one in (stacks.images(app)[0], stack)]
    assert (sizes[0] - sizes[1]) / 1e6 < megabytes, sizes


def test_requirements_as_windows_writes_them(stacks: Platform, checkout: Checkout, app: str) -> None:
    case = next(one for one in CASES if one.folder == "python-requirements-flask-without-procfile")
    checked_out(case, checkout)
    (checkout.path / "requirements.txt").write_bytes("flask\n".encode("utf-16"))  # as PowerShell's > writes it
    checkout.commit({}, "From Windows")
    pushed = stacks.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert "$ uv pip install -r requirements.txt" in pushed.stdout
    assert stacks.get(app)[0] == 200


def test_pages_that_were_built_for_a_folder_are_served_in_it(stacks: Platform, checkout: Checkout, app: str) -> None:
    case = next(one for one in CASES if one.folder == "front-end-built-for-a-folder")
    pushed = stacks.push(checked_out(case, checkout), app)
    assert pushed.returncode == 0, pushed.stdout
    status, top = headers(stacks, app, "/?a=b")
    assert (status, top["location"]) == (302, "/shop/?a=b")
    status, text = stacks.get(app, "/shop/deep/down")
    assert (status, "a page for a folder" in text) == (200, True)
    asked = re.findall(r'src="(/shop/assets/[^"]+[.]js)"', text)
    assert asked
    assert "built for /shop/" in stacks.get(app, asked[0])[1]


def test_a_folder_with_a_page_is_led_to_with_its_slash(stacks: Platform, checkout: Checkout, app: str) -> None:
    case = next(one for one in CASES if one.folder == "static-in-docs")
    assert stacks.push(checked_out(case, checkout), app).returncode == 0
    status, there = headers(stacks, app, "/deep?a=b")
    assert (status, there["location"]) == (301, "/deep/?a=b")


def test_redirects_headers_and_proxies_of_static_json(stacks: Platform, checkout: Checkout, app: str) -> None:
    case = next(one for one in CASES if one.folder == "static-json-with-routes")
    assert stacks.push(checked_out(case, checkout), app).returncode == 0
    status, old = headers(stacks, app, "/old")
    assert (status, old["location"], old["x-frame-options"]) == (302, "/about", "DENY")
    assert headers(stacks, app, "/api/x")[0] == 502
    stacks.request("PATCH", f"/apps/{app}/config", {"values": {"API_URL": "http://127.0.0.1:8000/admin"}})
    status, text = stacks.get(app, "/api/people%20x?all=1")
    assert (status, "for its people" in text) == (200, True)


def test_a_lock_file_without_the_packages_of_other_platforms(stacks: Platform, checkout: Checkout, app: str) -> None:
    """npm itself writes such files now and then; only some of its versions take them."""
    server = 'const { version } = require("esbuild");\nrequire("http").createServer((_, answer) => answer.end(version))'
    package = {"private": True, "dependencies": {"esbuild": "0.25.0"}, "scripts": {"start": "node server.js"}}
    checkout.commit({"package.json": json.dumps(package), "server.js": f"{server}.listen(process.env.PORT);\n"})
    locks.make("package-lock.json", checkout.path, "package-lock.json")
    lock = json.loads((checkout.path / "package-lock.json").read_text())
    here = "linux-arm64" if platform.machine() in ("aarch64", "arm64") else "linux-x64"
    kept = {name: one for name, one in lock["packages"].items() if "@esbuild/" not in name or here in name}
    assert len(kept) < len(lock["packages"])
    checkout.commit({"package-lock.json": json.dumps({**lock, "packages": kept})})
    pushed = stacks.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert stacks.get(app) == (200, "0.25.0")
