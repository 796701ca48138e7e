"""What is missing is installed with apt, which starts no service; what cannot be done is said."""

import os
from pathlib import Path

import pytest

from minpaas.cli import engine, packages
from minpaas.cli.errors import Trouble
from minpaas.cli.voice import Voice


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A policy-rc.d that is not the machine's."""
    file = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "_POLICY", file)
    return file


@pytest.fixture
def apt(tmp_path: Path, policy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get, first on the PATH, that writes down how it was called and whether services may start."""
    folder = tmp_path / "bin"
    folder.mkdir()
    calls = tmp_path / "calls"
    script = folder / "apt-get"
    script.write_text(
        f'#!/bin/sh\necho "$*" >>{calls}\n[ -x {policy} ] && {policy} || echo policy $? >>{calls}\n'
        'echo "Setting up thing (1.0) ..."\ncase "$*" in *broken*) echo "E: no such package"; exit 100;; esac\n'
    )
    script.chmod(0o755)
    systemctl = folder / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "systemctl $*" >>{calls}\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return calls


def test_packages_are_installed_and_no_service_starts(
    apt: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voice = Voice()
    packages.install(["git", "nginx"], voice)
    update, update_policy, install, install_policy, disable = apt.read_text().splitlines()
    assert update.endswith("update")
    assert install.endswith("install --no-install-recommends git nginx")
    assert update_policy == install_policy == "policy 101"
    assert disable == "systemctl disable nginx"
    assert not policy.exists()
    assert "Setting up thing" in capsys.readouterr().out
    assert voice.changes == ["installed git nginx"]


def test_the_systems_nginx_is_not_touched_when_it_was_there(apt: Path) -> None:
    packages.install(["git"], Voice())
    assert "systemctl" not in apt.read_text()


def test_a_policy_of_the_machines_own_stays(apt: Path, policy: Path) -> None:
    own = "#!/bin/sh\nexit 42\n"
    policy.write_text(own)
    policy.chmod(0o755)
    packages.install(["git"], Voice())
    assert policy.read_text() == own
    assert "policy 42" in apt.read_text()


def test_what_a_killed_run_left_behind_is_removed(apt: Path, policy: Path) -> None:
    policy.write_text(packages._POLICY_TEXT)
    packages.install(["git"], Voice())
    assert not policy.exists()


def test_a_failure_of_apt_is_shown(apt: Path, policy: Path) -> None:
    with pytest.raises(Trouble, match="E: no such package"):
        packages.install(["broken"], Voice())
    assert not policy.exists()


def test_without_apt_the_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "which", lambda _: None)
    with pytest.raises(Trouble, match="git nginx"):
        packages.install(["git", "nginx"], Voice())


def test_without_root_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "which", lambda name: name)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Trouble) as caught:
        packages.install(["git"], Voice())
    assert "sudo apt-get install git" in caught.value.hint


def test_an_engine_that_answers_counts_as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "which", lambda name: None if name == "dockerd" else f"/usr/bin/{name}")
    monkeypatch.setattr(engine, "version", lambda: "99.0")
    assert "docker.io" not in packages.missing()
    monkeypatch.setattr(engine, "version", lambda: None)
    assert "docker.io" in packages.missing()
