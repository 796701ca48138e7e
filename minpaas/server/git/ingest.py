"""One pass over a received pack: stored in quarantine, checked, indexed, synced; then moved into the repo or dropped.

Nothing of it is visible to the repo before `migrate`, and nothing is left after `discard`.
"""

import hashlib
import mmap
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from dulwich.object_format import SHA1
from dulwich.objects import ObjectID, RawObjectID
from dulwich.pack import extend_pack, write_pack_index

from minpaas.server.git.deltas import Delta, DeltaResolver, Spool, inflate_at
from minpaas.server.git.fsck import BLOB, OFS_DELTA, REF_DELTA, TYPE_NAMES, BadPack, Fsck, References
from minpaas.server.git.pack_stream import TRAILER, Limits, PackStream

QUARANTINE = "incoming-minpaas-"  # a prefix of our own: the start of the server sweeps it
_STREAMED = 1 << 20  # larger blobs are hashed as they pass and never held

RawObjects = Callable[[RawObjectID | ObjectID], tuple[int, bytes]]


@dataclass
class Received:
    """What a push brought: still in quarantine, and what must be known to judge it."""

    kinds: dict[bytes, int] = field(default_factory=dict)  # new object -> its type
    references: References = field(default_factory=References)
    quarantine: Path | None = None  # None: an empty pack
    name: str = ""  # pack-<checksum>

    def discard(self) -> None:
        """Drop what has not been moved into the repo."""
        if self.quarantine:
            shutil.rmtree(self.quarantine, ignore_errors=True)

    def migrate(self, objects: Path) -> None:
        """Into objects/pack: the pack first, its index last, because readers look for the index."""
        if not self.quarantine:
            return
        folder = objects / "pack"
        folder.mkdir(exist_ok=True)
        # the name is the pack's checksum: what is there already has the same bytes
        if not (folder / f"{self.name}.idx").exists():
            for suffix in (".pack", ".idx"):
                os.rename(self.quarantine / (self.name + suffix), folder / (self.name + suffix))
            sync_folder(folder)
        self.discard()


def ingest(receive: Callable[[], bytes], objects: Path, stored: RawObjects, limits: Limits | None = None) -> Received:
    """Read one pack from `receive`. `stored` gives bases that the repo has. Raises BadPack and leaves nothing behind."""
    quarantine = Path(tempfile.mkdtemp(prefix=QUARANTINE, dir=objects))
    try:
        return _Ingest(quarantine, stored, limits or Limits()).run(receive)
    except BaseException:
        shutil.rmtree(quarantine, ignore_errors=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make renames in the folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Ingest:
    def __init__(self, quarantine: Path, stored: RawObjects, limits: Limits):
        self._quarantine, self._stored, self._limits = quarantine, stored, limits
        self._fsck = Fsck()
        self._kinds: dict[bytes, int] = {}
        self._entries: list[tuple[bytes, int, int]] = []  # id, offset, crc
        self._whole: dict[int, tuple[int, bytes, int, int]] = {}  # offset -> type, id, where its data start, size
        self._inflated = self._kept = 0
        self._deltas = DeltaResolver(limits, self._spend, self._resolved)

    def run(self, receive: Callable[[], bytes]) -> Received:
        path = self._quarantine / "in.pack"
        with path.open("w+b") as out:
            stream = PackStream(receive, out, self._limits)
            count = stream.read_header()
            if count > self._limits.objects:
                raise BadPack(f"pack has too many objects ({count}, limit {self._limits.objects})")
            for _ in range(count):
                self._read_entry(stream)
            checksum = stream.read_trailer()
            out.flush()
            if count == 0:
                shutil.rmtree(self._quarantine)
                return Received()
            borrowed = self._resolve_deltas(path)
            if len(self._kinds) != len(self._entries):
                raise BadPack("pack has duplicate objects")
            if borrowed:
                checksum = self._complete(out, borrowed)
            os.fsync(out.fileno())
        return self._finish(path, checksum)

    def _spend(self, size: int) -> None:
        self._inflated += size
        if self._inflated > self._limits.inflated:
            raise BadPack(f"pack inflates to more than {self._limits.inflated} bytes")

    def _read_entry(self, stream: PackStream) -> None:
        offset = stream.offset
        head = stream.read_head()
        if head.size > self._limits.of(head.kind):
            raise BadPack(f"object of {head.size} bytes exceeds the limit of {self._limits.of(head.kind)}")
        self._spend(head.size)
        at = stream.offset
        if head.kind == BLOB and head.size > _STREAMED:
            digest = hashlib.sha1(b"blob %d\0" % head.size)
            stream.inflate(head.size, digest.update)
            self._add_whole(BLOB, digest.digest(), offset, stream.crc, at, head.size)
            return
        parts: list[bytes] = []
        stream.inflate(head.size, parts.append)
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if head.kind in (OFS_DELTA, REF_DELTA):
            base = offset - head.base_distance if head.kind == OFS_DELTA else None
            if base is not None and not 12 <= base < offset:
                raise BadPack("delta base offset out of bounds")
            self._kept += len(data)
            kept = data if self._kept < self._limits.held else None
            self._deltas.add(Delta(offset, stream.crc, at, head.size, kept), base, head.base_id)
            return
        oid = hashlib.sha1(b"%s %d\0" % (TYPE_NAMES[head.kind], head.size) + data).digest()
        self._fsck.check(head.kind, oid, data)
        self._add_whole(head.kind, oid, offset, stream.crc, at, head.size)

    def _add_whole(self, kind: int, oid: bytes, offset: int, crc: int, at: int, size: int) -> None:
        self._kinds[oid] = kind
        self._entries.append((oid, offset, crc))
        self._whole[offset] = (kind, oid, at, size)

    def _resolved(self, kind: int, oid: bytes, data: bytes, delta: Delta) -> None:
        self._fsck.check(kind, oid, data)
        self._kinds[oid] = kind
        self._entries.append((oid, delta.offset, delta.crc))

    def _resolve_deltas(self, path: Path) -> list[bytes]:
        """Makes objects of all deltas; the ids of the bases that a thin pack left out."""
        if not self._deltas.left:
            return []
        borrowed: list[bytes] = []
        spool = Spool(self._quarantine, self._limits.held)
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pack:
                for offset, (kind, oid, at, size) in self._whole.items():
                    if self._deltas.awaited(offset, oid):
                        self._deltas.resolve(pack, spool, kind, inflate_at(pack, at, size), oid, offset)
                for oid in list(self._deltas.by_id):
                    if oid not in self._deltas.by_id or oid in self._kinds:
                        continue  # resolved meanwhile, or never to be (a loop)
                    try:
                        kind, data = self._stored(RawObjectID(oid))
                    except KeyError:
                        continue
                    borrowed.append(oid)
                    self._deltas.resolve(pack, spool, kind, bytes(data), oid)
        finally:
            spool.close()
        if self._deltas.left:
            raise BadPack(f"unresolved deltas ({self._deltas.left})")
        return borrowed

    def _complete(self, out: BinaryIO, borrowed: list[bytes]) -> bytes:
        """A thin pack gets the bases that it left out, because a stored pack must stand alone."""
        out.seek(-TRAILER, os.SEEK_END)
        out.truncate()
        out.write(bytes(TRAILER))  # extend_pack overwrites what it takes for the old checksum
        out.flush()
        checksum, entries = extend_pack(out, {RawObjectID(oid) for oid in borrowed}, self._stored, SHA1)
        out.flush()
        self._entries.extend(entries)
        return checksum

    def _finish(self, path: Path, checksum: bytes) -> Received:
        self._entries.sort()
        name = f"pack-{checksum.hex()}"
        path.chmod(0o444)
        path.rename(path.with_name(f"{name}.pack"))
        with path.with_name(f"{name}.idx").open("wb") as index:
            write_pack_index(index, self._entries, checksum, version=2)
            index.flush()
            os.fsync(index.fileno())
            os.fchmod(index.fileno(), 0o444)
        return Received(self._kinds, self._fsck.references, self._quarantine, name)
