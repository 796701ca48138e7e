"""Wires everything: `uvicorn minpaas.server.main:app --port 4000` starts the server."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from minpaas import __version__
from minpaas.server import bake_api, changes_api, dashboard, logs_api, ps_api, run_api
from minpaas.server.access import SYSTEM
from minpaas.server.answers import answer_error
from minpaas.server.api import router
from minpaas.server.apps import Apps
from minpaas.server.bake import Bake
from minpaas.server.build import prune_workspace
from minpaas.server.changes import Changes
from minpaas.server.deploy import Deploys
from minpaas.server.edge import Edge
from minpaas.server.errors import MinPaasError, NotFound, Refused
from minpaas.server.git_http import GitHTTP
from minpaas.server.hook import HookDoor
from minpaas.server.idempotency import Idempotency
from minpaas.server.keys import Keys
from minpaas.server.logs import Logs
from minpaas.server.machine import wire
from minpaas.server.one_offs import OneOffs
from minpaas.server.recover import recover
from minpaas.server.sessions import Sessions
from minpaas.server.settings import Settings, load
from minpaas.server.traffic import Traffic
from minpaas.server.watch import Watch

log = logging.getLogger("minpaas")
_LEAVE_WITHIN = 5.0  # seconds


class GitProcess:
    """The git side as a child: restarted when it ends, ended by the closing of its standard input."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._child: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Keep it running in the background."""
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End it."""
        if self._task:
            self._task.cancel()
        if self._child and self._child.returncode is None and self._child.stdin:
            self._child.stdin.close()
            await self._child.wait()

    async def _keep(self) -> None:
        while True:
            env = {**os.environ, "MINPAAS_HOME": str(self._settings.home), "MALLOC_ARENA_MAX": "2"}
            self._child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "minpaas.server.ssh", stdin=asyncio.subprocess.PIPE, env=env
            )
            code = await self._child.wait()
            log.warning("the git process ended with %s; starting it again", code)
            await asyncio.sleep(1)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application with everything wired; nothing is touched before its lifespan begins."""
    settings = settings or load()
    machine = wire(settings)
    deploys = Deploys(machine)
    traffic, bake = Traffic(machine), Bake(deploys)
    apps, keys = Apps(deploys), Keys(settings)
    logs = Logs(machine, deploys.operations, traffic.lines)
    changes = Changes(deploys)
    hook, git, watch = (
        HookDoor(settings, deploys, apps),
        GitProcess(settings),
        Watch(machine, lambda app: changes.bring_back(app, SYSTEM)),
    )
    one_offs = OneOffs(machine)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            machine.registry.open()
            await asyncio.to_thread(machine.engine.version)
            await asyncio.to_thread(machine.nginx.ensure_running)
            await asyncio.to_thread(recover, deploys)
            bake.recover()
            await asyncio.to_thread(one_offs.recover)
        except MinPaasError as error:
            machine.registry.close()
            print(f" !     {error}\n !     Next: {error.hint}", file=sys.stderr, flush=True)
            os._exit(1)  # an exception here would be told as a traceback, not as what it is
        prune_workspace(settings)
        _leave_in_time()
        await hook.open()
        git.start()
        watch.start()
        one_offs.start()
        traffic.start()
        yield
        traffic.stop()
        watch.stop()
        one_offs.stop_looking()
        await git.stop()
        await hook.close()
        machine.registry.close()

    app = FastAPI(title="MinPaas", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(router(apps, deploys, keys))
    app.include_router(logs_api.router(apps, logs))
    app.include_router(bake_api.router(apps, changes, bake))
    app.include_router(changes_api.router(apps, changes))
    app.include_router(ps_api.router(apps))
    app.include_router(run_api.router(Sessions(one_offs)))
    app.include_router(dashboard.router(settings))
    app.mount("/git", GitHTTP(settings))
    app.add_exception_handler(MinPaasError, answer_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Idempotency)  # inside the edge: who may not ask is not answered from memory either
    app.add_middleware(Edge, settings=settings)
    return app


def _leave_in_time() -> None:
    """A follower that stays connected must not keep a server that was told to stop: what is cut short is recovered."""
    if threading.current_thread() is not threading.main_thread():
        return

    def after(previous: Any) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            alarm = threading.Timer(_LEAVE_WITHIN, os._exit, [0])
            alarm.daemon = True
            alarm.start()
            if callable(previous):
                previous(number, frame)

        return handle

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, after(signal.getsignal(number)))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """What does not fit a request's shape: our own errors keep their words, others name the field."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part != "body")
    cause = (first.get("ctx") or {}).get("error")
    known = cause if isinstance(cause, MinPaasError) else Refused(f"{field}: {first['msg']}".lstrip(": "))
    return JSONResponse(known.shape(), known.status)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    found = NotFound(str(error.detail)) if error.status_code == 404 else Refused(str(error.detail))
    return JSONResponse(found.shape(), error.status_code)


def __getattr__(name: str) -> FastAPI:
    """`app`, made when it is first asked for, so that importing this module reads no settings."""
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = made = create_app()
    return made
