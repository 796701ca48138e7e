"""The commands about apps: list, create, look, follow, open, delete."""

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from minpaas.cli import api, known_hosts, operation, table, target
from minpaas.cli.errors import Trouble
from minpaas.cli.person import person
from minpaas.cli.target import AppArgument, AppOption, JsonOption


def apps(as_json: JsonOption = False) -> None:
    """List the apps."""
    found = api.request("GET", "/apps")
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found:
        print("No apps yet. Make one with: minpaas create APP")
    else:
        rows = [(a["name"], a["runtime"], state(a), a["port"], release(a), a["url"]) for a in found]
        print(table.render(("NAME", "RUNTIME", "STATUS", "PORT", "RELEASE", "URL"), rows))


def create(
    app: Annotated[
        str | None, typer.Argument(metavar="[APP]", help="Its name; default: this folder's.", show_default=False)
    ] = None,
    option: AppOption = None,
    path: Annotated[str, typer.Option(help="The app's folder in the repository.", show_default=False)] = "",
    as_json: JsonOption = False,
) -> None:
    """Create an app, and the git remote minpaas.

    The remote is made in the current folder, if that is a git repository."""
    name = app or option or re.sub(r"[^a-z0-9]+", "-", Path.cwd().name.lower()).strip("-")
    made = api.request("POST", "/apps", {"name": name, **({"path": path} if path else {})})
    if as_json:
        print(json.dumps(made, indent=2))
        return
    print(f"Created {name}. It will answer at {made['url']}")
    add_remote(name)


def add_remote(name: str) -> None:
    """Let the current repository, if there is one, push to the app; and let ssh know the server."""
    url = target.remote_url(name, api.request("GET", "/healthz"))
    ours, file = api.request("GET", "/keys/host"), person().ssh / "known_hosts"
    with person().acting():
        if known_hosts.remember(file, int(ours["port"]), ours["keys"]):
            print(f"The server's host key is now in {file}")
    if target.git("rev-parse", "--git-dir") is None:
        print(f"Push to it with: git push {url} main")
        return
    before = target.git("remote", "get-url", target.REMOTE)
    target.git("remote", "set-url" if before else "add", target.REMOTE, url)
    print(
        f"The git remote {target.REMOTE} leads to {url}" + (f" (before: {before})" if before and before != url else "")
    )
    print(f"Deploy with: git push {target.REMOTE} main")


def status(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Show how an app is."""
    found = api.request("GET", f"/apps/{target.resolve(app, option)}")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    lines: list[tuple[str, Any]] = [
        ("Status", state(found)),
        ("URL", found["url"]),
        (
            "Release",
            f"{release(found)} ({found['commit'][:7]})" if found["release"] else "none yet: git push minpaas main",
        ),
        ("Runtime", found["runtime"]),
        ("Command", found["command"]),
        ("Folder", found["path"]),
        ("Branch", (found["branch"] or "").removeprefix("refs/heads/")),
        *[
            (f"{one['type']}.{one['number']}", f"{one['address']}, for debugging also at 127.0.0.1:{one['port']}")
            for one in found["processes"]
        ],
    ]
    print(f"=== {found['name']}")
    print("\n".join(f"{label + ':':<10} {value}" for label, value in lines if value))


def delete(
    app: AppArgument = None,
    option: AppOption = None,
    again: Annotated[
        str | None, typer.Argument(metavar="[APP]", help="Its name again, as Heroku wants it.", show_default=False)
    ] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Do not ask for the name.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete an app with all it has. There is no way back."""
    name = target.resolve(app, option)
    if again not in (None, name):
        raise Trouble(
            "Nothing was deleted", f"{name} and {again} are two apps", f"one at a time: minpaas delete {name}"
        )
    api.request("GET", f"/apps/{name}")
    if not confirm:
        try:
            typed = input(f"This deletes {name}, its releases and its repository for good.\nType its name to go on: ")
        except EOFError:
            typed = ""
        if typed.strip() != name:
            raise Trouble(
                "Nothing was deleted",
                "the name was not typed",
                f"to delete it without being asked: minpaas delete {name} --confirm",
            )
    api.request("DELETE", f"/apps/{name}", timeout=None)
    print(
        json.dumps({"deleted": name})
        if as_json
        else f"Deleted {name}. To have it again: minpaas create {name}, and push"
    )


def rename(
    words: Annotated[list[str], typer.Argument(metavar="[APP] NEW", show_default=False)],
    option: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an app another name, without a gap."""
    name, [new] = target.operands(words, option, "NEW")
    ours = target.remote_app() == name
    operation.follow("POST", f"/apps/{name}/rename", {"name": new}, as_json=as_json)
    if ours:
        url = target.remote_url(new, api.request("GET", "/healthz"))
        target.git("remote", "set-url", target.REMOTE, url)
        if not as_json:
            print(f"       The git remote {target.REMOTE} leads to {url}")


def clone(
    words: Annotated[list[str], typer.Argument(metavar="[APP] NEW", show_default=False)],
    option: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a second app of the live release.

    It gets the image, the config vars, the formation and the limits; not the domains."""
    name, [new] = target.operands(words, option, "NEW")
    operation.follow("POST", f"/apps/{name}/clone", {"name": new}, as_json=as_json)


def lock(
    app: AppArgument = None,
    option: AppOption = None,
    why: Annotated[str, typer.Option("--why", help="What a refused push is told.")] = "by its owner",
    as_json: JsonOption = False,
) -> None:
    """Let nothing be deployed."""
    body = {"why": why or "by its owner"}
    operation.follow("PUT", f"/apps/{target.resolve(app, option)}/lock", body, as_json=as_json)


def unlock(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Let deploys through again."""
    operation.follow("PUT", f"/apps/{target.resolve(app, option)}/lock", {"why": ""}, as_json=as_json)


def open_app(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Open an app in the browser."""
    found = api.request("GET", f"/apps/{target.resolve(app, option)}")
    print(json.dumps({"url": found["url"]}) if as_json else found["url"])
    if not as_json:
        import webbrowser

        webbrowser.open(found["url"])


def version(as_json: JsonOption = False) -> None:
    """Show the version of this command and of the server."""
    from minpaas import __version__
    from minpaas.cli.errors import CLIError

    try:
        server = str(api.request("GET", "/healthz", timeout=5)["version"])
    except (CLIError, KeyError, TypeError):
        server = ""
    if as_json:
        print(json.dumps({"cli": __version__, "server": server or None}))
    else:
        print(f"minpaas {__version__} (server {server or 'not reached'})")


def state(app: dict[str, Any]) -> str:
    """crashed (exit code 1)"""
    code = app.get("exit_code")
    return (
        f"{app['status']} (exit code {code})" if app["status"] == "crashed" and code is not None else str(app["status"])
    )


def release(app: dict[str, Any]) -> str:
    """v12, or nothing"""
    return f"v{app['release']}" if app["release"] else ""
