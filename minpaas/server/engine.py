"""The hand on the Docker engine: the connection, and our containers (images.py and network.py have the rest). All carry our labels."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from minpaas.server.errors import MachineTrouble, NoStartCommand, Refused
from minpaas.server.settings import Settings

INSTANCE, APP, RELEASE, PROCESS = "minpaas.instance", "minpaas.app", "minpaas.release", "minpaas.process"
RUN, COMMAND, EXPIRES = (
    "minpaas.run",
    "minpaas.command",
    "minpaas.expires",
)  # of a one-off: how it is held, what, until when
_EVENTS = ["start", "die", "oom", "pause", "unpause", "destroy"]
_DEFAULT_HOST = "unix:///var/run/docker.sock"
# What an image that starts as root needs to hand over to a user of its own, and no more.
_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"]


@dataclass(frozen=True)
class ContainerSpec:
    """What a container is to be: said as data, so that a test can read it and `explain` can print it."""

    name: str
    image: str
    app: str
    release: str
    process: str
    environment: dict[str, str]
    address: str
    port: int
    memory: int
    pids: int
    command: list[str] | None = None
    cpu: float | None = None  # cores
    networks: tuple[str, ...] = ()  # of the owner's own, joined besides ours
    stdin: bool = False  # whoever attaches may write to it, once
    tty: bool = False
    labels: dict[str, str] = field(default_factory=dict)  # besides those that every process has

    def equivalent(self, network: str) -> str:
        """The docker command that a person could have typed."""
        limits = f"--memory {self.memory >> 20}m --pids-limit {self.pids}"
        env = " ".join(f"-e {name}" for name in sorted(self.environment))
        command = " ".join(json.dumps(word) if " " in word else word for word in self.command or [])
        return (
            f"docker run -d --init --name {self.name} --network {network} --ip {self.address} "
            f"{f'-p 127.0.0.1::{self.port} ' if self.port else ''}{limits} --security-opt no-new-privileges {env} {self.image} {command}"
        ).rstrip()


@dataclass(frozen=True)
class Container:
    """What the engine says of one of our containers."""

    id: str
    name: str
    app: str
    release: str
    process: str
    image: str
    status: str  # Docker's word: created, running, exited, ...
    exit_code: int
    pid: int
    address: str
    port: int  # published on 127.0.0.1; 0 when none
    restarts: int
    oom_killed: bool
    error: str
    started_at: str = ""
    finished_at: str = ""
    memory: int = 0  # its limit
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Usage:
    """What a container uses now: bytes, the bytes that it may use, and percent of one core. Nothing of one that is down."""

    since: str  # when it came into the state that it is in
    memory: int = 0
    memory_limit: int = 0
    cpu: float | None = None


class Engine:
    """One engine, one instance of ours on it. Every method raises MachineTrouble when the engine does not answer."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self.network = settings.instance
        self._client: docker.APIClient | None = None
        self._streaming: docker.APIClient | None = None
        self._connecting = threading.Lock()

    @property
    def api(self) -> docker.APIClient:
        """The SDK's client for calls that answer soon."""
        return self._connect()[0]

    @property
    def streaming(self) -> docker.APIClient:
        """The SDK's client for calls that last: it waits for as long as they take."""
        return self._connect()[1]

    def version(self) -> str:
        """The engine's version."""
        return str(self.api.version()["Version"])

    def start(self, spec: ContainerSpec) -> Container:
        """Create and start a container. Raises MachineTrouble with the engine's words when it cannot."""
        made = self.create(spec)
        try:
            self.api.start(made)
            return self.container(made)
        except (APIError, requests.RequestException) as error:
            self._give_up(spec.name)
            raise MachineTrouble(f"the engine could not start {spec.process}: {_words(error)}") from error

    def create(self, spec: ContainerSpec) -> str:
        """Create a container and do not start it yet; its id. Raises MachineTrouble."""
        api = self.api
        host = api.create_host_config(
            init=True,
            restart_policy={"Name": "no"},
            port_bindings={spec.port: ("127.0.0.1", None)} if spec.port else None,
            mem_limit=spec.memory,
            memswap_limit=spec.memory,
            pids_limit=spec.pids,
            nano_cpus=round(spec.cpu * 1e9) if spec.cpu else None,
            security_opt=["no-new-privileges"],
            cap_drop=["ALL"],
            cap_add=_CAPABILITIES,
            log_config={"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
        )
        endpoint = api.create_networking_config({self.network: api.create_endpoint_config(ipv4_address=spec.address)})
        labels = {**self.labels(spec.app), RELEASE: spec.release, PROCESS: spec.process, **spec.labels}
        self.remove_namesake(spec.name)
        try:
            made = api.create_container(
                spec.image,
                command=spec.command,
                name=spec.name,
                environment=spec.environment,
                ports=[spec.port] if spec.port else None,
                labels=labels,
                host_config=host,
                networking_config=endpoint,
                stdin_open=spec.stdin,
                tty=spec.tty,
            )
            for network in spec.networks:
                api.connect_container_to_network(made["Id"], network)
        except (APIError, requests.RequestException) as error:
            self._give_up(spec.name)
            if "No command specified" in str(error):
                raise NoStartCommand(
                    f"the image says nothing of what {spec.process} runs",
                    hint='add CMD ["..."] to the Dockerfile, or a Procfile with the line  web: COMMAND',
                ) from error
            raise MachineTrouble(f"the engine could not start {spec.process}: {_words(error)}") from error
        return str(made["Id"])

    def keep_running(self, container: str) -> None:
        """From now on the engine restarts it when it ends, and after a reboot."""
        self.api.update_container(container, restart_policy={"Name": "unless-stopped"})

    def stop_restarting(self, container: str) -> None:
        """The engine leaves it down from now on."""
        self.api.update_container(container, restart_policy={"Name": "no"})
        self.stop(container, 1)

    def stop(self, container: str, grace: float) -> None:
        """SIGTERM, `grace` seconds, SIGKILL. Nothing happens when it is gone already."""
        try:
            self.api.stop(container, timeout=max(1, round(grace)))
        except NotFound:
            pass

    def resume(self, container: str) -> None:
        """Start a stopped container again."""
        self.api.start(container)

    def remove(self, container: str) -> None:
        """Kill and remove, with its anonymous volumes. Nothing happens when it is gone already."""
        try:
            self.api.remove_container(container, force=True, v=True)
        except NotFound:
            pass
        except APIError as error:
            if error.status_code != 409:  # its removal is already in progress
                raise

    def container(self, container: str) -> Container:
        """One container as it is now. Raises NotFound of the SDK when it is gone."""
        return self._seen(self.api.inspect_container(container))

    def usage(self, container: str) -> tuple[Container, Usage] | None:
        """A container as it is now, and its memory and CPU, measured over a second. None when it is gone."""
        try:
            found = self.api.inspect_container(container)
            if not found["State"]["Running"]:
                return self._seen(found), Usage(found["State"]["FinishedAt"])
            return self._seen(found), _usage(found, self.streaming.stats(container, stream=False))
        except NotFound:
            return None

    def containers(self, app: str | None = None) -> list[Container]:
        """All containers of our instance, or of one app; also those that have ended."""
        found = self.api.containers(all=True, filters={"label": [*self.filter(app), PROCESS]})
        seen = []
        for one in found:
            try:
                seen.append(self.container(one["Id"]))
            except NotFound:
                continue  # removed since the list was made
        return seen

    def states(self) -> dict[str, str]:
        """The engine's word for each of our containers, by id, in one call: running, exited, ..."""
        found = self.api.containers(all=True, filters={"label": [*self.filter(None), PROCESS]})
        return {one["Id"]: one["State"] for one in found}

    def one_offs(self, app: str | None = None) -> list[Container]:
        """The containers of one-offs, of our instance or of one app."""
        found = self.api.containers(all=True, filters={"label": [*self.filter(app), RUN]})
        seen = []
        for one in found:
            try:
                seen.append(self.container(one["Id"]))
            except NotFound:
                continue
        return seen

    def signal(self, container: str, name: str) -> None:
        """Send a signal, such as SIGINT, to a container's first process. Nothing happens when it has ended."""
        try:
            self.api.kill(container, name)
        except APIError as error:
            if error.status_code not in (404, 409):
                raise

    def resize(self, container: str, columns: int, lines: int, inside: str = "") -> None:
        """Set the size of a container's terminal, or of that of a process `inside` it. Nothing happens when it has ended."""
        try:
            if inside:
                self.api.exec_resize(inside, height=lines, width=columns)
            else:
                self.api.resize(container, height=lines, width=columns)
        except APIError:
            pass  # it has just ended, or its terminal is not there yet: the next change says it again

    def enter(self, container: str, command: list[str], tty: bool, environment: dict[str, str]) -> str:
        """Prepare a process inside a running container; its id. Raises Refused when the container does not run."""
        try:
            made = self.api.exec_create(
                container, command, stdin=True, stdout=True, stderr=True, tty=tty, environment=environment
            )
        except (APIError, NotFound) as error:
            raise Refused(f"it does not run ({error.explanation})", hint="see what runs with: minpaas ps") from None
        return str(made["Id"])

    def inside(self, identity: str) -> tuple[bool, int | None, int]:
        """Of a process inside a container: whether it runs, its exit code, its pid on this machine."""
        try:
            found = self.api.exec_inspect(identity)
        except NotFound:
            return False, None, 0
        return bool(found["Running"]), found["ExitCode"], int(found["Pid"] or 0)

    def do_inside(self, container: str, command: list[str]) -> None:
        """Run a command inside a running container, and do not wait for it."""
        made = self.api.exec_create(container, command, stdout=False, stderr=False)
        self.api.exec_start(made["Id"], detach=True)

    def address(self) -> tuple[str, str]:
        """Where the engine listens (unix:///path or tcp://host:port), and the prefix of its paths."""
        return docker.utils.kwargs_from_env().get("base_url") or _DEFAULT_HOST, f"/v{self.api.api_version}"

    def copy_output(self, container: str, file: BinaryIO) -> None:
        """What a container without a terminal has printed, in the engine's own frames."""
        api = self.streaming
        url = f"{api.base_url}/v{api.api_version}/containers/{container}/logs"
        with api.get(url, params={"stdout": 1, "stderr": 1}, stream=True, timeout=60) as answer:
            for chunk in answer.iter_content(65536):
                file.write(chunk)

    def last_lines(self, container: str, count: int = 50) -> list[str]:
        """The last lines that a container printed, both streams."""
        try:
            raw = self.api.logs(container, stdout=True, stderr=True, tail=count)
        except (NotFound, APIError):
            return []
        return cast(bytes, raw).decode("utf-8", "replace").splitlines()

    def stamped_lines(self, container: str, count: int) -> list[bytes]:
        """The last `count` lines with their timestamps; none when the container is gone."""
        try:
            raw: bytes = self.api.logs(container, stdout=True, stderr=True, tail=count, timestamps=True)
        except APIError:
            return []
        return raw.splitlines()

    def follow_lines(self, container: str, count: int) -> Iterator[bytes]:
        """The last `count` lines with their timestamps, then new ones, until the container ends."""
        stream = self.streaming.logs(
            container, stdout=True, stderr=True, tail=count, follow=True, stream=True, timestamps=True
        )
        return cast(Iterator[bytes], stream)

    def log_lines(self, container: str, *, count: int | None = None, since: int = 0, follow: bool = False) -> Any:
        """What a container printed, one `STAMP text` an item, from a Unix time on; `close()` ends it from any thread."""
        client = self.streaming if follow else self.api
        tail = "all" if count is None else count
        return client.logs(
            container,
            timestamps=True,
            stream=True,
            follow=follow,
            since=since or None,
            tail=tail,
            stdout=True,
            stderr=True,
        )

    def events(self) -> Iterator[dict[str, Any]]:
        """What happens to our containers, as the engine's event dictionaries, for as long as the engine lives."""
        stream = self.streaming.events(
            decode=True, filters={"type": "container", "label": self.filter(None), "event": _EVENTS}
        )
        return cast(Iterator[dict[str, Any]], stream)

    def labels(self, app: str) -> dict[str, str]:
        """What every object of an app carries."""
        return {INSTANCE: self._settings.instance, APP: app}

    def filter(self, app: str | None) -> list[str]:
        """The labels by which the engine finds what is ours, of all apps or of one."""
        labels = {INSTANCE: self._settings.instance} if app is None else self.labels(app)
        return [f"{key}={value}" for key, value in labels.items()]

    def remove_namesake(self, name: str) -> None:
        """A container that a crash left under the name that is wanted now: ours goes, another's stays and is named."""
        try:
            found = self.api.inspect_container(name)
        except NotFound:
            return
        if (found["Config"]["Labels"] or {}).get(INSTANCE) != self._settings.instance:
            raise MachineTrouble(f"a container that is not ours has the name {name}", hint=f"docker rename {name} ...")
        self.remove(found["Id"])

    def _connect(self) -> tuple[docker.APIClient, docker.APIClient]:
        with self._connecting:
            if self._client is None or self._streaming is None:
                try:
                    kwargs = docker.utils.kwargs_from_env()
                    self._client = docker.APIClient(version="auto", timeout=60, max_pool_size=64, **kwargs)
                    self._streaming = docker.APIClient(version="auto", timeout=None, max_pool_size=256, **kwargs)
                except (DockerException, requests.RequestException) as error:
                    self._client = None
                    raise MachineTrouble(
                        f"the Docker engine does not answer ({str(error)[:200]})",
                        hint="start it with: minpaas up, or: systemctl start docker",
                    ) from error
            return self._client, self._streaming

    def _give_up(self, name: str) -> None:
        """Remove a container that may or may not be there: the engine's answer was lost."""
        for _ in range(3):
            try:
                self.remove(name)
                return
            except (APIError, requests.RequestException):
                time.sleep(0.2)

    def _seen(self, found: dict[str, Any]) -> Container:
        labels, state = found["Config"]["Labels"] or {}, found["State"]
        endpoint = found["NetworkSettings"]["Networks"].get(self.network) or {}
        fixed = (endpoint.get("IPAMConfig") or {}).get("IPv4Address") or endpoint.get("IPAddress") or ""
        bindings = [b for many in (found["NetworkSettings"]["Ports"] or {}).values() for b in many or []]
        return Container(
            id=found["Id"],
            name=found["Name"].lstrip("/"),
            app=labels.get(APP, ""),
            release=labels.get(RELEASE, ""),
            process=labels.get(PROCESS, ""),
            image=found["Image"],
            status=state["Status"],
            exit_code=state["ExitCode"],
            pid=state["Pid"],
            address=fixed,
            port=int(bindings[0]["HostPort"]) if bindings else 0,
            restarts=found["RestartCount"],
            oom_killed=state["OOMKilled"],
            error=state.get("Error") or "",
            started_at=state.get("StartedAt") or "",
            finished_at=state.get("FinishedAt") or "",
            memory=found["HostConfig"].get("Memory") or 0,
            labels=labels,
        )


def _usage(found: dict[str, Any], stats: dict[str, Any]) -> Usage:
    """What `docker stats` would show. A process that has just ended leaves gaps in what the engine answers."""
    memory, now, before = stats["memory_stats"], stats["cpu_stats"], stats["precpu_stats"]
    # the cache of files is given back when it is needed: it is not what the process uses
    used = memory.get("usage", 0) - memory.get("stats", {}).get("inactive_file", 0)
    spent = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    passed = now.get("system_cpu_usage", 0) - before.get("system_cpu_usage", 0)
    cpu = 100.0 * spent / passed * now.get("online_cpus", 1) if passed > 0 else None
    return Usage(found["State"]["StartedAt"], max(0, used), memory.get("limit", 0), cpu)


def _words(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error)[:300]
