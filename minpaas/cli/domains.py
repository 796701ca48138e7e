"""The commands about who reaches an app: domains, the maintenance page, networks."""

import json
from typing import Annotated
from urllib.parse import quote

import typer

from minpaas.cli import api, operation, target
from minpaas.cli.target import AppArgument, AppOption, JsonOption

HostWords = Annotated[list[str], typer.Argument(metavar="[APP] HOST", show_default=False)]
NetworkWords = Annotated[list[str], typer.Argument(metavar="[APP] NETWORK", show_default=False)]


def domains(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """List the names under which an app answers."""
    found = api.request("GET", f"/apps/{target.resolve(app, option)}")
    if as_json:
        print(json.dumps(found["domains"], indent=2))
        return
    print(f"=== {found['name']} domains")
    print("\n".join([found["url"].partition("://")[2], *[one["host"] for one in found["domains"]]]))


def add(words: HostWords, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Let a name, or *.name, lead to an app."""
    name, [host] = target.operands(words, option, "HOST")
    operation.follow("POST", f"/apps/{name}/domains", {"host": host}, as_json=as_json)


def remove(words: HostWords, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Take a name away."""
    name, [host] = target.operands(words, option, "HOST")
    operation.follow("DELETE", f"/apps/{name}/domains/{quote(host, safe='*')}", as_json=as_json)


def maintenance(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Show whether visitors meet the maintenance page."""
    found = api.request("GET", f"/apps/{target.resolve(app, option)}")["maintenance"]
    print(json.dumps({"maintenance": found}) if as_json else "on" if found else "off")


def maintenance_on(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Show visitors the maintenance page."""
    operation.follow("PUT", f"/apps/{target.resolve(app, option)}/maintenance", {"on": True}, as_json=as_json)


def maintenance_off(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Let visitors in again."""
    operation.follow("PUT", f"/apps/{target.resolve(app, option)}/maintenance", {"on": False}, as_json=as_json)


def networks(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """List the Docker networks of yours that an app has joined."""
    found = api.request("GET", f"/apps/{target.resolve(app, option)}")
    if as_json:
        print(json.dumps(found["networks"], indent=2))
    elif found["networks"]:
        print("\n".join(found["networks"]))
    else:
        print(f"None. To join one: minpaas networks:attach NETWORK -a {found['name']}")


def attach(words: NetworkWords, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Join a network, to reach a database that is in it."""
    name, [network] = target.operands(words, option, "NETWORK")
    operation.follow("POST", f"/apps/{name}/networks/{quote(network, safe='')}", as_json=as_json)


def detach(words: NetworkWords, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Leave a network."""
    name, [network] = target.operands(words, option, "NETWORK")
    operation.follow("DELETE", f"/apps/{name}/networks/{quote(network, safe='')}", as_json=as_json)
