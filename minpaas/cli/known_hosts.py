"""The server's host key in a person's known_hosts, so that the first push asks no question and meets no impostor."""

import base64
import binascii
import hashlib
import hmac
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

_HOSTS = ("localhost", "127.0.0.1", "::1")


def names(port: int) -> list[str]:
    """How ssh writes this machine's names for a port."""
    return [host if port == 22 else f"[{host}]:{port}" for host in _HOSTS]


def renewed(text: str, hosts: Sequence[str], keys: Sequence[str]) -> str:
    """A known_hosts in which these hosts have exactly these keys. All that is about others stays as it is."""
    wanted = [f"{','.join(hosts)} {key}" for key in (" ".join(key.split()[:2]) for key in keys)]
    kept = [line for line in (_without(line, hosts, wanted) for line in text.splitlines()) if line is not None]
    return "".join(f"{line}\n" for line in [*kept, *(line for line in wanted if line not in kept)])


def remember(file: Path, port: int, keys: Sequence[str]) -> str:
    """Write the keys to a known_hosts file. What was done: `added`, `replaced`, or empty for nothing."""
    file = file.resolve()  # a link stays one
    before = file.read_text() if file.exists() else ""
    after = renewed(before, names(port), keys)
    if after == before:
        return ""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".known_hosts-")
    with os.fdopen(handle, "w") as out:
        out.write(after)
    os.chmod(temporary, mode)
    os.replace(temporary, file)
    return "replaced" if set(before.splitlines()) - set(after.splitlines()) else "added"


def _without(line: str, hosts: Sequence[str], wanted: Sequence[str]) -> str | None:
    """The line without our hosts; None when it was about nothing else. A line as it should be stays."""
    fields = line.split(None, 1)
    if line in wanted or len(fields) < 2 or fields[0].startswith(("#", "@")):
        return line
    others = [name for name in fields[0].split(",") if not any(_matches(name, host) for host in hosts)]
    if not others:
        return None
    return line if len(others) == fields[0].count(",") + 1 else f"{','.join(others)} {fields[1]}"


def _matches(name: str, host: str) -> bool:
    """Whether a name of known_hosts, plain or hashed (|1|salt|hash), is this host."""
    if not name.startswith("|1|"):
        return name == host
    try:
        salt, digest = (base64.b64decode(part) for part in name[3:].split("|"))
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(hmac.digest(salt, host.encode(), hashlib.sha1), digest)
