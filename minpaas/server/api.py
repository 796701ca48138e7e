"""The REST door: JSON in, JSON out, transcripts as server-sent events."""

import asyncio
import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from minpaas import __version__
from minpaas.server import stacks
from minpaas.server.access import check
from minpaas.server.answers import actor_of, shape, sse
from minpaas.server.apps import Apps
from minpaas.server.deploy import Deploys
from minpaas.server.errors import MinPaasError, NotFound
from minpaas.server.keys import Keys
from minpaas.server.models import AppName, Folder, GitRef, RepoURL, Runtime, StartCommand
from minpaas.server.transcript import Event, Transcript


class DeployRequest(BaseModel):
    """The body of POST /deploy; `name` and `repo_url` are aliases of `app` and `repo`."""

    model_config = ConfigDict(extra="forbid")
    app: AppName = Field(validation_alias=AliasChoices("app", "name", "app_name"))
    repo: RepoURL = Field(validation_alias=AliasChoices("repo", "repo_url", "url"))
    ref: GitRef | None = Field(None, validation_alias=AliasChoices("ref", "branch"))
    runtime: Runtime | None = None
    command: StartCommand | None = None
    path: Folder | None = None


class CreateRequest(BaseModel):
    """The body of POST /apps."""

    model_config = ConfigDict(extra="forbid")
    name: AppName
    path: Folder = ""


class KeyRequest(BaseModel):
    """The body of POST /keys: a line of a .pub file."""

    key: str


class DownRequest(BaseModel):
    """The body of POST /down."""

    clean: bool = False


def router(apps: Apps, deploys: Deploys, keys: Keys) -> APIRouter:
    """All routes of the REST API."""
    api = APIRouter()
    machine = apps.machine

    @api.get("/healthz")
    def health() -> dict[str, Any]:
        settings = machine.settings
        return {
            "status": "ok",
            "version": __version__,
            "home": str(settings.home),
            "instance": settings.instance,
            "domain": settings.domain,
            "router_port": machine.nginx.port,
            "router_alive": machine.nginx.alive(),
            "ssh_port": settings.ssh_port,
        }

    @api.post("/deploy")
    async def deploy(body: DeployRequest, request: Request, wait: bool = True) -> Response:
        actor = actor_of(request)
        await asyncio.to_thread(apps.ensure, body.app, actor)
        begun = await asyncio.to_thread(
            deploys.from_url, body.app, body.repo, body.ref, body.runtime, body.command, actor, body.path
        )
        if "text/event-stream" in request.headers.get("accept", ""):
            return sse(begun.transcript)
        if not wait:
            return JSONResponse(
                {"deploy": begun.id, "app": begun.app, "url": f"/apps/{begun.app}/deploys/{begun.id}"}, 202
            )
        return JSONResponse(shape(await asyncio.wrap_future(begun.done), deploys.operations))

    @api.get("/apps")
    async def list_apps(request: Request) -> list[dict[str, Any]]:
        return [shape(app, deploys.operations) for app in apps.all(actor_of(request))]

    @api.post("/apps", status_code=201)
    def create(body: CreateRequest, request: Request) -> dict[str, Any]:
        return shape(apps.create(body.name, actor_of(request), body.path), deploys.operations)

    @api.get("/apps/{app}")
    async def one_app(app: str, request: Request) -> dict[str, Any]:
        return shape(apps.one(app, actor_of(request)), deploys.operations)

    @api.delete("/apps/{app}", status_code=204)
    async def delete(app: str, request: Request) -> Response:
        await asyncio.to_thread(apps.delete, app, actor_of(request))
        return Response(status_code=204)

    @api.post("/apps/{app}/deploys/{deploy_id}/cancel")
    def cancel(app: str, deploy_id: str, request: Request) -> dict[str, str]:
        return {"cancelled": deploys.operations.cancel(app, deploy_id, actor_of(request)).id}

    @api.get("/apps/{app}/deploys")
    def list_deploys(app: str, request: Request) -> list[dict[str, Any]]:
        apps.one(app, actor_of(request))
        return machine.registry.journals(app)[::-1]

    @api.get("/apps/{app}/deploys/{deploy_id}")
    async def one_deploy(app: str, deploy_id: str, request: Request) -> Response:
        apps.one(app, actor_of(request))
        running = deploys.operations.running.get(deploy_id)
        streamed = "text/event-stream" in request.headers.get("accept", "")
        if running and running.app == app and streamed:
            return sse(running.transcript)
        journal = next((one for one in machine.registry.journals(app) if one.get("id") == deploy_id), None)
        if journal is None:
            raise NotFound(
                f"{deploy_id!r} of {app}", title="There is no such deploy", hint=f"see GET /apps/{app}/deploys"
            )
        return sse(_kept(deploys, app, deploy_id)) if streamed else JSONResponse(journal)

    @api.get("/keys/host")
    def host_key() -> dict[str, object]:
        return keys.host()

    @api.get("/keys/deploy")
    def deploy_key() -> dict[str, str]:
        return keys.deploy()

    @api.get("/keys")
    def list_keys(request: Request) -> list[dict[str, str]]:
        return [key.shape() for key in keys.all(actor_of(request))]

    @api.post("/keys", status_code=201)
    def add_key(body: KeyRequest, request: Request) -> dict[str, str]:
        return keys.add(body.key, actor_of(request)).shape()

    @api.delete("/keys/{name:path}")
    def remove_key(name: str, request: Request) -> dict[str, str]:
        return keys.remove(name, actor_of(request)).shape()

    @api.post("/stacks")
    async def prepare_stacks(request: Request) -> Response:
        check(actor_of(request), "machine")
        transcript = Transcript()
        task = asyncio.create_task(asyncio.to_thread(_prepare, deploys, transcript))
        task.add_done_callback(lambda done: done.exception())
        return sse(transcript)

    @api.post("/down")
    async def down(body: DownRequest, request: Request) -> dict[str, str]:
        check(actor_of(request), "machine")
        await asyncio.to_thread(apps.stop_all)
        await asyncio.to_thread(machine.nginx.stop)
        if body.clean:
            await asyncio.to_thread(apps.remove_all)
        return {"status": "down"}

    return api


def _kept(deploys: Deploys, app: str, deploy_id: str) -> Transcript:
    """The transcript of a deploy that has ended, from its file."""
    transcript = Transcript()
    path = deploys.machine.registry.transcript_path(app, deploy_id)
    for line in path.read_text().splitlines() if path.exists() else []:
        transcript.append(Event(**json.loads(line)))
    transcript.close()
    return transcript


def _prepare(deploys: Deploys, transcript: Transcript) -> None:
    verdict: dict[str, object] = {"result": "ready"}
    try:
        for stack in stacks.DEFAULT:
            name = stacks.ensure(deploys.machine.images, deploys.machine.settings, stack, transcript)
            transcript.detail(f"{name} is ready")
    except MinPaasError as error:
        transcript.trouble(str(error))
        verdict = {"result": "failed", **error.shape()}
    except Exception as error:
        transcript.trouble(f"{type(error).__name__}: {error}")
        verdict = {"result": "failed", **MinPaasError(str(error)).shape()}
        raise
    finally:
        transcript.end(verdict)
