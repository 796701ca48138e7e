"""nginx's own life: started once, outliving us, reloaded when it must be, and never in a stranger's place."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from minpaas.server import nginx as module
from minpaas.server.errors import BadSetting, MachineTrouble
from minpaas.server.models import Route
from minpaas.server.nginx import Nginx
from minpaas.server.settings import Settings
from tests.router.backend import ask, free_port


@pytest.fixture
def settings(tmp_path):
    made = Settings(home=tmp_path / "home", http_port=free_port(), http_listen=("127.0.0.1",))
    yield made
    Nginx(made).stop()


def pid_of(settings):
    return int((settings.router / "nginx.pid").read_text())


def workers_of(settings):
    master = pid_of(settings)
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def test_started_twice_is_started_once(settings):
    first = Nginx(settings)
    assert not first.alive()
    assert first.ensure_running() == settings.http_port == first.port
    pid, workers = pid_of(settings), workers_of(settings)
    assert Nginx(settings).ensure_running() == settings.http_port
    time.sleep(0.3)  # a reload would have other workers by now
    assert (pid_of(settings), workers_of(settings)) == (pid, workers) and first.alive()


def test_it_outlives_the_process_that_started_it(settings):
    code = (
        "import sys; from pathlib import Path; from minpaas.server.nginx import Nginx;"
        "from minpaas.server.settings import Settings;"
        "Nginx(Settings(home=Path(sys.argv[1]), http_port=int(sys.argv[2]))).ensure_running()"
    )
    command = [sys.executable, "-c", code, str(settings.home), str(settings.http_port)]
    subprocess.run(command, check=True, capture_output=True, timeout=20)  # returns: no pipe is held open
    assert Nginx(settings).alive()


def test_routes_survive_a_restart_without_us(settings, backend):
    app = backend("app")
    router = Nginx(settings)
    router.ensure_running()
    router.switch([Route(host="app.localhost", targets=[app.target]), Route(host="off.localhost", state="stopped")])
    router.stop()
    assert not router.alive()
    command = ["nginx", "-p", ".", "-c", "nginx.conf", "-e", "error.log"]  # as an init system would, at boot
    subprocess.run(command, cwd=settings.router, check=True)
    assert ask(settings.http_port, "app.localhost").body == b"app"
    assert ask(settings.http_port, "off.localhost").status == 503
    assert Nginx(settings).ensure_running() == settings.http_port


def test_a_killed_nginx_is_started_again(settings):
    router = Nginx(settings)
    router.ensure_running()
    router.switch([Route(host="off.localhost", state="stopped")])
    master, workers = pid_of(settings), workers_of(settings)
    for pid in (master, *workers):
        os.kill(pid, signal.SIGKILL)
    assert module._wait(lambda: not any(map(module._is_process, (master, *workers))), 5)
    assert (settings.router / "control/socket").exists()  # left behind
    router.ensure_running()
    assert ask(settings.http_port, "off.localhost").status == 503


def test_a_map_that_cannot_be_read_does_not_keep_nginx_from_starting(settings):
    settings.apps_map.parent.mkdir(parents=True)
    settings.apps_map.write_text("map $host {{{ garbage")
    Nginx(settings).ensure_running()
    assert ask(settings.http_port, "app.localhost").status == 404
    assert settings.apps_map.read_text() == "map $host {{{ garbage"  # never overwritten


def test_other_settings_are_a_reload_not_a_restart(settings, backend):
    app = backend("app")
    router = Nginx(settings)
    router.ensure_running()
    router.switch([Route(host="app.localhost", targets=[app.target])])
    pid = pid_of(settings)
    moved = replace(settings, http_port=free_port())
    assert Nginx(moved).ensure_running() == moved.http_port
    assert pid_of(settings) == pid
    assert ask(moved.http_port, "app.localhost").body == b"app"
    router.switch([])
    assert ask(moved.http_port, "app.localhost").status == 404


def test_a_reload_that_nginx_does_not_follow_is_said_and_undone(settings):
    router = Nginx(settings)
    router.ensure_running()
    conf = (settings.router / "nginx.conf").read_text()
    with socket.create_server(("127.0.0.1", 0)) as other:
        moved = replace(settings, http_port=other.getsockname()[1])
        with pytest.raises(MachineTrouble, match=str(os.getpid())):
            Nginx(moved).ensure_running()
    assert (settings.router / "nginx.conf").read_text() == conf
    assert ask(settings.http_port, "x").status == 404


def test_a_taken_port_names_who_has_it(settings):
    with socket.create_server(("127.0.0.1", settings.http_port)), pytest.raises(MachineTrouble) as trouble:
        Nginx(settings).ensure_running()
    assert f"(pid {os.getpid()})" in trouble.value.detail
    assert str(settings.http_port) in trouble.value.detail
    assert "MINPAAS_HTTP_PORT" in trouble.value.hint


def test_port_0_falls_back_and_remembers(settings, monkeypatch):
    second = free_port()
    automatic = replace(settings, http_port=0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setattr(module, "_PORTS", (other.getsockname()[1], second))
        assert Nginx(automatic).ensure_running() == second
    Nginx(automatic).stop()
    assert Nginx(automatic).ensure_running() == second == Nginx(automatic).port  # although the first is free by now


def test_no_ipv6_is_no_trouble(settings, monkeypatch):
    monkeypatch.setattr(module, "_has_ipv6", lambda: False)
    both = replace(settings, http_listen=("127.0.0.1", "[::1]"))
    Nginx(both).ensure_running()
    assert "[::1]" not in (settings.router / "nginx.conf").read_text()


@pytest.mark.parametrize(
    "bad", ["localhost", "127.0.0.1; include x", "[::1] reuseport", "unix:/x", "", "[fe80::1%lo; include x]", "::1"]
)
def test_only_addresses_are_listened_on(settings, bad):
    with pytest.raises(BadSetting):
        Nginx(replace(settings, http_listen=(bad,))).ensure_running()


@pytest.mark.parametrize("bad", ['a"b', "a$b", "a;b", "a\nb", "a{b"])
def test_an_odd_home_is_refused_before_it_is_rendered(settings, bad):
    odd = replace(settings, home=settings.home / bad)
    with pytest.raises(MachineTrouble):
        Nginx(odd).ensure_running()


def test_a_long_home_with_spaces_is_none(settings):
    long = replace(settings, home=settings.home / ("a long name " * 15).strip())
    try:
        Nginx(long).ensure_running()
        Nginx(long).switch([Route(host="a.localhost", state="stopped")])
        assert ask(settings.http_port, "a.localhost").status == 503
    finally:
        Nginx(long).stop()


def test_what_is_not_installed_is_named(settings, monkeypatch):
    monkeypatch.setattr(module, "_MODULES", ("/nowhere",))
    with pytest.raises(MachineTrouble) as trouble:
        Nginx(settings).ensure_running()
    assert "apt-get install nginx libnginx-mod-http-lua" in trouble.value.hint
    monkeypatch.setattr(module.shutil, "which", lambda *_, **__: None)
    with pytest.raises(MachineTrouble) as trouble:
        module._binary()
    assert "apt-get install" in trouble.value.hint


def test_nothing_of_ours_is_open_to_others(settings):
    Nginx(settings).ensure_running()
    for folder in (settings.state, settings.router / "control", settings.router / "pages"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("nginx.conf", "router.lua", "port"):
        assert stat.S_IMODE((settings.router / name).stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has workers of another user")
def test_workers_are_not_root(settings):
    Nginx(settings).ensure_running()
    workers = workers_of(settings)
    assert workers
    assert module._wait(lambda: all(Path(f"/proc/{pid}").stat().st_uid != 0 for pid in workers), 2)


def test_a_grown_log_is_cut(settings, monkeypatch):
    Nginx(settings).ensure_running()
    (settings.router / "error.log").write_text("x" * 100)
    monkeypatch.setattr(module, "_LOG_LIMIT", 10)
    Nginx(settings).ensure_running()
    assert (settings.router / "error.log").stat().st_size == 0
    assert (settings.router / "error.log.1").read_text() == "x" * 100
