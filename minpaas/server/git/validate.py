"""Whether the updates of a push may happen at all: names, ids, types, and that nothing they need is missing."""

from collections.abc import Sequence

from dulwich.objects import ObjectID
from dulwich.refs import check_ref_format
from dulwich.repo import Repo

from minpaas.server.git.fsck import COMMIT, TREE
from minpaas.server.git.ingest import Received
from minpaas.server.git.ref_moves import HIDDEN
from minpaas.server.git.verdict import Update

ZERO = b"0" * 40


def judge(
    repo: Repo, updates: Sequence[Update], received: Received, shallow: Sequence[bytes]
) -> tuple[dict[int, bytes], set[ObjectID]]:
    """Number -> reason for each update that is refused, and the new commits whose parents the pusher does not have."""
    objects = _Objects(repo, received)
    complete, shallow_commits = _connected(objects, received, set(shallow))
    errors: dict[int, bytes] = {}
    first: dict[bytes, int] = {}
    for i, update in enumerate(updates):
        if update.ref in first:
            errors[i] = errors[first[update.ref]] = b"multiple updates for one ref"
            continue
        first[update.ref] = i
        reason = _refname_fault(update.ref)
        if not reason and update.new != ZERO:
            reason = _target_fault(objects, update) if complete else b"missing necessary objects"
        if reason:
            errors[i] = reason
    return errors, shallow_commits


class _Objects:
    """The repo and what the push brought, as one."""

    def __init__(self, repo: Repo, received: Received):
        self._store, self._received = repo.object_store, received

    def has(self, oid: bytes) -> bool:
        return oid in self._received.kinds or _hex(oid) in self._store

    def kind(self, oid: bytes) -> int | None:
        if oid in self._received.kinds:
            return self._received.kinds[oid]
        try:
            return self._store.get_raw(_hex(oid))[0]
        except KeyError:
            return None

    def fits(self, oid: bytes, kind: int) -> bool:
        """It is here, and, if it is new, of that type. The type of a stored one would cost a read each."""
        new = self._received.kinds.get(oid)
        return new == kind if new is not None else _hex(oid) in self._store

    def tree_of(self, commit: bytes) -> bytes | None:
        return self._received.references.trees.get(commit)


def _connected(objects: _Objects, received: Received, shallow: set[bytes]) -> tuple[bool, set[ObjectID]]:
    """Whether all that the new objects name is there.

    The repo is closed under references, so it is enough to look at what is new.
    """
    refs = received.references
    if not all(objects.fits(oid, kind) for oid, kind in refs.needed.items()):
        return False, set()
    cut: set[ObjectID] = set()
    for commit, parents in refs.parents.items():
        if all(objects.fits(parent, COMMIT) for parent in parents):
            continue
        if _hex(commit) not in shallow:
            return False, set()
        cut.add(_hex(commit))
    return True, cut


def _refname_fault(ref: bytes) -> bytes:
    if not ref.startswith(b"refs/") or not check_ref_format(ref) or len(ref) > 1000:  # type: ignore[arg-type]
        return b"funny refname"
    if ref.startswith(HIDDEN):
        return b"deny updating a hidden ref"
    return b""


def _target_fault(objects: _Objects, update: Update) -> bytes:
    oid = bytes.fromhex(update.new.decode())
    kind = objects.kind(oid)
    if kind is None:
        return b"missing necessary objects"
    if update.ref.startswith(b"refs/heads/"):
        if kind != COMMIT:
            return b"branch must point to a commit"
        tree = objects.tree_of(oid)
        if tree is not None and objects.kind(tree) != TREE:
            return b"missing necessary objects"
    return b""


def _hex(oid: bytes) -> ObjectID:
    return ObjectID(oid.hex().encode())
