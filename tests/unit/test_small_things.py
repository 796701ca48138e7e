"""Procfile, sockets, addresses, turns, commands: pure functions and small classes."""

import threading
import time

import pytest

from minpaas.plan import PlanError, procfile
from minpaas.plan.model import Notes
from minpaas.server import settings
from minpaas.server.addresses import Addresses
from minpaas.server.errors import BadSetting
from minpaas.server.health import ended_inside
from minpaas.server.run import command_line, concurrency
from minpaas.server.sockets import Listener, parse
from minpaas.server.turns import Turns


def test_a_procfile() -> None:
    text = "\ufeff# comment\n\nweb: gunicorn app:app --bind 0.0.0.0:$PORT\r\nworker:python w.py\n"
    assert procfile.parse(text, Notes()) == {"web": "gunicorn app:app --bind 0.0.0.0:$PORT", "worker": "python w.py"}


@pytest.mark.parametrize(("text", "line"), [("web python", 1), ("web:\n", 1), ("\n\na b: c", 3)])
def test_a_bad_procfile_names_its_line(text: str, line: int) -> None:
    with pytest.raises(PlanError) as caught:
        procfile.parse(text, Notes())
    assert f"line {line}" in caught.value.detail


def test_of_a_type_that_is_there_twice_the_last_line_counts() -> None:
    notes = Notes()
    assert procfile.parse("web: a\n\nweb: b", notes) == {"web": "b"}
    assert notes.warnings == ["Procfile, line 3: web is there twice, the last line counts: b"]


@pytest.mark.parametrize(
    ("runtime", "megabytes", "cpu", "workers"),
    [
        ("python", 512, 8.0, "2"),
        ("python", 4096, 2.0, "5"),
        ("python", 128, 0.5, "1"),
        ("node", 1024, 1.0, "2"),
        ("node", 256, None, "1"),
    ],
)
def test_workers_are_counted_from_what_a_process_may_use(
    runtime: str, megabytes: int, cpu: float | None, workers: str
) -> None:
    assert concurrency(runtime, megabytes << 20, cpu) == {"WEB_CONCURRENCY": workers}
    assert concurrency("dockerfile", megabytes << 20, cpu) == {}


@pytest.mark.parametrize(
    ("printed", "last"),
    [
        (["[nodemon] app crashed - waiting for file changes before starting..."], "[nodemon] app crashed"),
        (["Failed running 'server.js'. Waiting for file changes before restarting..."], "Failed running"),
        ([f"INFO:     Child process [{one}] died" for one in (8, 9, 12)], "INFO:     Child process [12] died"),
        (["INFO:     Child process [8] died"], ""),
        (["Server is up", "waiting for file changes"], ""),
    ],
)
def test_the_end_of_a_program_inside_of_another_is_seen(printed: list[str], last: str) -> None:
    told = ended_inside(["hello", *printed])
    assert told.startswith(last.strip())
    assert bool(told) == bool(last)


TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   2: 0500D20A:1F40 0100D20A:8235 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
"""
TCP6 = """  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:1F40 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 00000000000000000000000001000000:1F41 00000000000000000000000000000000:0000 0A 00000000:00000000
   2: 0000000000000000FFFF00000100007F:1F42 00000000000000000000000000000000:0000 0A 00000000:00000000
"""


def test_listening_sockets() -> None:
    found = parse(TCP)
    assert found == [Listener("127.0.0.1", 8080), Listener("0.0.0.0", 3000)]
    assert [one.reachable for one in found] == [False, True]
    six = parse(TCP6)
    assert [str(one) for one in six] == ["[::]:8000", "[::1]:8001", "127.0.0.1:8002"]
    assert [one.reachable for one in six] == [True, False, False]
    assert parse(TCP, "01") == [Listener("10.210.0.5", 8000)]


def test_addresses_go_round_before_they_come_again() -> None:
    addresses = Addresses("10.0.0.0/27", ["10.0.0.17"])
    taken = [addresses.take() for _ in range(5)]
    assert taken == [f"10.0.0.{n}" for n in range(18, 23)]
    addresses.give_back("10.0.0.18")
    rest = [addresses.take() for _ in range(10)]
    assert rest[-1] == "10.0.0.18"
    with pytest.raises(RuntimeError):
        addresses.take()


@pytest.mark.parametrize(
    ("command", "shell"),
    [
        ("gunicorn app:app", "exec gunicorn app:app"),
        ("FOO=1 BAR=$PORT python app.py", "FOO=1 BAR=$PORT exec python app.py"),
        ("A=\"x y\" B='p q' C=r\\ s python app.py", "A=\"x y\" B='p q' C=r\\ s exec python app.py"),
        ("migrate && serve", "migrate && serve"),
        ("cd x; y", "cd x; y"),
        ("a | b", "a | b"),
    ],
)
def test_commands_take_the_place_of_their_shell(command: str, shell: str) -> None:
    assert command_line(command) == ["/bin/sh", "-c", shell]


@pytest.mark.parametrize(
    "command", ["source ./env && serve", "cd a && source b", "[[ -n $A ]] && serve", "set -o pipefail; a | tee b"]
)
def test_what_only_bash_knows_is_run_by_it(command: str) -> None:
    assert command_line(command) == ["/bin/bash", "-c", command]


def test_an_image_may_have_its_own_command() -> None:
    assert command_line("") is None


def test_turns_are_taken_in_order_and_one_at_a_time() -> None:
    turns, order, inside = Turns(), [], 0

    def work(number: int) -> None:
        nonlocal inside
        with turns.turn("app"):
            inside += 1
            assert inside == 1
            order.append(number)
            time.sleep(0.005)
            inside -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
        time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == list(range(20))
    assert not turns.busy("app")


def test_apps_do_not_wait_for_each_other() -> None:
    turns = Turns()
    with turns.turn("one"), turns.turn("two"):
        assert turns.busy("one")


@pytest.mark.parametrize(
    "env",
    [{"MINPAAS_PORT": "many"}, {"MINPAAS_PORT": "70000"}, {"MINPAAS_INSTANCE": "A B"}, {"MINPAAS_START_TIMEOUT": "0"}],
)
def test_a_bad_setting_is_named(env: dict[str, str]) -> None:
    with pytest.raises(BadSetting) as caught:
        settings.load(env)
    assert next(iter(env)) in str(caught.value)
