"""The hosted bare repositories: made here, their refs moved here, their files read here. No work tree is ever checked out."""

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dulwich.file import FileLocked
from dulwich.objects import ZERO_SHA, Blob, Commit, ObjectID, Tag, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo

from minpaas.plan.tree import decoded
from minpaas.server.errors import DeployFailed

_HOOKS = ("post-receive", "proc-receive")
_CONFIG: dict[tuple[bytes, ...], dict[bytes, bytes]] = {
    (b"receive",): {
        b"procReceiveRefs": b"refs/heads",  # on C git's paths our hook decides before the ref moves (git 2.29)
        b"advertisePushOptions": b"true",
        b"fsckObjects": b"true",
        b"shallowUpdate": b"true",
        b"unpackLimit": b"1",  # a pack stays a pack, so that packs can be joined
    },
    (b"transfer",): {b"hideRefs": b"refs/minpaas"},
    (b"gc",): {b"auto": b"0"},  # packs are joined by us, under the app's lock
}


def create(path: Path, hooks: Path) -> None:
    """A bare repository with our hooks; one that is there gets the hooks of this version."""
    if not (path / "HEAD").exists():
        making = path.with_name(f".{path.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        with Repo.init_bare(str(making), mkdir=True, default_branch=b"main") as repo:
            config = repo.get_config()
            for section, values in _CONFIG.items():
                for key, value in values.items():
                    config.set(section, key, value)
            config.write_to_path()
        shutil.rmtree(path, ignore_errors=True)
        making.rename(path)
    for name in _HOOKS:
        _install(hooks / name, path / "hooks" / name)


def head_of(path: Path, ref: str) -> str | None:
    """The commit that a ref names, or None."""
    with Repo(str(path)) as repo:
        try:
            return repo.refs[Ref(ref.encode())].decode()
        except KeyError:
            return None


def move(path: Path, ref: str, old: str | None, new: str) -> bool:
    """Compare and set: False when the ref is no longer at `old` (None: does not exist)."""
    with Repo(str(path)) as repo:
        name, before = Ref(ref.encode()), ObjectID(old.encode()) if old else ZERO_SHA
        for _ in range(100):
            try:
                return bool(repo.refs.set_if_equals(name, before, ObjectID(new.encode())))
            except FileLocked:
                time.sleep(0.05)
        return False


def put_back(path: Path, ref: str, new: str, old: str) -> None:
    """Undo a move that git made before we were asked, if nobody has moved the ref since."""
    with Repo(str(path)) as repo:
        name, now = Ref(ref.encode()), ObjectID(new.encode())
        if set(old) == {"0"}:
            repo.refs.remove_if_equals(name, now)
        else:
            repo.refs.set_if_equals(name, now, ObjectID(old.encode()))


def point_head(path: Path, ref: str) -> None:
    """What a clone checks out: the app's branch."""
    with Repo(str(path)) as repo:
        repo.refs.set_symbolic_ref(Ref(b"HEAD"), Ref(ref.encode()))


@contextmanager
def held(path: Path, deploy: str, commit: str) -> Iterator[None]:
    """Keep a commit while its deploy runs, by a ref that clients do not see."""
    name = Ref(f"refs/minpaas/deploys/{deploy}".encode())
    with Repo(str(path)) as repo:
        repo.refs[name] = ObjectID(commit.encode())
    try:
        yield
    finally:
        try:
            if path.exists():
                with Repo(str(path)) as repo:
                    repo.refs.remove_if_equals(name, None)
        except (OSError, FileLocked):
            pass  # the next start lets it go; what has become of the deploy is not to be changed by it


def sweep(path: Path) -> None:
    """At start nothing is being pushed or deployed: let go what a crash has left."""
    with Repo(str(path)) as repo:
        for held_ref in list(repo.refs.subkeys(Ref(b"refs/minpaas/deploys/"))):
            repo.refs.remove_if_equals(Ref(b"refs/minpaas/deploys/" + held_ref), None)
    for pattern in ("objects/incoming-*", "objects/tmp_*", "objects/pack/tmp_*", "refs/**/*.lock", "*.lock"):
        for leftover in path.glob(pattern):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
    with Repo(str(path)) as repo:
        for name in list(repo.refs.subkeys(Ref(b"refs/minpaas/deploys/"))):
            repo.refs.remove_if_equals(Ref(b"refs/minpaas/deploys/" + name), None)


def peel(path: Path, object_id: str) -> str | None:
    """The commit that an object id leads to through any tags; None when it is no commit or not here."""
    with Repo(str(path)) as repo:
        try:
            found = repo[object_id.encode()]
            while isinstance(found, Tag):
                found = repo[found.object[1]]
        except KeyError:
            return None
        return found.id.decode() if isinstance(found, Commit) else None


def subject(path: Path, commit: str) -> str:
    """The first line of a commit's message, at most 72 characters."""
    with Repo(str(path)) as repo:
        found = repo[commit.encode()]
        message = found.message if isinstance(found, Commit) else b""
    return message.decode("utf-8", "replace").strip().partition("\n")[0][:72]


class Files:
    """The files of one commit, read without a checkout. Paths are relative with slashes."""

    def __init__(self, path: Path, commit: str):
        self._repo = Repo(str(path))
        found = self._repo[commit.encode()]
        assert isinstance(found, Commit)
        self.commit = commit
        self.time = int(found.commit_time)
        self._root = found.tree

    def __enter__(self) -> "Files":
        return self

    def __exit__(self, *_: object) -> None:
        self._repo.close()

    def names(self, folder: str = "") -> list[str]:
        """Names in a folder, folders with a slash at the end; empty when there is no such folder."""
        tree = self._tree(folder)
        if tree is None:
            return []
        return [
            entry.path.decode("utf-8", "surrogateescape") + ("/" if stat.S_ISDIR(entry.mode) else "")
            for entry in tree.iteritems()
        ]

    def has(self, name: str) -> bool:
        """Whether there is a regular file of this path."""
        return self.read(name, limit=None) is not None

    def read(self, name: str, limit: int | None = 1 << 20) -> str | None:
        """A regular file's text, or None when there is none or it is over `limit` bytes. Symlinks are not followed."""
        folder, _, last = name.rpartition("/")
        tree = self._tree(folder)
        if tree is None or last.encode() not in tree:
            return None
        mode, object_id = tree[last.encode()]
        if not stat.S_ISREG(mode):
            return None
        if limit is None:
            return ""
        blob = self._repo[object_id]
        if not isinstance(blob, Blob) or blob.raw_length() > limit:
            return None
        return decoded(blob.data)

    def walk(self) -> Iterator[tuple[bytes, int, ObjectID]]:
        """Every entry that is not a folder: path, mode, object id."""
        pending: list[tuple[bytes, ObjectID]] = [(b"", self._root)]
        while pending:
            prefix, object_id = pending.pop()
            tree = self._repo[object_id]
            if not isinstance(tree, Tree):
                raise DeployFailed(f"{prefix.decode('utf-8', 'replace')} is no folder", reason="damaged tree")
            for entry in tree.iteritems():
                if stat.S_ISDIR(entry.mode):
                    pending.append((prefix + entry.path + b"/", entry.sha))
                else:
                    yield prefix + entry.path, entry.mode, entry.sha

    def raw(self, object_id: ObjectID) -> bytes:
        """An object's content."""
        return self._repo.object_store.get_raw(object_id)[1]

    def _tree(self, folder: str) -> Tree | None:
        tree = self._repo[self._root]
        for part in [p for p in folder.split("/") if p]:
            if not isinstance(tree, Tree) or part.encode() not in tree:
                return None
            tree = self._repo[tree[part.encode()][1]] if stat.S_ISDIR(tree[part.encode()][0]) else Blob()
        return tree if isinstance(tree, Tree) else None


def _install(source: Path, target: Path) -> None:
    content = source.read_bytes()
    if target.exists() and target.read_bytes() == content and os.access(target, os.X_OK):
        return
    target.parent.mkdir(exist_ok=True)
    temporary = target.with_name(f".{target.name}.new")
    temporary.write_bytes(content)
    temporary.chmod(0o755)
    temporary.rename(target)
