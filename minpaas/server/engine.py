"""The hand on the Docker engine: only this file speaks to it. Containers, images, the network; all carry our labels."""

import io
import ipaddress
import json
import secrets
import tarfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from minpaas.server import buildkit
from minpaas.server.errors import BuildFailed, MachineTrouble, NoStartCommand, Refused
from minpaas.server.settings import Settings

INSTANCE, APP, RELEASE, PROCESS = "minpaas.instance", "minpaas.app", "minpaas.release", "minpaas.process"
RUN, COMMAND, EXPIRES = (
    "minpaas.run",
    "minpaas.command",
    "minpaas.expires",
)  # on a one-off: how it is held, what, until when
HOLDS = "minpaas.holds"  # on a container that is never started: the id of the image that it keeps from a prune
_EVENTS = ["start", "die", "oom", "pause", "unpause", "destroy"]
_DEFAULT_HOST = "unix:///var/run/docker.sock"
_SUBNETS = ipaddress.IPv4Network("10.210.0.0/16")
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

    def version(self) -> str:
        """The engine's version."""
        return str(self.api.version()["Version"])

    def ensure_network(self) -> str:
        """The subnet of our bridge network, which is made when missing: no traffic between containers."""
        try:
            found = self.api.inspect_network(self.network)
        except NotFound:
            self._create_network()
            found = self.api.inspect_network(self.network)
        return str(found["IPAM"]["Config"][0]["Subnet"])

    def check_network(self, name: str) -> None:
        """Raise Refused unless there is a network of this name that a container can join."""
        try:
            found = self.api.inspect_network(name)
        except APIError:
            raise Refused(
                f"there is no network {name[:80]!r}", hint=f"make it with: docker network create {name[:80]}"
            ) from None
        if found["Driver"] != "bridge" or found["Name"] in ("bridge", self.network):
            raise Refused(f"{name} cannot be joined", hint="make one with: docker network create NAME")

    def remove_network(self) -> None:
        """Remove our network if it is there."""
        try:
            self.api.remove_network(self.network)
        except NotFound:
            pass

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
        self._remove_namesake(spec.name)
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
            return self._seen(found), _usage(found, self._connect()[1].stats(container, stream=False))
        except NotFound:
            return None

    def containers(self, app: str | None = None) -> list[Container]:
        """All containers of our instance, or of one app; also those that have ended."""
        found = self.api.containers(all=True, filters={"label": [*self._filter(app), PROCESS]})
        seen = []
        for one in found:
            try:
                seen.append(self.container(one["Id"]))
            except NotFound:
                continue  # removed since the list was made
        return seen

    def states(self) -> dict[str, str]:
        """The engine's word for each of our containers, by id, in one call: running, exited, ..."""
        found = self.api.containers(all=True, filters={"label": [*self._filter(None), PROCESS]})
        return {one["Id"]: one["State"] for one in found}

    def one_offs(self, app: str | None = None) -> list[Container]:
        """The containers of one-offs, of our instance or of one app."""
        found = self.api.containers(all=True, filters={"label": [*self._filter(app), RUN]})
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
        api = self._connect()[1]
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
        stream = self._connect()[1].logs(
            container, stdout=True, stderr=True, tail=count, follow=True, stream=True, timestamps=True
        )
        return cast(Iterator[bytes], stream)

    def log_lines(self, container: str, *, count: int | None = None, since: int = 0, follow: bool = False) -> Any:
        """What a container printed, one `STAMP text` an item, from a Unix time on; `close()` ends it from any thread."""
        client = self._connect()[1 if follow else 0]
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
        stream = self._connect()[1].events(
            decode=True, filters={"type": "container", "label": self._filter(None), "event": _EVENTS}
        )
        return cast(Iterator[dict[str, Any]], stream)

    def build(
        self,
        context: Iterable[bytes],
        *,
        tag: str,
        build_id: str,
        on_status: Callable[[Any], None],
        labels: dict[str, str],
        options: dict[str, Any] | None = None,
    ) -> str:
        """Build with BuildKit from a tar stream; the image's id. Raises BuildFailed with BuildKit's last words.

        The Engine API does BuildKit itself with version=2 (the SDK's own build call does not ask for it).
        """
        api = self._connect()[1]
        params = {
            "version": "2",
            "t": tag,
            "buildid": build_id,
            "rm": "1",
            "labels": json.dumps(labels),
            **(options or {}),
        }
        headers = {"Content-Type": "application/x-tar"}
        url = f"{api.base_url}/v{api.api_version}/build"
        image = ""
        with api.post(url, params=params, data=context, headers=headers, stream=True, timeout=None) as answer:
            if answer.status_code != 200:
                raise BuildFailed(answer.text.strip()[:2000])
            for line in answer.iter_lines():
                message = json.loads(line)
                if "error" in message:
                    raise BuildFailed(message["error"])
                if message.get("id") == "moby.buildkit.trace":
                    on_status(buildkit.decode(message["aux"]))
                elif message.get("id") == "moby.image.id":
                    image = message["aux"]["ID"]
        if not image:
            raise BuildFailed("the engine ended the build without an image")
        return image

    def cancel_build(self, build_id: str) -> None:
        """End a running build; its `build` call raises BuildFailed."""
        api = self.api
        api.post(f"{api.base_url}/v{api.api_version}/build/cancel", params={"id": build_id}, timeout=30)

    def import_image(self, tar: Path, tag: str, changes: Sequence[str] = ()) -> None:
        """Make an image from a root file system."""
        repository, _, version = tag.partition(":")
        self._connect()[1].import_image_from_file(str(tar), repository=repository, tag=version, changes=list(changes))

    def pull(self, image: str) -> bool:
        """Fetch an image from its registry; False when it is not to be had."""
        try:
            self._connect()[1].pull(image)
        except (APIError, requests.RequestException):
            return False
        return True

    def image(self, name: str) -> dict[str, Any] | None:
        """The engine's record of an image, or None."""
        try:
            return cast(dict[str, Any], self.api.inspect_image(name))
        except ImageNotFound:
            return None

    def app_images(self, app: str | None = None) -> dict[str, list[str]]:
        """Images built for our apps: id -> tags."""
        found = self.api.images(filters={"label": self._filter(app)})
        return {image["Id"]: image["RepoTags"] or [] for image in found}

    def hold_images(self, app: str, images: set[str]) -> None:
        """Keep these images of an app, and let go of the others that were kept.

        `docker image prune -a` takes what no container has, tags or not: so each gets a container that is never started.
        """
        held: dict[str, str] = {}
        for one in self.api.containers(all=True, filters={"label": [*self._filter(app), HOLDS]}):
            image = one["Labels"][HOLDS]
            if image in images and image not in held:
                held[image] = one["Id"]
            else:
                self.remove(one["Id"])
        for image in images - held.keys():
            name = f"{self._settings.instance}.{app}.image.{image[7:19]}"
            try:
                self._remove_namesake(name)
                self.api.create_container(image, command=["true"], name=name, labels={**self.labels(app), HOLDS: image})
            except APIError:
                continue  # the image is gone already: a rollback to it is refused by name

    def adopt_image(self, image: str, app: str) -> str:
        """The same image for another app: the same layers under that app's label, so that each lets go of its own. Its id."""
        repository, tag = f"{self._settings.instance}/{app}", image[7:19]
        self.api.tag(image, repository, tag)  # BuildKit takes no ids; the new image takes the tag over
        content, file = f"FROM {repository}:{tag}\n".encode(), io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as tar:
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        options = {"dockerfile": "Dockerfile"}
        return self.build(
            iter([file.getvalue()]),
            tag=f"{repository}:{tag}",
            build_id=f"adopt-{secrets.token_hex(8)}",
            on_status=lambda status: None,
            labels=self.labels(app),
            options=options,
        )

    def let_go_of_images(self) -> None:
        """Remove every container that keeps an image of ours."""
        for one in self.api.containers(all=True, filters={"label": [*self._filter(None), HOLDS]}):
            self.remove(one["Id"])

    def stack_images(self) -> list[str]:
        """The ids of the stack images, unless another instance on this engine builds on them.

        App images inherit the stack's label, so what has an instance is an app's.
        """
        found = self.api.images(filters={"label": "minpaas.stack"})
        owners = {(image["Labels"] or {}).get(INSTANCE) for image in found}
        if owners - {None, self._settings.instance}:
            return []
        return [image["Id"] for image in found if INSTANCE not in (image["Labels"] or {})]

    def remove_image(self, name: str) -> None:
        """Remove a tag, or an image by its id with all its tags. Nothing happens when it is gone or in use."""
        try:
            self.api.remove_image(name, force=name.startswith("sha256:"))
        except (ImageNotFound, APIError):
            pass

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

    def labels(self, app: str) -> dict[str, str]:
        """What every object of an app carries."""
        return {INSTANCE: self._settings.instance, APP: app}

    def _filter(self, app: str | None) -> list[str]:
        labels = {INSTANCE: self._settings.instance} if app is None else self.labels(app)
        return [f"{key}={value}" for key, value in labels.items()]

    def _give_up(self, name: str) -> None:
        """Remove a container that may or may not be there: the engine's answer was lost."""
        for _ in range(3):
            try:
                self.remove(name)
                return
            except (APIError, requests.RequestException):
                time.sleep(0.2)

    def _remove_namesake(self, name: str) -> None:
        """A container that a crash left under the name that is wanted now: ours goes, another's stays and is named."""
        try:
            found = self.api.inspect_container(name)
        except NotFound:
            return
        if (found["Config"]["Labels"] or {}).get(INSTANCE) != self._settings.instance:
            raise MachineTrouble(f"a container that is not ours has the name {name}", hint=f"docker rename {name} ...")
        self.remove(found["Id"])

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

    def _create_network(self) -> None:
        if self._settings.subnet:
            wanted = [ipaddress.IPv4Network(self._settings.subnet)]
        else:
            wanted = list(_SUBNETS.subnets(new_prefix=20))
        taken = [*self._engine_subnets(), *_host_routes()]
        for subnet in wanted:
            if any(subnet.overlaps(other) for other in taken):
                continue
            pool = docker.types.IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))
            try:
                self.api.create_network(
                    self.network,
                    driver="bridge",
                    ipam=docker.types.IPAMConfig(pool_configs=[pool]),
                    options={"com.docker.network.bridge.enable_icc": "false"},
                    labels={INSTANCE: self._settings.instance},
                )
                return
            except APIError as error:
                if error.status_code == 409:  # another thread made it first
                    return
        raise MachineTrouble(
            f"no free subnet for the apps' network in {', '.join(map(str, wanted[:3]))}...",
            hint="name a free one with MINPAAS_SUBNET=10.99.0.0/20 and start again",
        )

    def _engine_subnets(self) -> list[ipaddress.IPv4Network]:
        configs = [c for n in self.api.networks() for c in (n.get("IPAM") or {}).get("Config") or []]
        return [ipaddress.IPv4Network(c["Subnet"]) for c in configs if "." in c.get("Subnet", "")]


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


def _host_routes() -> list[ipaddress.IPv4Network]:
    """The networks that the host routes to, without the default route."""
    routes = []
    table = Path("/proc/net/route")
    for line in table.read_text().splitlines()[1:] if table.exists() else []:
        fields = line.split()
        destination, mask = (int.from_bytes(bytes.fromhex(fields[i])[::-1], "big") for i in (1, 7))
        if mask:
            routes.append(ipaddress.IPv4Network((destination, bin(mask).count("1"))))
    return routes
