"""Health checks of the owner's own, on the real engine: what is asked, how often, and what is said of each failure."""

import json
import re

import pytest

from tests.conftest import Checkout, Platform, run
from tests.integration.sources import script, serving

SERVER = """
import os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
asked = []
class Handler(BaseHTTPRequestHandler):
    wbufsize = 65536
    def do_GET(self):
        asked.append(self.path)
        BEHAVIOUR
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"new")
    def log_message(self, *args): pass
time.sleep(DELAY)
ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
LATER_WELL = 'self.send_response(503 if self.path == "/up" and asked.count("/up") < 3 else 200)'
NEVER_WELL = 'self.send_response(503 if self.path == "/up" else 200)'
ELSEWHERE = 'self.send_response(301); self.send_header("Location", "https://elsewhere.example/up")'
SLOW = 'time.sleep(30 if self.path == "/up" else 0); self.send_response(200)'
SILENT = "self.connection.close() if asked.count(self.path) < 2 else self.send_response(404)"


def source(behaviour: str, delay: float = 0) -> dict[str, str | None]:
    return script(SERVER.replace("BEHAVIOUR", behaviour).replace("DELAY", str(delay)))


def ready(platform: Platform, checkout: Checkout, app: str, **checks: object) -> None:
    """An app that serves `one` and has these checks from now on."""
    checkout.commit(serving("one"))
    assert platform.push(checkout, app).returncode == 0
    platform.request("PUT", f"/apps/{app}/checks", checks)


def attempts(text: str) -> list[str]:
    """What was said of each, without the address."""
    return [
        f"{number}: {what}"
        for number, what in re.findall(r"Attempt (\d of \d): GET http://[0-9.]+:\d+/up as \S+: (.*), \d+ ms", text)
    ]


def test_a_path_may_need_some_attempts(platform: Platform, checkout: Checkout, app: str) -> None:
    ready(platform, checkout, app, path="/up", attempts=3)
    checkout.commit(source(LATER_WELL))
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert attempts(pushed.stdout) == ["1 of 3: 503", "2 of 3: 503"]
    assert "web.1 answers GET /up with 200 after 2." in pushed.stdout
    assert platform.get(app) == (200, "new")


@pytest.mark.parametrize(
    ("behaviour", "checks", "said", "reason"),
    [
        (NEVER_WELL, {"attempts": 2}, ["1 of 2: 503", "2 of 2: 503"], "GET /up: 503"),
        (SLOW, {"attempts": 2, "timeout": 4}, ["1 of 2: no answer in time"], "GET /up: no answer in time"),
    ],
)
def test_a_path_that_is_not_well_keeps_the_old_release(
    platform: Platform,
    checkout: Checkout,
    app: str,
    behaviour: str,
    checks: dict[str, float],
    said: list[str],
    reason: str,
) -> None:
    ready(platform, checkout, app, path="/up", **checks)
    checkout.commit(source(behaviour))
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 1
    assert attempts(pushed.stdout)[: len(said)] == said, pushed.stdout
    assert f"({reason})" in pushed.stdout
    assert "GET /up must answer with 2xx or 3xx" in pushed.stdout
    assert platform.get(app) == (200, "one\n")
    assert platform.request("DELETE", f"/apps/{app}/checks")["checks"] is None
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, "without a path of its own one complete answer to / will do"


def test_a_redirect_is_explained(platform: Platform, checkout: Checkout, app: str) -> None:
    ready(platform, checkout, app, path="/up")
    checkout.commit(source(ELSEWHERE))
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert "answers GET /up with 301 (a redirect to https://elsewhere.example/up) after" in pushed.stdout


def test_by_default_any_answer_will_do_and_failures_are_told(platform: Platform, checkout: Checkout, app: str) -> None:
    checkout.commit(source(SILENT))
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert re.search(r"GET http://[0-9.]+:\d+/ as \S+: \S.*, \d+ ms", pushed.stdout), pushed.stdout
    assert "web.1 answers GET / with 404 after" in pushed.stdout


def test_a_slow_start_may_have_more_time(platform: Platform, checkout: Checkout, app: str) -> None:
    """The tests' servers allow 8 s; the app has 20 of its own."""
    ready(platform, checkout, app, path="/up", timeout=20)
    checkout.commit(source(LATER_WELL.replace("< 3", "< 1"), delay=9))
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout


def test_more_time_leaves_the_path_that_the_code_asks_for(platform: Platform, checkout: Checkout, app: str) -> None:
    ready(platform, checkout, app, timeout=20)
    asked = json.dumps({"healthchecks": {"web": [{"type": "startup", "path": "/up"}]}})
    checkout.commit({**source(NEVER_WELL), "app.json": asked})
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 1
    assert "(GET /up: 503)" in pushed.stdout, pushed.stdout


SCRATCH = """\
FROM {build} AS build
COPY server.c .
RUN gcc -O1 -static -o /server server.c
FROM scratch
COPY --from=build /server /server
EXPOSE 8000
CMD ["/server"]
"""
C_SERVER = r"""
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
int main(void) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(getenv("PORT"))), .sin_addr.s_addr = INADDR_ANY};
    const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nscratch";
    char buffer[4096];
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 64)) return 1;
    for (;;) {
        int c = accept(s, 0, 0);
        if (read(c, buffer, sizeof buffer) > 0) write(c, answer, strlen(answer));
        close(c);
    }
}
"""


def test_an_image_from_scratch(platform: Platform, checkout: Checkout, app: str) -> None:
    """Nothing is asked of the image: no shell, no curl."""
    found = run("/usr/bin/docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "minpaas/python").stdout.split()
    builders = [name for name in found if name.endswith("-build")]
    if not builders:
        pytest.skip("no image with a compiler is here")
    checkout.commit({"Dockerfile": SCRATCH.format(build=builders[0]), "server.c": C_SERVER})
    pushed = platform.push(checkout, app)
    assert pushed.returncode == 0, pushed.stdout
    assert platform.get(app) == (200, "scratch")
    done = platform.cli("run", "-a", app, "/nothing", "here")
    assert done.returncode == 127, done.stdout
