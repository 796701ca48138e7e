"""A real nginx on a free port in a temporary home, and small backends behind it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minpaas.server.models import Route
from minpaas.server.nginx import Nginx
from minpaas.server.settings import Settings
from tests.router.backend import Backend, free_port


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """As a careful owner has it: closed to everybody else, nginx's workers included."""
    folder = Path(tempfile.mkdtemp(prefix="minpaas-router-"))
    assert folder.stat().st_mode & 0o777 == 0o700
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def router(home: Path) -> Iterator[Nginx]:
    """A running nginx on a free port."""
    nginx = Nginx(Settings(home=home, http_port=free_port()))
    nginx.ensure_running()
    yield nginx
    nginx.stop()


@pytest.fixture
def backend() -> Iterator[Callable[[str], Backend]]:
    """Makes backends that end with the test."""
    made: list[Backend] = []

    def make(name: str = "app") -> Backend:
        made.append(Backend(name))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def app(router: Nginx, backend: Callable[[str], Backend]) -> Backend:
    """One app, routed at app.localhost."""
    one = backend("app")
    router.switch([Route(host="app.localhost", targets=[one.target])])
    return one
