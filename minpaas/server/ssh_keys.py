"""SSH's keys: the server's own, and those of the people who may push."""

import base64
import binascii
import logging
import os
import tempfile
import threading
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

log = logging.getLogger("minpaas.ssh")

_HOST_KEY = "ssh_host_ed25519_key"
DEPLOY_KEY = "deploy_key"
KINDS = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


def host_key(state: Path) -> paramiko.PKey:
    """The server's key, by which clients know it."""
    return _own_key(state, _HOST_KEY)


def deploy_key(state: Path) -> paramiko.PKey:
    """The key by which the server shows who it is when it fetches from an ssh URL."""
    return _own_key(state, DEPLOY_KEY)


def _own_key(state: Path, name: str) -> paramiko.PKey:
    """A key of ours; made when it is first needed, in OpenSSH's format, readable by us alone."""
    path = state / name
    if not path.exists():
        content = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=state)  # mode 0600
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    return paramiko.Ed25519Key.from_private_key_file(str(path))


class AuthorizedKeys:
    """state/authorized_keys, read again whenever it has changed."""

    def __init__(self, path: Path):
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._blobs: frozenset[bytes] = frozenset()

    def knows(self, key: paramiko.PKey) -> bool:
        """Whether this key may push."""
        with self._lock:
            try:
                stat = self._path.stat()
                seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                if seen != self._seen:
                    self._blobs = _parse(self._path.read_text(encoding="utf-8", errors="replace"))
                    self._seen = seen
            except OSError:
                self._blobs, self._seen = frozenset(), None
            return key.asbytes() in self._blobs


def _parse(text: str) -> frozenset[bytes]:
    blobs = set()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] not in KINDS or len(words) < 2:
            # options such as from="..." restrict a key: one that we do not obey must not be let in without it
            log.warning("authorized_keys line %d: not understood, so not used", number)
            continue
        try:
            blobs.add(base64.b64decode(words[1], validate=True))
        except binascii.Error:
            log.warning("authorized_keys line %d: not a key", number)
    return frozenset(blobs)
