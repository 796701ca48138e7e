"""The truthful receive-pack: objects are stored, then post-receive decides, and only then does a ref move."""

import errno
import logging
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from dulwich.errors import GitProtocolError
from dulwich.objects import ObjectID
from dulwich.protocol import capability_agent, extract_capabilities, format_ref_line
from dulwich.refs import Ref
from dulwich.repo import Repo
from dulwich.server import Backend, ReceivePackHandler

from minpaas.server.git import verdict
from minpaas.server.git.consolidate import consolidate
from minpaas.server.git.fsck import BadPack
from minpaas.server.git.ingest import Received, ingest
from minpaas.server.git.pack_stream import Limits
from minpaas.server.git.ref_moves import Mover, locked, visible_refs
from minpaas.server.git.validate import judge
from minpaas.server.git.verdict import Update
from minpaas.server.git.wire import Sideband, Wire

log = logging.getLogger("minpaas.git")

ZERO = b"0" * 40
MOST_COMMANDS = 50_000
MOST_OPTIONS, LONGEST_OPTION = 64, 4096
_CAPABILITIES_ONLY = b"capabilities^{}"
STALLED = 30.0  # seconds without a byte in the middle of a pack, while others wait for their turn
# two at a time: each may hold a few hundred megabytes when somebody means ill
INGESTS = threading.BoundedSemaphore(2)

Errors = dict[int, bytes]  # number of the command -> why it is refused


class _OneRepo(Backend):
    def __init__(self, repo: Repo):
        self._repo = repo

    def open_repository(self, path: str) -> Repo:
        return self._repo


class DeployReceivePack(ReceivePackHandler):
    """One push. `actor` is told to the hook; the limits may be narrowed by tests."""

    limits = Limits()

    def __init__(self, repo: Repo, wire: Wire, *, actor: str, stateless: bool = False, advertise: bool = False):
        super().__init__(_OneRepo(repo), [""], wire, stateless_rpc=stateless, advertise_refs=advertise)
        self._repo = repo
        self._path = Path(self._repo.path)
        self._wire, self._actor = wire, actor
        self._side = Sideband(wire, enabled=False)

    def capabilities(self) -> Iterable[bytes]:
        """What we offer: dulwich's, less what has no meaning here, and push options."""
        return [*(cap for cap in super().capabilities() if cap != b"no-done"), b"push-options", capability_agent()]

    def set_client_capabilities(self, caps: Iterable[bytes]) -> None:
        """As C git does, ignore what we do not know; a foreign object format cannot be ignored."""
        caps, known = list(caps), set(self.capabilities())
        for cap in caps:
            if cap.startswith(b"object-format=") and cap not in known:
                raise GitProtocolError("this server stores SHA-1 repositories only")
        super().set_client_capabilities([cap for cap in caps if cap in known])

    def handle(self) -> None:
        """The whole conversation; returns when the report is out."""
        if self.advertise_refs or not self.stateless_rpc:
            self._advertise()
        if self.advertise_refs:
            return
        updates, shallow = self._read_commands()
        if not updates:
            return
        options = self._read_options() if self.has_capability(b"push-options") else []
        self._side = Sideband(self._wire, self.has_capability(b"side-band-64k"))
        unpack, errors = self._receive(updates, shallow, options)
        if self._side.gone:
            return
        if self.has_capability(b"report-status"):
            refs = [(update.ref, errors.get(i, b"ok")) for i, update in enumerate(updates)]
            self._report_status([(b"unpack", unpack), *refs])
        elif self.has_capability(b"side-band-64k"):
            self._wire.write_pkt_line(None)

    def _advertise(self) -> None:
        refs = sorted(visible_refs(self._repo).items()) or [(Ref(_CAPABILITIES_ONLY), ObjectID(ZERO))]
        for number, (ref, oid) in enumerate(refs):
            self._wire.write_pkt_line(format_ref_line(ref, oid, [] if number else list(self.capabilities())))
        self._wire.before_flush = [b"shallow " + oid for oid in sorted(self._repo.get_shallow())]
        self._wire.write_pkt_line(None)

    def _read_commands(self) -> tuple[list[Update], list[bytes]]:
        updates: list[Update] = []
        shallow: list[bytes] = []
        for line in self._wire.read_pkt_seq():
            if line.startswith(b"shallow "):
                shallow.append(line[8:].strip())
                continue
            if not updates:
                line, caps = extract_capabilities(line)
                self.set_client_capabilities(cap for cap in caps if cap)
            old, _, rest = line.rstrip(b"\n").partition(b" ")
            new, _, ref = rest.partition(b" ")
            if not (_is_id(old) and _is_id(new) and ref):
                raise GitProtocolError(f"not a ref update: {line[:80]!r}")
            updates.append(Update(old, new, ref))
            if len(updates) + len(shallow) > MOST_COMMANDS:
                raise GitProtocolError(f"more than {MOST_COMMANDS} refs in one push")
        return updates, shallow

    def _read_options(self) -> list[str]:
        options: list[str] = []
        for line in self._wire.read_pkt_seq():
            if len(options) == MOST_OPTIONS or len(line) > LONGEST_OPTION or b"\0" in line:
                raise GitProtocolError(f"at most {MOST_OPTIONS} push options of {LONGEST_OPTION} bytes")
            options.append(line.rstrip(b"\n").decode("utf-8", "surrogateescape"))
        return options

    def _receive(self, updates: Sequence[Update], shallow: Sequence[bytes], options: list[str]) -> tuple[bytes, Errors]:
        """What became of the pack, and of each update that was refused."""
        received = Received()
        try:
            if any(update.new != ZERO for update in updates):
                received = self._ingest()
            errors, shallow_commits = judge(self._repo, updates, received, shallow)
            atomic = self.has_capability(b"atomic")
            if not self._left(updates, errors, atomic):
                return b"ok", errors
            with locked(self._path):
                received.migrate(Path(self._repo.object_store.path))
                if shallow_commits:
                    self._repo.update_shallow(shallow_commits, None)
            self._decide(updates, errors, atomic, options)
            return b"ok", errors
        except BadPack as error:
            return str(error).encode()[:200], dict.fromkeys(range(len(updates)), b"unpacker error")
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            log.warning("no space left for a push to %s", self._path.name)
            return b"the server's disk is full", dict.fromkeys(range(len(updates)), b"unpacker error")
        except MemoryError:
            log.warning("a push to %s needed more memory than there is", self._path.name)
            return b"out of memory", dict.fromkeys(range(len(updates)), b"unpacker error")
        finally:
            received.discard()

    def _ingest(self) -> Received:
        self._wire.wait()  # while the client still counts and compresses, nobody is kept waiting for its turn
        while not INGESTS.acquire(timeout=1.0):
            self._side.keep_alive()
        try:
            store = self._repo.object_store
            with self._wire.hurried(STALLED):
                return ingest(self._wire.recv, Path(store.path), store.get_raw, self.limits)
        finally:
            INGESTS.release()

    def _left(self, updates: Sequence[Update], errors: Errors, atomic: bool) -> list[int]:
        """The updates that are not refused yet; with --atomic one refusal refuses all."""
        left = [i for i in range(len(updates)) if i not in errors]
        if atomic and errors:
            errors.update(dict.fromkeys(left, b"atomic push failure"))
            return []
        return left

    def _decide(self, updates: Sequence[Update], errors: Errors, atomic: bool, options: list[str]) -> None:
        """Let the hook judge what is left, then move what it found good. No lock is held while it runs."""
        left = self._left(updates, errors, atomic)
        hook = verdict.deploy_hook(self._path)
        if hook:
            environ = {"MINPAAS_ACTOR": self._actor, "GIT_PUSH_OPTION_COUNT": str(len(options))}
            environ |= {f"GIT_PUSH_OPTION_{i}": option for i, option in enumerate(options)}
            if atomic:
                environ["MINPAAS_ATOMIC"] = "1"
            verdicts = verdict.ask(hook, self._path, [updates[i] for i in left], environ, self._side)
            errors.update({i: reason for i in left if (reason := verdicts[updates[i].ref])})
            left = self._left(updates, errors, atomic)
        with locked(self._path):
            mover = Mover(self._repo, already_moved=hook is not None)
            errors.update(mover.move({i: updates[i] for i in left}, atomic))
            consolidate(self._repo)  # under the lock: nobody else adds or joins packs meanwhile


def _is_id(text: bytes) -> bool:
    return len(text) == 40 and all(c in b"0123456789abcdef" for c in text)
