"""Applications of tests/apps, pushed unchanged, must answer."""

import http.client

import pytest

from tests.builds.cases import CASES, Case
from tests.builds.conftest import checked_out
from tests.conftest import Checkout, Platform

pytestmark = pytest.mark.timeout(600)


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


def test_a_change_of_source_runs_no_dependency_step_again(stacks: Platform, checkout: Checkout, app: str) -> None:
    case = next(one for one in CASES if one.folder == "node-npm-start-script")
    checked_out(case, checkout)
    assert stacks.push(checkout, app).returncode == 0
    checkout.commit({"web.js": (checkout.path / "web.js").read_text().replace("by npm", "again")})
    pushed = stacks.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert "$ npm ci --omit=dev --no-audit --no-fund (unchanged, from the cache)" in pushed.stdout
    assert "again" in stacks.get(app)[1]


def test_requirements_that_only_pip_reads(stacks: Platform, checkout: Checkout, app: str) -> None:
    case = next(one for one in CASES if one.folder == "python-requirements-flask-without-procfile")
    checked_out(case, checkout)
    (checkout.path / "requirements.txt").write_bytes("flask\n".encode("utf-16"))  # as PowerShell's > writes it
    checkout.commit({}, "From Windows")
    pushed = stacks.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert "$ python -m pip install" in pushed.stdout
    assert stacks.get(app)[0] == 200
