"""The nouns that every room speaks of, and the shapes in which state/ and the API show them."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from minpaas.server.errors import BadAppName, BadCommand, BadRef, BadRepoURL, Refused

RESERVED = frozenset({"minpaas", "localhost"})
DEPLOY_BRANCHES = ("refs/heads/main", "refs/heads/master")
ZERO = "0" * 40

Status = Literal["created", "deploying", "starting", "running", "crashed", "stopped"]
Runtime = Literal["python", "node", "static", "dockerfile"]


def app_name(name: str) -> str:
    """The name if it is a DNS label that we accept, by every door alike. Raises BadAppName."""
    if not re.fullmatch(r"(?!xn--)[a-z]([a-z0-9-]{0,61}[a-z0-9])?", name) or name in RESERVED:
        raise BadAppName(name)
    return name


def git_ref(ref: str) -> str:
    """A branch, tag or commit to fetch, from an allow-list of characters. Raises BadRef."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}", ref) or ".." in ref or ref.endswith((".lock", "/", ".")):
        raise BadRef(ref)
    return ref


def repo_url(url: str) -> str:
    """A URL that dulwich may fetch from: http, https or ssh with a plain host and path. Raises BadRepoURL.

    Where the host leads is checked later, when it has been resolved (see receive.py).
    """
    scp = re.fullmatch(
        r"([A-Za-z0-9][A-Za-z0-9._-]*)@([A-Za-z0-9][A-Za-z0-9.-]*):([A-Za-z0-9._~][A-Za-z0-9._~/+-]*)", url
    )
    if scp:
        url = f"ssh://{scp[1]}@{scp[2]}/{scp[3]}"
    pattern = (
        r"(https?|ssh)://([A-Za-z0-9][A-Za-z0-9._%~-]*(:[A-Za-z0-9._%~!$*+-]*)?@)?"
        r"([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/[A-Za-z0-9._~%/+@-]+"
    )
    if len(url) > 2000 or not re.fullmatch(pattern, url) or "/-" in url or "/../" in url:
        raise BadRepoURL(url)
    return url


def start_command(command: str) -> str:
    """A start command as one line without control characters. Raises BadCommand."""
    if not command.strip() or len(command) > 4096 or re.search(r"[\x00-\x1f\x7f]", command):
        raise BadCommand(command)
    return command.strip()


def check_path(path: str) -> str:
    """What a health check asks for. Raises Refused."""
    if not re.fullmatch(r"/[!-~]{0,2000}", path):
        hint = "such as: minpaas checks:set --path /up"
        raise Refused(f"the path {path[:80]!r} does not start with / or holds what a URL may not", hint=hint)
    return path


def folder(path: str) -> str:
    """A folder of a repository, without slashes around it; empty for the whole of it. Raises Refused."""
    path = path.strip().removeprefix("./").strip("/").removesuffix(".")
    if path and (len(path) > 500 or not re.fullmatch(r"(?!.*(^|/)\.\.(/|$))[\w .@+/-]+", path)):
        raise Refused(
            f"{path[:80]!r} is no folder of a repository", hint="give it as seen from the top: --path services/api"
        )
    return path


AppName = Annotated[str, AfterValidator(app_name)]
GitRef = Annotated[str, AfterValidator(git_ref)]
RepoURL = Annotated[str, AfterValidator(repo_url)]
StartCommand = Annotated[str, AfterValidator(start_command)]
CheckPath = Annotated[str, AfterValidator(check_path)]
Folder = Annotated[str, AfterValidator(folder)]


class Limits(BaseModel):
    """What one process may use: memory in bytes, cpu in cores; None is the setting's own."""

    model_config = ConfigDict(frozen=True)
    memory: int | None = None
    cpu: float | None = None


class Checks(BaseModel):
    """How a web process shows that it is well. Times are seconds."""

    model_config = ConfigDict(frozen=True)
    path: CheckPath = "/"
    timeout: float | None = Field(default=None, gt=0, le=3600)  # of the whole wait; None is the setting's own
    attempts: int = Field(default=3, ge=1, le=100)  # of a path of the owner's own, a second apart


class OwnChecks(BaseModel):
    """What of them an app's owner has set. Without a path, the one that the code asks for stays."""

    model_config = ConfigDict(frozen=True)
    path: CheckPath | None = None
    timeout: float | None = Field(default=None, gt=0, le=3600)
    attempts: int = Field(default=3, ge=1, le=100)

    def over(self, path: str) -> Checks:
        """The checks of a release whose code asks for this path."""
        return Checks(path=self.path or path, timeout=self.timeout, attempts=self.attempts)

    def __str__(self) -> str:
        within = f" within {self.timeout:g} s" if self.timeout else ""
        return f"GET {self.path}{within}" if self.path else f"as the code says{within}"


class Domain(BaseModel):
    """A host name that belongs to an app."""

    model_config = ConfigDict(frozen=True)
    host: str
    tls: bool = False


class Process(BaseModel):
    """One running member of an app's formation: web.1."""

    model_config = ConfigDict(frozen=True)
    type: str
    number: int = 1
    address: str = ""  # opaque host:port where it is asked; empty for what does not listen
    port: int = 0  # the same, published on 127.0.0.1 for debugging
    container: str = ""

    @property
    def name(self) -> str:
        """web.1"""
        return f"{self.type}.{self.number}"


class Why(BaseModel):
    """Who makes a release, by which operation, and what for."""

    model_config = ConfigDict(frozen=True)
    actor: str
    operation: str
    reason: str


class Release(BaseModel):
    """Image, process types and why; numbered, written once, never changed."""

    model_config = ConfigDict(frozen=True)
    schema_version: int = Field(1, alias="version")
    app: AppName
    number: int
    image: str  # the image's id, sha256:...
    commit: str
    path: Folder = ""  # the folder of it that was built
    runtime: Runtime
    runtime_version: str = ""  # what the app was built with, which it keeps until it asks otherwise
    process_types: dict[str, str]  # type -> command; "" where the image's own CMD runs
    formation: dict[str, int] = {"web": 1}
    port: int = 8000  # what PORT is set to
    environment: dict[str, str] = {}  # what the runtime sets, under the app's own config vars
    config: str | None = None  # the id of its config set
    release_command: str = ""
    checks: Checks = Checks()
    domains: list[Domain] = []
    created_at: str = ""
    created_by: str = ""
    reason: str = ""
    operation: str = ""  # the id of the operation that made it: its transcript

    @property
    def name(self) -> str:
        """v12"""
        return f"v{self.number}"


class App(BaseModel):
    """What should run, as one record of state/apps.json. `status` is the last one observed, never trusted."""

    name: AppName
    runtime: Runtime | None = None
    port: int | None = None  # of web.1, published on 127.0.0.1
    status: Status = "created"
    url: str = ""
    command: str = ""
    release: int | None = None  # the live one
    commit: str = ""
    branch: str | None = None  # main or master: whichever was pushed first
    path: Folder = ""  # the folder of the repository that is built; empty: all of it, or what PROJECT_PATH says
    last_release: int = 0  # numbers are never given twice, not even after a failed deploy
    formation: dict[str, int] = {"web": 1}
    config: str | None = None  # the id of the config set that the next release gets
    limits: dict[str, Limits] = {}
    checks: OwnChecks | None = None  # set by its owner, before what the code asks for
    networks: list[str] = []  # Docker networks of the owner's that its processes also join
    domains: list[Domain] = []
    bake: int | None = None  # seconds for which a new release is watched; None is the setting's own
    hold: bool = False  # a push waits for the end of that time
    notice: str = ""  # what was done to it by itself, until its next release
    stopped: bool = False  # by its owner
    maintenance: bool = False
    locked: str = ""  # why nothing may be deployed; empty when it may
    processes: list[Process] = []
    exit_code: int | None = None
    created_at: str = ""


RouteState = Literal["live", "created", "maintenance", "stopped", "crashed"]


class Target(BaseModel):
    """Where a route leads: one process and its opaque address."""

    model_config = ConfigDict(frozen=True)
    process: str
    address: str


class Route(BaseModel):
    """One host and what answers for it."""

    model_config = ConfigDict(frozen=True)
    host: str
    tls: bool = False
    state: RouteState = "live"
    targets: list[Target] = []
