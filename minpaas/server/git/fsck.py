"""What git itself would refuse in an object: checked once, while the pack is read, before anything can use it."""

import re
from dataclasses import dataclass, field

COMMIT, TREE, BLOB, TAG, OFS_DELTA, REF_DELTA = 1, 2, 3, 4, 6, 7
TYPE_NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}
_TYPE_NUMBERS = {name: number for number, name in TYPE_NAMES.items()}

_HEX = rb"[0-9a-f]{40}"
_TREE_ENTRY = re.compile(rb"(1?[0-7]{5}) ([^\0]+)\0(.{20})", re.DOTALL)
_COMMIT_HEAD = re.compile(rb"tree (%s)\n((?:parent %s\n)*)author [^\n]+\ncommitter [^\n]+\n" % (_HEX, _HEX))
_TAG_HEAD = re.compile(rb"object (%s)\ntype (commit|tree|blob|tag)\ntag [^\n]+\n" % _HEX)
_SUBMODULE = b"160000"
_ENTRY_TYPES = {b"40000": TREE, b"100644": BLOB, b"100755": BLOB, b"100664": BLOB, b"120000": BLOB, _SUBMODULE: COMMIT}
# .git as any file system may spell it: NTFS ignores trailing dots and spaces and what follows a colon, and knows git~1
_FORBIDDEN = re.compile(
    rb"\A(?:\.|\.\.|(?:\.git|git~1)[ .]*(?::.*)?)\Z|/|(?:\A|\\)(?:\.git|git~1)[ .]*(?:\\|\Z)", re.I | re.S
)
# HFS+ ignores these characters, so that `.g<200c>it` is .git there
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_NAMES_REMEMBERED = 200_000


class BadPack(Exception):
    """The received pack is malformed, incomplete or over a limit. The text is for the pusher."""


@dataclass
class References:
    """What the new objects name: every id with the type it must have, and each new commit's parents."""

    needed: dict[bytes, int] = field(default_factory=dict)
    parents: dict[bytes, list[bytes]] = field(default_factory=dict)
    trees: dict[bytes, bytes] = field(default_factory=dict)  # commit -> its tree


class Fsck:
    """Checks trees, commits and tags, and notes what they refer to."""

    def __init__(self) -> None:
        self.references = References()
        self._good_names: set[bytes] = set()

    def check(self, kind: int, oid: bytes, data: bytes) -> None:
        """Raises BadPack if git would not accept the object. Blobs may hold anything."""
        if kind == TREE:
            self._check_tree(oid, data)
        elif kind == COMMIT:
            self._check_commit(oid, data)
        elif kind == TAG:
            self._check_tag(oid, data)

    def _need(self, oid: bytes, kind: int) -> None:
        if self.references.needed.setdefault(oid, kind) != kind:
            raise BadPack(f"object {oid.hex()} is used as two different types")

    def _check_tree(self, oid: bytes, data: bytes) -> None:
        entries = _TREE_ENTRY.findall(data)
        if sum([len(mode) + len(name) for mode, name, _ in entries]) + 22 * len(entries) != len(data):
            raise BadPack(f"malformed tree {oid.hex()}")
        if not entries:
            return
        modes, names, ids = zip(*entries, strict=True)
        used = set(modes)
        if not used <= _ENTRY_TYPES.keys():
            raise BadPack(f"tree {oid.hex()}: bad mode {(used - _ENTRY_TYPES.keys()).pop()!r}")
        self._check_names(oid, names)
        # git sorts a folder as if its name ended with a slash
        keys = [name + b"/" if mode == b"40000" else name for mode, name in zip(modes, names, strict=True)]
        if keys != sorted(keys) or len(set(names)) != len(names):
            raise BadPack(f"tree {oid.hex()}: entries not sorted or duplicate")
        for mode, target in zip(modes, ids, strict=True):
            if mode != _SUBMODULE:  # a submodule's commit lives in another repository
                self._need(target, _ENTRY_TYPES[mode])

    def _check_names(self, oid: bytes, names: tuple[bytes, ...]) -> None:
        for name in set(names) - self._good_names:
            plain = name if name.isascii() else _IGNORED_BY_HFS.sub("", name.decode("utf-8", "replace")).encode()
            if _FORBIDDEN.search(plain):
                raise BadPack(f"tree {oid.hex()}: forbidden name {name!r}")
            if len(self._good_names) < _NAMES_REMEMBERED:
                self._good_names.add(name)

    def _check_commit(self, oid: bytes, data: bytes) -> None:
        head = _COMMIT_HEAD.match(data)
        if not head:
            raise BadPack(f"malformed commit {oid.hex()}")
        tree = bytes.fromhex(head[1].decode())
        self._need(tree, TREE)
        self.references.trees[oid] = tree
        self.references.parents[oid] = [bytes.fromhex(line[7:].decode()) for line in head[2].splitlines()]

    def _check_tag(self, oid: bytes, data: bytes) -> None:
        head = _TAG_HEAD.match(data)
        if not head:
            raise BadPack(f"malformed tag {oid.hex()}")
        self._need(bytes.fromhex(head[1].decode()), _TYPE_NUMBERS[head[2]])
