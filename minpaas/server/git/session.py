"""One request of a git client, whichever transport it came over: ask the control plane, open the repo, talk git."""

import json
import logging
import shutil
import time
from dataclasses import dataclass

from dulwich.errors import GitProtocolError, HangupException, NotGitRepository
from dulwich.repo import Repo

from minpaas.server.errors import BadAppName
from minpaas.server.git.ingest import QUARANTINE
from minpaas.server.git.receive_pack import DeployReceivePack
from minpaas.server.git.unix_socket import connect
from minpaas.server.git.upload_pack import ShallowAwareUploadPack
from minpaas.server.git.wire import Wire
from minpaas.server.models import app_name
from minpaas.server.settings import Settings

log = logging.getLogger("minpaas.git")

RECEIVE, UPLOAD = "git-receive-pack", "git-upload-pack"
SERVICES = (RECEIVE, UPLOAD)
_ANSWER_TIMEOUT = 60.0
_STALE = 3600.0  # what C git leaves behind is ours to remove only when it is surely dead


class Turned(Exception):
    """The request is turned away: an HTTP status and a text for the person."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status, self.text = status, text


@dataclass(frozen=True)
class Request:
    """What a client asks for. `stateless` and `advertise` are of HTTP, where a push is two requests."""

    service: str
    app: str
    actor: str
    stateless: bool = False
    advertise: bool = False


def app_of(path: str) -> str:
    """The app that a client's path names: /hello.git, hello and /hello are the same. Raises Turned."""
    try:
        return app_name(path.strip("/").removesuffix(".git"))
    except BadAppName as error:
        raise Turned(422, f"{error.title}: {error.detail}\n{error.hint}") from None


def serve(settings: Settings, request: Request, wire: Wire) -> None:
    """Have the whole conversation. Raises Turned before anything was said, HangupException when the client left."""
    _open(settings, request)
    path = settings.repos / f"{request.app}.git"
    try:
        with Repo(str(path)) as repo:
            _converse(repo, request, wire)
    except NotGitRepository:
        raise Turned(404, f"there is no repository of {request.app!r}") from None
    except HangupException:
        raise
    except GitProtocolError as error:
        raise Turned(422, str(error)) from None


def _converse(repo: Repo, request: Request, wire: Wire) -> None:
    mode = {"stateless": request.stateless, "advertise": request.advertise}
    if request.service == RECEIVE:
        DeployReceivePack(repo, wire, actor=request.actor, **mode).handle()
    else:
        ShallowAwareUploadPack(repo, wire, **mode).handle()


def _open(settings: Settings, request: Request) -> None:
    """The control plane knows whether this may be, and makes the repo of a new app."""
    question = {"op": "open", "app": request.app, "service": request.service, "actor": request.actor}
    try:
        with connect(settings.hook_socket, timeout=_ANSWER_TIMEOUT) as client, client.makefile("rwb") as file:
            file.write(json.dumps(question).encode() + b"\n")
            file.flush()
            line = file.readline(1 << 20)
    except OSError as error:
        log.warning("the control plane does not answer: %s", error)
        raise Turned(503, "MinPaas is not running; start it with: minpaas up") from None
    answer = json.loads(line) if line.strip() else {"error": "MinPaas stopped; try again"}
    if not answer.get("ok"):
        raise Turned(int(answer.get("status", 403)), str(answer.get("error", "refused")))


def sweep(settings: Settings) -> None:
    """At start nothing is being received: remove what a kill has left in the repos."""
    for repo in settings.repos.glob("*.git"):
        for quarantine in (repo / "objects").glob(f"{QUARANTINE}*"):
            shutil.rmtree(quarantine, ignore_errors=True)
        dead = time.time() - _STALE
        leftovers = [*(repo / "objects").glob("**/tmp_*"), *(repo / "refs").glob("**/*.lock"), *repo.glob("*.lock")]
        for path in leftovers:
            if path.name == "minpaas.lock":
                continue
            try:
                if path.is_file() and path.stat().st_mtime < dead:
                    path.unlink()
            except OSError as error:
                log.warning("%s stays: %s", path, error)
