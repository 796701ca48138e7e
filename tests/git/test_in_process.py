"""The conversation without any transport: what cannot be provoked from outside."""

import threading
import time
from pathlib import Path

import pytest
from dulwich.repo import Repo

from minpaas.server.git import deltas, receive_pack, verdict
from minpaas.server.git.receive_pack import DeployReceivePack
from minpaas.server.git.wire import Sideband, Wire
from tests.git import packs
from tests.git.packs import ZERO, Simple


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init_bare(str(tmp_path / "app.git"), mkdir=True, default_branch=b"main")


def converse(repo: Repo, request: bytes) -> bytes:
    pieces, said = iter([request]), bytearray()
    wire = Wire(lambda: next(pieces, b""), said.extend)
    DeployReceivePack(repo, wire, actor="test", stateless=True).handle()
    return bytes(said)


def request(simple: Simple) -> bytes:
    return packs.packet(f"{ZERO} {simple.id} refs/heads/main\0 {packs.CAPS}".encode()) + b"0000" + simple.pack()


def test_no_memory_is_an_answer(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(receive_pack, "ingest", exhausted)
    assert b"unpack out of memory" in converse(repo, request(Simple()))
    assert not list(Path(repo.path).glob("objects/incoming-*"))
    monkeypatch.undo()
    assert b"ok refs/heads/main" in converse(repo, request(Simple()))


def test_a_panic_for_want_of_memory_is_an_answer(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extension that applies deltas panics when Python cannot give it bytes, and a panic is no Exception."""

    class PanicException(BaseException):
        pass

    def panics(*_: bytes) -> None:
        raise PanicException

    monkeypatch.setattr(deltas, "apply_delta", panics)
    simple = Simple()
    change = packs.delta(6, 6, packs.copy(0, 6))
    body = packs.pack(*simple.entries(), packs.ref_delta(simple.blob, change))
    head = packs.packet(f"{ZERO} {simple.id} refs/heads/main\0 {packs.CAPS}".encode()) + b"0000"
    assert b"unpack out of memory" in converse(repo, head + body)


def test_two_are_read_at_a_time(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = [], []
    real = receive_pack.ingest

    def slow(*args):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.1)
        inside.pop()
        return real(*args)

    monkeypatch.setattr(receive_pack, "ingest", slow)
    threads = [threading.Thread(target=converse, args=(repo, request(Simple(bytes([i]))))) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 2


def test_a_hook_that_cannot_be_run(repo: Repo) -> None:
    hook = Path(repo.path) / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/nowhere/at/all\n")
    hook.chmod(0o755)
    answer = converse(repo, request(Simple()))
    assert b"ng refs/heads/main hook cannot be run" in answer
    assert not list(Path(repo.path).glob("refs/heads/*"))


def test_a_hook_that_is_killed(repo: Repo) -> None:
    hook = Path(repo.path) / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nkill -9 $$\n")
    hook.chmod(0o755)
    assert b"ng refs/heads/main" in converse(repo, request(Simple()))


def test_a_pusher_who_left_does_not_stop_the_hook(tmp_path: Path) -> None:
    def gone(_: bytes) -> None:
        raise BrokenPipeError

    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\nfor i in $(seq 20000); do echo line $i of much output; done\ntouch {tmp_path}/ended\n")
    hook.chmod(0o755)
    update = verdict.Update(b"0" * 40, b"1" * 40, b"refs/heads/main")
    assert verdict.ask(hook, tmp_path, [update], {}, Sideband(Wire(lambda: b"", gone), True)) == {update.ref: b""}
    assert (tmp_path / "ended").exists()
