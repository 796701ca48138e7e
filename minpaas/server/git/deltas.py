"""Deltas of a received pack, resolved within bounds of depth, size and memory."""

import hashlib
import mmap
import tempfile
import threading
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dulwich.pack import apply_delta

from minpaas.server.git.fsck import TYPE_NAMES, BadPack
from minpaas.server.git.pack_stream import Limits

_STEP = 1 << 16
_LARGE = 8 << 20
_ONE_LARGE = threading.Lock()  # base, delta and result are in memory together: once is enough


@dataclass(frozen=True, slots=True)
class Delta:
    """A delta entry: where it lies, its crc, where its data starts, their size, and the data if they were kept."""

    offset: int
    crc: int
    data_offset: int
    size: int
    payload: bytes | None


class Base:
    """An object while deltas on it wait. Many large ones wait on disk, not in memory."""

    def __init__(self, data: bytes, waiting: int, spool: "Spool"):
        self._data: bytes | None = data
        self._spool, self._waiting, self.size, self._at = spool, waiting, len(data), -1
        self._reserved = waiting > 1 and spool.reserve(len(data))
        if waiting > 1 and not self._reserved:
            self._at = spool.write(data)
            self._data = None

    def take(self) -> bytes:
        """The object's bytes, for one of the deltas that wait for it."""
        self._waiting -= 1
        if self._reserved and not self._waiting:
            self._spool.release(self.size)
        return self._data if self._data is not None else self._spool.read(self._at, self.size)


class Spool:
    """Keeps account of the bytes that wait in memory, and holds what exceeds them in a nameless file."""

    def __init__(self, folder: Path, budget: int):
        self._folder, self._free = folder, budget
        self._file: IO[bytes] | None = None  # most pushes need none

    def reserve(self, size: int) -> bool:
        """Whether so much may wait in memory."""
        if size > self._free:
            return False
        self._free -= size
        return True

    def release(self, size: int) -> None:
        """It waits no longer."""
        self._free += size

    def write(self, data: bytes) -> int:
        """Where the data now lie."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  (closed by close)
        at = self._file.seek(0, 2)
        self._file.write(data)
        return at

    def read(self, at: int, size: int) -> bytes:
        """What was written there."""
        assert self._file is not None
        self._file.seek(at)
        return self._file.read(size)

    def close(self) -> None:
        """The file goes with its last handle."""
        if self._file is not None:
            self._file.close()


class DeltaResolver:
    """Turns deltas into objects, depth first, and tells `found(kind, oid, data, offset, crc)` of each."""

    def __init__(self, limits: Limits, spend: Callable[[int], None], found: Callable[[int, bytes, bytes, Delta], None]):
        self._limits, self._spend, self._found = limits, spend, found
        self.deltas: list[Delta] = []
        self.by_offset: dict[int, list[int]] = {}
        self.by_id: dict[bytes, list[int]] = {}
        self.left = 0

    def add(self, delta: Delta, base_offset: int | None, base_id: bytes) -> None:
        """A delta that waits for the entry at `base_offset`, or for the object `base_id`."""
        if base_offset is not None:
            self.by_offset.setdefault(base_offset, []).append(len(self.deltas))
        else:
            self.by_id.setdefault(base_id, []).append(len(self.deltas))
        self.deltas.append(delta)
        self.left += 1

    def awaited(self, offset: int, oid: bytes) -> bool:
        """Whether a delta waits for this object."""
        return offset in self.by_offset or oid in self.by_id

    def resolve(
        self, pack: mmap.mmap, spool: Spool, kind: int, data: bytes, oid: bytes, offset: int | None = None
    ) -> None:
        """Everything that builds on this object, directly or not."""
        stack: list[tuple[int, Base, int]] = []
        self._push(stack, data, oid, offset, 1, spool)
        del data  # it may wait on disk now
        while stack:
            number, base, depth = stack.pop()
            if depth > self._limits.delta_depth:
                raise BadPack(f"delta chain deeper than {self._limits.delta_depth}")
            delta = self.deltas[number]
            with _ONE_LARGE if base.size > _LARGE else nullcontext():
                result = self._apply(kind, base.take(), delta, pack)
            oid = hashlib.sha1(b"%s %d\0" % (TYPE_NAMES[kind], len(result)) + result).digest()
            self._found(kind, oid, result, delta)
            self.left -= 1
            self._push(stack, result, oid, delta.offset, depth + 1, spool)

    def _push(
        self, stack: list[tuple[int, Base, int]], data: bytes, oid: bytes, offset: int | None, depth: int, spool: Spool
    ) -> None:
        waiting = self.by_id.pop(oid, [])
        if offset is not None:
            waiting = self.by_offset.pop(offset, []) + waiting
        if waiting:
            base = Base(data, len(waiting), spool)
            stack.extend((number, base, depth) for number in waiting)

    def _apply(self, kind: int, base: bytes, delta: Delta, pack: mmap.mmap) -> bytes:
        payload = delta.payload
        if payload is None:
            payload = inflate_at(pack, delta.data_offset, delta.size)
        wanted = _result_size(payload)
        if wanted > self._limits.of(kind):
            raise BadPack(f"object of {wanted} bytes exceeds the limit of {self._limits.of(kind)}")
        self._spend(wanted)
        try:
            result = b"".join(apply_delta(base, payload))
        except BaseException as error:
            # the extension raises several kinds; what it raises for want of memory may be no Exception at all
            if isinstance(error, MemoryError) or not isinstance(error, Exception):
                raise MemoryError from None
            raise BadPack(f"bad delta: {error}") from None
        if len(result) != wanted:
            raise BadPack("bad delta result size")
        return result


def inflate_at(pack: mmap.mmap, offset: int, size: int) -> bytes:
    """The data of an entry that was read before."""
    unzip, parts, got = zlib.decompressobj(), [], 0
    while not unzip.eof and got <= size:
        chunk = unzip.unconsumed_tail or pack[offset : offset + _STEP]
        if not unzip.unconsumed_tail:
            offset += len(chunk)
        if not chunk:
            break
        data = unzip.decompress(chunk, size + 1 - got)
        got += len(data)
        parts.append(data)
    if got != size:
        raise BadPack("bad base object")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _result_size(payload: bytes) -> int:
    """The size that a delta claims for its result: the second of the two numbers it starts with."""
    try:
        pos = size = shift = 0
        while payload[pos] & 0x80:
            pos += 1
        while True:
            pos += 1
            size |= (payload[pos] & 0x7F) << shift
            if not payload[pos] & 0x80:
                return size
            shift += 7
            if shift > 60:
                raise BadPack("bad delta header")
    except IndexError:
        raise BadPack("bad delta header") from None
