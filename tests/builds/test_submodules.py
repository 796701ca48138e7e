"""Submodules, and theirs, are part of the build; so is one folder of several, and a pointer of Git LFS is named."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.git_host import GitHost
from tests.conftest import Checkout, Platform, run

pytestmark = pytest.mark.timeout(300)

SERVER = {
    "Dockerfile": 'FROM minpaas/python:3.13\nCOPY . .\nCMD ["python3", "server.py"]\n',
    "server.py": "import http.server, os, pathlib\n\n\nclass Handler(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n        self.send_response(200)\n        self.end_headers()\n"
    '        self.wfile.write(b" ".join(sorted(one.read_bytes() for one in pathlib.Path().rglob("*.txt"))))\n\n\n'
    'http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()\n',
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitHost]:
    """A git host with two repositories, one a submodule of the other by a relative URL."""
    (tmp_path / "host").mkdir()
    made = GitHost(tmp_path / "host")
    made.put("inner", {"deep.txt": "deep"})
    middle = Checkout(tmp_path / "middle")
    middle.commit({"middle.txt": "middle"})
    middle.git("submodule", "add", "-q", made.url("inner"), "inner")
    middle.git("config", "-f", ".gitmodules", "submodule.inner.url", "../inner.git")
    middle.commit({}, "A submodule")
    publish(made, "middle", middle)
    yield made
    made.close()


def publish(host: GitHost, name: str, checkout: Checkout) -> None:
    """Serve a checkout's main."""
    run("git", "init", "-q", "--bare", "-b", "main", host.folder / f"{name}.git")
    checkout.git("push", "-q", host.folder / f"{name}.git", "main")


@pytest.fixture
def near(tmp_path: Path, host: GitHost) -> Iterator[Platform]:
    """A platform that may fetch from the git host of the test."""
    made = Platform(tmp_path / "home", MINPAAS_REPO_HOSTS=f"127.0.0.1:{host.port}")
    try:
        made.start()
        yield made
    finally:
        made.remove()


def test_submodules_of_submodules_are_built(near: Platform, host: GitHost, checkout: Checkout, app: str) -> None:
    checkout.commit({**SERVER, "top.txt": "top"})
    checkout.git("submodule", "add", "-q", host.url("middle"), "parts/middle")
    checkout.commit({}, "A submodule")
    pushed = near.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert "-----> Fetching the submodule parts/middle/inner" in pushed.stdout
    assert near.get(app) == (200, "deep middle top")


def test_a_submodule_that_is_not_there_is_named(near: Platform, host: GitHost, checkout: Checkout, app: str) -> None:
    checkout.commit(SERVER)
    checkout.git("submodule", "add", "-q", host.url("middle"), "parts")
    checkout.git("config", "-f", ".gitmodules", "submodule.parts.url", host.url("nowhere"))
    checkout.commit({}, "A submodule")
    pushed = near.push(checkout, app)
    assert pushed.returncode == 1
    assert "nowhere.git" in pushed.stdout


def test_a_push_takes_a_relative_url_from_the_last_deploy_by_url(
    near: Platform, host: GitHost, checkout: Checkout, app: str
) -> None:
    checkout.commit({**SERVER, "top.txt": "top"})
    checkout.git("submodule", "add", "-q", host.url("inner"), "inner")
    checkout.git("config", "-f", ".gitmodules", "submodule.inner.url", "../inner.git")
    checkout.commit({}, "A submodule by a relative URL")
    refused = near.push(checkout, app)
    assert (refused.returncode, "deploy once from a URL" in refused.stdout) == (1, True), refused.stdout
    publish(host, "outer", checkout)
    assert near.cli("deploy", app, "--repo", host.url("outer")).returncode == 0
    checkout.commit({"top.txt": "later"})
    pushed = near.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert near.get(app) == (200, "deep later")


def test_one_folder_of_several_is_built(platform: Platform, checkout: Checkout, app: str) -> None:
    files = {f"services/api/{name}": text for name, text in SERVER.items()}
    checkout.commit({**files, "services/api/a.txt": "the api", "b.txt": "not this"})
    platform.request("POST", "/apps", {"name": app})
    platform.request("PATCH", f"/apps/{app}/config", {"values": {"PROJECT_PATH": "services/api"}})
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert platform.get(app) == (200, "the api")


def test_the_folder_is_a_setting_that_later_pushes_keep(platform: Platform, checkout: Checkout, app: str) -> None:
    for folder in ("services/api", "site"):
        checkout.commit({f"{folder}/{name}": text for name, text in {**SERVER, "a.txt": f"from {folder}"}.items()})
    assert "Later deploys are built from" not in platform.cli("create", app, "--path", "services/api").stdout
    assert platform.request("GET", f"/apps/{app}")["path"] == "services/api"
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert "Folder: services/api/ of the repository (--path)" in pushed.stdout
    checkout.commit({"services/api/a.txt": "later"})
    assert platform.push(checkout, app).returncode == 0
    assert platform.get(app) == (200, "later")
    refused = platform.cli("deploy", app, "--path", "site", cwd=checkout.path)
    assert (refused.returncode, "There is nothing new to push" in refused.stdout) == (1, True)
    checkout.commit({"b.txt": ""})
    assert platform.push(checkout, app).returncode == 0
    assert platform.get(app)[1] == "from site"


def test_a_folder_that_is_not_there_is_refused(near: Platform, host: GitHost, checkout: Checkout, app: str) -> None:
    checkout.commit({f"site/{name}": text for name, text in {**SERVER, "a.txt": "a site"}.items()})
    publish(host, "sites", checkout)
    refused = near.cli("deploy", app, "--repo", host.url("sites"), "--path", "sites")
    assert refused.returncode == 1
    assert "There is no such folder: 'sites'; folders of this commit: site/" in refused.stdout
    assert near.request("GET", f"/apps/{app}")["path"] == ""
    assert near.ask("PUT", f"/apps/{app}/path", {"path": "../up"})[0] == 422
    done = near.cli("deploy", app, "--repo", host.url("sites"), "--path", "./site/")
    assert done.returncode == 0, done.stdout
    assert near.get(app) == (200, "a site")


def test_a_pointer_of_git_lfs_is_named(platform: Platform, checkout: Checkout, app: str) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 5\n"
    checkout.commit({**SERVER, "photos/large.jpg": pointer})
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert " !     photos/large.jpg is a Git LFS pointer" in pushed.stdout
