"""Fetch a public repository into a hosted one, in a process of its own: `python -m minpaas.server.git.fetch`.

Reads one JSON request from stdin, answers one JSON line. Every connection, also after a redirect, goes to an address that
has been looked at: private ones are refused unless listed, our own ports always.
"""

import ipaddress
import json
import os
import resource
import socket
import sys
import urllib.parse
from collections.abc import Mapping
from typing import Any

import paramiko
import urllib3
from dulwich.client import HTTPUnauthorized, SSHGitClient, Urllib3HttpGitClient
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository
from dulwich.objects import Commit, ObjectID, Tag
from dulwich.refs import Ref
from dulwich.repo import Repo
from urllib3.connection import HTTPConnection, HTTPSConnection

_MEMORY = 2 << 30
_TIMEOUT = 60.0


class PrivateHost(Exception):
    """A host that leads to this machine or a private network."""

    def __init__(self, host: str, address: str):
        super().__init__(host, address)
        self.host, self.address = host, address


class Gate:
    """Opens connections only to where a fetch may go."""

    def __init__(self, allowed: list[str], never: list[int]):
        self._allowed, self._never = set(allowed), set(never)

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to the address that was checked, so that a name cannot change in between. Raises PrivateHost."""
        bare = host.strip("[]")
        found = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM)
        for *_, target in found:
            self._check(f"{host}:{port}", str(target[0]), port)
        last: OSError | None = None
        for family, kind, protocol, _, target in found:
            connection = socket.socket(family, kind, protocol)
            connection.settimeout(_TIMEOUT)
            try:
                connection.connect(target)
                return connection
            except OSError as error:
                connection.close()
                last = error
        raise last or OSError(f"{host} has no address")

    def _check(self, name: str, address: str, port: int) -> None:
        ip = ipaddress.ip_address(address.partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if ip.is_global and not ip.is_multicast:
            return
        if name not in self._allowed or port in self._never:
            raise PrivateHost(name, str(ip))


def fetch(request: dict[str, Any]) -> dict[str, str]:
    """The commit that was fetched and the branch's name at the remote."""
    gate = Gate(request["allowed"], request["never"])
    url = urllib.parse.urlsplit(request["url"])
    client = _http_client(url, gate) if url.scheme in ("http", "https") else _ssh_client(url, gate, request)
    chosen: dict[str, Any] = {}

    with Repo(request["repo"]) as repo:

        def wants(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:
            name, chosen["id"] = _choose(refs, request["ref"])
            chosen["name"] = name
            return [] if chosen["id"] in repo.object_store else [chosen["id"]]

        result = client.fetch(url.path.encode() or b"/", repo, determine_wants=wants)
        head = (result.symrefs or {}).get(Ref(b"HEAD"))
        name = head if chosen["name"] == b"HEAD" and head else chosen["name"]
        found = repo[chosen["id"]]
        while isinstance(found, Tag):
            found = repo[found.object[1]]
        if not isinstance(found, Commit):
            raise LookupError(f"{request['ref']} is not a commit")
        return {"commit": found.id.decode(), "branch": name.decode().removeprefix("refs/heads/")}


def _choose(refs: Mapping[Ref, ObjectID], wanted: str | None) -> tuple[bytes, ObjectID]:
    names = [b"HEAD"] if wanted is None else [p + wanted.encode() for p in (b"refs/heads/", b"refs/tags/", b"")]
    for name in names:
        if object_id := refs.get(Ref(name)):
            return name, object_id
    if wanted and len(wanted) == 40:
        return next((name for name, one in refs.items() if one == wanted.encode()), b"HEAD"), ObjectID(wanted.encode())
    branches = ", ".join(sorted(n.decode("utf-8", "replace")[11:] for n in refs if n.startswith(b"refs/heads/"))[:10])
    raise LookupError(f"there is no branch, tag or commit {wanted or 'HEAD'}; branches there: {branches or 'none'}")


def _http_client(url: urllib.parse.SplitResult, gate: Gate) -> Urllib3HttpGitClient:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return gate.connect(self.host, self.port)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return gate.connect(self.host, self.port)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    bundle = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE") or None
    pool = urllib3.PoolManager(
        headers={"User-Agent": "git/minpaas"},
        ca_certs=bundle,
        timeout=urllib3.Timeout(_TIMEOUT),
        retries=urllib3.Retry(3, redirect=5),
    )
    pool.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    base = f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
    unquote = urllib.parse.unquote
    return Urllib3HttpGitClient(
        base,
        pool_manager=pool,
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        quiet=True,
    )


class _Session:
    """A command on an SSH connection, in the shape that dulwich reads and writes."""

    def __init__(self, client: paramiko.SSHClient, channel: paramiko.Channel):
        self._client, self._channel = client, channel
        self.stderr = channel.makefile_stderr("rb")

    def can_read(self) -> bool:
        return self._channel.recv_ready()

    def write(self, data: bytes) -> None:
        self._channel.sendall(data)

    def read(self, count: int = 65536) -> bytes:
        data = b""
        while len(data) < count and (chunk := self._channel.recv(count - len(data))):
            data += chunk
        return data

    def close(self) -> None:
        self._client.close()


def _ssh_client(url: urllib.parse.SplitResult, gate: Gate, request: dict[str, Any]) -> SSHGitClient:
    class Vendor:
        def run_command(
            self, host: str, command: bytes, username: str | None = None, port: int | None = None, **_: Any
        ) -> Any:
            client = paramiko.SSHClient()
            if os.path.exists(request["known_hosts"]):
                client.load_host_keys(request["known_hosts"])
            client.set_missing_host_key_policy(paramiko.AutoAddPolicy())  # trusted at first sight, then remembered
            key = request["identity"] if os.path.exists(request["identity"]) else None
            client.connect(
                host,
                port or 22,
                username or "git",
                key_filename=key,
                sock=gate.connect(host, port or 22),
                look_for_keys=False,
                allow_agent=False,
                timeout=_TIMEOUT,
            )
            client.save_host_keys(request["known_hosts"])
            transport = client.get_transport()
            assert transport is not None
            channel = transport.open_session()
            channel.exec_command(command)
            return _Session(client, channel)

    return SSHGitClient(url.hostname or "", port=url.port, username=url.username, vendor=Vendor(), quiet=True)  # type: ignore[arg-type]


def _answer(request: dict[str, Any]) -> dict[str, str]:
    try:
        return fetch(request)
    except PrivateHost as error:
        return {"private": error.host, "address": error.address}
    except LookupError as error:
        return {"error": str(error.args[0] if error.args else error)}
    except HTTPUnauthorized:
        return {
            "error": "it asks for a login",
            "hint": "deploy a private repository by git push, or by https://USER:TOKEN@HOST/...",
        }
    except NotGitRepository:
        return {"error": "there is no git repository"}
    except paramiko.SSHException as error:
        return {
            "error": f"ssh: {error}",
            "hint": "let the server's key in there (minpaas keys deploy shows it), or use the https address",
        }
    except (OSError, GitProtocolError, HangupException, urllib3.exceptions.HTTPError, MemoryError, ValueError) as error:
        private = error.__cause__ or error.__context__
        if isinstance(private, PrivateHost):
            return {"private": private.host, "address": private.address}
        return {"error": str(error)[:300] or type(error).__name__}


def main() -> None:
    """Answer one request."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    print(json.dumps(_answer(json.load(sys.stdin))))


if __name__ == "__main__":
    main()
