"""Under sudo the SSH files are those of the person behind it, and stay theirs."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from minpaas.cli import known_hosts
from minpaas.cli.person import Person, person

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as someone else")


@pytest.fixture
def someone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    """A new user of this machine, who typed sudo."""
    name = f"minpaas-t{os.getpid()}"
    subprocess.run(["useradd", "--create-home", name], check=True)
    monkeypatch.setenv("SUDO_USER", name)
    yield person()
    subprocess.run(["userdel", "--remove", name], check=True, capture_output=True)


def test_the_person_is_who_typed_sudo(someone: Person) -> None:
    entry = pwd.getpwnam(someone.name)
    assert (someone.uid, str(someone.home)) == (entry.pw_uid, entry.pw_dir)
    assert someone.uid != 0


def test_files_belong_to_the_person(someone: Person) -> None:
    assert someone.usable_key() is None
    public = someone.make_key()
    with someone.acting():
        known_hosts.remember(someone.ssh / "known_hosts", 2222, ["ssh-ed25519 AAAA"])
    assert someone.public_keys() == [public]
    assert someone.usable_key() == public.with_suffix("")
    for file in (someone.ssh, *someone.ssh.iterdir()):
        assert file.stat().st_uid == someone.uid
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_a_link_to_a_file_of_roots_is_not_followed(someone: Person, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root's")
    someone.make_key()
    (someone.ssh / "known_hosts").symlink_to(secret)
    with pytest.raises(PermissionError), someone.acting():
        known_hosts.remember(someone.ssh / "known_hosts", 2222, ["ssh-ed25519 AAAA"])
    assert secret.read_text() == "root's"
    assert os.geteuid() == 0


def test_a_key_with_a_passphrase_is_not_usable_unattended(someone: Person) -> None:
    key = someone.make_key().with_suffix("")
    someone.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(key)])
    assert someone.usable_key() is None


def test_a_person_who_does_not_exist_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    from minpaas.cli.errors import Trouble

    monkeypatch.setenv("SUDO_USER", "nobody-of-that-name")
    with pytest.raises(Trouble, match="user database"):
        person()
