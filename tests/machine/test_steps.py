"""The steps of `minpaas up`, `down` and `clean` against a stand-in for the server (the real one: test_up.py)."""

import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from minpaas.cli import control, down, engine, packages, samples, up
from minpaas.cli.cli import cli
from minpaas.cli.errors import CLIError
from minpaas.cli.person import Person, person

STAND_IN = Path(__file__).with_name("stand_in.py")
Run = Callable[..., Result]


class World:
    """One home with its stand-in server, and a person whose files are not ours."""

    def __init__(self, folder: Path):
        self.home = folder / "home"
        self.apps = folder / "apps"
        self.apps.mkdir()
        me = person()
        self.person = Person(me.name, me.uid, me.gid, folder / "person")
        self.person.home.mkdir()
        self.flags: list[str] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])

    def asked(self) -> list[str]:
        """What the stand-in was asked to do."""
        file = self.apps / "asked"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A machine that has its packages and its engine; pushes go over HTTP, as with a key that has a passphrase."""
    world = World(tmp_path)
    monkeypatch.setenv("MINPAAS_HOME", str(world.home))
    monkeypatch.setenv("MINPAAS_PORT", str(world.port))
    monkeypatch.setenv("MINPAAS_URL", "http://elsewhere.invalid")  # up and down are about this machine all the same
    for name in ("MINPAAS_HOST", "MINPAAS_TOKEN", "MINPAAS_DOMAIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(packages, "missing", list)
    monkeypatch.setattr(engine, "version", lambda: "20.10")
    monkeypatch.setattr(up, "person", lambda: world.person)
    monkeypatch.setattr(up, "loopbacks", lambda: ["127.0.0.1"])
    monkeypatch.setattr(Person, "usable_key", lambda _: None)
    command = [sys.executable, str(STAND_IN), str(world.port), str(world.apps)]
    monkeypatch.setattr(control, "command", lambda: [*command, *world.flags])
    yield world
    control.daemon().stop()


@pytest.fixture
def run() -> Run:
    """A command; its CLIError, which only main() tells, is the result's exception."""
    return lambda *arguments, **options: CliRunner().invoke(cli, arguments, **options)


def test_up_does_everything_once_and_then_nothing(world: World, run: Run) -> None:
    first = run("up")
    assert first.exit_code == 0, first.output
    assert "made an SSH key" in first.stdout
    assert "deployed hello-node" in first.stdout
    assert f"App        http://hello-python.localhost:{world.port}/" in first.stdout
    assert f"Dashboard  http://localhost:{world.port}" in first.stdout
    assert "-----> Everything is up (" in first.stdout
    assert (world.person.ssh / "known_hosts").read_text().endswith("ssh-ed25519 AAAAhost\n")
    pid = control.daemon().pid()

    second = run("up")
    assert second.exit_code == 0, second.output
    assert "Everything was up already; nothing was changed" in second.stdout
    assert control.daemon().pid() == pid
    assert [line.split()[0] for line in world.asked()] == ["/stacks", "/keys", "/stacks"]
    assert [line for line in second.stdout.splitlines() if "(" in line and line.endswith("s)")], (
        "each step has its time"
    )


def test_down_and_clean_take_everything_away(world: World, run: Run) -> None:
    assert run("up").exit_code == 0
    stopped = run("down")
    assert stopped.exit_code == 0, stopped.output
    assert "stopped the server" in stopped.stdout
    assert world.asked()[-1] == "/down {}"
    assert control.health() is None
    assert "Nothing was running" in run("down").stdout

    (world.home / "state" / "apps.json").write_text("{}")
    (world.home / "repos").mkdir()
    refused = run("clean", input="no\n")
    assert refused.exit_code == 1
    assert (world.home / "state").exists()
    removed = run("clean", "--confirm")
    assert removed.exit_code == 0, removed.output
    assert world.asked()[-1] == '/down {"clean": true}'
    assert list(world.apps.glob("*.git")) == []
    assert list(world.home.iterdir()) == []
    assert "There was nothing to remove" in run("clean", "--confirm").stdout


def test_an_app_that_took_the_name_of_a_sample_is_left_alone(world: World, run: Run) -> None:
    assert run("up").exit_code == 0
    for file in ("packed-refs", "refs/heads/main"):
        (world.apps / "hello-node.git" / file).unlink(missing_ok=True)
    (world.apps / "hello-node.git").rename(world.apps / "saved")
    (world.apps / "hello-python.git").rename(world.apps / "hello-node.git")
    (world.apps / "saved").rename(world.apps / "saved.old")
    again = run("up")
    assert again.exit_code == 0, again.output
    assert "hello-node runs a commit of your own" in again.stdout
    assert "deployed hello-python" in again.stdout


def test_samples_can_be_left_out(world: World, run: Run) -> None:
    assert run("up", "--no-samples").exit_code == 0
    assert list(world.apps.glob("*.git")) == []


def test_prepare_starts_no_server(world: World, run: Run) -> None:
    assert run("up", "--prepare").exit_code == 0
    assert control.health() is None


def test_a_stack_that_fails_is_the_end(world: World, run: Run) -> None:
    world.flags = ["broken"]
    failed = run("up")
    assert failed.exit_code == 1
    assert " !     No stack: debootstrap failed" in failed.stdout
    assert str(failed.exception).startswith("The stack images could not be prepared")
    assert isinstance(failed.exception, CLIError)
    assert failed.exception.hint == "do this"


def test_a_server_that_does_not_start_shows_its_last_words(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "command", lambda: [sys.executable, "-c", "raise SystemExit('no disk')"])
    failed = run("up")
    assert failed.exit_code == 1
    assert str(failed.exception) == "The server did not start: no disk"


def test_a_foreign_server_on_the_port_is_named(world: World, run: Run) -> None:
    with socket.create_server(("127.0.0.1", world.port)) as foreign:
        foreign.settimeout(10)
        import threading

        def answer() -> None:
            connection, _ = foreign.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

        thread = threading.Thread(target=answer)
        thread.start()
        failed = run("up")
        thread.join()
    assert str(failed.exception).startswith("Something else has the server's port")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "paas.example"])
def test_an_open_server_needs_a_token(world: World, run: Run, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("MINPAAS_HOST", host)
    refused = run("up")
    assert refused.exit_code == 1
    assert "there is no token" in str(refused.exception)
    made = run("token", "create")
    token_file = world.home / "state" / "token"
    assert token_file.stat().st_mode & 0o777 == 0o600
    assert made.stdout.splitlines()[0] not in token_file.read_text()
    control.refuse_to_be_open()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_a_server_for_this_machine_needs_none(host: str) -> None:
    assert control.is_loopback(host)


def test_a_pid_file_that_names_another_process_stops_nothing(tmp_path: Path) -> None:
    pidfile = tmp_path / "nginx.pid"
    pidfile.write_text("1\n")
    assert not down._stop_nginx(pidfile)


def test_doctor_finds_what_is_wrong_whatever_is_broken(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst() -> list[str]:
        raise RuntimeError("boom")

    monkeypatch.setattr(packages, "missing", burst)
    monkeypatch.setenv("MINPAAS_HTTP_PORT", str(world.port))
    monkeypatch.setenv("MINPAAS_SSH_PORT", str(world.port))
    sick = run("doctor")
    assert sick.exit_code == 1
    assert "could not be checked: boom" in sick.stdout
    assert f"nothing answers at http://127.0.0.1:{world.port}" in sick.stdout
    assert run("doctor", "--json").stdout.startswith("[")


def test_the_samples_are_the_two_that_are_promised() -> None:
    assert samples.names() == ["hello-node", "hello-python"]
