"""The network that the apps' containers stand on: one bridge of ours, without traffic between them."""

import ipaddress
from pathlib import Path

import docker
from docker.errors import APIError, NotFound

from minpaas.server.engine import INSTANCE, Engine
from minpaas.server.errors import MachineTrouble, Refused
from minpaas.server.settings import Settings

_SUBNETS = ipaddress.IPv4Network("10.210.0.0/15")


class Network:
    """Our network on one engine, and what is asked of the owner's own."""

    def __init__(self, engine: Engine, settings: Settings):
        self._engine = engine
        self._settings = settings
        self._name = engine.network

    def ensure(self) -> str:
        """The subnet of our bridge network, which is made when missing: no traffic between containers."""
        try:
            found = self._engine.api.inspect_network(self._name)
        except NotFound:
            self._create()
            found = self._engine.api.inspect_network(self._name)
        return str(found["IPAM"]["Config"][0]["Subnet"])

    def check(self, name: str) -> None:
        """Raise Refused unless there is a network of this name that a container can join."""
        try:
            found = self._engine.api.inspect_network(name)
        except APIError:
            raise Refused(
                f"there is no network {name[:80]!r}", hint=f"make it with: docker network create {name[:80]}"
            ) from None
        if found["Driver"] != "bridge" or found["Name"] in ("bridge", self._name):
            raise Refused(f"{name} cannot be joined", hint="make one with: docker network create NAME")

    def remove(self) -> None:
        """Remove our network if it is there."""
        try:
            self._engine.api.remove_network(self._name)
        except NotFound:
            pass

    def _create(self) -> None:
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
                self._engine.api.create_network(
                    self._name,
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
        configs = [c for n in self._engine.api.networks() for c in (n.get("IPAM") or {}).get("Config") or []]
        return [ipaddress.IPv4Network(c["Subnet"]) for c in configs if "." in c.get("Subnet", "")]


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
