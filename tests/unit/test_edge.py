"""Who may ask the API at all, as a table of requests."""

import asyncio
import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from minpaas.server.edge import Edge
from minpaas.server.settings import Settings

LOCAL, LAN = ("127.0.0.1", 50000), ("192.0.2.7", 50000)


async def _inner(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"in"})


def ask(
    home: Path, method: str = "GET", peer: Any = LOCAL, server: Any = ("127.0.0.1", 4000), **headers: str
) -> tuple[int, dict[str, str]]:
    """Status and headers of one request through the edge."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    pairs = [
        (k.replace("_", "-").encode(), v.encode())
        for k, v in ({"host": "localhost:4000"} | headers).items()
        if v is not None
    ]
    scope = {"type": "http", "method": method, "path": "/apps", "headers": pairs, "client": peer, "server": server}
    asyncio.run(Edge(_inner, Settings(home=home))(scope, receive, send))
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:4000", "127.0.0.1:4000", "[::1]:4000", "LOCALHOST", "localhost."]
)
def test_our_own_names(tmp_path: Path, host: str) -> None:
    assert ask(tmp_path, host=host)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.com", "myapp.localhost", "localhost:1@evil", "127.0.0.1.evil.com", "", "0.0.0.0:4000"]
)
def test_foreign_names_are_refused(tmp_path: Path, host: str) -> None:
    assert ask(tmp_path, host=host)[0] == 403


@pytest.mark.parametrize("origin", ["http://evilapp.localhost", "null", "http://localhost:3000", "https://evil.com"])
def test_foreign_pages_change_nothing(tmp_path: Path, origin: str) -> None:
    assert ask(tmp_path, "POST", origin=origin)[0] == 403
    assert ask(tmp_path, "DELETE", origin=origin)[0] == 403


def test_our_own_pages_and_programs_may(tmp_path: Path) -> None:
    assert ask(tmp_path, "POST", origin="http://localhost:4000")[0] == 200
    assert ask(tmp_path, "POST")[0] == 200
    assert ask(tmp_path, "POST", sec_fetch_site="cross-site")[0] == 403
    assert ask(tmp_path, "POST", sec_fetch_site="same-site")[0] == 403


def test_other_machines_need_the_token(tmp_path: Path) -> None:
    assert ask(tmp_path, peer=LAN)[0] == 401
    assert ask(tmp_path, server=("192.0.2.1", 4000), host="192.0.2.1:4000")[0] == 401
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "token").write_text(hashlib.sha256(b"right").hexdigest() + "\n")
    assert ask(tmp_path, peer=LAN)[0] == 401
    assert ask(tmp_path, peer=LAN, authorization="Bearer right", host="192.0.2.1:4000")[0] == 200
    basic = base64.b64encode(b"any:right").decode()
    assert ask(tmp_path, peer=LAN, authorization=f"Basic {basic}")[0] == 200
    for wrong in (
        "Bearer wrong",
        "Bearer ",
        "Basic !!!",
        "Basic " + base64.b64encode(b"x:").decode(),
        "Bearer captain42",
    ):
        status, headers = ask(tmp_path, peer=LAN, authorization=wrong)
        assert status == 401
        assert headers["www-authenticate"].startswith("Basic")
    assert ask(tmp_path, authorization="Bearer wrong")[0] == 401


def test_an_empty_token_file_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "token").write_text("")
    assert ask(tmp_path, peer=LAN, authorization="Bearer ")[0] == 401
    assert ask(tmp_path, peer=LAN, authorization="Bearer x")[0] == 401


def test_pages_load_nothing_of_others(tmp_path: Path) -> None:
    headers = ask(tmp_path)[1]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers
