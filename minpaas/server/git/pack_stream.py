"""A pack as it comes off the wire: written to the quarantine and hashed while it is read, every size checked on the way."""

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from minpaas.server.git.fsck import OFS_DELTA, REF_DELTA, TYPE_NAMES, BadPack

_STEP = 1 << 16  # input given to zlib at once
_OUTPUT_STEP = 1 << 20  # output asked of zlib at once
TRAILER = 20


@dataclass(frozen=True)
class Limits:
    """What one push may bring. Bounds are checked while inflating, so a bomb costs no more than they allow."""

    wire: int = 1 << 30  # bytes of the pack
    blob: int = 100 << 20  # of one inflated blob
    structure: int = 32 << 20  # of one inflated tree, commit or tag
    inflated: int = 4 << 30  # all objects together
    objects: int = 2_000_000
    delta_depth: int = 4096
    held: int = 64 << 20  # inflated bytes that wait in memory at once; what is more goes to disk

    def of(self, kind: int) -> int:
        """The limit of one object of this type."""
        return self.structure if kind in (1, 2, 4) else self.blob


@dataclass(frozen=True)
class EntryHead:
    """How an entry of a pack begins: its type, declared size and, for a delta, where its base is."""

    kind: int
    size: int
    base_distance: int = 0  # of an OFS_DELTA, back from the entry's own offset
    base_id: bytes = b""  # of a REF_DELTA


def read_head(buf: bytes, pos: int) -> tuple[EntryHead, int]:
    """The entry's head at `pos` and where its compressed data starts. IndexError: more bytes are needed."""
    byte = buf[pos]
    pos += 1
    kind, size, shift = (byte >> 4) & 7, byte & 15, 4
    while byte & 0x80:
        byte = buf[pos]
        pos += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if shift > 60:
            raise BadPack("bad object size")
    if kind == OFS_DELTA:
        byte = buf[pos]
        pos += 1
        distance = byte & 0x7F
        while byte & 0x80:
            byte = buf[pos]
            pos += 1
            distance = ((distance + 1) << 7) | (byte & 0x7F)
            if distance >> 60:
                raise BadPack("delta base offset out of bounds")
        return EntryHead(kind, size, base_distance=distance), pos
    if kind == REF_DELTA:
        if len(buf) < pos + 20:
            raise IndexError
        return EntryHead(kind, size, base_id=buf[pos : pos + 20]), pos + 20
    if kind not in TYPE_NAMES:
        raise BadPack(f"unknown object type {kind}")
    return EntryHead(kind, size), pos


class PackStream:
    """A window on the incoming pack. What it has passed is in `out` and in the checksum.

    SSH gives no end of file after the pack, so it never waits for bytes that may not come.
    """

    def __init__(self, receive: Callable[[], bytes], out: BinaryIO, limits: Limits):
        self._receive, self._out, self._limits = receive, out, limits
        self._buf, self._pos, self._passed, self._total = b"", 0, 0, 0
        self._sha = hashlib.sha1()
        self.crc = 0

    @property
    def offset(self) -> int:
        """Where in the pack the next byte lies."""
        return self._passed + self._pos

    def read_header(self) -> int:
        """The number of objects that the pack claims."""
        while len(self._buf) < 12:
            self._fill()
        if self._buf[:4] != b"PACK" or int.from_bytes(self._buf[4:8], "big") not in (2, 3):
            raise BadPack("not a pack")
        self._pos = 12
        return int.from_bytes(self._buf[8:12], "big")

    def read_head(self) -> EntryHead:
        """The next entry's head; starts its crc."""
        while True:
            try:
                head, after = read_head(self._buf, self._pos)
            except IndexError:
                self._fill()
                continue
            self.crc = zlib.crc32(self._buf[self._pos : after])
            self._pos = after
            return head

    def inflate(self, size: int, sink: Callable[[bytes], object]) -> None:
        """Hands the entry's data to `sink` piece by piece; exactly `size` bytes or BadPack."""
        unzip, got = zlib.decompressobj(), 0
        step = min(_STEP, size + (size >> 7) + 64)
        try:
            while not unzip.eof:
                chunk = self._buf[self._pos : self._pos + step]
                if not chunk:
                    self._fill()
                    continue
                # one byte more than declared is asked for, so that a longer object is noticed and never inflated
                data = unzip.decompress(chunk, min(size + 1 - got, _OUTPUT_STEP))
                # at the end both hold the rest
                used = len(chunk) - len(unzip.unused_data if unzip.eof else unzip.unconsumed_tail)
                if not used and not data and not unzip.eof:
                    raise BadPack("bad zlib stream")
                self.crc = zlib.crc32(chunk[:used] if used < len(chunk) else chunk, self.crc)
                self._pos += used
                got += len(data)
                if got > size:
                    raise BadPack("inflated object larger than declared")
                sink(data)
        except zlib.error as error:
            raise BadPack(f"zlib: {error}") from None
        if got != size:
            raise BadPack("inflated object does not match its declared size")

    def read_trailer(self) -> bytes:
        """The pack's checksum, compared with our own."""
        while len(self._buf) - self._pos < TRAILER:
            self._fill()
        self._flush()
        trailer = self._buf[:TRAILER]
        if trailer != self._sha.digest():
            raise BadPack("pack checksum mismatch")
        if len(self._buf) > TRAILER:
            raise BadPack("garbage after pack")
        self._out.write(trailer)
        return trailer

    def _fill(self) -> None:
        self._flush()
        chunk = self._receive()
        if not chunk:
            raise BadPack("early EOF")
        self._total += len(chunk)
        if self._total > self._limits.wire:
            raise BadPack(f"pack exceeds maximum allowed size of {self._limits.wire} bytes")
        self._buf += chunk

    def _flush(self) -> None:
        if self._pos:
            passed = memoryview(self._buf)[: self._pos]
            self._out.write(passed)
            self._sha.update(passed)
            self._buf = self._buf[self._pos :]
            self._passed += self._pos
            self._pos = 0
