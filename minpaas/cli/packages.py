"""The system's packages that MinPaas stands on, and apt to install those that are missing."""

import os
import shutil
import subprocess
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from minpaas.cli import engine
from minpaas.cli.errors import Trouble
from minpaas.cli.voice import Voice

# package: a file or command of which one shows that it is there, whoever installed it
_SHOWN_BY: dict[str, Sequence[str]] = {
    "docker.io": ("dockerd",),
    "nginx": ("nginx",),
    "libnginx-mod-http-lua": ("/usr/lib/nginx/modules/ngx_http_lua_module.so",),
    "mmdebstrap": ("mmdebstrap",),
    "git": ("git",),
    "openssh-client": ("ssh-keygen",),
    "iptables": ("iptables",),
    "ca-certificates": ("/etc/ssl/certs/ca-certificates.crt",),
    "curl": ("curl",),
    "debian-archive-keyring": ("/usr/share/keyrings/debian-archive-keyring.gpg",),
}
_POLICY = Path("/usr/sbin/policy-rc.d")
_POLICY_TEXT = "#!/bin/sh\n# Written by minpaas up while it installs packages, so that none starts a service. Removed again.\nexit 101\n"


def which(command: str) -> str | None:
    """Where a command is, also among those that only root has on the PATH."""
    return shutil.which(command, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin")


def missing() -> list[str]:
    """The packages that nothing on this machine stands for. An engine that answers counts as installed."""
    wanted = {name: signs for name, signs in _SHOWN_BY.items() if not any(map(_is_there, signs))}
    if "docker.io" in wanted and engine.version():
        del wanted["docker.io"]
    return list(wanted)


def install(names: Sequence[str], voice: Voice) -> None:
    """Install packages with apt, without starting any service. Raises Trouble where that cannot be done."""
    listed = " ".join(names)
    if not which("apt-get"):
        raise Trouble(
            "Packages are missing, and there is no apt here",
            listed,
            "install them in this system's way and run it again",
        )
    if os.geteuid() != 0:
        raise Trouble("Packages are missing", listed, f"run it again with sudo, or type: sudo apt-get install {listed}")
    with _no_service_starts():
        if _apt("update", voice=voice):
            voice.trouble("apt-get update reported errors; going on with the lists that are there")
        if trouble := _apt("install", "--no-install-recommends", *names, voice=voice):
            raise Trouble("apt-get could not install the packages", trouble, f"see why: apt-get install {listed}")
    if "nginx" in names and (systemctl := which("systemctl")):
        # our router is an nginx of its own: the system's must not take port 80 at the next boot
        subprocess.run([systemctl, "disable", "nginx"], capture_output=True, check=False)
    voice.changed(f"installed {listed}")


def _is_there(sign: str) -> bool:
    return Path(sign).exists() if sign.startswith("/") else which(sign) is not None


def _apt(*arguments: str, voice: Voice) -> str:
    """Run apt-get and show how it goes on; empty, or its last lines where it failed."""
    command = ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120", *arguments]
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1", "LC_ALL": "C.UTF-8"}
    voice.detail(f"$ {' '.join(['apt-get', *arguments])}")
    last: deque[str] = deque(maxlen=15)
    with subprocess.Popen(
        command,
        env=os.environ | quiet,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as apt:
        for line in apt.stdout or ():
            last.append(line.rstrip())
            if line.startswith(("Need to get", "Setting up")):
                voice.detail(line.rstrip())
    return "\n".join(last) or "apt-get failed" if apt.returncode else ""


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """A policy-rc.d that forbids services to start, unless the machine has one of its own, which then rules."""
    if _POLICY.exists() and _POLICY.read_text(errors="replace") != _POLICY_TEXT:
        yield
        return
    _POLICY.write_text(_POLICY_TEXT)  # or what a killed `up` left behind
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
