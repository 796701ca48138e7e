"""Joins a bare repo's packs into one by copying entries: nothing is dropped, hardly anything is inflated.

Each push brings a pack, and every pack makes every look-up slower. To be called under the repo's lock. Packs of
pushes stand alone, so an object's first copy can always be rebuilt from copies that come before it.
"""

import hashlib
import logging
import mmap
import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dulwich.object_store import DiskObjectStore
from dulwich.objects import RawObjectID
from dulwich.pack import Pack, write_pack_index
from dulwich.repo import Repo

from minpaas.server.git.fsck import OFS_DELTA, REF_DELTA
from minpaas.server.git.ingest import sync_folder
from minpaas.server.git.pack_stream import TRAILER, read_head

log = logging.getLogger("minpaas.git")

MOST_PACKS = 20
_DEEPEST = 50  # thin packs build on what is stored, so without a bound chains would grow with every push
_SIBLINGS = (".idx", ".pack", ".rev", ".bitmap")  # the index first: without it nobody looks for the pack
_STEP = 1 << 20


def consolidate(repo: Repo, most: int = MOST_PACKS) -> int:
    """Join packs if there are `most` or more; how many were joined. A repo that cannot be joined stays as it is."""
    store = repo.object_store
    assert isinstance(store, DiskObjectStore)
    folder = Path(store.pack_dir)
    if len(list(folder.glob("pack-*.idx"))) < most:
        return 0
    store._update_pack_cache()
    packs = _worthwhile([_Source(pack, folder) for pack in store.packs])
    if len(packs) < 2:
        return 0
    handle, temporary = tempfile.mkstemp(prefix="tmp_pack_", dir=store.path)
    try:
        with os.fdopen(handle, "w+b") as out:
            joined = _Joined(out, store)
            for source in packs:
                joined.copy(source)
            checksum = joined.finish()
        name = _publish(Path(temporary), joined.entries, checksum, folder)
    except (_Damaged, OSError, KeyError, zlib.error) as error:
        log.warning("%s: packs are not joined: %s", repo.path, error)
        Path(temporary).unlink(missing_ok=True)
        return 0
    for source in packs:
        if source.path.stem != name:
            source.remove()
    store._update_pack_cache()
    return len(packs)


class _Damaged(Exception):
    """A stored pack is not what its index says."""


class _Source:
    def __init__(self, pack: Pack, folder: Path):
        self.pack = pack
        self.path = folder / Path(os.fsdecode(pack.data.filename)).name
        stat = self.path.stat()
        self.size, self.age = stat.st_size, stat.st_mtime_ns
        self.kept = self.path.with_suffix(".keep").exists()

    def remove(self) -> None:
        self.pack.close()
        for suffix in _SIBLINGS:
            self.path.with_suffix(suffix).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Placed:
    offset: int
    depth: int


class _Joined:
    """The pack that is being written. Every delta in it refers back to an entry before it."""

    def __init__(self, out: BinaryIO, store: DiskObjectStore):
        self._out, self._store = out, store
        self._placed: dict[bytes, _Placed] = {}
        self._at = 12
        self.entries: list[tuple[bytes, int, int]] = []
        out.write(b"PACK\0\0\0\2\0\0\0\0")

    def copy(self, source: _Source) -> None:
        entries = sorted((offset, bytes(oid), crc or 0) for oid, offset, crc in source.pack.index.iterentries())
        ids = {offset: oid for offset, oid, _ in entries}
        ends = [offset for offset, _, _ in entries[1:]] + [source.size - TRAILER]
        with source.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pack:
            for (offset, oid, crc), end in zip(entries, ends, strict=True):
                if oid in self._placed:
                    continue
                raw = pack[offset:end]
                if zlib.crc32(raw) != crc:
                    raise _Damaged(f"object {oid.hex()} in {source.path.name} is damaged")
                self._add(oid, raw, crc, offset, ids)

    def _add(self, oid: bytes, raw: bytes, crc: int, offset: int, ids: dict[int, bytes]) -> None:
        head, start = read_head(raw, 0)
        depth = 0
        if head.kind in (OFS_DELTA, REF_DELTA):
            base = self._placed.get(head.base_id or ids.get(offset - head.base_distance, b""))
            if base is None or base.depth >= _DEEPEST:
                kind, data = self._store.get_raw(RawObjectID(oid))
                raw = _entry_head(kind, len(data)) + zlib.compress(data)
                crc = zlib.crc32(raw)
            else:
                depth = base.depth + 1
                if head.kind == REF_DELTA or self._at - base.offset != head.base_distance:
                    raw = _entry_head(OFS_DELTA, head.size) + _distance(self._at - base.offset) + raw[start:]
                    crc = zlib.crc32(raw)
        self._out.write(raw)
        self._placed[oid] = _Placed(self._at, depth)
        self.entries.append((oid, self._at, crc))
        self._at += len(raw)

    def finish(self) -> bytes:
        """The checksum, written and synced."""
        out = self._out
        out.seek(8)
        out.write(len(self.entries).to_bytes(4, "big"))
        out.flush()
        out.seek(0)
        digest = hashlib.sha1()
        while data := out.read(_STEP):
            digest.update(data)
        out.write(digest.digest())
        out.flush()
        os.fsync(out.fileno())
        return digest.digest()


def _worthwhile(packs: list[_Source]) -> list[_Source]:
    """Oldest first. A pack that outweighs all the smaller ones twice is left alone: copying it gains little."""
    packs = sorted((pack for pack in packs if not pack.kept), key=lambda pack: pack.size)
    while len(packs) > 2 and packs[-1].size > 2 * sum(pack.size for pack in packs[:-1]):
        packs.pop()
    return sorted(packs, key=lambda pack: pack.age)


def _publish(temporary: Path, entries: list[tuple[bytes, int, int]], checksum: bytes, folder: Path) -> str:
    """Into objects/pack, the index last; the pack's name."""
    name = f"pack-{checksum.hex()}"
    index = temporary.with_suffix(".idx")
    try:
        with index.open("wb") as file:
            write_pack_index(file, sorted(entries), checksum, version=2)
            file.flush()
            os.fsync(file.fileno())
        for path in (temporary, index):
            path.chmod(0o444)
        temporary.rename(folder / f"{name}.pack")
        index.rename(folder / f"{name}.idx")
    finally:
        index.unlink(missing_ok=True)
    sync_folder(folder)
    return name


def _entry_head(kind: int, size: int) -> bytes:
    head, size = bytearray([(kind << 4) | (size & 15)]), size >> 4
    while size:
        head[-1] |= 0x80
        head.append(size & 0x7F)
        size >>= 7
    return bytes(head)


def _distance(distance: int) -> bytes:
    """git's own number format: seven bits a byte, most significant first, each continuation counts one more."""
    parts = [distance & 0x7F]
    while distance := distance >> 7:
        distance -= 1
        parts.append(0x80 | (distance & 0x7F))
    return bytes(reversed(parts))
