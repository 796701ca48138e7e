"""Five doors, one pipeline: each puts the same sample live."""

import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Checkout, Platform, run
from tests.integration.git_server import GitHost
from tests.integration.sources import serving

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHost]:
    """A public git host."""
    folder = tmp_path_factory.mktemp("public")
    made = GitHost(folder)
    made.folder = folder  # type: ignore[attr-defined]
    yield made
    made.close()


@pytest.fixture(scope="module")
def fetching(tmp_path_factory: pytest.TempPathFactory, host: GitHost) -> Iterator[Platform]:
    """A MinPaas that may fetch from the git host."""
    made = Platform(tmp_path_factory.mktemp("fetching"), MINPAAS_REPO_HOSTS=f"127.0.0.1:{host.port}")
    try:
        made.start()
        yield made
    finally:
        made.remove()


def publish(host: GitHost, checkout: Checkout, name: str) -> str:
    """Put a checkout on the git host."""
    bare: Path = host.folder / f"{name}.git"  # type: ignore[attr-defined]
    shutil.rmtree(bare, ignore_errors=True)
    run("git", "clone", "-q", "--bare", checkout.path, bare)
    return host.url(name)


@pytest.mark.parametrize("door", ["ssh", "http", "path"])
def test_a_push_goes_live(platform: Platform, checkout: Checkout, app: str, door: str) -> None:
    commit = checkout.commit(serving(f"by {door}"))
    if door == "path":  # plain git to a path makes no app: it must be there
        platform.request("POST", "/apps", {"name": app})
    pushed = platform.push(checkout, app, door=door)
    assert pushed.returncode == 0, pushed.stdout
    assert platform.get(app) == (200, f"by {door}\n")
    assert platform.ref(app) == commit == platform.request("GET", f"/apps/{app}")["commit"]
    second = checkout.commit(serving("two"))
    assert platform.push(checkout, app, door=door).returncode == 0
    assert platform.get(app) == (200, "two\n")
    assert platform.ref(app) == second


def test_the_cli_deploys_a_url(fetching: Platform, host: GitHost, checkout: Checkout, app: str) -> None:
    commit = checkout.commit(serving("by cli"))
    done = fetching.cli("deploy", "--app", app, "--repo", publish(host, checkout, app))
    assert done.returncode == 0, done.stdout
    assert "-----> Live: " in done.stdout
    assert fetching.get(app) == (200, "by cli\n")
    assert fetching.ref(app) == commit
    again = fetching.cli("deploy", "-a", app, "--repo", host.url(app))
    assert again.returncode == 0
    assert "Already live" in again.stdout
    cloned = run("git", "clone", "-q", fetching.url(app, "http"), checkout.path.parent / "clone")
    assert cloned.returncode == 0, cloned.stdout


def test_rest_deploys_a_url(fetching: Platform, host: GitHost, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("by rest"))
    answer = fetching.request("POST", "/deploy", {"app": app, "repo": publish(host, checkout, app)})
    assert (answer["name"], answer["status"], answer["runtime"]) == (app, "running", "python")
    assert fetching.get(app) == (200, "by rest\n")


def test_rest_streams_and_follows(fetching: Platform, host: GitHost, checkout: Checkout, app: str) -> None:
    checkout.commit(serving("streamed"))
    url = publish(host, checkout, app)
    status, text = fetching.ask("POST", "/deploy", {"app": app, "repo": url}, Accept="text/event-stream")
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    assert status == 200
    assert events[-1]["kind"] == "end"
    assert json.loads(events[-1]["text"])["result"] == "live"
    checkout.commit(serving("later"))
    publish(host, checkout, app)
    accepted = fetching.request("POST", "/deploy?wait=false", {"app": app, "repo": url})
    _, followed = fetching.ask("GET", accepted["url"], Accept="text/event-stream")
    assert '"kind": "end"' in followed
    assert fetching.get(app) == (200, "later\n")
    _, kept = fetching.ask("GET", accepted["url"], Accept="text/event-stream")
    assert kept.count("data:") == followed.count("data:")


def test_a_ref_can_be_named(fetching: Platform, host: GitHost, checkout: Checkout, app: str) -> None:
    first = checkout.commit(serving("first"))
    checkout.git("tag", "-a", "v1.0", "-m", "One")
    checkout.git("checkout", "-q", "-b", "feature")
    checkout.commit(serving("feature"))
    url = publish(host, checkout, app)
    fetching.request("POST", "/deploy", {"app": app, "repo": url, "ref": "feature"})
    assert fetching.get(app) == (200, "feature\n")
    assert fetching.request("POST", "/deploy", {"app": app, "repo": url, "ref": "v1.0"})["commit"] == first
    assert fetching.get(app) == (200, "first\n")
    status, text = fetching.ask("POST", "/deploy", {"app": app, "repo": url, "ref": "nowhere"})
    assert status == 422
    assert "branches there: feature, main" in text
    assert fetching.get(app) == (200, "first\n")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{other}/x.git", "http://[::1]:{other}/x.git", "http://localhost:{other}/x.git",
     "http://0:{other}/x.git", "http://2130706433:{other}/x.git", "http://169.254.169.254/x.git",
     "http://127.0.0.1:{host}/redirect-to/127.0.0.1:{other}/x.git", "http://127.0.0.1:{own}/git/x.git",
     "ssh://git@127.0.0.1:{ssh}/x.git", "http://[::ffff:127.0.0.1]:{other}/x.git"],
)  # fmt: skip
def test_private_addresses_are_refused(fetching: Platform, host: GitHost, tmp_path: Path, app: str, url: str) -> None:
    canary = GitHost(tmp_path)
    try:
        target = url.format(other=canary.port, host=host.port, own=fetching.port, ssh=fetching.ssh_port)
        status, text = fetching.ask("POST", "/deploy", {"app": app, "repo": target})
        assert status == 422, text
        assert "MINPAAS_REPO_HOSTS=" in text or "not a repository URL" in text
        assert canary.requests == []
    finally:
        canary.close()


@pytest.mark.parametrize(
    "url",
    ["ext::sh -c touch% /tmp/pwn", "--upload-pack=touch /tmp/p", "-u/tmp/p", "git://-oProxyCommand=touch/x", "ssh://-oProxyCommand=x/y",
     "fd::17", "https://h/x --config=core.sshCommand=id", "file:///etc", "/var/lib/other.git", "../other.git", "C:\\x"],
)  # fmt: skip
def test_what_is_no_url_is_refused(platform: Platform, app: str, url: str) -> None:
    status, text = platform.ask("POST", "/deploy", {"app": app, "repo": url})
    assert status == 422
    assert json.loads(text)["title"] == "That is not a repository URL"
    assert platform.ask("GET", f"/apps/{app}")[0] == 404


def test_deploy_without_repo_pushes_head(platform: Platform, checkout: Checkout, app: str) -> None:
    commit = checkout.commit(serving("from here"))
    created = platform.cli("create", app, cwd=checkout.path)
    assert created.returncode == 0, created.stdout
    done = platform.cli("deploy", cwd=checkout.path)
    assert done.returncode == 0, done.stdout
    assert platform.ref(app) == commit
    assert platform.get(app) == (200, "from here\n")


def test_every_line_arrives_when_it_is_printed(platform: Platform, checkout: Checkout, app: str) -> None:
    dockerfile = (
        "FROM minpaas/python:3.13\n"
        "RUN for i in 1 2 3 4 5; do echo tick-$i; sleep 1; done\n"
        'COPY server.py .\nCMD ["python3", "server.py"]\n'
    )
    checkout.commit({"Dockerfile": dockerfile, "server.py": serving()["server.py"]}, f"Tick {app}")
    for door in ("ssh", "http"):
        nonce = f"{door}-tick-"
        checkout.commit({"Dockerfile": dockerfile.replace("tick-", nonce).replace("done\n", f"done # {time.time()}\n")})
        child = subprocess.Popen(
            ["git", "push", platform.url(app, door), "main"], cwd=checkout.path, env={**_environ(), **platform.git_env},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert child.stdout
        seen = [(time.monotonic(), line) for line in child.stdout]
        assert child.wait(60) == 0, b"".join(line for _, line in seen)
        ticks = [at for at, line in seen if f"  {nonce}".encode() in line and b"echo" not in line]
        assert len(ticks) == 5
        gaps = [later - earlier for earlier, later in itertools.pairwise(ticks)]
        print(door, [f"{gap:.2f}" for gap in gaps])
        assert all(0.6 < gap < 1.6 for gap in gaps), gaps


def _environ() -> dict[str, str]:
    import os

    return dict(os.environ)
