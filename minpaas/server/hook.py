"""The door of the hooks: every hosted repository's post-receive comes here, by a unix socket that only we can open.

One JSON line asks, JSON lines answer: {"op": "open"} before a repository is opened, {"op": "receive"} for a push.
"""

import asyncio
import contextlib
import json
import logging
from typing import Any

from minpaas.server.access import Actor, check
from minpaas.server.apps import Apps
from minpaas.server.deploy import Deploys
from minpaas.server.errors import MinPaasError, NoSuchApp
from minpaas.server.git.unix_socket import listen
from minpaas.server.models import app_name
from minpaas.server.operations import Operation
from minpaas.server.receive import Judged, Update, judge
from minpaas.server.settings import Settings

log = logging.getLogger("minpaas.hook")
_LONGEST = 16 << 20  # bytes of a question: a mirror push names thousands of refs

Report = list[list[str]]


class HookDoor:
    """Answers the git process and the hooks."""

    def __init__(self, settings: Settings, deploys: Deploys, apps: Apps):
        self._settings = settings
        self._deploys = deploys
        self._apps = apps
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen on settings.hook_socket."""
        self._server = await asyncio.start_unix_server(
            self._talk, sock=listen(self._settings.hook_socket), limit=_LONGEST
        )

    async def close(self) -> None:
        """Take no more questions."""
        if self._server:
            self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        say = _Pusher(writer)
        try:
            question = json.loads(await reader.readline())
            if question["op"] == "open":
                await say.send(await asyncio.to_thread(self._open, question))
            else:
                await say.send({"report": await self._receive(question, say)})
        except (OSError, ValueError, KeyError, asyncio.IncompleteReadError):
            log.exception("a hook's question could not be answered")
        finally:
            writer.close()

    def _open(self, question: dict[str, Any]) -> dict[str, Any]:
        actor = _actor(question)
        try:
            name = app_name(question["app"])
            if question["service"] == "git-receive-pack" and self._settings.autocreate:
                self._apps.ensure(name, actor)
            else:
                self._apps.one(name, actor)
            check(actor, "deploy" if question["service"] == "git-receive-pack" else "read", name)
        except NoSuchApp as error:
            hint = f"create it with: minpaas create {question['app']}"
            return {"ok": False, "error": f" !     {error}\n !     Next: {hint}"}
        except MinPaasError as error:
            return {"ok": False, "error": f" !     {error}" + (f"\n !     Next: {error.hint}" if error.hint else "")}
        return {"ok": True}

    async def _receive(self, question: dict[str, Any], say: "_Pusher") -> Report:
        updates = [Update(*fields) for fields in question["updates"]]
        try:
            app = self._apps.one(question["repo"], _actor(question))
        except MinPaasError as error:
            return [[update.ref, "ng", error.reason] for update in updates]
        judged = judge(app, updates, bool(question.get("atomic")))
        for one in judged:
            if one.error and one.error.detail:
                await say.out(f" !     {one.error}\n" + (f" !     Next: {one.error.hint}\n" if one.error.hint else ""))
        return [await self._verdict(app.name, one, question, say) for one in judged]

    async def _verdict(self, app: str, one: Judged, question: dict[str, Any], say: "_Pusher") -> list[str]:
        if one.error:
            return [one.update.ref, "ng", one.error.reason]
        if not one.deploys:
            return [one.update.ref, "ok", ""]
        moved = bool(question.get("moved"))
        if moved and self._apps.machine.registry.app(app).commit == one.update.new:
            return [one.update.ref, "ok", ""]  # proc-receive has deployed it a moment ago
        deploy = await asyncio.to_thread(self._deploys.push, app, one.update, moved, _actor(question))
        await _tell(deploy, say)
        try:
            await asyncio.wrap_future(deploy.done)
        except MinPaasError as error:
            return [one.update.ref, "ng", error.reason]
        return [one.update.ref, "ok", ""]


class _Pusher:
    """The one who waits for lines; when they have left, the deploy goes on by itself."""

    def __init__(self, writer: asyncio.StreamWriter):
        self._writer = writer
        self.gone = False

    async def send(self, message: dict[str, Any]) -> None:
        """One JSON line."""
        if self.gone:
            return
        try:
            self._writer.write(json.dumps(message).encode() + b"\n")
            await self._writer.drain()
        except (ConnectionError, OSError):
            self.gone = True

    async def out(self, text: str) -> None:
        """Text for the person's terminal."""
        if text:
            await self.send({"out": text})


async def _tell(deploy: Operation, say: _Pusher) -> None:
    async with contextlib.aclosing(deploy.transcript.follow()) as events:
        async for event in events:
            if event:
                await say.out(event.line())
            if say.gone:
                return


def _actor(question: dict[str, Any]) -> Actor:
    door, _, name = str(question.get("actor") or "git").partition(":")
    return Actor(door, name)
