"""What no honest client sends: wrong ids, wrong objects, bombs. Byte by byte, over both transports."""

import hashlib
import os
import secrets
import zlib

import pytest

from tests.git import packs
from tests.git.conftest import Place, Work
from tests.git.packs import BLOB, COMMIT, TREE, ZERO, Simple, oid, push, push_one, whole

GHOST = "1" * 40
MOST_MEMORY = 500  # MB, of the git process, after everything that is done to it here


@pytest.fixture(scope="module")
def attacked(running: Place, tmp_path_factory: pytest.TempPathFactory, transport: str) -> Work:
    """An app with one commit, for all of the cases: most of them are refused, and leave it as it was."""
    running.plane.deploys = False
    work = Work(running, tmp_path_factory.mktemp("raw") / "work", f"r{secrets.token_hex(5)}", transport).init()
    work.commit()
    assert work.push().ok
    return work


@pytest.fixture
def live(attacked: Work, place: Place) -> Work:
    return attacked


def untouched(work: Work, before: str | None) -> None:
    assert work.ref() == before
    assert not work.leftovers()
    assert work.place.process.poll() is None
    assert work.place.memory_peak() < MOST_MEMORY


def refuses(work: Work, body: bytes, new: str, reason: str, old: str | None = None) -> None:
    before = work.ref()
    answer = push_one(work, new, body, old=old or before or ZERO)
    assert answer.refused(), answer
    assert reason in answer.raw.decode("utf-8", "replace"), answer.raw
    untouched(work, before)


# Updates


def test_handmade_push_is_taken(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    answer = push_one(live, simple.id, simple.pack(), old=live.ref() or "")
    assert (answer.unpack, answer.refs) == ("ok", {"refs/heads/main": "ok"})
    assert live.at_server("fsck", "--full", "--strict").ok


def test_wrong_old_id(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    refuses(live, simple.pack(), simple.id, "stale", old=GHOST)


def test_create_what_exists(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    refuses(live, simple.pack(), simple.id, "stale", old=ZERO)


def test_delete_with_a_wrong_old_id(live: Work) -> None:
    before = live.ref()
    answer = push_one(live, ZERO, b"", old=GHOST)
    assert answer.refused()
    untouched(live, before)


def test_delete_what_is_not_there(live: Work) -> None:
    before = live.ref()
    push_one(live, ZERO, b"", old=ZERO, ref="refs/heads/none")
    untouched(live, before)


def test_ghost_commit(live: Work) -> None:
    refuses(live, packs.pack(), GHOST, "missing necessary objects")


def test_same_ref_twice(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    before = live.ref() or ""
    update = (before, simple.id, "refs/heads/main")
    answer = push(live, [update, update], simple.pack())
    assert "multiple updates" in answer.refs["refs/heads/main"]
    untouched(live, before)


def test_branch_to_a_blob(live: Work) -> None:
    blob = secrets.token_bytes(8)
    refuses(live, packs.pack(whole(BLOB, blob)), oid(BLOB, blob).hex(), "branch must point to a commit")


def test_tag_to_a_blob_is_allowed(live: Work) -> None:
    blob = secrets.token_bytes(8)
    answer = push_one(live, oid(BLOB, blob).hex(), packs.pack(whole(BLOB, blob)), ref="refs/tags/blob")
    assert answer.refs == {"refs/tags/blob": "ok"}


@pytest.mark.parametrize(
    "ref",
    [
        "HEAD",
        "main",
        "refs/heads/a..b",
        "refs/heads/../x",
        "refs/heads/.x",
        "refs/heads/x.lock",
        "refs/heads/a b",
        "refs/heads/a~b",
        "refs/heads/",
        "refs/heads/x/",
        "refs//x",
        "/etc/passwd",
        "refs/../../x",
        "refs/minpaas/deploys/1",
        "refs/heads/" + "x" * 2000,
        "refs/heads/" + "x" * 300,
    ],
)
def test_bad_ref_names(live: Work, ref: str) -> None:
    before = live.ref()
    names = live.at_server("for-each-ref").out
    answer = push_one(live, before or "", packs.pack(), ref=ref)
    assert answer.refused(), answer
    assert live.at_server("for-each-ref").out == names
    untouched(live, before)


@pytest.mark.parametrize("line", [b"nonsense", b"0 1 refs/heads/x", b"z" * 40 + b" " + b"1" * 40 + b" refs/heads/x"])
def test_lines_that_are_no_updates(live: Work, line: bytes) -> None:
    before = live.ref()
    push(live, [], b"", lines=packs.packet(line + b"\0 " + packs.CAPS.encode()))
    untouched(live, before)


def test_too_many_push_options(live: Work) -> None:
    before = live.ref() or ""
    options = b"".join(packs.packet(b"x") for _ in range(200)) + b"0000"
    push_one(live, GHOST, options + packs.pack(), old=before, caps=packs.CAPS + " push-options")
    untouched(live, before)


# Objects


@pytest.mark.parametrize("left_out", ["blob", "tree"])
def test_missing_objects(live: Work, left_out: str) -> None:
    simple = Simple(secrets.token_bytes(8))
    commit, tree, blob = simple.entries()
    kept = [commit, tree] if left_out == "blob" else [commit, blob]
    refuses(live, packs.pack(*kept), simple.id, "missing necessary objects")


def test_missing_parent(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    simple.commit = packs.commit(oid(TREE, simple.tree), bytes.fromhex(GHOST))
    refuses(live, simple.pack(), simple.id, "missing necessary objects")


def test_a_shallow_line_excuses_a_missing_parent_only(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    simple.commit = packs.commit(oid(TREE, simple.tree), bytes.fromhex(GHOST))
    before = live.ref() or ""
    shallow = packs.packet(f"shallow {simple.id}".encode())
    bare = packs.pack(whole(COMMIT, simple.commit), whole(TREE, simple.tree))
    assert push_one(live, simple.id, bare, old=before, lines=shallow).refused()
    assert push_one(live, simple.id, simple.pack(), old=before, lines=shallow).refs == {"refs/heads/main": "ok"}
    assert live.at_server("fsck", "--full").ok


def test_commit_whose_tree_is_a_blob(live: Work) -> None:
    blob = secrets.token_bytes(8)
    commit = packs.commit(oid(BLOB, blob))
    refuses(live, packs.pack(whole(COMMIT, commit), whole(BLOB, blob)), oid(COMMIT, commit).hex(), "missing necessary")


def test_commit_whose_tree_is_a_stored_blob(live: Work) -> None:
    stored = live.out("rev-parse", "HEAD:file")
    commit = packs.commit(bytes.fromhex(stored))
    refuses(live, packs.pack(whole(COMMIT, commit)), oid(COMMIT, commit).hex(), "missing necessary")


@pytest.mark.parametrize(
    "data", [b"", b"tree x\n", b"tree " + b"1" * 40 + b"\n\nno author\n", b"parent " + b"1" * 40 + b"\n"]
)
def test_malformed_commit(live: Work, data: bytes) -> None:
    refuses(live, packs.pack(whole(COMMIT, data)), oid(COMMIT, data).hex(), "malformed commit")


def test_malformed_tag(live: Work) -> None:
    data = b"object nothing\n"
    refuses(live, packs.pack(whole(packs.TAG, data)), oid(packs.TAG, data).hex(), "malformed tag")


@pytest.mark.parametrize(
    "name",
    [
        b".git",
        b".GIT",
        b".git ",
        b".git.",
        b"git~1",
        b"GIT~1",
        b".",
        b"..",
        b"a/b",
        b"/",
        ".g\u200cit".encode(),
        b".git::$INDEX",
    ],
)
def test_hostile_names(live: Work, name: bytes) -> None:
    content = secrets.token_bytes(8)
    tree = packs.tree((b"100644", name, oid(BLOB, content)))
    commit = packs.commit(oid(TREE, tree))
    body = packs.pack(whole(COMMIT, commit), whole(TREE, tree), whole(BLOB, content))
    refuses(live, body, oid(COMMIT, commit).hex(), "forbidden name")


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([(b"100644", b"b"), (b"100644", b"a")], "not sorted"),
        ([(b"100644", b"a"), (b"100644", b"a")], "duplicate"),
        ([(b"100644", b"a.b"), (b"40000", b"a"), (b"100644", b"a0"), (b"100644", b"a0")], "duplicate"),
        ([(b"777777", b"a")], "malformed tree"),
        ([(b"170000", b"a")], "bad mode"),
        ([(b"0100644", b"a")], "malformed tree"),
        ([(b"100644", b"")], "malformed tree"),
    ],
)
def test_hostile_trees(live: Work, entries: list[tuple[bytes, bytes]], reason: str) -> None:
    content = secrets.token_bytes(8)
    tree = packs.tree(*((mode, name, oid(BLOB, content)) for mode, name in entries))
    commit = packs.commit(oid(TREE, tree))
    body = packs.pack(whole(COMMIT, commit), whole(TREE, tree), whole(BLOB, content))
    refuses(live, body, oid(COMMIT, commit).hex(), reason)


def test_one_object_as_two_types(live: Work) -> None:
    content = secrets.token_bytes(8)
    target = oid(BLOB, content)
    tree = packs.tree((b"100644", b"a", target), (b"40000", b"b", target))
    commit = packs.commit(oid(TREE, tree))
    body = packs.pack(whole(COMMIT, commit), whole(TREE, tree), whole(BLOB, content))
    refuses(live, body, oid(COMMIT, commit).hex(), "two different types")


# Packs


def test_empty_pack_for_an_existing_commit(live: Work) -> None:
    answer = push_one(live, live.ref() or "", packs.pack(), ref="refs/heads/copy")
    assert answer.refs == {"refs/heads/copy": "ok"}


def test_ref_delta_on_a_stored_object(live: Work) -> None:
    base = secrets.token_bytes(50)
    first = Simple(base)
    assert push_one(live, first.id, first.pack(), ref=f"refs/heads/{first.id}").refs
    result = base + b"more"
    change = packs.delta(len(base), len(result), packs.copy(0, len(base)), packs.insert(b"more"))
    simple = Simple(result)
    body = packs.pack(*simple.entries()[:2], packs.ref_delta(oid(BLOB, base), change))
    answer = push_one(live, simple.id, body, old=live.ref() or "")
    assert answer.refs == {"refs/heads/main": "ok"}, answer
    assert live.at_server("fsck", "--full", "--strict").ok


@pytest.mark.parametrize("order", ["base first", "delta first"])
def test_ref_delta_within_the_pack(live: Work, order: str) -> None:
    base = secrets.token_bytes(50)
    result = base + b"more"
    change = packs.delta(len(base), len(result), packs.copy(0, len(base)), packs.insert(b"more"))
    simple = Simple(result)
    pair = [whole(BLOB, base), packs.ref_delta(oid(BLOB, base), change)]
    body = packs.pack(*simple.entries()[:2], *(pair if order == "base first" else reversed(pair)))
    assert push_one(live, simple.id, body, old=live.ref() or "").refs == {"refs/heads/main": "ok"}
    assert live.at_server("fsck", "--full", "--strict").ok


def test_ofs_delta(live: Work) -> None:
    base = secrets.token_bytes(300)
    result = base + b"more"
    change = packs.delta(len(base), len(result), packs.copy(0, len(base)), packs.insert(b"more"))
    simple = Simple(result)
    entry = whole(BLOB, base)
    body = packs.pack(*simple.entries()[:2], entry, packs.ofs_delta(len(entry), change))
    assert push_one(live, simple.id, body, old=live.ref() or "").refs == {"refs/heads/main": "ok"}
    assert live.at_server("fsck", "--full", "--strict").ok


@pytest.mark.parametrize("back", [0, 1, 7, 10**6, 2**61])
def test_ofs_delta_to_nowhere(live: Work, back: int) -> None:
    simple = Simple(secrets.token_bytes(8))
    change = packs.delta(8, 8, packs.copy(0, 8))
    body = packs.pack(*simple.entries(), packs.ofs_delta(back, change))
    refuses(live, body, simple.id, "delta")


def test_delta_loop(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    change = packs.delta(8, 8, packs.copy(0, 8))
    body = packs.pack(*simple.entries(), packs.ref_delta(b"\1" * 20, change), packs.ref_delta(b"\2" * 20, change))
    refuses(live, body, simple.id, "unresolved deltas")


@pytest.mark.parametrize(
    "change",
    [
        packs.delta(8, 20, packs.copy(0, 8)),
        packs.delta(8, 4, packs.copy(0, 8)),
        packs.delta(9, 8, packs.copy(0, 8)),
        packs.delta(8, 8, packs.copy(4, 8)),
        packs.delta(8, 1, b"\0"),
        packs.delta(8, 100, b"\x7fshort"),
        b"",
        b"\xff",
        b"\xff" * 30,
    ],
)
def test_bad_deltas(live: Work, change: bytes) -> None:
    simple = Simple(secrets.token_bytes(8))
    body = packs.pack(*simple.entries(), packs.ref_delta(simple.blob, change))
    refuses(live, body, simple.id, "bad delta")


def test_truncated_pack(live: Work) -> None:
    simple = Simple(secrets.token_bytes(3000))
    refuses(live, simple.pack()[:-1500], simple.id, "early EOF")


def test_bad_checksum(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    refuses(live, simple.pack()[:-1] + b"\0", simple.id, "checksum mismatch")


def test_bad_zlib(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    body = packs.pack(*simple.entries()[:2], packs.head(BLOB, 8) + b"x\x9cgarbage that is no zlib")
    refuses(live, body, simple.id, "zlib")


def test_wrong_sizes(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    for claimed in (7, 9):
        entry = packs.head(BLOB, claimed) + zlib.compress(simple.content)
        refuses(live, packs.pack(*simple.entries()[:2], entry), simple.id, "declared")


def test_unknown_type(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    body = packs.pack(*simple.entries(), packs.head(5, 1) + zlib.compress(b"x"))
    refuses(live, body, simple.id, "unknown object type")


def test_same_object_twice(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    refuses(live, packs.pack(*simple.entries(), simple.entries()[2]), simple.id, "duplicate objects")


def test_not_a_pack(live: Work) -> None:
    refuses(live, b"HTTP/1.1 200 OK\r\n\r\n" * 10, GHOST, "not a pack")


def test_garbage_after_the_pack(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    refuses(live, simple.pack() + b"garbage", simple.id, "garbage after pack")


def test_a_claim_of_all_objects(live: Work) -> None:
    simple = Simple(secrets.token_bytes(8))
    refuses(live, packs.pack(*simple.entries(), count=2**32 - 1), simple.id, "too many objects")


def test_a_claim_of_a_huge_object(live: Work) -> None:
    body = packs.pack(packs.head(BLOB, 2**40) + zlib.compress(b"x"))
    refuses(live, body, GHOST, "exceeds the limit")


def test_an_endless_size(live: Work) -> None:
    refuses(live, packs.pack(b"\xbf" + b"\xff" * 20), GHOST, "bad object size")


def test_object_over_the_limit(live: Work) -> None:
    refuses(live, packs.pack(whole(BLOB, bytes(101 << 20))), GHOST, "exceeds the limit")


@pytest.mark.parametrize("kind", [COMMIT, TREE, packs.TAG])
def test_structure_over_the_limit(live: Work, kind: int) -> None:
    refuses(live, packs.pack(whole(kind, bytes(33 << 20))), GHOST, "exceeds the limit")


# Bombs


def test_zlib_bomb(live: Work) -> None:
    """A blob that claims 10 bytes and inflates to 256 MB."""
    squeeze = zlib.compressobj(9)
    zeros = bytes(1 << 20)
    bomb = b"".join([*(squeeze.compress(zeros) for _ in range(256)), squeeze.flush()])
    refuses(live, packs.pack(packs.head(BLOB, 10) + bomb), GHOST, "larger than declared")


def test_delta_bomb(live: Work) -> None:
    """A chain in which each delta repeats its base: 16 bytes become gigabytes."""
    base = secrets.token_bytes(16)
    entries, size, data = [whole(BLOB, base)], 16, base
    ids = [oid(BLOB, base)]
    while size < 1 << 24:
        change = packs.delta(size, size * 2, packs.copy(0, size), packs.copy(0, size)) if size < 1 << 23 else b""
        if not change:
            break
        data += data
        entries.append(packs.ref_delta(ids[-1], change))
        ids.append(oid(BLOB, data))
        size *= 2
    fat = packs.delta(size, size * 120, *[packs.copy(0, size)] * 120)
    refuses(live, packs.pack(*entries, packs.ref_delta(ids[-1], fat)), GHOST, "exceeds the limit")


def test_delta_tree_that_would_be_held(live: Work) -> None:
    """Two deltas wait on each of many large bases: naive resolving holds all of the bases at once."""
    size = 24 << 20
    base = bytes(size)
    entries, current = [whole(BLOB, base, 9)], hashlib.sha1(b"blob %d\0" % size + base).digest()
    for i in range(20):
        tail = b"%08d" % i
        nested = base[: size - 8] + tail
        side = packs.delta(
            size,
            size,
            packs.copy(0, 1 << 23),
            packs.copy(0, 1 << 23),
            packs.copy(0, (1 << 23) - 8),
            packs.insert(b"x%07d" % i),
        )
        main = packs.delta(
            size, size, packs.copy(0, 1 << 23), packs.copy(0, 1 << 23), packs.copy(0, (1 << 23) - 8), packs.insert(tail)
        )
        entries += [packs.ref_delta(current, main), packs.ref_delta(current, side)]
        current = hashlib.sha1(b"blob %d\0" % size + nested).digest()
    refuses(live, packs.pack(*entries), GHOST, "missing necessary objects")


def test_deep_chain(live: Work) -> None:
    current = secrets.token_bytes(16)
    entries = [whole(BLOB, current)]
    for i in range(5000):
        following = current[:12] + i.to_bytes(4, "big")
        change = packs.delta(16, 16, packs.copy(0, 12), packs.insert(i.to_bytes(4, "big")))
        entries.append(packs.ref_delta(oid(BLOB, current), change))
        current = following
    refuses(live, packs.pack(*entries), GHOST, "deeper than")


def test_wide_tree_of_objects(live: Work) -> None:
    """A quarter of a million tiny objects is no attack, only much."""
    entries = [whole(BLOB, i.to_bytes(4, "big"), 1) for i in range(100_000)]
    simple = Simple(os.urandom(8))
    answer = push_one(live, simple.id, packs.pack(*simple.entries(), *entries), old=live.ref() or "")
    assert answer.refs == {"refs/heads/main": "ok"}
    assert live.place.memory_peak() < MOST_MEMORY


def test_still_serving_after_all_that(live: Work) -> None:
    commit = live.commit()
    assert live.push("-f", "origin", "main").ok
    assert live.ref() == commit
    print(f"peak memory of the git process: {live.place.memory_peak()} MB")
    assert live.place.memory_peak() < MOST_MEMORY
