"""What nginx says of requests: each counted, as many shown as someone could read, and nothing of our own probes."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from minpaas.server.models import Route
from minpaas.server.nginx import Nginx
from minpaas.server.settings import Settings
from tests.router.backend import Backend, ask, free_port

pytestmark = pytest.mark.alone
REPORT = 0.6  # seconds in which every worker has reported


def test_requests_are_told_and_counted(router: Nginx, app: Backend) -> None:
    time.sleep(REPORT)
    router.lines()
    before = router.totals().get("app.localhost", (0, 0))
    ask(router.port, "app.localhost", "/a?b=1", more="X-Request-ID: mine-1\r\n")
    ask(router.port, "app.localhost", "/error")
    ask(router.port, "nobody.localhost", "/")
    for number in range(3):
        ask(router.port, "app.localhost", "/", more=f"X-Request-ID: minpaas-probe-{number}\r\n")
    time.sleep(REPORT)
    lines = sorted((line.split(" ") for line in router.lines()), key=lambda one: one[3])  # each worker tells its own
    assert [(one[2], one[3], one[5], one[6], one[9]) for one in lines] == [
        ("GET", "/a?b=1", "mine-1", "200", "app"),
        ("GET", "/error", lines[1][5], "502", "app"),
    ]
    assert router.lines() == []
    after = router.totals()["app.localhost"]
    assert (after[0] - before[0], after[1] - before[1]) == (2, 1)


def test_a_flood_is_counted_but_not_shown_one_by_one(router: Nginx, app: Backend) -> None:
    before = router.totals().get("app.localhost", (0, 0))
    for _ in range(2000):
        ask(router.port, "app.localhost", "/")
    time.sleep(REPORT)
    assert router.totals()["app.localhost"][0] - before[0] == 2000
    assert len(router.lines()) <= 4000


def test_it_can_be_turned_off(tmp_path: Path, backend: Callable[[str], Backend]) -> None:
    settings = Settings(home=tmp_path / "home", http_port=free_port(), http_listen=("127.0.0.1",))
    nginx = Nginx(replace(settings, router_log=False))
    try:
        nginx.ensure_running()
        nginx.switch([Route(host="app.localhost", targets=[backend("app").target])])
        assert ask(nginx.port, "app.localhost").status == 200
        time.sleep(REPORT)
        assert (nginx.lines(), nginx.totals()) == ([], {})
    finally:
        nginx.stop()
