"""The real thing: the server on a home of its own, the real engine, real pushes, and a real Chromium that looks at it."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from tests.browser.git_host import GitHost, commit

INSTANCE = f"mpbrowser{secrets.token_hex(2)}"  # two runs on one machine stay apart
DOCKER = "/usr/bin/docker"
CHROMIUM, CHROMEDRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"

SERVER_PY = '''\
"""Does as it is asked: GET /say?TEXT writes TEXT to its log, GET /page?HTML answers with HTML."""
import http.server, os, sys, urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/say":
            print(urllib.parse.unquote(url.query), flush=True)
        if url.path == "/flood":
            for number in range(int(url.query)):
                print(f"flood {number}")
            sys.stdout.flush()
        page = urllib.parse.unquote(url.query) if url.path == "/page" else "hello from the app"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *args):
        pass


print("listening", flush=True)
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
'''
PYTHON_APP = {"server.py": SERVER_PY, "Procfile": "web: python server.py\n", "requirements.txt": ""}


@dataclass
class Site:
    """The running server, and what a person next to it can do."""

    home: Path
    port: int
    http_port: int
    host: GitHost
    env: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def ask(self, method: str, path: str, body: object = None, timeout: float = 60) -> Any:
        """The REST API, JSON in and out."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def push(self, app: str, folder: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """A real git push over HTTP."""
        commit(folder, files)
        return subprocess.run(
            ["git", "push", f"{self.url}/git/{app}.git", "main"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )

    def visit(self, app: str, path: str = "/") -> str:
        """What the app answers through the router."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}{path}", headers={"Host": f"{app}.localhost"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())

    def app(self, name: str) -> dict[str, Any]:
        return dict(self.ask("GET", f"/apps/{name}"))

    def container(self, app: str) -> str:
        return str(self.app(app)["processes"][0]["container"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(look: Callable[[], Any], seconds: float = 10, every: float = 0.05) -> Any:
    """What `look` returns once it is true. Fails after `seconds` with its last value or error."""
    until = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < until:
        try:
            if last := look():
                return last
        except Exception as error:
            last = error
        time.sleep(every)
    raise AssertionError(f"not within {seconds:g} s; last seen: {last!r}")


def docker(*arguments: str) -> str:
    done = subprocess.run([DOCKER, *arguments], capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def remove_leftovers() -> None:
    """What carries our instance's label; never a stack image, which other tests share."""
    for container in docker("ps", "-aq", "--filter", f"label=minpaas.instance={INSTANCE}").split():
        docker("rm", "-f", "-v", container)
    docker("network", "rm", INSTANCE)
    tags = docker("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"label=minpaas.instance={INSTANCE}")
    for tag in tags.split():
        if tag.startswith(f"{INSTANCE}/"):
            docker("rmi", "-f", tag)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not docker("version", "--format", "{{.Server.Version}}"):
        pytest.skip("no Docker engine runs here")
    home = tmp_path_factory.mktemp("home")
    host = GitHost(tmp_path_factory.mktemp("host"))
    port, ssh_port, http_port = free_port(), free_port(), free_port()
    env = {
        **os.environ,
        "MINPAAS_HOME": str(home),
        "MINPAAS_INSTANCE": INSTANCE,
        "MINPAAS_PORT": str(port),
        "MINPAAS_SSH_PORT": str(ssh_port),
        "MINPAAS_HTTP_PORT": str(http_port),
        "MINPAAS_REPO_HOSTS": f"127.0.0.1:{host.port}",
        "MINPAAS_DRAIN": "1",
        "MINPAAS_GRACE": "1",
        "MINPAAS_START_TIMEOUT": "15",
    }
    remove_leftovers()
    running = Site(home, port, http_port, host, env)
    process = start(running)
    try:
        yield running
    finally:
        try:
            running.ask("POST", "/down", {"clean": False})
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            host.close()
            remove_leftovers()


def start(site: Site) -> "subprocess.Popen[bytes]":
    log = (site.home / "server.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "minpaas.server.main:app", "--port", str(site.port)],
        env=site.env,
        stdout=log,
        stderr=log,
        cwd=Path(__file__).parents[2],
    )

    def healthy() -> bool:
        assert process.poll() is None, (site.home / "server.log").read_text()[-3000:]
        return bool(site.ask("GET", "/healthz", timeout=2)["status"] == "ok")

    wait_until(healthy, 30)
    wait_until(lambda: git_answers(site), 30)
    return process


def git_answers(site: Site) -> bool:
    """Whether the git side, a process of its own, has started as well."""
    try:
        urllib.request.urlopen(f"{site.url}/git/none.git/info/refs?service=git-upload-pack", timeout=5).close()
    except urllib.error.HTTPError as error:
        return error.code != 503
    return True


@pytest.fixture(scope="session")
def chromium(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    if not shutil.which(CHROMIUM) or not shutil.which(CHROMEDRIVER):
        pytest.skip("no Chromium here: apt-get install chromium chromium-driver")
    options = Options()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("profile")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run"):
        options.add_argument(argument)
    options.add_argument("--disable-background-networking")
    options.add_argument("--force-prefers-reduced-motion")  # a click must not race with a smooth scroll
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser(chromium: webdriver.Chrome, site: Site) -> Iterator[webdriver.Chrome]:
    """The dashboard, freshly opened at 1280 pixels. The console must be silent when the test is over."""
    resize(chromium, 1280, 900)
    chromium.get("about:blank")
    chromium.get_log("browser")
    chromium.get(site.url)
    yield chromium
    entries = [entry for entry in chromium.get_log("browser") if not _expected(entry["message"])]
    chromium.get("about:blank")  # its streams end here
    assert entries == []


def _expected(message: str) -> bool:
    """Chromium notes each refusal of the API on the console, however well a page takes it."""
    return "Failed to load resource: the server responded with a status of 422" in message


def resize(driver: webdriver.Chrome, width: int, height: int) -> None:
    """The page's own size; a window has a least width."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )


@pytest.fixture(scope="session")
def hello(site: Site, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A live app that was pushed; it prints what it is asked to."""
    done = site.push("hello", tmp_path_factory.mktemp("work") / "hello", PYTHON_APP)
    assert done.returncode == 0, done.stderr
    return "hello"
