"""`minpaas deploy`: from a URL through the API, or the current commit by git push."""

import subprocess
import sys
from typing import Annotated, Any

import typer

from minpaas.cli import api, operation, target
from minpaas.cli.errors import CLIError, Trouble, WrongUsage
from minpaas.cli.target import AppArgument, AppOption, JsonOption


def deploy(
    app: AppArgument = None,
    option: AppOption = None,
    repo: Annotated[
        str | None, typer.Option(help="Fetch from this URL (http, https, ssh).", show_default=False)
    ] = None,
    ref: Annotated[
        str | None, typer.Option(help="Branch, tag or commit; default: the remote's own.", show_default=False)
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(help="python, node or dockerfile; default: detected.", show_default=False)
    ] = None,
    command: Annotated[str | None, typer.Option(help="What web runs; default: detected.", show_default=False)] = None,
    path: Annotated[
        str | None,
        typer.Option(help="The app's folder in the repository, for this deploy and later ones.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy the current commit, or what a URL holds (--repo)."""
    name = target.resolve(app, option)
    if repo is None:
        if ref or runtime or command:
            raise WrongUsage(
                "--ref, --runtime and --command go with --repo", "", "without --repo the current commit is pushed"
            )
        _push(name, path)
        return
    wanted = {"app": name, "repo": repo, "ref": ref, "runtime": runtime, "command": command, "path": path}
    body = {key: value for key, value in wanted.items() if value is not None}
    operation.follow("POST", "/deploy", body, as_json=as_json)


def _push(name: str, path: str | None) -> None:
    """HEAD to the app's branch, by the remote if it leads to this app."""
    head = target.git("rev-parse", "--verify", "HEAD")
    if head is None:
        raise WrongUsage(
            "There is nothing to deploy",
            "this folder is no git repository with a commit",
            "give --repo URL, or: git init && git add . && git commit",
        )
    branch = "main"
    try:
        found = api.request("GET", f"/apps/{name}")
        branch = (found["branch"] or "refs/heads/main").removeprefix("refs/heads/")
        if path is not None:
            _choose(found, path, head)
    except CLIError as error:
        if error.exit_code != 3:
            raise
        if path is not None:
            api.request("POST", "/apps", {"name": name, "path": path})
    where = target.REMOTE if target.remote_app() == name else target.remote_url(name, api.request("GET", "/healthz"))
    print(f"$ git push {where} HEAD:{branch}", flush=True)
    done = subprocess.run(["git", "push", where, f"HEAD:refs/heads/{branch}"], check=False)
    if done.returncode:
        sys.exit(1)


def _choose(app: dict[str, Any], path: str, head: str) -> None:
    """The folder from which the app is built from now on."""
    after = api.request("PUT", f"/apps/{app['name']}/path", {"path": path})
    if after["path"] != app["path"] and app["commit"] == head:
        raise Trouble(
            "There is nothing new to push",
            f"{head[:7]} is live, built from {app['path'] or 'the whole repository'}",
            "the next commit is built from the other folder: git commit --allow-empty -m 'Move', and deploy again",
        )
