"""`minpaas doctor`: look at everything that must be right, whatever is broken, and name what mends it."""

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from minpaas import __version__, home
from minpaas.cli import api, control, engine, packages
from minpaas.cli.errors import CLIError
from minpaas.cli.person import person
from minpaas.cli.up import answer, loopbacks
from minpaas.cli.voice import say

_LOW_SHARE, _LOW_BYTES = 0.10, 2 << 30
_OLDEST_GIT = (2, 29)  # the first with the proc-receive hook


@dataclass(frozen=True)
class Finding:
    """What one check found. A note is worth knowing and no problem."""

    check: str
    state: Literal["ok", "note", "problem"]
    detail: str
    mend: str = ""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check this machine: Docker, nginx, the server, names, ports, disk, keys. Exit code 1 when anything is wrong."""
    os.environ["MINPAAS_URL"] = control.local_url()
    findings = list(examine())
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _show(findings)
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)


def examine() -> Iterator[Finding]:
    """All checks, one after the other; one that breaks is a problem like any other."""
    for check in (_packages, _engine, _server, _router, _ssh, _key, _names, _git, _disk):
        name = check.__name__.lstrip("_")
        try:
            yield from check()
        except Exception as error:  # a doctor must not fall ill: whatever it meets is a finding
            yield Finding(name, "problem", f"could not be checked: {error}", "minpaas up")


def _packages() -> Iterator[Finding]:
    lacking = packages.missing()
    if lacking:
        yield Finding("packages", "problem", f"missing: {' '.join(lacking)}", "minpaas up")
    else:
        yield Finding("packages", "ok", "nginx with its Lua module, mmdebstrap, git and ssh are installed")


def _engine() -> Iterator[Finding]:
    if version := engine.version():
        yield Finding("engine", "ok", f"Docker {version} answers")
    elif engine.is_forbidden():
        yield Finding("engine", "problem", "Docker runs, but not for this user", "sudo minpaas doctor")
    else:
        yield Finding("engine", "problem", "no Docker engine answers", "minpaas up")


def _server() -> Iterator[Finding]:
    found = control.health()
    if not found:
        yield Finding("server", "problem", f"nothing answers at {control.local_url()}", "minpaas up")
    elif found["version"] != __version__:
        detail = f"version {found['version']} runs, {__version__} is installed"
        yield Finding("server", "problem", detail, "minpaas up")
    else:
        yield Finding("server", "ok", f"version {found['version']} answers at {control.local_url()}")


def _router() -> Iterator[Finding]:
    port = _router_port()
    silent = [address for address in loopbacks() if not answer(address, port, "doctor.localhost", patience=0)]
    for address in silent:
        yield Finding("router", "problem", f"nothing answers on {address} port {port}", "minpaas up")
    if silent:
        return
    yield Finding("router", "ok", f"answers on {' and '.join(loopbacks())} port {port}")
    if port != 80:
        yield Finding("router", "note", f"on port {port}, so URLs carry it: http://APP.localhost:{port}/")


def _ssh() -> Iterator[Finding]:
    port = int(os.environ.get("MINPAAS_SSH_PORT") or _health().get("ssh_port") or 2222)
    try:
        banner = control.ssh_banner(port)
    except OSError as error:
        yield Finding("ssh", "problem", f"port {port}: {error.strerror or error}", "minpaas up")
        return
    if banner.startswith("SSH-2.0"):
        yield Finding("ssh", "ok", f"{banner} on port {port}")
    else:
        yield Finding("ssh", "problem", f"what answers on port {port} is not ssh", "minpaas up")


def _key() -> Iterator[Finding]:
    owner = person()
    mine = {" ".join(file.read_text().split()[:2]) for file in owner.public_keys()}
    if not mine:
        yield Finding("key", "problem", f"{owner.name} has no SSH key in {owner.ssh}", "minpaas up")
    elif not _health():
        yield Finding("key", "problem", "the server does not answer, so it cannot be asked", "minpaas up")
    elif mine & {" ".join(str(key["key"]).split()[:2]) for key in api.request("GET", "/keys")}:
        yield Finding("key", "ok", f"the server knows the key of {owner.name}")
    else:
        yield Finding("key", "problem", f"the server knows no key of {owner.name}", "minpaas keys add")


def _names() -> Iterator[Finding]:
    name = "doctor.localhost"
    try:
        socket.getaddrinfo(name, 80)
    except OSError:
        port = _router_port()
        suffix = "" if port == 80 else f":{port}"
        detail = "curl and browsers resolve *.localhost by themselves; other programs on this machine do not"
        mend = f"echo '127.0.0.1 APP.localhost' >> /etc/hosts, or ask with curl -H 'Host: APP.localhost' http://127.0.0.1{suffix}/"
        yield Finding("names", "note", detail, mend)
    else:
        yield Finding("names", "ok", "*.localhost resolves for every program")


def _git() -> Iterator[Finding]:
    found = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    version = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    if version >= _OLDEST_GIT:
        yield Finding("git", "ok", found)
    else:
        yield Finding("git", "problem", f"{found or 'no git'}; 2.29 or newer is needed", "sudo apt-get install git")


def _disk() -> Iterator[Finding]:
    folders = _existing(home.home()), _existing(Path("/var/lib/docker"))
    for folder in {folder.stat().st_dev: folder for folder in folders}.values():  # one line a disk
        usage = shutil.disk_usage(folder)
        free = f"{usage.free / (1 << 30):.1f} GiB free ({usage.free / usage.total:.0%}) at {folder}"
        low = usage.free < _LOW_BYTES or usage.free / usage.total < _LOW_SHARE
        yield Finding("disk", "problem", free, "docker builder prune") if low else Finding("disk", "ok", free)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(above for above in (folder, *folder.parents) if above.is_dir())


def _health() -> dict[str, Any]:
    """What the server says, or nothing where it cannot say it: that is the finding of another check."""
    try:
        return control.health() or {}
    except CLIError:
        return {}


def _router_port() -> int:
    """Where the router is, or would be: the server knows; without it, the first port of its choice that answers."""
    told = _health().get("router_port") or os.environ.get("MINPAAS_HTTP_PORT")
    if told and int(told):
        return int(told)
    return 8080 if not answer("127.0.0.1", 80, "doctor.localhost", 0) and answer("127.0.0.1", 8080, "x", 0) else 80


def _show(findings: list[Finding]) -> None:
    for finding in findings:
        mark = {"ok": "       ok       ", "note": "       note     ", "problem": " !     problem  "}[finding.state]
        say(f"{mark}{finding.check:<9} {finding.detail}")
        if finding.mend:
            say(f"{'':26}-> {finding.mend}")
    troubles = sum(finding.state == "problem" for finding in findings)
    say(f"-----> {'All is well' if not troubles else f'{troubles} to mend'}")
