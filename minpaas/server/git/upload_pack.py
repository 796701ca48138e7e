"""Serves clone and fetch: shallow ones, deepening ones, and repos that were themselves pushed from a shallow clone."""

from collections.abc import Callable, Iterable, Mapping, Set

from dulwich.errors import GitProtocolError
from dulwich.object_format import ObjectFormat
from dulwich.object_store import DiskObjectStore, MissingObjectFinder
from dulwich.objects import Commit, ObjectID, Tag
from dulwich.protocol import CAPABILITY_FILTER, DEPTH_INFINITE
from dulwich.refs import Ref, RefsContainer
from dulwich.repo import ParentsProvider, Repo
from dulwich.server import Backend, BackendRepo, UploadPackHandler, _ProtocolGraphWalker

from minpaas.server.git.ref_moves import HIDDEN
from minpaas.server.git.wire import Wire

_RELATIVE = b"deepen-relative"
_MOST_SHALLOW_LINES = 100_000


class ShallowAwareUploadPack(UploadPackHandler):
    """One fetch."""

    def __init__(self, repo: Repo, wire: Wire, *, stateless: bool = False, advertise: bool = False):
        served = _Served(repo, wire)
        super().__init__(_OneRepo(served), [""], wire, stateless_rpc=stateless, advertise_refs=advertise)
        served.handler = self
        if advertise or not stateless:
            wire.before_flush = [b"shallow " + oid for oid in sorted(repo.get_shallow())]

    def capabilities(self) -> list[bytes]:
        """dulwich's and `fetch --deepen`, less filters.

        A client that was served a filtered clone comes back for single blobs, which the first protocol cannot give; one
        that is told of no filters says so and clones everything.
        """
        return [*(cap for cap in super().capabilities() if cap != CAPABILITY_FILTER), _RELATIVE]

    def set_client_capabilities(self, caps: Iterable[bytes]) -> None:
        """As C git does, ignore what we do not know: clients send `filter` although it was not offered."""
        known = {*self.capabilities(), *self.innocuous_capabilities()}
        super().set_client_capabilities([cap for cap in caps if cap in known])


class _OneRepo(Backend):
    def __init__(self, repo: BackendRepo):
        self._repo = repo

    def open_repository(self, path: str) -> BackendRepo:
        return self._repo


class _Served(BackendRepo):
    """A repo as clients may see it: without our own refs, and with its shallow boundary respected."""

    handler: ShallowAwareUploadPack

    def __init__(self, repo: Repo, wire: Wire):
        self.repo, self._wire = repo, wire  # `repo` is where dulwich looks for peeled tags

    @property
    def object_store(self) -> DiskObjectStore:
        store = self.repo.object_store
        assert isinstance(store, DiskObjectStore)
        return store

    @property
    def refs(self) -> RefsContainer:
        return self.repo.refs

    @property
    def object_format(self) -> ObjectFormat:
        return self.repo.object_format

    def get_refs(self) -> dict[Ref, ObjectID]:
        refs = self.repo.get_refs()
        return {ref: oid for ref, oid in refs.items() if not ref.startswith(HIDDEN) and oid in self.object_store}

    def get_peeled(self, ref: Ref) -> ObjectID | None:
        return self.repo.get_peeled(ref)

    def find_missing_objects(
        self,
        determine_wants: Callable[[Mapping[Ref, ObjectID], int | None], list[ObjectID]],
        graph_walker: _ProtocolGraphWalker,
        progress: Callable[[bytes], None] | None,
        *,
        get_tagged: Callable[[], dict[ObjectID, ObjectID]] | None = None,
        depth: int | None = None,
    ) -> MissingObjectFinder | None:
        negotiation = _Negotiation(self, graph_walker, self._wire)
        wants = determine_wants(self.get_refs(), depth)
        if not wants:
            return None
        haves = self.object_store.find_common_revisions(graph_walker)
        boundary = negotiation.boundary()
        parents = ParentsProvider(self.object_store, shallows=boundary)
        return MissingObjectFinder(
            self.object_store,
            # below a boundary that moves, having a commit says nothing about having its ancestors
            haves=[] if negotiation.deepens else haves,
            wants=wants,
            shallow=boundary,
            progress=progress,
            get_tagged=get_tagged,
            get_parents=lambda commit: parents.get_parents(commit.id, commit),
        )


class _Negotiation:
    """Takes over from dulwich's walker what it does wrong about shallow clones."""

    def __init__(self, served: _Served, walker: _ProtocolGraphWalker, wire: Wire):
        self._served, self._walker, self._wire = served, walker, wire
        self._stored_shallow: Set[ObjectID] = served.repo.get_shallow()
        self.deepens = False
        # instance attributes shadow the methods: dulwich makes its walker itself
        vars(walker)["_handle_shallow_request"] = self._read_shallow
        vars(walker)["all_wants_satisfied"] = self._satisfied

    def boundary(self) -> set[ObjectID]:
        """The commits whose parents the client does not get: its own boundary, and the repo's."""
        client = self._walker.shallow if self.deepens else self._walker.client_shallow
        return set(client) | set(self._stored_shallow)

    def _read_shallow(self, wants: list[ObjectID]) -> None:
        """`shallow`, `deepen` and `filter` lines up to the flush, in whatever order."""
        depth, walker = 0, self._walker
        for line in self._wire.read_pkt_seq():
            word, _, value = line.rstrip(b"\n").partition(b" ")
            if word == b"shallow" and len(walker.client_shallow) < _MOST_SHALLOW_LINES:
                walker.client_shallow.add(ObjectID(value))
            elif word == b"deepen" and value.isdigit():
                depth = int(value)
            elif word != b"filter":
                raise GitProtocolError(f"not understood: {line[:80]!r}")
        if depth:
            self.deepens = True
            self._deepen(wants, depth)

    def _deepen(self, wants: list[ObjectID], depth: int) -> None:
        walker, store = self._walker, self._served.object_store
        if depth >= DEPTH_INFINITE:
            cut: set[ObjectID] = set()
            kept = set(walker.client_shallow)
        else:
            heads: list[ObjectID] = wants
            if self._served.handler.has_capability(_RELATIVE) and walker.client_shallow:
                heads, depth = [oid for oid in sorted(walker.client_shallow) if oid in store], depth + 1
            reached, kept = self._walk(heads, depth)
            cut = reached - kept
        walker.shallow.update(cut)
        walker.unshallow = kept & walker.client_shallow
        told = cut | (self._stored_shallow & kept)  # where our own history ends the client's must end too
        walker.update_shallow(told - walker.client_shallow, walker.unshallow - self._stored_shallow)

    def _walk(self, heads: list[ObjectID], depth: int) -> tuple[set[ObjectID], set[ObjectID]]:
        """Commits at exactly this depth, and those above it."""
        at: set[ObjectID] = set()
        above: set[ObjectID] = set()
        seen: set[tuple[ObjectID, int]] = set()
        pending = [(oid, 1) for oid in map(self._peeled, heads) if oid]
        while pending:
            state = pending.pop()
            if state in seen:
                continue
            seen.add(state)
            oid, level = state
            (at if level >= depth else above).add(oid)
            if level < depth:
                pending.extend((parent, level + 1) for parent in self._parents(oid))
        return at, above

    def _peeled(self, oid: ObjectID) -> ObjectID | None:
        found = self._served.object_store[oid]
        while isinstance(found, Tag):
            found = self._served.object_store[found.object[1]]
        return found.id if isinstance(found, Commit) else None

    def _parents(self, oid: ObjectID) -> list[ObjectID]:
        if oid in self._stored_shallow:
            return []
        found = self._served.object_store[oid]
        return found.parents if isinstance(found, Commit) else []

    def _satisfied(self, haves: Set[ObjectID]) -> bool:
        """Whether every wanted commit descends from something the client has."""
        return all(self._descends(want, haves) for want in self._walker._wants)

    def _descends(self, want: ObjectID, haves: Set[ObjectID]) -> bool:
        first = self._peeled(want)
        if first is None:
            return True
        seen, pending = {first}, [first]
        while pending:
            oid = pending.pop()
            if oid in haves:
                return True
            for parent in self._parents(oid):
                if parent not in seen:
                    seen.add(parent)
                    pending.append(parent)
        return False
