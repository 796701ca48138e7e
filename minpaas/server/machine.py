"""The machine as our code sees it: all hands in one place, wired once."""

from dataclasses import dataclass, field
from pathlib import Path

from minpaas.server.addresses import Addresses
from minpaas.server.archive import Archive
from minpaas.server.config import Configs
from minpaas.server.disk import Disk
from minpaas.server.engine import Engine
from minpaas.server.images import Images
from minpaas.server.network import Network
from minpaas.server.nginx import Nginx
from minpaas.server.registry import Registry
from minpaas.server.seen import Sight
from minpaas.server.settings import Settings


@dataclass
class Machine:
    """Settings and hands, passed to every step."""

    settings: Settings
    registry: Registry
    engine: Engine
    images: Images
    network: Network
    disk: Disk
    nginx: Nginx
    configs: Configs
    archive: Archive
    addresses: Addresses = field(init=False)
    sight: Sight = field(default_factory=Sight)
    leaving: bool = False  # everything is being stopped: what ends now is not brought back

    def repo(self, app: str) -> Path:
        """Where an app's bare repository lies."""
        return self.settings.repos / f"{app}.git"

    def host(self, app: str) -> str:
        """The host name under which an app answers by itself."""
        return f"{app}.{self.settings.domain}"

    def url(self, app: str) -> str:
        """Where a person opens an app."""
        port = self.nginx.port
        return f"http://{self.host(app)}" + ("" if port == 80 else f":{port}")


def wire(settings: Settings) -> Machine:
    """All hands for these settings; nothing is opened or started yet."""
    engine = Engine(settings)
    return Machine(
        settings=settings,
        registry=Registry(settings),
        engine=engine,
        images=Images(engine, settings),
        network=Network(engine, settings),
        disk=Disk(engine, settings),
        nginx=Nginx(settings),
        configs=Configs(settings),
        archive=Archive(settings),
    )
