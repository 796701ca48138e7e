"""apps.map.conf: what is written is always a map that nginx itself accepts, and nothing else gets in."""

import shutil
import subprocess

import pytest

from minpaas.server.models import Route, Target
from minpaas.server.routing_table import render_map


def live(host: str, *addresses: str) -> Route:
    return Route(host=host, targets=[Target(process=f"web.{n}", address=one) for n, one in enumerate(addresses, 1)])


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if not line.startswith("#")]


def test_the_form():
    text = render_map(
        [
            live("hello-node.localhost", "10.210.0.2:8000"),
            Route(host="b.localhost", state="created"),
            live("*.example.org", "10.210.0.3:8000", "[fd00::1]:8000"),
            live("A.localhost", "10.210.0.9:1"),
        ]
    )
    assert lines(text) == [
        "map $host $upstream {",
        "hostnames;",
        '*.example.org "10.210.0.3:8000,[fd00::1]:8000";',
        'a.localhost "10.210.0.9:1";',
        'b.localhost "!created";',
        'hello-node.localhost "10.210.0.2:8000";',
        "}",
    ]
    assert text.startswith("# ") and "Generated" in text


def test_no_routes_is_a_map_too():
    assert lines(render_map([])) == ["map $host $upstream {", "hostnames;", "}"]


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "a b",
        "a;b",
        'a"b',
        "a{",
        "a$b",
        "a\n",
        "\na",
        "a\\",
        "#a",
        "-a",
        "a-",
        "a..b",
        ".a",
        "a.",
        "*",
        "*a.b",
        "a.*.b",
        "*.*.a",
        "~a",
        "!a",
        "ä.b",
        "a/b",
        "a:80",
        "[::1]",
        "a" * 64,
        ".".join(["a" * 63] * 4),
    ],
)
def test_what_is_no_host_is_refused(host):
    with pytest.raises(ValueError):
        render_map([live(host, "10.0.0.1:80")])


@pytest.mark.parametrize(
    "address",
    [
        "",
        "10.0.0.1",
        "10.0.0.1:",
        ":80",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0.1:080",
        "10.0.0.1: 80",
        "10.0.0.1:80\n",
        "10.0.0.256:80",
        "host:80",
        "unix:/a",
        "::1:80",
        "[10.0.0.1]:80",
        "[::1]",
        '10.0.0.1:80";',
        "10.0.0.1:80,",
        "[fe80::1%a;]:8",
        "10.0.0.1:٣",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError):
        render_map([live("a.localhost", address)])


def test_a_live_route_needs_a_target():
    with pytest.raises(ValueError):
        render_map([live("a.localhost")])


def test_a_host_has_one_route():
    with pytest.raises(ValueError, match="two routes"):
        render_map([live("a.localhost", "10.0.0.1:80"), Route(host="A.localhost", state="stopped")])


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx")
@pytest.mark.parametrize("count", [0, 1, 200])
def test_nginx_accepts_it(tmp_path, count):
    long = [live(f"{'a' * 59}{n:04}.localhost", "10.0.0.1:80", "10.0.0.2:80") for n in range(count)]
    states = (
        [Route(host=f"{s}.localhost", state=s) for s in ("created", "maintenance", "stopped", "crashed")]
        if count
        else []
    )
    wild = [live("*.example.org", "[::1]:80")] if count else []
    (tmp_path / "apps.map.conf").write_text(render_map([*long, *states, *wild]))
    (tmp_path / "nginx.conf").write_text(
        "pid p; events {} http { client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d;"
        "scgi_temp_path e; access_log off; map_hash_bucket_size 256; include apps.map.conf;"
        "server { listen unix:s; return 200 $upstream; } }"
    )
    command = ["nginx", "-t", "-q", "-p", str(tmp_path), "-c", "nginx.conf", "-e", "error.log"]
    assert subprocess.run(command, cwd=tmp_path).returncode == 0
