"""The CLI's HTTP client, against a server that answers byte for byte what a test says."""

import re
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from minpaas.cli import api
from minpaas.cli.errors import APIError, CLIError, Trouble, Unreachable, WrongUsage, tell

Serve = Callable[[bytes], list[bytes]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Answer the next request with these bytes and hang up; the request is in the list afterwards."""
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("MINPAAS_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
    monkeypatch.delenv("MINPAAS_TOKEN", raising=False)
    threads: list[threading.Thread] = []

    def answer_with(answer: bytes) -> list[bytes]:
        seen: list[bytes] = []

        def once() -> None:
            connection, _ = listener.accept()
            with connection:
                seen.append(whole_request(connection))
                connection.sendall(answer)

        threads.append(threading.Thread(target=once, daemon=True))
        threads[-1].start()
        return seen

    yield answer_with
    for thread in threads:
        thread.join(5)
    listener.close()


def whole_request(connection: socket.socket) -> bytes:
    """Headers and, after them, as many bytes as they announce."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    announced = re.search(rb"Content-Length: (\d+)", head)
    while announced and len(body) < int(announced[1]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def reply(body: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """A whole HTTP answer."""
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def events(body: str) -> bytes:
    """An event stream that ends when the connection does."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{body}".encode()


def test_json_goes_out_and_comes_back(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINPAAS_TOKEN", "secret")
    seen = serve(reply('{"ok": true}'))
    assert api.request("POST", "/keys", {"key": "ssh-ed25519 AAAA"}) == {"ok": True}
    assert seen[0].startswith(b"POST /keys HTTP/1.1\r\n")
    assert b"Authorization: Bearer secret\r\n" in seen[0]
    assert seen[0].endswith(b'\r\n\r\n{"key": "ssh-ed25519 AAAA"}')


def test_without_a_token_none_is_sent(serve: Serve) -> None:
    seen = serve(reply("[]"))
    assert api.request("GET", "/apps") == []
    assert b"authorization" not in seen[0].lower()


def test_text_comes_back_as_text(serve: Serve) -> None:
    serve(reply("one\ntwo\n", kind="text/plain; charset=utf-8"))
    assert api.request("GET", "/apps/a/logs") == "one\ntwo\n"


def test_lines_come_one_by_one(serve: Serve) -> None:
    serve(reply("one\r\ntwo\nthree", kind="text/plain"))
    assert list(api.lines("GET", "/apps/a/logs")) == ["one", "two", "three"]


def test_an_event_stream_is_read_to_its_end(serve: Serve) -> None:
    serve(
        events(
            ": keep-alive\n\n"
            'event: step\ndata: {"at": 1.5, "kind": "step", "text": "Building"}\n\n'
            'event: output\ndata: {"at": 2,\ndata: "kind": "output", "text": "ok"}\r\n\r\n'
            'event: end\ndata: {"at": 3, "kind": "end", "text": "{\\"release\\": 1}"}\n\n'
            'event: step\ndata: {"at": 4, "kind": "step", "text": "never"}\n\n'
        )
    )
    found = list(api.stream("POST", "/deploy", {}))
    assert [(event.kind, event.text) for event in found[:2]] == [("step", "Building"), ("output", "ok")]
    assert found[2].verdict == {"release": 1}
    assert len(found) == 3


def test_a_stream_that_breaks_off_is_not_a_success(serve: Serve) -> None:
    serve(events('event: step\ndata: {"at": 1, "kind": "step", "text": "Building"}\n\n'))
    followed = api.stream("POST", "/deploy", {})
    assert next(followed).text == "Building"
    with pytest.raises(Unreachable, match="broke off"):
        next(followed)


def test_a_refused_stream_is_an_api_error(serve: Serve) -> None:
    serve(reply('{"error":"no-such-app","title":"T","detail":"D","hint":"H"}', "404 Not Found"))
    with pytest.raises(APIError) as caught:
        list(api.stream("POST", "/deploy", {}))
    assert (caught.value.status, caught.value.error_slug, caught.value.hint) == (404, "no-such-app", "H")


@pytest.mark.parametrize(
    ("status", "slug", "code"),
    [
        ("404 Not Found", "no-such-app", 3),
        ("404 Not Found", "not-found", 1),
        ("401 Unauthorized", "needs-token", 4),
        ("403 Forbidden", "not-allowed", 4),
        ("422 Unprocessable", "build-failed", 1),
        ("503 Service Unavailable", "machine-trouble", 1),
    ],
)
def test_what_the_server_refuses_has_an_exit_code(serve: Serve, status: str, slug: str, code: int) -> None:
    serve(reply(f'{{"error":"{slug}","title":"T","detail":"D","hint":"H"}}', status))
    with pytest.raises(APIError) as caught:
        api.request("GET", "/apps/a")
    assert caught.value.exit_code == code


@pytest.mark.parametrize("body", ["<html>Bad Gateway</html>", '{"detail": "Not Found"}', "[]", "null", ""])
def test_an_error_of_something_else_is_quoted(serve: Serve, body: str) -> None:
    serve(reply(body, "502 Bad Gateway", "text/html"))
    with pytest.raises(APIError) as caught:
        api.request("GET", "/apps")
    assert (caught.value.title, caught.value.detail) == ("The server answered 502", body)


def test_nobody_there_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("MINPAAS_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(Unreachable, match="refused") as caught:
        api.request("GET", "/apps")
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", reply("<html>")])
def test_something_else_there_is_unreachable(serve: Serve, answer: bytes) -> None:
    serve(answer)
    with pytest.raises(Unreachable):
        api.request("GET", "/healthz")


@pytest.mark.parametrize("url", ["localhost:4000", "ftp://localhost", "http://localhost:port"])
def test_a_bad_url_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MINPAAS_URL", url)
    with pytest.raises(WrongUsage) as caught:
        api.request("GET", "/apps")
    assert caught.value.exit_code == 2


def test_where_the_server_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINPAAS_URL", raising=False)
    monkeypatch.delenv("MINPAAS_PORT", raising=False)
    assert api.base_url() == "http://127.0.0.1:4000"
    monkeypatch.setenv("MINPAAS_PORT", "4001")
    assert api.base_url() == "http://127.0.0.1:4001"
    monkeypatch.setenv("MINPAAS_URL", "https://paas.example/")
    assert api.base_url() == "https://paas.example"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Trouble("It broke", "two\nlines", "type this"), " !     It broke: two\n !     lines\n       type this\n"),
        (Trouble("It broke"), " !     It broke\n"),
    ],
)
def test_an_error_is_told_in_one_voice(capsys: pytest.CaptureFixture[str], error: CLIError, told: str) -> None:
    assert tell(error) == 1
    assert capsys.readouterr().err == told
