"""The edge of the API and the dashboard: who may ask at all, before anything else looks at the request.

Loopback is trusted but not blindly: a browser there may be made to ask by any page, so Host and Origin are checked.
What arrives on another address needs the token. Pages get headers that let them load nothing of others.
"""

import base64
import hashlib
import hmac
import ipaddress
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse

from minpaas.server.errors import MinPaasError, NeedsToken, NotAllowed
from minpaas.server.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI = Callable[[Message, Receive, Send], Awaitable[None]]

_SAFE = ("GET", "HEAD", "OPTIONS")
_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]


class Edge:
    """Middleware around the whole application."""

    def __init__(self, app: ASGI, settings: Settings):
        self._app = app
        self._settings = settings
        self._hosts = {"localhost", "127.0.0.1", "[::1]", *settings.allowed_hosts}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with safe headers."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return None
        try:
            self._check(scope)
        except MinPaasError as error:
            extra = {"WWW-Authenticate": 'Basic realm="MinPaas"'} if isinstance(error, NeedsToken) else None
            return await JSONResponse(error.shape(), error.status, extra)(scope, receive, send)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        await self._app(scope, receive, guarded)
        return None

    def _check(self, scope: Message) -> None:
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value)
        hosts = [value.decode("latin-1") for value in headers.get(b"host", [])]
        if len(hosts) != 1:
            raise NotAllowed("the request must name one Host", hint="ask http://localhost:4000")
        if not self._has_token(headers):
            if not _is_local(scope):
                raise NeedsToken(
                    "requests from other machines need one",
                    hint="make one on the server with: minpaas token create, then: export MINPAAS_TOKEN=...",
                )
            if _without_port(hosts[0]) not in self._hosts:
                raise NotAllowed(
                    f"the API is not asked as {hosts[0][:80]!r}",
                    hint="ask it as http://localhost:4000, or start the server with MINPAAS_ALLOWED_HOSTS=NAME",
                )
        if scope["method"] not in _SAFE:
            _check_origin(headers, hosts[0])

    def _has_token(self, headers: dict[bytes, list[bytes]]) -> bool:
        """Whether the request brings the token; a wrong one is refused, not ignored. Raises NeedsToken."""
        given = [value for value in headers.get(b"authorization", []) if value]
        wanted = self._token_hash()
        if not given or not wanted:
            return False
        scheme, _, value = given[0].partition(b" ")
        if scheme.lower() == b"basic":
            try:
                value = base64.b64decode(value).partition(b":")[2]
            except ValueError:
                value = b""
        if not hmac.compare_digest(hashlib.sha256(value.strip()).hexdigest(), wanted):
            raise NeedsToken("that one is not valid", hint="make a new one on the server with: minpaas token create")
        return True

    def _token_hash(self) -> str:
        """SHA-256 of the token in hex, from state/token or MINPAAS_TOKEN; empty when there is none."""
        path = self._settings.state / "token"
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            token = os.environ.get("MINPAAS_TOKEN", "")
            return hashlib.sha256(token.encode()).hexdigest() if token else ""


def _is_local(scope: Message) -> bool:
    """Whether both ends of the connection are on loopback."""
    ends = [scope.get("client"), scope.get("server")]
    return all(end is not None and _is_loopback(str(end[0])) for end in ends)


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower().rstrip(".")


def _check_origin(headers: dict[bytes, list[bytes]], host: str) -> None:
    """What changes something must come from our own pages or from no page at all. Raises NotAllowed."""
    site = headers.get(b"sec-fetch-site", [b"none"])[0]
    origin = headers.get(b"origin", [b""])[0].decode("latin-1")
    if site not in (b"none", b"same-origin") or (origin and urlsplit(origin).netloc.lower() != host.lower()):
        raise NotAllowed(f"a page of {origin[:80] or 'another site'} may not change anything here")
