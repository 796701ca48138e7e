"""One-pass ingest, without any transport: limits, quarantine, and agreement with git itself."""

import hashlib
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dulwich.objects import ObjectID, RawObjectID
from dulwich.repo import Repo

from minpaas.server.git.consolidate import consolidate
from minpaas.server.git.fsck import BadPack
from minpaas.server.git.ingest import Received, ingest
from minpaas.server.git.pack_stream import Limits
from tests.git import packs
from tests.git.packs import BLOB, Simple, oid, whole

ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_NAME": "A Person" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "person@example.org" for who in ("AUTHOR", "COMMITTER")},
}


def git(cwd: Path, *args: str, data: bytes = b"") -> bytes:
    return subprocess.run(["git", *args], cwd=cwd, env=ENV, input=data, capture_output=True, check=True).stdout


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "bare.git"
    Repo.init_bare(str(path), mkdir=True, default_branch=b"main").close()
    return path


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with deltas of all sorts."""
    path = tmp_path_factory.mktemp("history")
    git(path, "init", "-q", "-b", "main")
    lines = [f"line {i}\n" for i in range(300)]
    for i in range(12):
        lines[i * 7] = f"changed in {i}\n"
        (path / "file").write_text("".join(lines))
        (path / f"other{i}").write_text("".join(reversed(lines)))
        git(path, "add", "-A")
        git(path, "commit", "-q", "-m", str(i))
    git(path, "tag", "-a", "-m", "v1", "v1")
    return path


def packed(history: Path, *options: str, revs: str = "main\nv1") -> bytes:
    return git(history, "pack-objects", "--revs", "--stdout", "-q", *options, data=f"{revs}\n".encode())


def in_pieces(data: bytes, size: int) -> Callable[[], bytes]:
    pieces = iter([data[i : i + size] for i in range(0, len(data), size)])
    return lambda: next(pieces, b"")


def take(bare: Path, data: bytes, limits: Limits | None = None, size: int = 4096) -> Received:
    with Repo(str(bare)) as repo:
        return ingest(in_pieces(data, size), bare / "objects", repo.object_store.get_raw, limits)


def refuse(bare: Path, data: bytes, reason: str, limits: Limits | None = None) -> None:
    with pytest.raises(BadPack, match=reason):
        take(bare, data, limits)
    assert not list((bare / "objects").glob("incoming-*"))


@pytest.mark.parametrize("size", [1, 7, 64, 5000, 1 << 20])
@pytest.mark.parametrize(
    "options", [(), ("--delta-base-offset",), ("--delta-base-offset", "--depth=250", "--window=250")]
)
def test_any_pack_in_any_pieces(bare: Path, history: Path, options: tuple[str, ...], size: int) -> None:
    received = take(bare, packed(history, *options), size=size)
    received.migrate(bare / "objects")
    git(bare, "update-ref", "refs/heads/main", git(history, "rev-parse", "main").decode().strip())
    git(bare, "update-ref", "refs/tags/v1", git(history, "rev-parse", "v1").decode().strip())
    assert git(bare, "fsck", "--full", "--strict") == b""
    assert git(bare, "rev-list", "--objects", "main") == git(history, "rev-list", "--objects", "main")
    assert not list((bare / "objects").glob("incoming-*"))


def test_a_thin_pack_is_completed(bare: Path, history: Path) -> None:
    take(bare, packed(history, revs="main~3")).migrate(bare / "objects")
    thin = packed(history, "--thin", "--delta-base-offset", revs="main\n^main~3")
    received = take(bare, thin)
    received.migrate(bare / "objects")
    for index in (bare / "objects" / "pack").glob("*.idx"):
        git(bare, "verify-pack", str(index))
    git(bare, "update-ref", "refs/heads/main", git(history, "rev-parse", "main").decode().strip())
    assert git(bare, "fsck", "--full", "--strict") == b""


def test_nothing_is_visible_before_migrate(bare: Path) -> None:
    simple = Simple()
    received = take(bare, simple.pack())
    with Repo(str(bare)) as repo:
        assert ObjectID(simple.id.encode()) not in repo.object_store
    received.migrate(bare / "objects")
    with Repo(str(bare)) as repo:
        assert ObjectID(simple.id.encode()) in repo.object_store


def test_the_same_pack_twice(bare: Path) -> None:
    for _ in range(2):
        take(bare, Simple().pack()).migrate(bare / "objects")
    assert len(list((bare / "objects" / "pack").iterdir())) == 2
    assert not list((bare / "objects").glob("incoming-*"))


def test_discard_leaves_nothing(bare: Path) -> None:
    take(bare, Simple().pack()).discard()
    assert sorted(path.name for path in (bare / "objects").iterdir()) == ["info", "pack"]
    assert not list((bare / "objects" / "pack").iterdir())


def test_an_empty_pack(bare: Path) -> None:
    received = take(bare, packs.pack())
    assert not received.kinds
    assert not list((bare / "objects").glob("incoming-*"))


def test_an_empty_blob_at_the_end_waits_for_nothing(bare: Path) -> None:
    """The shortest entry there is: over SSH, reading one byte too far would wait for ever."""
    data = packs.pack(whole(BLOB, b""))
    pieces = iter([data[:20], data[20:]])

    def receive() -> bytes:
        piece = next(pieces, None)
        assert piece is not None, "asked for more than there is"
        return piece

    with Repo(str(bare)) as repo:
        assert ingest(receive, bare / "objects", repo.object_store.get_raw).kinds


def test_wire_limit(bare: Path) -> None:
    refuse(bare, packs.pack(whole(BLOB, os.urandom(5000))), "maximum allowed size", Limits(wire=4000))


def test_object_limit(bare: Path) -> None:
    refuse(bare, packs.pack(whole(BLOB, bytes(5000))), "exceeds the limit of 4000", Limits(blob=4000))


def test_inflated_limit(bare: Path) -> None:
    entries = [whole(BLOB, bytes([i]) * 1000) for i in range(10)]
    refuse(bare, packs.pack(*entries), "inflates to more than", Limits(inflated=5000))


def test_objects_limit(bare: Path) -> None:
    entries = [whole(BLOB, bytes([i])) for i in range(10)]
    refuse(bare, packs.pack(*entries), "too many objects", Limits(objects=9))


def test_deltas_count_as_inflated(bare: Path) -> None:
    """Many large results of one base, each within the limit of one object."""
    base = bytes(1000)
    entries = [whole(BLOB, base)]
    for i in range(70):
        change = packs.delta(1000, 90_001, *[packs.copy(0, 1000)] * 90, packs.insert(bytes([i])))
        entries.append(packs.ref_delta(oid(BLOB, base), change))
    refuse(bare, packs.pack(*entries), "inflates to more than", Limits(inflated=4_000_000))


def test_delta_depth(bare: Path) -> None:
    data, entries = b"x" * 16, [whole(BLOB, b"x" * 16)]
    for i in range(6):
        change = packs.delta(16, 16, packs.copy(0, 15), packs.insert(bytes([i])))
        entries.append(packs.ref_delta(oid(BLOB, data), change))
        data = data[:15] + bytes([i])
    refuse(bare, packs.pack(*entries), "deeper than 5", Limits(delta_depth=5))
    assert len(take(bare, packs.pack(*entries), Limits(delta_depth=6)).kinds) == 7


def test_bases_that_wait_on_disk(bare: Path) -> None:
    """With no memory for waiting bases the result is the same."""
    random.seed(7)
    contents = [random.randbytes(100)]
    entries = [whole(BLOB, contents[0])]
    for i in range(60):
        base = random.choice(contents)
        result = base + bytes([i])
        change = packs.delta(len(base), len(result), packs.copy(0, len(base)), packs.insert(bytes([i])))
        entries.append(packs.ref_delta(oid(BLOB, base), change))
        contents.append(result)
    received = take(bare, packs.pack(*entries), Limits(held=0))
    assert set(received.kinds) == {oid(BLOB, content) for content in contents}


def test_agrees_with_git_on_damaged_packs(bare: Path, history: Path, tmp_path: Path) -> None:
    """Whatever git's own index-pack refuses, so do we, and nothing but BadPack comes out."""
    random.seed(42)
    good = packed(history, "--delta-base-offset")
    for i in range(60):
        data = bytearray(good)
        for _ in range(random.randint(1, 3)):
            data[random.randrange(len(data))] = random.randrange(256)
        fixed = hashlib.sha1(data[:-20]).digest()
        data[-20:] = fixed  # or the checksum alone would refuse everything
        path = tmp_path / f"{i}.pack"
        path.write_bytes(data)
        theirs = subprocess.run(["git", "index-pack", "--strict", str(path)], env=ENV, capture_output=True, cwd=bare)
        try:
            take(bare, bytes(data)).discard()
            ours = True
        except BadPack:
            ours = False
        assert ours == (theirs.returncode == 0), (i, theirs.stderr)
    assert not list((bare / "objects").glob("incoming-*"))


def test_consolidation_keeps_everything(bare: Path, history: Path, tmp_path: Path) -> None:
    commits = git(history, "rev-list", "--reverse", "main").decode().split()
    before = ""
    for commit in commits:
        revs = f"{commit}\n^{before}" if before else commit
        take(bare, packed(history, "--thin", "--delta-base-offset", revs=revs)).migrate(bare / "objects")
        before = commit
    # and one that repeats objects in its middle, as after a revert
    take(bare, packed(history, "--delta-base-offset", revs=f"{commits[5]}\n^{commits[2]}")).migrate(bare / "objects")
    git(bare, "update-ref", "refs/heads/main", commits[-1])
    everything = git(bare, "rev-list", "--objects", "main")
    with Repo(str(bare)) as repo:
        assert consolidate(repo, most=50) == 0
        assert consolidate(repo, most=10) > 5
        assert repo.object_store.get_raw(RawObjectID(bytes.fromhex(commits[0])))[0] == 1
    left = list((bare / "objects" / "pack").glob("*.pack"))
    assert len(left) <= 3
    assert git(bare, "fsck", "--full", "--strict") == b""
    assert git(bare, "rev-list", "--objects", "main") == everything
    for index in (bare / "objects" / "pack").glob("*.idx"):
        git(bare, "verify-pack", str(index))
    assert not list((bare / "objects").glob("tmp_*"))


def test_chains_do_not_grow_with_every_push(bare: Path) -> None:
    """Thin pushes build on what is stored; joined again and again, the chains stay short."""
    lines = b"".join(b"line %d\n" % i for i in range(200))
    data = lines
    take(bare, packs.pack(whole(BLOB, data))).migrate(bare / "objects")
    with Repo(str(bare)) as repo:
        for i in range(120):
            following = lines + b"%d" % i
            change = packs.delta(len(data), len(following), packs.copy(0, len(lines)), packs.insert(b"%d" % i))
            body = packs.pack(packs.ref_delta(oid(BLOB, data), change))
            ingest(in_pieces(body, 4096), bare / "objects", repo.object_store.get_raw).migrate(bare / "objects")
            data = following
            consolidate(repo, most=8)
    deepest = 0
    for index in (bare / "objects" / "pack").glob("*.idx"):
        for line in git(bare, "verify-pack", "-v", str(index)).splitlines():
            if line.startswith(b"chain length = "):
                deepest = max(deepest, int(line.split(b":")[0].split()[-1]))
    assert 0 < deepest <= 51


def test_a_damaged_pack_is_not_joined(bare: Path) -> None:
    for _ in range(4):
        take(bare, packs.pack(whole(BLOB, os.urandom(100)))).migrate(bare / "objects")
    victim = next((bare / "objects" / "pack").glob("*.pack"))
    victim.chmod(0o644)
    data = bytearray(victim.read_bytes())
    data[40] ^= 1
    victim.write_bytes(data)
    with Repo(str(bare)) as repo:
        assert consolidate(repo, most=2) == 0
    assert len(list((bare / "objects" / "pack").glob("*.pack"))) == 4
