"""What the REST doors have in common: who asks, how an app looks, transcripts as server-sent events."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, StreamingResponse

from minpaas.server.access import Actor
from minpaas.server.errors import MinPaasError
from minpaas.server.models import App
from minpaas.server.operations import Operations
from minpaas.server.transcript import Transcript

QUIET = 15.0  # seconds of silence after which a stream sends a comment, so that proxies keep it open
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def actor_of(request: Request) -> Actor:
    """Who asks over HTTP."""
    return Actor("http", request.client.host if request.client else "")


def shape(app: App, operations: Operations) -> dict[str, Any]:
    """An app as the API shows it; `deploying` is the id of the operation that runs now, or null."""
    running = next((one.id for one in list(operations.running.values()) if one.app == app.name), None)
    sight = operations.machine.sight
    processes = [{**one.model_dump(mode="json"), **sight.of(one.container).shape()} for one in app.processes]
    reason = next((one["reason"] for one in processes if one["reason"] and app.status != "running"), "")
    return {**app.model_dump(mode="json"), "processes": processes, "reason": reason, "deploying": running}


def sse(transcript: Transcript) -> StreamingResponse:
    """A transcript as server-sent events: `event: KIND`, `data: {"at", "kind", "text"}`; the last is of kind `end`."""
    return StreamingResponse(_events(transcript), media_type="text/event-stream", headers=STREAM_HEADERS)


async def answer_error(_: Request, error: Exception) -> JSONResponse:
    """The one JSON shape of an error."""
    known = error if isinstance(error, MinPaasError) else MinPaasError(type(error).__name__)
    return JSONResponse(known.shape(), known.status)


async def _events(transcript: Transcript) -> AsyncIterator[str]:
    async with contextlib.aclosing(transcript.follow(quiet=QUIET)) as events:
        async for event in events:
            yield f"event: {event.kind}\ndata: {event.json()}\n\n" if event else ": still here\n\n"
