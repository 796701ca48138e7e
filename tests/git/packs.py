"""Packs made by hand, byte by byte, and a conversation with receive-pack in which every byte is ours."""

import hashlib
import http.client
import shlex
import subprocess
import zlib
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.git.conftest import Work

COMMIT, TREE, BLOB, TAG, OFS_DELTA, REF_DELTA = 1, 2, 3, 4, 6, 7
NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}
ZERO = "0" * 40
CAPS = "report-status side-band-64k delete-refs ofs-delta"


def oid(kind: int, data: bytes) -> bytes:
    return hashlib.sha1(b"%s %d\0" % (NAMES[kind], len(data)) + data).digest()


def tree(*entries: tuple[bytes, bytes, bytes]) -> bytes:
    return b"".join(b"%s %s\0%s" % entry for entry in entries)


def commit(tree_id: bytes, *parents: bytes) -> bytes:
    lines = [b"tree " + tree_id.hex().encode(), *(b"parent " + parent.hex().encode() for parent in parents)]
    who = b"A Person <person@example.org> 1700000000 +0000"
    return b"\n".join([*lines, b"author " + who, b"committer " + who, b"", b"message\n"])


def head(kind: int, size: int) -> bytes:
    out, size = bytearray([(kind << 4) | (size & 15)]), size >> 4
    while size:
        out[-1] |= 0x80
        out.append(size & 0x7F)
        size >>= 7
    return bytes(out)


def number(value: int) -> bytes:
    """A delta's number: seven bits a byte, least significant first."""
    out = bytearray()
    while True:
        out.append((value & 0x7F) | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def distance(value: int) -> bytes:
    parts = [value & 0x7F]
    while value := value >> 7:
        value -= 1
        parts.append(0x80 | (value & 0x7F))
    return bytes(reversed(parts))


def delta(base_size: int, result_size: int, *operations: bytes) -> bytes:
    return number(base_size) + number(result_size) + b"".join(operations)


def copy(offset: int, size: int) -> bytes:
    """Copy from the base."""
    return bytes([0x80 | 0x0F | 0x70]) + offset.to_bytes(4, "little") + size.to_bytes(3, "little")


def insert(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def whole(kind: int, data: bytes, level: int = 6) -> bytes:
    return head(kind, len(data)) + zlib.compress(data, level)


def ref_delta(base: bytes, data: bytes) -> bytes:
    return head(REF_DELTA, len(data)) + base + zlib.compress(data)


def ofs_delta(back: int, data: bytes) -> bytes:
    return head(OFS_DELTA, len(data)) + distance(back) + zlib.compress(data)


def pack(*entries: bytes, count: int | None = None) -> bytes:
    body = b"PACK" + (2).to_bytes(4, "big") + (len(entries) if count is None else count).to_bytes(4, "big")
    body += b"".join(entries)
    return body + hashlib.sha1(body).digest()


@dataclass
class Simple:
    """One commit with one file: the smallest thing that can be pushed."""

    content: bytes = b"hello\n"
    blob: bytes = field(init=False)
    tree: bytes = field(init=False)
    commit: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.blob = oid(BLOB, self.content)
        self.tree = tree((b"100644", b"file", self.blob))
        self.commit = commit(oid(TREE, self.tree))

    @property
    def id(self) -> str:
        return oid(COMMIT, self.commit).hex()

    def entries(self) -> list[bytes]:
        return [whole(COMMIT, self.commit), whole(TREE, self.tree), whole(BLOB, self.content)]

    def pack(self) -> bytes:
        return pack(*self.entries())


@dataclass
class Answer:
    """What receive-pack said: how the unpacking went, and a verdict for each ref; `raw` if it was no report."""

    unpack: str
    refs: dict[str, str]
    raw: bytes

    def refused(self) -> bool:
        return bool(self.unpack != "ok" or not self.refs or all(verdict != "ok" for verdict in self.refs.values()))


def packet(line: bytes) -> bytes:
    return b"%04x%s" % (len(line) + 4, line)


def push(work: Work, updates: list[tuple[str, str, str]], body: bytes, caps: str = CAPS, lines: bytes = b"") -> Answer:
    """Send these updates and this pack; a body may be followed by nothing, as when the client was killed."""
    request = lines
    for i, (old, new, ref) in enumerate(updates):
        request += packet(f"{old} {new} {ref}".encode() + (f"\0 {caps}".encode() if i == 0 else b""))
    request += b"0000" + body
    raw = _over_http(work, request) if work.transport == "http" else _over_ssh(work, request)
    return _parse(raw)


def push_one(work: Work, new: str, body: bytes, old: str = ZERO, ref: str = "refs/heads/main", **kwargs) -> Answer:
    return push(work, [(old, new, ref)], body, **kwargs)


def _over_http(work: Work, request: bytes) -> bytes:
    url = urlsplit(work.url)
    connection = http.client.HTTPConnection("127.0.0.1", url.port, timeout=60)
    kind = "application/x-git-receive-pack-request"
    connection.request("POST", url.path + "/git-receive-pack", request, {"content-type": kind})
    answer = connection.getresponse()
    return answer.read()


def _over_ssh(work: Work, request: bytes) -> bytes:
    command = shlex.split(work.place.env["GIT_SSH_COMMAND"])
    command += ["-p", str(work.place.ssh_port), "git@127.0.0.1", f"git-receive-pack '/{work.app}.git'"]
    ran = subprocess.run(command, input=request, capture_output=True, env=work.place.env, timeout=60)
    return _after_flush(ran.stdout)


def _after_flush(raw: bytes) -> bytes:
    """What follows the advertisement."""
    at = 0
    while at < len(raw):
        size = int(raw[at : at + 4], 16)
        at += max(size, 4)
        if size == 0:
            break
    return raw[at:]


def packets(raw: bytes) -> list[bytes]:
    found, at = [], 0
    while at + 4 <= len(raw):
        try:
            size = int(raw[at : at + 4], 16)
        except ValueError:
            break
        found.append(raw[at + 4 : at + size])
        at += max(size, 4)
    return found


def _parse(raw: bytes) -> Answer:
    banded = b"".join(line[1:] for line in packets(raw) if line[:1] == b"\1")
    unpack, refs = "", {}
    for line in packets(banded):
        word, _, rest = line.decode().rstrip("\n").partition(" ")
        if word == "unpack":
            unpack = rest
        elif word in ("ok", "ng"):
            ref, _, reason = rest.partition(" ")
            refs[ref] = "ok" if word == "ok" else reason
    return Answer(unpack, refs, raw)
