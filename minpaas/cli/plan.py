"""`minpaas plan`: what would be built from a folder or a repository, and why. It needs no server."""

import json
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from minpaas import plan as planning
from minpaas.cli.errors import CLIError, WrongUsage
from minpaas.cli.target import JsonOption
from minpaas.cli.voice import say


def plan(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[PATH]", help="A folder; default: this one.", show_default=False)
    ] = None,
    repo: Annotated[str | None, typer.Option(help="Look into a clone of this URL instead.", show_default=False)] = None,
    ref: Annotated[str | None, typer.Option(help="Its branch or tag.", show_default=False)] = None,
    path: Annotated[str, typer.Option(help="The app's folder inside it, in a monorepo.", show_default=False)] = "",
    runtime: Annotated[
        str | None, typer.Option(help="python, node, static or dockerfile; default: detected.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what would be built, without building it."""
    if repo and folder:
        raise WrongUsage("Give a folder or --repo, not both", f"{folder} and {repo}", "minpaas plan --repo URL")
    if runtime not in (None, "python", "node", "static", "dockerfile"):
        raise WrongUsage("There is no such runtime", runtime or "", "python, node, static or dockerfile")
    if repo is None:
        at = folder or Path()
        if not at.is_dir():
            raise WrongUsage("There is no such folder", str(at), "minpaas plan PATH")
        _tell(_made(at, path, runtime), as_json)
        return
    with tempfile.TemporaryDirectory(prefix="minpaas-plan-") as clone:
        _clone(repo, ref, clone)
        _tell(_made(Path(clone), path, runtime), as_json)


def _made(folder: Path, path: str, runtime: Any) -> planning.Plan:
    try:
        return planning.plan(planning.Folder(folder), path=path, runtime=runtime)
    except planning.PlanError as error:
        raise CLIError(error.title, error.detail, error.hint) from None


def _tell(plan: planning.Plan, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**asdict(plan), "start": plan.start}, indent=2))
        return
    say(f"-----> {plan.reasons[0]}")
    for reason in plan.reasons[1:]:
        say(f"       {reason}")
    for one in plan.config_vars:
        what = (
            "made at the first deploy"
            if one.generated
            else f"default {one.default!r}"
            if one.default is not None
            else ""
        )
        what = what or ("must be set" if one.required else "optional")
        say(f"       Config var {one.name}: {what}{f' ({one.description})' if one.description else ''}")
    for warning in plan.warnings:
        say(f" !     {warning}")


def _clone(url: str, ref: str | None, into: str) -> None:
    """The newest commit of a repository, by the system's git. Raises CLIError with git's last words."""
    if url.startswith("-") or (ref or "").startswith("-"):
        raise WrongUsage("That is not a repository URL", url, "minpaas plan --repo https://HOST/OWNER/REPO")
    branch = ["--branch", ref] if ref else []
    command = ["git", "-c", "protocol.ext.allow=never", "clone", "-q", "--depth", "1", *branch, "--", url, into]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        raise CLIError("git is not installed", "", "apt-get install git") from None
    if done.returncode:
        raise CLIError("The repository could not be fetched", done.stderr.strip()[-500:], "check the URL and --ref")
