"""The REST door of the bake window."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from minpaas.server.answers import actor_of, shape, sse
from minpaas.server.apps import Apps
from minpaas.server.bake import Bake
from minpaas.server.changes import Changes


class BakeRequest(BaseModel):
    """The body of PUT /apps/APP/bake: 0 seconds turn it off."""

    model_config = ConfigDict(extra="forbid")
    seconds: int = Field(ge=0, le=3600)
    hold: bool = False


def router(apps: Apps, changes: Changes, bake: Bake) -> APIRouter:
    """GET and PUT /apps/APP/bake."""
    api = APIRouter(prefix="/apps/{app}")

    @api.get("/bake")
    def read(app: str, request: Request) -> dict[str, Any]:
        found, watch = apps.one(app, actor_of(request)), bake.watching(app)
        seconds = apps.machine.settings.bake if found.bake is None else found.bake
        return {
            "seconds": seconds,
            "hold": found.hold,
            "watching": watch.name if watch else None,
            "notice": found.notice,
        }

    @api.put("/bake")
    async def write(app: str, body: BakeRequest, request: Request) -> Response:
        held = ", and a push waits for its end" if body.hold else ""
        what = (
            f"New releases are watched for {body.seconds} s{held}" if body.seconds else "New releases are not watched"
        )
        begun = changes.set(app, what, actor_of(request), bake=body.seconds, hold=body.hold)
        if "text/event-stream" in request.headers.get("accept", ""):
            return sse(begun.transcript)
        return JSONResponse(shape(await asyncio.wrap_future(begun.done), apps.operations))

    return api
