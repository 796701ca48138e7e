"""The REST door of what changes without new code: releases, config vars, processes, settings of an app."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from minpaas.server.answers import actor_of, shape, sse
from minpaas.server.apps import Apps
from minpaas.server.changes import Changes
from minpaas.server.errors import Conflict, NoSuchRelease, Refused
from minpaas.server.machine import Machine
from minpaas.server.models import App, AppName, Domain, Folder, Limits, OwnChecks, Release
from minpaas.server.operations import Operation


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ConfigRequest(_Body):
    """The body of PATCH /apps/APP/config: values to set, null to unset."""

    values: dict[str, str | None]
    restart: bool = True


class RollbackRequest(_Body):
    """The body of POST /apps/APP/rollback."""

    release: int | None = None


class ScaleRequest(_Body):
    """The body of PATCH /apps/APP/formation: {"web": 2, "worker": "+1"}"""

    formation: dict[
        str,
        Annotated[int, Field(strict=True, ge=0, le=100)] | Annotated[str, Field(pattern=r"^[+-]?[0-9]{1,3}$")],
    ]


class RestartRequest(_Body):
    """The body of POST /apps/APP/restart: web, web.1 or nothing."""

    process: str | None = None


class LimitsRequest(_Body):
    """The body of PUT /apps/APP/limits/TYPE: bytes and cores."""

    memory: int | None = Field(None, ge=16 << 20, le=1 << 44)
    cpu: float | None = Field(None, gt=0, le=1024)


class DomainRequest(_Body):
    """The body of POST /apps/APP/domains."""

    host: str


class MaintenanceRequest(_Body):
    """The body of PUT /apps/APP/maintenance."""

    on: bool


class LockRequest(_Body):
    """The body of PUT /apps/APP/lock: why; empty unlocks."""

    why: str = Field("", max_length=200)


class PathRequest(_Body):
    """The body of PUT /apps/APP/path: a folder of the repository; empty for the whole of it."""

    path: Folder


class NameRequest(_Body):
    """The body of POST /apps/APP/rename and /apps/APP/clone."""

    name: AppName


def router(apps: Apps, changes: Changes) -> APIRouter:
    """All routes."""
    api = APIRouter(prefix="/apps/{app}")
    machine = apps.machine

    async def answer(request: Request, operation: Operation) -> Response:
        if "text/event-stream" in request.headers.get("accept", ""):
            return sse(operation.transcript)
        after = await asyncio.wrap_future(operation.done)
        return JSONResponse(shape(after, apps.operations))

    @api.get("/releases")
    def list_releases(app: str, request: Request) -> list[dict[str, Any]]:
        live = apps.one(app, actor_of(request)).release
        return [_release(machine, one, live) for one in reversed(machine.registry.releases(app))]

    @api.get("/releases/{number}")
    def one_release(app: str, number: str, request: Request) -> dict[str, Any]:
        live = apps.one(app, actor_of(request)).release
        found = _find(machine, app, number)
        before = [one for one in machine.registry.releases(app) if one.number < found.number]
        return {
            **_release(machine, found, live),
            "changed": _difference(machine, before[-1] if before else None, found),
        }

    @api.post("/rollback")
    async def rollback(app: str, body: RollbackRequest, request: Request) -> Response:
        return await answer(request, changes.rollback(app, body.release, actor_of(request)))

    @api.get("/config")
    def read_config(app: str, request: Request) -> dict[str, str]:
        found = apps.one(app, actor_of(request))
        return machine.configs.read(app, found.config)

    @api.patch("/config")
    async def change_config(app: str, body: ConfigRequest, request: Request) -> Response:
        return await answer(request, changes.config(app, body.values, body.restart, actor_of(request)))

    @api.patch("/formation")
    async def scale(app: str, body: ScaleRequest, request: Request) -> Response:
        return await answer(request, changes.scale(app, body.formation, actor_of(request)))

    @api.post("/restart")
    async def restart(app: str, body: RestartRequest, request: Request) -> Response:
        return await answer(request, changes.restart(app, body.process, actor_of(request)))

    @api.post("/stop")
    async def stop(app: str, request: Request) -> Response:
        return await answer(request, changes.stop(app, actor_of(request)))

    @api.post("/start")
    async def start(app: str, request: Request) -> Response:
        return await answer(request, changes.start(app, actor_of(request)))

    @api.put("/limits/{kind}")
    async def limits(app: str, kind: str, body: LimitsRequest, request: Request) -> Response:
        wanted = Limits(memory=body.memory, cpu=body.cpu)
        return await answer(request, changes.limits(app, kind, wanted, actor_of(request)))

    @api.put("/checks")
    async def checks(app: str, body: OwnChecks, request: Request) -> Response:
        return await answer(request, changes.checks(app, body, actor_of(request)))

    @api.delete("/checks")
    async def no_checks(app: str, request: Request) -> Response:
        return await answer(request, changes.checks(app, None, actor_of(request)))

    @api.post("/rename")
    async def rename(app: str, body: NameRequest, request: Request) -> Response:
        return await answer(request, await asyncio.to_thread(apps.rename, app, body.name, actor_of(request)))

    @api.post("/clone")
    async def clone(app: str, body: NameRequest, request: Request) -> Response:
        return await answer(request, await asyncio.to_thread(apps.clone, app, body.name, actor_of(request)))

    @api.post("/domains")
    async def add_domain(app: str, body: DomainRequest, request: Request) -> Response:
        found, host = apps.one(app, actor_of(request)), _host(body.host)
        _check_free(machine, found, host)
        domains = [*[one for one in found.domains if one.host != host], Domain(host=host)]
        return await answer(request, changes.set(app, f"{host} leads to {app}", actor_of(request), domains=domains))

    @api.delete("/domains/{host}")
    async def remove_domain(app: str, host: str, request: Request) -> Response:
        found = apps.one(app, actor_of(request))
        if host not in {one.host for one in found.domains}:
            raise Refused(f"{host!r} is no domain of {app}", hint=f"see them with: minpaas domains {app}")
        domains = [one for one in found.domains if one.host != host]
        return await answer(request, changes.set(app, f"{host} is removed", actor_of(request), domains=domains))

    @api.put("/maintenance")
    async def maintenance(app: str, body: MaintenanceRequest, request: Request) -> Response:
        what = f"Maintenance is {'on' if body.on else 'off'}"
        return await answer(request, changes.set(app, what, actor_of(request), maintenance=body.on))

    @api.put("/path")
    async def path(app: str, body: PathRequest, request: Request) -> Response:
        what = f"Later deploys are built from {f'the folder {body.path}/' if body.path else 'the whole repository'}"
        return await answer(request, changes.set(app, what, actor_of(request), path=body.path))

    @api.put("/lock")
    async def lock(app: str, body: LockRequest, request: Request) -> Response:
        what = f"Locked: {body.why}" if body.why else "Unlocked"
        return await answer(request, changes.set(app, what, actor_of(request), locked=body.why))

    @api.post("/networks/{network}")
    async def attach(app: str, network: str, request: Request) -> Response:
        found = apps.one(app, actor_of(request))
        machine.network.check(network)
        networks = [*[one for one in found.networks if one != network], network]
        return await answer(
            request, changes.fresh(app, f"Joins the network {network}", actor_of(request), networks=networks)
        )

    @api.delete("/networks/{network}")
    async def detach(app: str, network: str, request: Request) -> Response:
        found = apps.one(app, actor_of(request))
        if network not in found.networks:
            raise Refused(f"{app} is not in {network[:80]!r}", hint=f"see them with: minpaas networks {app}")
        networks = [one for one in found.networks if one != network]
        return await answer(
            request, changes.fresh(app, f"Leaves the network {network}", actor_of(request), networks=networks)
        )

    return api


def _find(machine: Machine, app: str, number: str) -> Release:
    digits = number.removeprefix("v")
    found = [one for one in machine.registry.releases(app) if digits.isdecimal() and one.number == int(digits)]
    if not found:
        raise NoSuchRelease(app, number)
    return found[0]


def _release(machine: Machine, one: Release, live: int | None) -> dict[str, Any]:
    body = one.model_dump(mode="json", exclude={"schema_version", "environment"})
    return {
        **body,
        "name": one.name,
        "live": one.number == live,
        "image_kept": machine.images.find(one.image) is not None,
    }


def _difference(machine: Machine, before: Release | None, after: Release) -> dict[str, Any]:
    """What a release has that the one before it had not: names of config vars, never values."""
    old = machine.configs.read(after.app, before.config) if before else {}
    new = machine.configs.read(after.app, after.config)
    return {
        "config_added": sorted(set(new) - set(old)),
        "config_removed": sorted(set(old) - set(new)),
        "config_changed": sorted(name for name in set(new) & set(old) if new[name] != old[name]),
        "commit": before is None or before.commit != after.commit,
        "image": before is None or before.image != after.image,
    }


def _host(host: str) -> str:
    """A host name, or *. and one. Raises Refused."""
    import re

    label = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
    lower = host.lower().rstrip(".")
    if (
        len(lower) > 253
        or not re.fullmatch(rf"(\*\.)?{label}(\.{label})+", lower)
        or not re.search(r"[a-z]", lower.rpartition(".")[2])
    ):
        raise Refused(f"{host[:80]!r} is no host name", hint="such as www.example.org or *.example.org")
    return lower


def _check_free(machine: Machine, app: App, host: str) -> None:
    if host.endswith(f".{machine.settings.domain}") or host in ("localhost", *machine.settings.allowed_hosts):
        raise Refused(f"{host} is MinPaas's own", hint="add a name of a domain of yours")
    for other in machine.registry.apps():
        if other.name != app.name and host in {one.host for one in other.domains}:
            raise Conflict(
                f"{host} belongs to {other.name}", title="That domain is taken", hint=f"minpaas domains {other.name}"
            )
