"""The hand that holds config vars: write-once sets in state/, their values encrypted with a key that lies outside of it."""

import hashlib
import hmac
import json
import os
import re
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from minpaas.server.errors import BadConfigVar, CorruptState
from minpaas.server.registry import write_durably
from minpaas.server.settings import Settings

VERSION = 1
_LONGEST = 128 << 10  # bytes of one variable: what Linux takes in one argument or environment string
_MOST = 1 << 20  # bytes of all variables of an app
_OURS = frozenset({"PORT"})


class Configs:
    """Config sets by id. Equal sets have equal ids, so that setting what is set already is seen to change nothing."""

    def __init__(self, settings: Settings):
        self._state = settings.state
        self._key_file: Path = settings.home / "config.key"

    def read(self, app: str, config: str | None) -> dict[str, str]:
        """The variables of a set; None is the empty one. Raises CorruptState."""
        if config is None:
            return {}
        path = self._path(app, config)
        try:
            body = json.loads(path.read_bytes())
            values: dict[str, str] = json.loads(self._fernet().decrypt(body["values"].encode()))
            return values
        except (OSError, ValueError, KeyError, InvalidToken) as error:
            hint = f"put back the {self._key_file} that belongs to this state, or set the variables again"
            raise CorruptState(f"{path}: {type(error).__name__}", hint=hint) from error

    def write(self, app: str, values: dict[str, str]) -> str | None:
        """The id of the set with these variables, written if it is new. Raises BadConfigVar."""
        for name, value in values.items():
            _check(name, value)
        if sum(len(name) + len(value.encode()) for name, value in values.items()) > _MOST:
            raise BadConfigVar(
                f"all of them together are over {_MOST >> 10} KB", hint="keep large things in a file or a database"
            )
        if not values:
            return None
        content = json.dumps(values, sort_keys=True).encode()
        config = hmac.new(self._key(), content, hashlib.sha256).hexdigest()[:16]
        path = self._path(app, config)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            body = {"version": VERSION, "names": sorted(values), "values": self._fernet().encrypt(content).decode()}
            write_durably(path, json.dumps(body, indent=1).encode())
        return config

    def names(self, app: str, config: str | None) -> list[str]:
        """The names of a set's variables."""
        return sorted(self.read(app, config))

    def _path(self, app: str, config: str) -> Path:
        return self._state / "apps" / app / "config" / f"{config}.json"

    def _fernet(self) -> Fernet:
        return Fernet(self._key())

    def _key(self) -> bytes:
        if not self._key_file.exists():
            self._key_file.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._key_file, Fernet.generate_key())
        return self._key_file.read_bytes().strip()


def _check(name: str, value: str) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,255}", name):
        raise BadConfigVar(f"{name[:80]!r} is no name", hint="use letters, digits and _, such as DATABASE_URL")
    if name in _OURS:
        raise BadConfigVar(f"{name} is given by MinPaas", hint="read it in the app")
    if "\x00" in value:
        raise BadConfigVar(f"the value of {name} holds a zero byte", hint="encode it, for example as base64")
    if len(os.fsencode(value)) > _LONGEST - len(name) - 2:
        raise BadConfigVar(
            f"the value of {name} is over {_LONGEST >> 10} KB", hint="keep large things in a file or a database"
        )
