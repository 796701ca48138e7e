"""What passes through: headers, streams, big and slow things."""

import base64
import http.client
import json
import os
import re
import socket
import time

import pytest

from tests.router.backend import ask

MADE = r"\d+\.\d{3}-\d+-\d+"


def told(port, more="", host="app.localhost", path="/headers"):
    return json.loads(ask(port, host, path, more=more).body)


def test_an_app_is_told_who_asks_and_how(router, app):
    headers = told(router.port, host=f"App.localhost:{router.port}")
    assert headers["host"] == headers["x-forwarded-host"] == f"App.localhost:{router.port}"
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-port"] == str(router.port)
    assert "connection" not in headers and "upgrade" not in headers
    assert headers["http"] == "HTTP/1.1"


def test_connections_to_an_app_are_kept(router, app):
    for _ in range(50):
        assert ask(router.port, "app.localhost").status == 200
    assert app.connections <= (os.cpu_count() or 1)  # one a worker


def test_what_a_client_forges_is_overwritten_and_forwarded_for_appended(router, app):
    forged = (
        "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Host: evil\r\n"
        "X-Real-IP: 1.2.3.4\r\nProxy: http://evil\r\nUpgrade: h2c\r\n"
    )
    headers = told(router.port, forged)
    assert headers["x-forwarded-for"] == "1.2.3.4, 127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-host"] == "app.localhost"
    assert headers["x-real-ip"] == "127.0.0.1"
    assert "proxy" not in headers and "upgrade" not in headers


def test_the_host_in_the_request_line_counts(router, app):
    headers = told(router.port, host="evil.example.org", path="http://app.localhost/headers")
    assert headers["host"] == headers["x-forwarded-host"] == "app.localhost"


def test_a_request_id_is_made_and_told_to_both(router, app):
    answer = ask(router.port, "app.localhost", "/headers")
    made = json.loads(answer.body)["x-request-id"]
    assert re.fullmatch(MADE, made)
    assert answer.headers["x-request-id"] == made


def test_request_ids_are_unique(router, app):
    kept = [http.client.HTTPConnection("127.0.0.1", router.port, timeout=5) for _ in range(8)]
    made = set()
    for client in kept * 25:
        client.request("GET", "/", headers={"Host": "app.localhost"})
        made.add((answer := client.getresponse()).headers["X-Request-ID"])
        answer.read()
    for client in kept:
        client.close()
    assert len(made) == 200


def test_a_valid_request_id_is_kept(router, app):
    assert told(router.port, "X-Request-ID: abc-123_x.y\r\n")["x-request-id"] == "abc-123_x.y"


@pytest.mark.parametrize("bad", ["a b", "a" * 129, '"><script>', "ä"])
def test_another_one_is_replaced(router, app, bad):
    assert re.fullmatch(MADE, told(router.port, f"X-Request-ID: {bad}\r\n")["x-request-id"])


def test_the_apps_own_request_id_goes_to_the_client(router, app):
    assert ask(router.port, "app.localhost", "/own-id").headers["x-request-id"] == "mine"


def test_websocket(router, app):
    with socket.create_connection(("127.0.0.1", router.port), timeout=5) as sock:
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall(
            b"GET /ws HTTP/1.1\r\nHost: app.localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        assert sock.recv(4096).startswith(b"HTTP/1.1 101 ")
        for word in (b"one", b"two", b"x" * 3000):
            sock.sendall(word)
            got = b""
            while len(got) < len(word):
                got += sock.recv(4096)
            assert got == word


def test_a_websocket_may_be_idle_for_more_than_ten_minutes(router, app, home):
    conf = (home / "state/nginx/nginx.conf").read_text()
    for name in ("proxy_read_timeout", "proxy_send_timeout", "send_timeout"):
        assert int(re.search(rf"\b{name} (\d+)s;", conf)[1]) > 600


def test_server_sent_events_arrive_at_once(router, app):
    with socket.create_connection(("127.0.0.1", router.port), timeout=5) as sock:
        start = time.monotonic()
        sock.sendall(b"GET /events HTTP/1.1\r\nHost: app.localhost\r\n\r\n")
        got = b""
        while b"data: first" not in got:
            got += sock.recv(4096)
        assert time.monotonic() - start < 0.2
        assert b"data: second" not in got


@pytest.mark.parametrize("megabytes", [1, 100])
def test_upload(router, app, megabytes):
    client = http.client.HTTPConnection("127.0.0.1", router.port, timeout=30)
    client.request("POST", "/size", b"x" * (megabytes << 20), {"Host": "app.localhost"})
    assert client.getresponse().read() == str(megabytes << 20).encode()
    client.close()


def test_a_chunked_upload(router, app):
    client = http.client.HTTPConnection("127.0.0.1", router.port, timeout=30)
    client.request("POST", "/size", iter([b"x" * 1000] * 100), {"Host": "app.localhost"}, encode_chunked=True)
    assert client.getresponse().read() == b"100000"
    client.close()


def test_more_than_1_gib_is_too_large(router, app):
    assert ask(router.port, "app.localhost", method="POST", more=f"Content-Length: {(1 << 30) + 1}\r\n").status == 413


def test_a_slow_response(router, app):
    assert ask(router.port, "app.localhost", "/slow").body == b"slow"


def test_a_client_stays_connected(router, app):
    client = http.client.HTTPConnection("127.0.0.1", router.port, timeout=5)
    client.connect()
    local = client.sock.getsockname()
    for _ in range(20):
        client.request("GET", "/", headers={"Host": "app.localhost"})
        assert client.getresponse().read() == b"app"
        assert client.sock.getsockname() == local
    client.close()
