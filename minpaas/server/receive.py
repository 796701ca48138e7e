"""The step that takes code in: which pushed refs deploy, and how a commit comes from a URL."""

import ipaddress
import json
import os
import signal
import subprocess
import sys
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from minpaas.server.errors import (
    BranchDeleted,
    FetchFailed,
    ForeignRef,
    MinPaasError,
    PrivateAddress,
    Stale,
    WrongBranch,
)
from minpaas.server.git import repo
from minpaas.server.machine import Machine
from minpaas.server.models import DEPLOY_BRANCHES, ZERO, App
from minpaas.server.ssh_keys import DEPLOY_KEY, deploy_key
from minpaas.server.transcript import Transcript

_FETCH_SECONDS = 1800.0


@dataclass(frozen=True)
class Update:
    """One line of a push: a ref, where it is, where it shall be. ZERO ids mean "does not exist"."""

    old: str
    new: str
    ref: str


@dataclass(frozen=True)
class Judged:
    """What becomes of an update: an error refuses it, `deploys` asks for a deploy, else it is stored."""

    update: Update
    error: MinPaasError | None = None
    deploys: bool = False


def judge(app: App, updates: list[Update], atomic: bool) -> list[Judged]:
    """The deploy policy, as a pure function: at most one update deploys, tags are stored, all else is refused."""
    pushed = {update.ref for update in updates if update.new != ZERO}
    branch = app.branch or next((ref for ref in DEPLOY_BRANCHES if ref in pushed), None)
    judged = [_judge_one(app, update, branch) for update in updates]
    if atomic and any(one.error for one in judged):
        refusal = ForeignRef("another ref of this atomic push was refused", reason="atomic push failure")
        judged = [one if one.error else Judged(one.update, refusal) for one in judged]
    return judged


def check_fresh(path: Path, update: Update, live: str, moved: bool) -> None:
    """Raise Stale unless the branch is still where the pusher saw it, or the live release is what they push."""
    if moved:
        return  # an old git has moved it already; it is put back if the deploy fails
    head = repo.head_of(path, update.ref)
    if head != (None if update.old == ZERO else update.old) and live != update.new:
        raise Stale(f"it is at {(head or 'no commit')[:7]}, not at {update.old[:7]}")


def fetch(machine: Machine, app: str, url: str, ref: str | None, transcript: Transcript) -> tuple[str, str]:
    """Fetch a ref (default: the remote's HEAD) into the app's repository: (commit, the remote's name of the branch).

    Runs in a process of its own with a memory limit. Raises FetchFailed, PrivateAddress.
    """
    transcript.command(f"git fetch {without_password(url)} {ref or 'HEAD'}")
    deploy_key(machine.settings.state)  # made when it is first needed
    request = {
        "repo": str(machine.repo(app)),
        "url": url,
        "ref": ref,
        "allowed": sorted(machine.settings.repo_hosts),
        "never": own_ports(machine),
        "identity": str(machine.settings.state / DEPLOY_KEY),
        "known_hosts": str(machine.settings.state / "known_hosts"),
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "minpaas.server.git.fetch"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "MALLOC_ARENA_MAX": "2"},
    )
    try:
        output, _ = child.communicate(json.dumps(request), timeout=_FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise FetchFailed(f"it took longer than {_FETCH_SECONDS:g} s") from None
    return _fetched(output, url)


def own_ports(machine: Machine) -> list[int]:
    """Ports of ours that no URL deploy may ask, whatever MINPAAS_REPO_HOSTS says."""
    settings = machine.settings
    return [settings.port, settings.ssh_port, machine.nginx.port]


def _judge_one(app: App, update: Update, branch: str | None) -> Judged:
    if update.ref.startswith("refs/tags/"):
        return Judged(update)
    if not update.ref.startswith("refs/heads/"):
        return Judged(update, ForeignRef(f"{update.ref[:100]} is neither", hint="push a branch or a tag"))
    deploys = branch or DEPLOY_BRANCHES[0]
    if update.new == ZERO:
        return Judged(update, BranchDeleted(app.name) if update.ref == deploys else _wrong(update, deploys))
    if update.ref != branch:
        return Judged(update, _wrong(update, deploys))
    return Judged(update, deploys=True)


def _wrong(update: Update, deploys: str) -> WrongBranch:
    return WrongBranch(update.ref.removeprefix("refs/heads/"), deploys.removeprefix("refs/heads/"))


def _fetched(output: str, url: str) -> tuple[str, str]:
    try:
        answer = json.loads(output)
    except ValueError:
        raise FetchFailed(f"{without_password(url)}: the fetch was cut short (is the repository very large?)") from None
    if "private" in answer:
        raise PrivateAddress(answer["private"], str(ipaddress.ip_address(answer["address"])))
    if "error" in answer:
        raise FetchFailed(
            f"{without_password(url)}: {answer['error']}", hint=answer.get("hint") or "check --repo and --ref"
        )
    return answer["commit"], answer["branch"]


def without_password(url: str) -> str:
    """A repository's URL as it may be printed."""
    parts = urllib.parse.urlsplit(url)
    return url if parts.password is None else url.replace(f":{parts.password}@", ":***@", 1)
