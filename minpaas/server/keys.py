"""The public keys that may push: state/authorized_keys, kept in OpenSSH's own form."""

import base64
import binascii
import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

from minpaas.server.access import Actor, check
from minpaas.server.errors import NotFound, Refused
from minpaas.server.registry import write_durably
from minpaas.server.settings import Settings
from minpaas.server.ssh_keys import KINDS, deploy_key, host_key

_changing = threading.Lock()


@dataclass(frozen=True)
class Key:
    """One public key."""

    kind: str
    body: str  # base64
    comment: str

    @property
    def fingerprint(self) -> str:
        """SHA256:... as ssh-keygen -l prints it."""
        digest = hashlib.sha256(base64.b64decode(self.body)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def shape(self) -> dict[str, str]:
        """{"fingerprint", "comment", "key"}"""
        return {"fingerprint": self.fingerprint, "comment": self.comment, "key": f"{self.kind} {self.body}"}


def parse(line: str) -> Key:
    """A line of a .pub file. Raises Refused."""
    words = line.strip().split(None, 2)
    hint = "give the content of a .pub file, such as: minpaas keys add ~/.ssh/id_ed25519.pub"
    if "PRIVATE KEY" in line:
        raise Refused(
            "that is a private key; it must not leave your machine", hint=hint, title="That is not a public key"
        )
    if len(words) < 2 or words[0] not in KINDS:
        known = ", ".join(KINDS)
        raise Refused(
            f"it must be one line that starts with one of {known}", hint=hint, title="That is not a public key"
        )
    try:
        raw = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        raw = b""
    if not raw.startswith(len(words[0]).to_bytes(4, "big") + words[0].encode()):
        raise Refused("the key itself is damaged", hint=hint, title="That is not a public key")
    comment = "".join(c for c in (words[2] if len(words) > 2 else "") if c.isprintable())[:200]
    return Key(words[0], words[1], comment)


class Keys:
    """Lists, adds and removes; the git process reads the file anew at the next login."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._path: Path = settings.state / "authorized_keys"

    def all(self, actor: Actor) -> list[Key]:
        """Every key, in the file's order."""
        check(actor, "read")
        return self._read()

    def add(self, line: str, actor: Actor) -> Key:
        """Let a key push; one that is known already stays as it is. Raises Refused."""
        check(actor, "keys")
        key = parse(line)
        with _changing:
            keys = self._read()
            if key.body not in {one.body for one in keys}:
                self._write([*keys, key])
        return key

    def remove(self, name: str, actor: Actor) -> Key:
        """Shut out the key with this fingerprint or comment. Raises NotFound."""
        check(actor, "keys")
        with _changing:
            keys = self._read()
            found = [
                key for key in keys if name in (key.fingerprint, key.comment, key.fingerprint.removeprefix("SHA256:"))
            ]
            if not found:
                raise NotFound(
                    f"no key {name!r}", hint="see them with: minpaas keys list", title="There is no such key"
                )
            self._write([key for key in keys if key != found[0]])
        return found[0]

    def host(self) -> dict[str, object]:
        """What a client puts into known_hosts: {"port": int, "keys": ["ssh-ed25519 ..."]}"""
        key = host_key(self._settings.state)
        return {"port": self._settings.ssh_port, "keys": [f"{key.get_name()} {key.get_base64()}"]}

    def deploy(self) -> dict[str, str]:
        """What a git host must know before it lets us fetch by ssh: {"key": "ssh-ed25519 ... minpaas"}"""
        key = deploy_key(self._settings.state)
        return {"key": f"{key.get_name()} {key.get_base64()} minpaas"}

    def _read(self) -> list[Key]:
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return [parse(line) for line in lines if line.strip() and not line.startswith("#")]

    def _write(self, keys: list[Key]) -> None:
        text = "".join(f"{key.kind} {key.body} {key.comment}".rstrip() + "\n" for key in keys)
        write_durably(self._path, text.encode())
