"""Which app answers for which Host, and what is said where none does."""

import pytest

from minpaas.server.models import Route, Target
from tests.router.backend import ask

PAGES = {
    "created": b"git push minpaas main",
    "stopped": b"stopped",
    "crashed": b"crashed",
    "maintenance": b"maintenance",
}


@pytest.fixture
def table(router, backend):
    exact, wild, deep = backend("exact"), backend("wild"), backend("deep")
    router.switch(
        [
            Route(host="app.localhost", targets=[exact.target]),
            Route(host="*.example.org", targets=[wild.target]),
            Route(host="*.deep.example.org", targets=[deep.target]),
            Route(host="www.example.org", targets=[exact.target]),
            Route(host="dead.localhost", targets=[Target(process="web.1", address="127.0.0.1:9")]),
            *(Route(host=f"{state}.localhost", state=state) for state in PAGES),
        ]
    )
    return router


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("app.localhost", b"exact"),
        ("APP.LocalHost", b"exact"),
        ("app.localhost.", b"exact"),
        ("app.localhost:8080", b"exact"),
        ("App.Localhost.:8080", b"exact"),
        ("www.example.org", b"exact"),
        ("a.example.org", b"wild"),
        ("a.b.example.org", b"wild"),
        ("a.deep.example.org", b"deep"),
        ("deep.example.org", b"wild"),
    ],
)
def test_a_known_host_leads_to_its_app(table, host, name):
    answer = ask(table.port, host)
    assert (answer.status, answer.body) == (200, name)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize(
    "host",
    [
        "nobody.localhost",
        "x7f3k",
        "",
        None,
        "127.0.0.1",
        "127.0.0.1:80",
        "[::1]",
        "localhost",
        "example.org",
    ],
)
def test_an_unknown_host_gets_our_404(table, host, method):
    body = "Content-Length: 3\r\n\r\nabc" if method in ("POST", "PUT", "PATCH") else ""
    answer = ask(table.port, host, method=method, more=body)
    assert answer.status == 404
    assert b"No app lives here" in answer.body


def test_a_head_of_an_unknown_host_has_no_body(table):
    answer = ask(table.port, "nobody.localhost", method="HEAD")
    assert (answer.status, answer.body) == (404, b"")


def test_the_page_says_nothing_of_the_request(table):
    answer = ask(table.port, "nobody.localhost", path="/<script>echo", more="X-Request-ID: <script>echo\r\n")
    assert b"echo" not in answer.body and "echo" not in str(answer.headers)
    assert answer.headers["server"] == "nginx"


@pytest.mark.parametrize("state", PAGES)
def test_a_state_gets_its_503(table, state):
    for method, more in (("GET", ""), ("POST", "Content-Length: 3\r\n\r\nabc")):
        answer = ask(table.port, f"{state}.localhost", method=method, more=more)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert PAGES[state] in answer.body


def test_a_refused_upload_is_refused_before_it_is_read(table):
    answer = ask(table.port, "stopped.localhost", method="POST", more=f"Content-Length: {900 << 20}\r\n")
    assert answer.status == 503  # nothing of the 900 MB was sent


def test_an_app_that_cannot_be_reached_gets_our_502(table):
    answer = ask(table.port, "dead.localhost")
    assert answer.status == 502
    assert b"The app does not answer" in answer.body


def test_an_app_that_ends_in_the_middle_gets_our_502(table):
    assert b"The app does not answer" in ask(table.port, "app.localhost", "/half").body


def test_an_error_of_the_app_passes_untouched(table):
    answer = ask(table.port, "app.localhost", "/error")
    assert (answer.status, answer.body) == (502, b"the app's own words")


def test_two_host_headers_are_refused(table):
    assert ask(table.port, "app.localhost", more="Host: www.example.org\r\n").status == 400


def test_ipv6(table):
    try:
        answer = ask(table.port, "app.localhost", address="::1")
    except OSError:
        pytest.skip("no IPv6 on this machine")
    assert answer.body == b"exact"
