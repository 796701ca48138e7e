"""The person in front of the machine: who runs the command, or who ran sudo. Their SSH keys are theirs, not root's."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minpaas.cli.errors import Trouble


@dataclass(frozen=True)
class Person:
    """A user of this machine."""

    name: str
    uid: int
    gid: int
    home: Path

    @property
    def ssh(self) -> Path:
        """Where ssh looks for this person's files (it asks the user database, not HOME)."""
        return self.home / ".ssh"

    def public_keys(self) -> list[Path]:
        """The files of their public keys."""
        return sorted(self.ssh.glob("id_*.pub"))

    def make_key(self) -> Path:
        """A new ed25519 key without a passphrase, made as this person."""
        with self.acting():
            self.ssh.mkdir(mode=0o700, exist_ok=True)
        key = self.ssh / "id_ed25519"
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{self.name}@minpaas", "-f", str(key)]
        done = self.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Trouble("No SSH key could be made", done.stderr.strip(), f"make one: ssh-keygen -t ed25519 -f {key}")
        return key.with_suffix(".pub")

    def usable_key(self) -> Path | None:
        """A private key that ssh can use without asking for a passphrase."""
        for public in self.public_keys():
            key = public.with_suffix("")
            check = ["ssh-keygen", "-y", "-P", "", "-f", str(key)]
            if key.exists() and self.run(check, capture_output=True).returncode == 0:
                return key
        return None

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        """Run a command as this person, without root's rights; it starts where everyone may be, and asks nothing."""
        env = os.environ | {"HOME": str(self.home), "USER": self.name, "LOGNAME": self.name} | options.pop("env", {})
        if os.geteuid() == 0 and self.uid != 0:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": os.getgrouplist(self.name, self.gid)}
        return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, check=False, **{"cwd": "/"} | options)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Touch files as this person: they own what is made, and root follows no link that they laid."""
        if os.geteuid() != 0 or self.uid == 0:
            yield
            return
        groups, gid = os.getgroups(), os.getegid()
        os.setgroups(os.getgrouplist(self.name, self.gid))
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(gid)
            os.setgroups(groups)


def person() -> Person:
    """Who ran sudo, else who runs this."""
    behind_sudo = os.environ.get("SUDO_USER") if os.geteuid() == 0 else None
    try:
        entry = pwd.getpwnam(behind_sudo) if behind_sudo else pwd.getpwuid(os.geteuid())
    except KeyError:
        raise Trouble("This user is not in the user database", behind_sudo or str(os.geteuid())) from None
    return Person(entry.pw_name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))
