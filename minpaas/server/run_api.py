"""The REST door of one-offs, over plain HTTP streams: one answer that carries the output, one request that carries the input.

Output comes as frames: a byte of kind, three zeros, four bytes of length (big-endian), and so many bytes. Kinds: 0 nothing (a
sign of life), 1 standard output or the terminal, 2 standard error, 3 the end, {"exit_code": int, "reason": str}. Whoever does
not ask for `application/vnd.minpaas.frames` gets both streams as they come.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import ClientDisconnect

from minpaas.server.answers import STREAM_HEADERS, actor_of
from minpaas.server.one_offs import Asked
from minpaas.server.sessions import Frame, Sessions, Signal

FRAMES = "application/vnd.minpaas.frames"
_Size = Annotated[int, Field(ge=1, le=10000)]
_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_NoNul = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RunRequest(_Body):
    """The body of POST /apps/APP/run. One word of `command` is a line of shell or a Procfile entry; none is a shell."""

    command: list[_NoNul] = Field(default=[], max_length=1000)
    tty: bool = False
    columns: _Size = 80
    lines: _Size = 24
    detach: bool = False
    inside: str = ""  # web.1: enter that process instead of making one
    environment: dict[_Name, _NoNul] = {}


class SizeRequest(_Body):
    """The body of POST /apps/APP/run/NAME/resize."""

    columns: _Size
    lines: _Size


class SignalRequest(_Body):
    """The body of POST /apps/APP/run/NAME/signal."""

    signal: Signal


def router(sessions: Sessions) -> APIRouter:
    """All routes."""
    api = APIRouter(prefix="/apps/{app}/run")

    @api.post("")
    async def begin(app: str, body: RunRequest, request: Request) -> Response:
        asked = Asked(
            words=body.command,
            tty=body.tty,
            columns=body.columns,
            lines=body.lines,
            detach=body.detach and not body.inside,
            inside=body.inside,
            environment=body.environment,
        )
        return JSONResponse(await sessions.begin(app, asked, actor_of(request)), 201)

    @api.get("")
    async def all_of_them(app: str, request: Request) -> list[dict[str, Any]]:
        return await sessions.all(app, actor_of(request))

    @api.get("/{name}/output")
    async def output(app: str, name: str, request: Request, follow: bool = True) -> Response:
        framed = FRAMES in request.headers.get("accept", "")
        frames = await sessions.output(app, name, follow, actor_of(request))
        kind = FRAMES if framed else "application/octet-stream"
        return StreamingResponse(_bytes(frames, framed), media_type=kind, headers=STREAM_HEADERS)

    @api.post("/{name}/input", status_code=204)
    async def give(app: str, name: str, request: Request) -> Response:
        with suppress(ClientDisconnect):  # the reader's going away is what ends it
            await sessions.write(app, name, request.stream())
        return Response(status_code=204)

    @api.post("/{name}/resize", status_code=204)
    async def resize(app: str, name: str, body: SizeRequest) -> Response:
        await sessions.resize(app, name, body.columns, body.lines)
        return Response(status_code=204)

    @api.post("/{name}/signal", status_code=204)
    async def send_signal(app: str, name: str, body: SignalRequest) -> Response:
        await sessions.signal(app, name, body.signal)
        return Response(status_code=204)

    @api.post("/{name}/stop")
    async def stop(app: str, name: str, request: Request) -> dict[str, str]:
        await sessions.stop(app, name, actor_of(request))
        return {"stopped": name}

    return api


async def _bytes(frames: AsyncGenerator[Frame, None], framed: bool) -> AsyncIterator[bytes]:
    async with aclosing(frames):  # a reader that goes away must be noticed now, not when memory is cleared up
        async for kind, data in frames:
            if framed:
                yield bytes((kind, 0, 0, 0)) + len(data).to_bytes(4, "big") + data
            elif kind in (1, 2):
                yield data
