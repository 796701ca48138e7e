"""MinPaas's own settings, read once from the environment. Never called config: that word belongs to the apps."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from minpaas.home import home, shipped
from minpaas.server.errors import BadSetting


@dataclass(frozen=True)
class Settings:
    """Everything a person can set, with its default. Times are seconds, sizes bytes."""

    home: Path
    instance: str = "minpaas"  # names our network, containers and images, so that two homes on one machine stay apart
    host: str = "127.0.0.1"  # where the API and the dashboard listen
    port: int = 4000
    ssh_host: str = "127.0.0.1"
    ssh_port: int = 2222
    http_listen: tuple[str, ...] = ("127.0.0.1", "[::1]")  # where nginx listens
    http_port: int = 0  # 0: 80 where permitted, else 8080
    domain: str = "localhost"  # apps answer at <app>.<domain>
    allowed_hosts: frozenset[str] = frozenset()  # further Host names under which the API may be asked
    subnet: str = ""  # of the apps' bridge network; empty: the first free /20 of 10.210.0.0/15
    autocreate: bool = True  # the first push creates the app
    repo_hosts: frozenset[str] = field(
        default_factory=frozenset
    )  # host:port that a URL deploy may fetch from although private
    start_timeout: float = 60.0  # a web process must have answered by then
    build_timeout: float = 1800.0
    drain: float = 30.0  # requests in flight may finish for so long after a cutover
    grace: float = 30.0  # between SIGTERM and SIGKILL
    memory: int = 512 << 20  # of one process
    pids: int = 512
    router_log: bool = True  # nginx tells of requests and counts those that fail: 9 % of its time for a request
    log_bytes: int = 30 << 20  # of the kept logs of one app
    bake: float = 30.0  # for so long a new release is watched, unless its app says otherwise
    build_cache: int = 10 << 30  # of the engine, for all who build on it; 0: it is left alone
    disk_reserve: int = 2 << 30  # with less free than this, or than a tenth of the disk, nothing is built
    parallel_builds: int = field(default_factory=lambda: os.cpu_count() or 2)
    base_registry: str = ""  # where the official slim images come from; "none": only Debian packages

    @property
    def state(self) -> Path:
        """What must not be lost."""
        return self.home / "state"

    @property
    def repos(self) -> Path:
        """The hosted bare repositories."""
        return self.home / "repos"

    @property
    def workspace(self) -> Path:
        """One folder a build; may be deleted at any time."""
        return self.home / "workspace"

    @property
    def hook_socket(self) -> Path:
        """Where the repos' hooks find the control plane."""
        return self.state / "hook.sock"

    @property
    def git_socket(self) -> Path:
        """Where the control plane pipes /git requests to the git process."""
        return self.state / "git.sock"

    @property
    def router(self) -> Path:
        """nginx's own prefix: its rendered configuration, pid, logs and control socket."""
        return self.state / "nginx"

    @property
    def apps_map(self) -> Path:
        """The routing table as nginx reads it when it starts."""
        return self.home / "nginx" / "apps.map.conf"

    def shipped(self, name: str) -> Path:
        """A folder that MinPaas ships: `hooks`, `nginx` or `web`."""
        return shipped(name)


def load(environ: dict[str, str] | None = None) -> Settings:
    """Settings from MINPAAS_* variables. Raises BadSetting naming the variable."""
    env = os.environ if environ is None else environ

    def text(name: str, default: str) -> str:
        return env.get(f"MINPAAS_{name}") or default

    def number(name: str, default: float, low: float, high: float) -> float:
        raw = text(name, str(default))
        try:
            value = float(raw)
        except ValueError:
            raise BadSetting(f"MINPAAS_{name}", raw, "a number") from None
        if not low <= value <= high:
            raise BadSetting(f"MINPAAS_{name}", raw, f"between {low:g} and {high:g}")
        return value

    def names(name: str, default: str = "") -> tuple[str, ...]:
        return tuple(part.strip() for part in text(name, default).split(",") if part.strip())

    instance = text("INSTANCE", "minpaas")
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", instance):
        raise BadSetting("MINPAAS_INSTANCE", instance, "lower-case letters, digits and dashes")
    return Settings(
        home=Path(env["MINPAAS_HOME"]).resolve() if env.get("MINPAAS_HOME") else home(),
        instance=instance,
        host=text("HOST", "127.0.0.1"),
        port=int(number("PORT", 4000, 0, 65535)),
        ssh_host=text("SSH_HOST", "127.0.0.1"),
        ssh_port=int(number("SSH_PORT", 2222, 0, 65535)),
        http_listen=names("HTTP_LISTEN", "127.0.0.1,[::1]"),
        http_port=int(number("HTTP_PORT", 0, 0, 65535)),
        domain=text("DOMAIN", "localhost"),
        allowed_hosts=frozenset(names("ALLOWED_HOSTS")),
        subnet=text("SUBNET", ""),
        autocreate=text("AUTOCREATE", "1") not in ("0", "false", "no"),
        repo_hosts=frozenset(names("REPO_HOSTS")),
        start_timeout=number("START_TIMEOUT", 60, 1, 3600),
        build_timeout=number("BUILD_TIMEOUT", 1800, 10, 86400),
        drain=number("DRAIN", 30, 0, 3600),
        grace=number("GRACE", 30, 0, 3600),
        memory=int(number("MEMORY_MB", 512, 16, 1 << 20)) << 20,
        pids=int(number("PIDS", 512, 16, 1 << 20)),
        router_log=text("ROUTER_LOG", "1") not in ("0", "false", "no"),
        log_bytes=int(number("LOG_MB", 30, 1, 1 << 20)) << 20,
        bake=number("BAKE", 30, 0, 3600),
        build_cache=int(number("BUILD_CACHE_GB", 10, 0, 1 << 20) * (1 << 30)),
        disk_reserve=int(number("DISK_RESERVE_MB", 2048, 0, 1 << 30)) << 20,
        parallel_builds=int(number("PARALLEL_BUILDS", os.cpu_count() or 2, 1, 64)),
        base_registry=text("BASE_REGISTRY", ""),
    )
