"""The story of attached one-offs: their streams, from the request for one to the moment when its reader goes away.

All of it is on the event loop; the engine's short calls have a few threads of their own, and waiting has none.
"""

import asyncio
import json
import logging
import os
import re
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from docker.errors import DockerException
from requests import RequestException

from minpaas.server import streams
from minpaas.server.access import Actor, check
from minpaas.server.errors import Conflict, MinPaasError, NotFound
from minpaas.server.one_offs import Asked, OneOff, OneOffs
from minpaas.server.operations import in_background

log = logging.getLogger("minpaas.sessions")

T = TypeVar("T")
Frame = tuple[int, bytes]
Signal = Literal["INT", "TERM", "HUP", "KILL", "QUIT"]
END = 3  # the frame after the last: {"exit_code": 0, "reason": ""}
_QUIET = 15.0  # seconds of silence after which an empty frame goes out, so that a reader who is gone is found out
_PATIENCE = 60.0  # seconds that input waits for the output to be asked for


@dataclass
class Session:
    """An attached one-off, or a visit to a process."""

    one: OneOff
    asked: Asked
    stream: "asyncio.Future[streams.Stream]"
    read: bool = False


class Sessions:
    """Connects people and one-offs."""

    def __init__(self, one_offs: OneOffs):
        self._one_offs, self._engine = one_offs, one_offs.machine.engine
        self._open: dict[tuple[str, str], Session] = {}
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="one-off")

    async def begin(self, app: str, asked: Asked, actor: Actor) -> dict[str, Any]:
        """Make a one-off. An attached one starts when its output is asked for. Raises Refused, ImageGone, MachineTrouble."""
        check(actor, "deploy", app)
        one = await self.do(self._one_offs.make, app, asked)
        if not asked.detach:
            loop = asyncio.get_running_loop()
            self._open[app, one.name] = Session(one, asked, loop.create_future())
            loop.call_later(_PATIENCE, self._forget, app, one.name)
        return {"name": one.name, "app": app, "command": asked.text, "attached": not asked.detach, "tty": asked.tty}

    async def all(self, app: str, actor: Actor) -> list[dict[str, Any]]:
        """Those that run, and the detached ones that have ended and whose output is kept."""
        check(actor, "read", app)
        self._one_offs.machine.registry.app(app)
        return await self.do(self._one_offs.all, app)

    async def stop(self, app: str, name: str, actor: Actor) -> None:
        """SIGTERM, grace, SIGKILL. Raises NotFound."""
        check(actor, "deploy", app)
        await self.do(self._one_offs.find, app, name)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        loop = ended.get_loop()

        def work() -> None:  # it may take the whole grace: on a thread of its own
            try:
                self._one_offs.stop(app, name)
            finally:
                loop.call_soon_threadsafe(ended.set_result, None)

        in_background(work)
        await asyncio.shield(ended)

    async def output(self, app: str, name: str, ongoing: bool, actor: Actor) -> AsyncGenerator[Frame, None]:
        """What it prints, as frames. Raises NotFound, and Conflict for a second reader of an attached one."""
        check(actor, "deploy", app)
        session = self._open.get((app, name))
        if session is None:
            return await self._detached_output(app, name, ongoing)
        if session.read:
            raise Conflict(f"{name} has its reader already", hint=f"see: minpaas run:list -a {app}")
        session.read = True
        return self._attached_output(session)

    async def write(self, app: str, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Give it all of this as its input, and then the end of it. Raises NotFound."""
        opening = self._session(app, name).stream
        await asyncio.wait([opening], timeout=_PATIENCE)
        if opening.cancelled() or not opening.done():
            return  # it has ended before it read anything, or nobody reads what it prints
        stream = opening.result()
        try:
            async for chunk in chunks:
                if chunk:
                    await stream.write(chunk)
        except ConnectionError:
            return  # it has ended, and takes no more
        stream.end_input()

    async def resize(self, app: str, name: str, columns: int, lines: int) -> None:
        """Its terminal has another size. Raises NotFound."""
        one = self._session(app, name).one
        await self.do(self._engine.resize, one.container, columns, lines, one.inside)

    async def signal(self, app: str, name: str, wanted: Signal) -> None:
        """Send it a signal. Raises NotFound."""
        if (app, name) in self._open:
            await self.do(self._signal, self._open[app, name].one, wanted)
        else:
            container = await self.do(self._one_offs.find, app, name)
            await self.do(self._engine.signal, container.id, f"SIG{wanted}")

    async def do(self, work: Callable[..., T], *arguments: object) -> T:
        """A short blocking call, on a thread that no other door needs."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*arguments))

    def _forget(self, app: str, name: str) -> None:
        """One whose output nobody has asked for by now is not waited for."""
        session = self._open.get((app, name))
        if session and not session.stream.done():
            session.stream.cancel()
            del self._open[app, name]

    def _session(self, app: str, name: str) -> Session:
        if (app, name) not in self._open:
            raise NotFound(f"{name} of {app}", title="No such one-off is attached", hint=f"minpaas run:list -a {app}")
        return self._open[app, name]

    async def _attached_output(self, session: Session) -> AsyncGenerator[Frame, None]:
        stream: streams.Stream | None = None
        try:
            try:
                stream = await self._connect(session)
                async for frame in stream.frames(_QUIET):
                    yield frame
                while (verdict := await self.do(self._one_offs.verdict, session.one)) is None:
                    yield 0, b""
                    await asyncio.sleep(0.05)
                if not session.one.inside:
                    await self.do(self._one_offs.settle, session.one.container)  # who reads the end finds it gone
                yield END, json.dumps(verdict).encode()
            except (MinPaasError, DockerException, RequestException) as error:
                yield streams.STDERR, f" !     {error}\r\n".encode()
                yield END, json.dumps({"exit_code": 127, "reason": str(error)}).encode()
        finally:
            if stream:
                stream.close()
            session.stream.cancel()
            self._open.pop((session.one.app, session.one.name), None)
            in_background(self._finish, session.one, session.asked.tty)

    async def _connect(self, session: Session) -> streams.Stream:
        one, asked = session.one, session.asked
        if one.inside:
            stream = await streams.enter(self._engine, one.inside, asked.tty)
            await self.do(self._engine.resize, one.container, asked.columns, asked.lines, one.inside)
        else:
            stream = await streams.attach(self._engine, one.container, asked.tty)
            try:
                await self.do(self._one_offs.begin, one, asked)
            except MinPaasError:
                stream.close()
                raise
        session.stream.set_result(stream)
        return stream

    async def _detached_output(self, app: str, name: str, ongoing: bool) -> AsyncGenerator[Frame, None]:
        try:
            container = await self.do(self._one_offs.find, app, name)
        except NotFound:
            path = await self.do(self._one_offs.log_of, app, name)
            return self._kept_output(OneOff(app, name, ""), path)
        stream = await streams.follow(self._engine, container.id, ongoing)
        return self._followed_output(OneOff(app, name, container.id), stream)

    async def _followed_output(self, one: OneOff, stream: streams.Stream) -> AsyncGenerator[Frame, None]:
        try:
            async for frame in stream.frames(_QUIET):
                yield frame
        finally:
            stream.close()
        verdict = await self.do(self._one_offs.verdict, one)
        yield END, json.dumps(verdict or {"exit_code": None, "reason": "it goes on"}).encode()

    async def _kept_output(self, one: OneOff, path: Path) -> AsyncGenerator[Frame, None]:
        with path.open("rb") as file:
            while head := file.read(8):
                yield head[0], file.read(int.from_bytes(head[4:], "big"))
        verdict = await self.do(self._one_offs.verdict, OneOff(one.app, one.name, "-"))
        yield END, json.dumps(verdict).encode()

    def _signal(self, one: OneOff, wanted: str) -> None:
        if not one.inside:
            self._engine.signal(one.container, f"SIG{wanted}")
            return
        runs, _, pid = self._engine.inside(one.inside)
        # the engine has no call for it; the pid is one of this machine only if the kernel says that it is in that container
        if not runs or not pid or one.container not in _about(pid, "cgroup"):
            return
        try:
            os.kill(pid, getattr(signal, f"SIG{wanted}"))
        except PermissionError:  # a server that is not root: the container's own shell may
            inner = re.search(r"^NSpid:.*\s(\d+)$", _about(pid, "status"), re.M)
            if inner:
                self._engine.do_inside(one.container, ["/bin/sh", "-c", f"kill -{wanted} {inner[1]}"])

    def _finish(self, one: OneOff, tty: bool) -> None:
        """End it if it still runs, and take it away. A shell in a terminal leaves at a hangup, as it would anywhere."""
        try:
            if one.inside:
                self._finish_inside(one)
                return
            if tty:
                self._engine.signal(one.container, "SIGHUP")
                time.sleep(0.2)
            self._engine.stop(one.container, self._one_offs.machine.settings.grace)
            self._one_offs.settle(one.container)
        except (MinPaasError, DockerException, RequestException, OSError) as error:
            log.warning("%s of %s could not be ended: %s", one.name, one.app, error)

    def _finish_inside(self, one: OneOff) -> None:
        for wanted, patience in (("HUP", 1.0), ("TERM", self._one_offs.machine.settings.grace), ("KILL", 0.0)):
            self._signal(one, wanted)
            until = time.monotonic() + patience
            while time.monotonic() < until:
                if not self._engine.inside(one.inside)[0]:
                    return
                time.sleep(0.1)


def _about(pid: int, what: str) -> str:
    try:
        return Path(f"/proc/{pid}/{what}").read_text()
    except OSError:
        return ""
