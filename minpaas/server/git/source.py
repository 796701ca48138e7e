"""What of a commit is built: all of it or one folder, with the files of its submodules where they were fetched."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from stat import S_ISDIR

from dulwich.objects import S_ISGITLINK, Commit, ObjectID, Tree

from minpaas.server.git.repo import Files


class Source(Files):
    """The files of one commit as a build sees them. `modules` are the commits of submodules that are in the repository."""

    def __init__(self, path: Path, commit: str, folder: str = "", modules: Mapping[str, str] | None = None):
        super().__init__(path, commit)
        self._folder = folder.strip("/")
        self._modules = {name.encode(): ObjectID(one.encode()) for name, one in (modules or {}).items()}

    def __enter__(self) -> "Source":
        return self

    def links(self) -> dict[str, str]:
        """Submodules: path and commit."""
        found = super().walk()
        return {path.decode("utf-8", "replace"): one.decode() for path, mode, one in found if S_ISGITLINK(mode)}

    def walk(self) -> Iterator[tuple[bytes, int, ObjectID]]:
        """Every entry that is not a folder, relative to the folder that is built; submodules whole."""
        top = f"{self._folder}/".encode() if self._folder else b""
        for path, mode, object_id in self._expanded(b"", super().walk()):
            if path.startswith(top):
                yield path[len(top) :], mode, object_id

    def _expanded(
        self, prefix: bytes, entries: Iterator[tuple[bytes, int, ObjectID]]
    ) -> Iterator[tuple[bytes, int, ObjectID]]:
        for name, mode, object_id in entries:
            path = prefix + name
            if S_ISGITLINK(mode) and path in self._modules:
                commit = self._repo[self._modules[path]]
                assert isinstance(commit, Commit)
                yield from self._expanded(path + b"/", self._below(commit.tree))
            else:
                yield path, mode, object_id

    def _below(self, tree_id: ObjectID) -> Iterator[tuple[bytes, int, ObjectID]]:
        pending: list[tuple[bytes, ObjectID]] = [(b"", tree_id)]
        while pending:
            prefix, object_id = pending.pop()
            tree = self._repo[object_id]
            assert isinstance(tree, Tree)
            for entry in tree.iteritems():
                if S_ISDIR(entry.mode):
                    pending.append((prefix + entry.path + b"/", entry.sha))
                else:
                    yield prefix + entry.path, entry.mode, entry.sha

    def _tree(self, folder: str) -> Tree | None:
        return super()._tree(f"{self._folder}/{folder}")
