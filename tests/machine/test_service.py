"""systemd's own judgement of the unit that `minpaas service install` writes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from minpaas.cli import control, engine, service
from minpaas.cli.errors import Trouble

needs_analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")


@needs_analyze
@pytest.mark.parametrize("where", ["/var/lib/minpaas", '/srv/with space %n "quoted" $x'])
def test_systemd_accepts_the_unit(where: str) -> None:
    environ = {"MINPAAS_DOMAIN": "a b%c", "MINPAAS_HTTP_PORT": "8080"}
    assert service.problems(service.rendered(control.command(), Path(where), environ)) == ""


@needs_analyze
def test_and_refuses_a_wrong_one() -> None:
    unit = service.rendered(control.command(), Path("/h"), {})
    assert "Unknown key" in service.problems(unit.replace("Restart=", "Restrat="))
    assert service.problems(unit.replace("ExecStart=", "ExecStart=relative/"))


@pytest.mark.skipif(engine.has_systemd(), reason="systemd runs here")
@pytest.mark.parametrize("command", [service.install, service.uninstall])
def test_without_systemd_it_is_refused(command: Callable[[], None]) -> None:
    with pytest.raises(Trouble, match="systemd does not run this machine"):
        command()
