"""What the engine says of an app's container, and what is left when the app is deleted."""

import json
import subprocess

import pytest

from tests.conftest import DOCKER, Checkout, Platform, run
from tests.integration.sources import script, serving


@pytest.fixture(scope="module")
def live(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An app that is running."""
    checkout = Checkout(tmp_path_factory.mktemp("live") / "checkout")
    checkout.commit(serving("live"))
    assert platform.push(checkout, "live").returncode == 0
    return "live"


def inspected(platform: Platform, app: str) -> dict:  # type: ignore[type-arg]
    found: list[dict] = json.loads(platform.docker("inspect", *platform.containers(app)))  # type: ignore[type-arg]
    assert len(found) == 1
    return found[0]


def test_a_container_is_bound_and_limited(platform: Platform, live: str) -> None:
    found = inspected(platform, live)
    host = found["HostConfig"]
    published = [binding for many in found["NetworkSettings"]["Ports"].values() for binding in many or []]
    assert {binding["HostIp"] for binding in published} == {"127.0.0.1"}
    assert len(published) == 1
    assert host["Memory"] == host["MemorySwap"] == 512 << 20
    assert host["PidsLimit"] == 512
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Init"] is True
    assert host["Privileged"] is False
    assert host["CapDrop"] == ["ALL"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    assert found["Mounts"] == []
    labels = found["Config"]["Labels"]
    assert labels["minpaas.instance"] == platform.instance
    assert labels["minpaas.app"] == live
    assert labels["minpaas.release"] == "v1"
    assert labels["minpaas.process"] == "web.1"
    assert found["Config"]["User"] == "app"


def test_listeners_are_on_loopback(platform: Platform, live: str) -> None:
    ports = {str(platform.port), str(platform.ssh_port), str(platform.http_port)}
    ports.add(str(platform.request("GET", f"/apps/{live}")["port"]))
    rows = [line.split() for line in run("ss", "-ltnH").stdout.splitlines()]
    ours = [row[3].rsplit(":", 1) for row in rows if row[3].rsplit(":", 1)[1] in ports]
    assert {port for _, port in ours} == ports
    assert {host for host, _ in ours} <= {"127.0.0.1", "[::1]"}


def test_apps_cannot_reach_each_other(platform: Platform, live: str, checkout: Checkout, app: str) -> None:
    target = platform.request("GET", f"/apps/{live}")["processes"][0]["address"].rpartition(":")[0]
    source = f"""
import os, socket, threading
result = []
try:
    socket.create_connection(("{target}", 8000), 2)
    result.append("reached")
except OSError as error:
    result.append("shut out")
server = socket.create_server(("0.0.0.0", int(os.environ["PORT"])))
while True:
    client, _ = server.accept()
    client.recv(1000)
    body = result[0].encode()
    client.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    client.close()
"""
    checkout.commit(script(source))
    assert platform.push(checkout, app).returncode == 0
    assert platform.get(app) == (200, "shut out")
    assert platform.get(live) == (200, "live\n")


def test_delete_leaves_nothing(platform: Platform, checkout: Checkout, app: str) -> None:
    for text in ("one", "two"):
        checkout.commit(serving(text))
        assert platform.push(checkout, app).returncode == 0
    platform.request("DELETE", f"/apps/{app}")
    platform.wait_for(lambda: platform.containers(app) == [] and platform.images(app) == [], 15, "the last to go")
    assert not (platform.home / "repos" / f"{app}.git").exists()
    assert not (platform.home / "state" / "apps" / app).exists()
    assert platform.get(app)[0] == 404
    assert platform.ask("GET", f"/apps/{app}")[0] == 404
    assert platform.ask("DELETE", f"/apps/{app}")[0] == 404
    assert app not in (platform.home / "nginx" / "apps.map.conf").read_text()
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert platform.get(app) == (200, "two\n")


def test_foreign_containers_are_left_alone(own_platform: Platform, checkout: Checkout, app: str) -> None:
    name = f"{own_platform.instance}-foreign"
    subprocess.run(
        [DOCKER, "run", "-d", "--name", name, "minpaas/debian:trixie", "sleep", "60"], check=True, capture_output=True
    )
    try:
        checkout.commit(serving("one"))
        assert own_platform.push(checkout, app).returncode == 0
        own_platform.kill()
        own_platform.start()
        own_platform.request("DELETE", f"/apps/{app}")
        assert own_platform.docker("inspect", "-f", "{{.State.Running}}", name).strip() == "true"
    finally:
        subprocess.run([DOCKER, "rm", "-f", name], check=True, capture_output=True)
