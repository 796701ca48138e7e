"""The REST door of logs: plain text, a line a line."""

import contextlib
import re
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from minpaas.server.answers import QUIET, STREAM_HEADERS, actor_of
from minpaas.server.apps import Apps
from minpaas.server.errors import Refused
from minpaas.server.lines import Source, Wanted, stamp
from minpaas.server.logs import Logs

MOST = 200_000  # lines of one answer
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "": 1}


def router(apps: Apps, logs: Logs) -> APIRouter:
    """GET /apps/APP/logs."""
    api = APIRouter(prefix="/apps/{app}")

    @api.get("/logs")
    async def read_logs(
        app: str,
        request: Request,
        n: Annotated[int, Query(ge=0, le=MOST)] = 100,
        follow: bool = False,
        process: Annotated[str, Query(pattern=r"^([a-z][A-Za-z0-9_-]*(\.\d+)?)?$")] = "",
        release: Annotated[str, Query(pattern=r"^(v?\d+)?$")] = "",
        source: Source | None = None,
        since: str = "",
    ) -> Response:
        apps.one(app, actor_of(request))
        number = release.removeprefix("v").lstrip("0")
        wanted = Wanted(process, f"v{number}" if number else "", source or "", _since(since))
        if not follow:
            return PlainTextResponse("".join(f"{line}\n" for line in await logs.recent(app, n, wanted)))
        return StreamingResponse(_lines(logs, app, n, wanted), media_type="text/plain", headers=STREAM_HEADERS)

    return api


async def _lines(logs: Logs, app: str, count: int, wanted: Wanted) -> AsyncIterator[str]:
    async with contextlib.aclosing(logs.follow(app, count, wanted, QUIET)) as lines:
        async for line in lines:
            if line is not None:
                yield f"{line}\n"


def _since(text: str) -> str:
    """10m, 2h, 1d, 90 (seconds) or a moment such as 2026-11-23T14:00:00Z, as a stamp. Raises Refused."""
    if not text:
        return ""
    if match := re.fullmatch(r"(\d{1,9})([smhd]?)", text):
        return stamp(max(0, time.time_ns() - int(match[1]) * _UNITS[match[2]] * 10**9))
    try:
        return stamp(int(datetime.fromisoformat(text).astimezone().timestamp()) * 10**9)
    except (ValueError, OverflowError):
        raise Refused(f"since={text[:40]!r} is no time", hint="give one such as 10m, 2h or 2026-11-23T14:00") from None
