"""The door /git over HTTP, beside what git itself does with it."""

import gzip
import http.client
import secrets
import socket
import time
import zlib

import pytest

from tests.git import packs
from tests.git.conftest import Place
from tests.git.packs import ZERO, Simple

PUSH = {"content-type": "application/x-git-receive-pack-request"}


def ask(place: Place, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None):
    connection = http.client.HTTPConnection("127.0.0.1", place.http_port, timeout=30)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/git/hello.git/info/refs", 403),
        ("GET", "/git/hello.git/info/refs?service=git-upload-archive", 403),
        ("POST", "/git/hello.git/info/refs?service=git-upload-pack", 405),
        ("GET", "/git/hello.git/git-receive-pack", 405),
        ("GET", "/git/hello.git/HEAD", 404),
        ("GET", "/git/hello.git/objects/info/packs", 404),
        ("GET", "/git/hello.git", 404),
        ("GET", "/git/", 404),
        ("GET", "/git/../x.git/info/refs?service=git-upload-pack", 404),
        ("GET", "/git/a/b.git/info/refs?service=git-upload-pack", 404),
        ("GET", "/git/Hello.git/info/refs?service=git-upload-pack", 422),
        ("GET", "/git/%2e%2e.git/info/refs?service=git-upload-pack", 422),
        ("POST", "/git/hello.git/git-receive-pack", 415),
    ],
)
def test_what_is_not_git(place: Place, method: str, path: str, status: int) -> None:
    got, body, _ = ask(place, method, path, b"" if method == "POST" else None)
    assert got == status, body
    assert body


def test_advertisement(place: Place) -> None:
    status, body, answer = ask(place, "GET", "/git/advert.git/info/refs?service=git-receive-pack")
    assert status == 200
    assert answer.headers["content-type"] == "application/x-git-receive-pack-advertisement"
    assert "no-cache" in answer.headers["cache-control"]
    assert body.startswith(b"001f# service=git-receive-pack\n0000")
    assert b"push-options" in body
    assert b"object-format=sha1" in body


def test_denied(place: Place) -> None:
    place.plane.denied["denied"] = "There is no such app"
    status, body, _ = ask(place, "GET", "/git/denied.git/info/refs?service=git-upload-pack")
    assert (status, body) == (403, b"There is no such app\n")


def request(simple: Simple) -> bytes:
    return packs.packet(f"{ZERO} {simple.id} refs/heads/main\0 {packs.CAPS}".encode()) + b"0000" + simple.pack()


def test_a_compressed_push(place: Place) -> None:
    simple, app = Simple(secrets.token_bytes(8)), f"z{secrets.token_hex(5)}"
    headers = {**PUSH, "content-encoding": "gzip"}
    status, body, _ = ask(place, "POST", f"/git/{app}.git/git-receive-pack", gzip.compress(request(simple)), headers)
    assert status == 200
    assert b"ok refs/heads/main" in body


def test_bytes_that_only_claim_to_be_compressed(place: Place) -> None:
    headers = {**PUSH, "content-encoding": "gzip"}
    status, _, _ = ask(place, "POST", "/git/zz.git/git-receive-pack", b"no gzip at all", headers)
    assert status >= 400
    assert place.process.poll() is None


def test_a_compressed_bomb(place: Place) -> None:
    squeeze = zlib.compressobj(9, wbits=31)
    bomb = squeeze.compress(b"0000") + b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(300)) + squeeze.flush()
    before = place.memory_peak()
    ask(place, "POST", "/git/bomb.git/git-receive-pack", bomb, {**PUSH, "content-encoding": "gzip"})
    assert place.memory_peak() < before + 100


def test_an_empty_body(place: Place) -> None:
    status, body, _ = ask(place, "POST", "/git/none.git/git-receive-pack", b"", PUSH)
    assert (status, body) in ((200, b""), (422, body))


def test_a_refusal_is_read_although_the_client_still_sends(place: Place) -> None:
    """A pack that is refused at its first bytes, with 20 MB behind it."""
    app = f"d{secrets.token_hex(5)}"
    head = packs.packet(f"{ZERO} {'1' * 40} refs/heads/main\0 {packs.CAPS}".encode()) + b"0000" + b"no pack at all"
    status, body, _ = ask(place, "POST", f"/git/{app}.git/git-receive-pack", head + bytes(20 << 20), PUSH)
    assert status == 200
    assert b"unpack not a pack" in body


def test_a_client_that_stops_in_the_middle(place: Place) -> None:
    app = f"m{secrets.token_hex(5)}"
    simple = Simple(secrets.token_bytes(1 << 16))
    body = request(simple)
    with socket.create_connection(("127.0.0.1", place.http_port)) as client:
        lines = f"POST /git/{app}.git/git-receive-pack HTTP/1.1\r\nhost: x\r\ncontent-type: {PUSH['content-type']}\r\n"
        client.sendall(f"{lines}content-length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])
        until = time.monotonic() + 5
        while not list(place.plane.repo(app).glob("objects/incoming-*")) and time.monotonic() < until:
            time.sleep(0.01)
    until = time.monotonic() + 5
    while list(place.plane.repo(app).glob("objects/incoming-*")) and time.monotonic() < until:
        time.sleep(0.05)
    assert not list(place.plane.repo(app).glob("objects/incoming-*"))
    assert not list(place.plane.repo(app).glob("refs/heads/*"))


def test_without_the_git_process(place: Place) -> None:
    path = place.home / "state" / "git.sock"
    path.rename(path.with_suffix(".away"))
    try:
        status, body, _ = ask(place, "GET", "/git/hello.git/info/refs?service=git-upload-pack")
    finally:
        path.with_suffix(".away").rename(path)
    assert status == 503
    assert b"does not answer" in body


def test_many_at_once(place: Place) -> None:
    """More requests than there are slots for are told so, and none of them hangs."""
    place.plane.create("crowd")
    clients = []
    for _ in range(80):
        client = socket.create_connection(("127.0.0.1", place.http_port))
        lines = f"POST /git/crowd.git/git-receive-pack HTTP/1.1\r\nhost: x\r\ncontent-type: {PUSH['content-type']}\r\n"
        client.sendall(f"{lines}content-length: 1000\r\n\r\n00".encode())
        clients.append(client)
    time.sleep(0.5)
    for client in clients:
        client.close()
    until = time.monotonic() + 5
    status = 0
    while status != 200 and time.monotonic() < until:
        status, _, _ = ask(place, "GET", "/git/crowd.git/info/refs?service=git-upload-pack")
    assert status == 200
