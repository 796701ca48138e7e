"""Refs move by compare-and-set, or not at all."""

import fcntl
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dulwich.file import FileLocked
from dulwich.objects import ObjectID
from dulwich.protocol import ZERO_SHA
from dulwich.refs import Ref
from dulwich.repo import Repo

from minpaas.server.git.verdict import Update

log = logging.getLogger("minpaas.git")

HIDDEN = b"refs/minpaas/"  # where commits of running deploys are held; no business of clients
_TRIES, _PAUSE = 40, 0.05


@contextmanager
def locked(repo: Path) -> Iterator[None]:
    """The repo's own lock: for moments only, never while a hook runs."""
    with (repo / "minpaas.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def visible_refs(repo: Repo) -> dict[Ref, ObjectID]:
    """The refs that clients see: no HEAD, none of our own."""
    refs = repo.refs.as_dict()
    return {ref: oid for ref, oid in refs.items() if ref.startswith(b"refs/") and not ref.startswith(HIDDEN)}


class Mover:
    """Moves refs of one repo. `already_moved`: a ref that is at its new place counts as moved."""

    def __init__(self, repo: Repo, already_moved: bool):
        self._refs, self._already_moved = repo.refs, already_moved

    def move(self, updates: Mapping[int, Update], atomic: bool) -> dict[int, bytes]:
        """Number -> reason for each that did not move. Deletions go first: a name may be in another's way."""
        order = sorted(updates, key=lambda i: updates[i].new != ZERO_SHA)
        errors: dict[int, bytes] = {}
        if atomic:
            errors = {i: b"stale: fetch first" for i in order if not self._as_expected(updates[i])}
        moved: list[int] = []
        for i in order if not errors else []:
            reason = self._move(updates[i])
            if reason:
                errors[i] = reason
            else:
                moved.append(i)
            if errors and atomic:
                break
        if errors and atomic:
            for i in reversed(moved):
                self._move(Update(updates[i].new, updates[i].old, updates[i].ref))
            return {i: errors.get(i, b"atomic push failure") for i in order}
        return errors

    def _current(self, ref: bytes) -> bytes:
        try:
            return self._refs.read_loose_ref(Ref(ref)) or self._refs.get_packed_refs().get(Ref(ref), ZERO_SHA)
        except OSError:
            return ZERO_SHA  # a folder of that name

    def _as_expected(self, update: Update) -> bool:
        current = self._current(update.ref)
        return current == update.old or (self._already_moved and current == update.new)

    def _move(self, update: Update) -> bytes:
        """Empty, or why it did not move."""
        if self._already_moved and self._current(update.ref) == update.new:
            return b""
        ref, old, new = Ref(update.ref), ObjectID(update.old), ObjectID(update.new)
        for _ in range(_TRIES):
            try:
                if new == ZERO_SHA:
                    done = self._refs.remove_if_equals(ref, old)
                else:
                    done = self._refs.set_if_equals(ref, old, new)
                return b"" if done else b"stale: fetch first"
            except FileLocked:
                time.sleep(_PAUSE)
            except (OSError, KeyError, ValueError) as error:
                log.warning("%r does not move: %s", update.ref, error)
                return b"failed to update ref"
        return b"ref is locked"
