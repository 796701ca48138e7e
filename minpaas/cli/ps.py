"""The commands about processes: how they are, how many, how large, and how they show that they are well."""

import json
import re
from typing import Annotated, Any

import typer

from minpaas.cli import api, operation, table, target
from minpaas.cli.amounts import ago, size, size_of
from minpaas.cli.errors import WrongUsage
from minpaas.cli.target import AppArgument, AppOption, JsonOption

_SCALE = re.compile(r"([a-zA-Z0-9_-]*[a-zA-Z0-9_])(=[0-9]+|[+-][0-9]+)")
_PROCESS = re.compile(r"[A-Za-z0-9_-]+\.[0-9]+")


def ps(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Show the processes: state, memory, CPU."""
    name = target.resolve(app, option)
    found = api.request("GET", f"/apps/{name}/ps")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    print(f"=== {name} {found['release'] or '(no release yet: git push minpaas main)'}".rstrip())
    if found["processes"]:
        heading = ("PROCESS", "STATE", "SINCE", "RESTARTS", "MEMORY", "CPU")
        print(table.render(heading, [_row(one) for one in found["processes"]]))
    if found["stopped"]:
        print(f"Stopped. To start it: minpaas ps:start {name}")
        return
    for kind in found["types"]:
        if not kind["count"]:
            print(f"{kind['type']}: none. To have one: minpaas ps:scale {kind['type']}=1 -a {name}")


def scale(
    words: Annotated[list[str], typer.Argument(metavar="[APP] TYPE=N...", show_default=False)],
    option: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have more or fewer processes: web=2 worker+1"""
    name, wanted = target.leading(words, option, lambda word: bool(_SCALE.fullmatch(word)) or "=" in word)
    formation: dict[str, int | str] = {}
    for word in wanted:
        match = _SCALE.fullmatch(word)
        if not match:
            raise WrongUsage("That is no TYPE=N", word, "such as: minpaas ps:scale web=2 worker+1")
        formation[match[1]] = int(match[2][1:]) if match[2][0] == "=" else match[2]
    operation.follow("PATCH", f"/apps/{name}/formation", {"formation": formation}, as_json=as_json)


def restart(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[APP] [TYPE|TYPE.N]", help="web or web.1", show_default=False)
    ] = None,
    option: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace processes by fresh ones, without a gap."""
    name, process = _app_and_process(words or [], option)
    operation.follow("POST", f"/apps/{name}/restart", {"process": process}, as_json=as_json)


def stop(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Stop all processes; visitors meet a page that says so."""
    operation.follow("POST", f"/apps/{target.resolve(app, option)}/stop", as_json=as_json)


def start(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Start what was stopped."""
    operation.follow("POST", f"/apps/{target.resolve(app, option)}/start", as_json=as_json)


def limits(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Show what each type of process may use."""
    types = api.request("GET", f"/apps/{target.resolve(app, option)}/ps")["types"]
    if as_json:
        print(json.dumps({one["type"]: {"memory": one["memory"], "cpu": one["cpu"]} for one in types}, indent=2))
        return
    rows = [(one["type"], size(one["memory"]), f"{one['cpu']:g}" if one["cpu"] else "all cores") for one in types]
    print(table.render(("TYPE", "MEMORY", "CPU"), rows) if rows else "No process types yet: git push minpaas main")


def set_limits(
    words: Annotated[list[str], typer.Argument(metavar="[APP] TYPE [memory=512M] [cpu=0.5]", show_default=False)],
    option: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Limit the memory and CPU of a type. `default` ends a limit."""
    names, pairs = [one for one in words if "=" not in one], [one for one in words if "=" in one]
    if not pairs:
        raise WrongUsage("Which limit?", "", "such as: minpaas limits:set web memory=512M cpu=0.5")
    name, [kind] = target.operands(names, option, "TYPE")
    body = api.request("GET", f"/apps/{name}")["limits"].get(kind) or {"memory": None, "cpu": None}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key not in body:
            raise WrongUsage("That is no limit", key, "there are memory and cpu")
        body[key] = None if value == "default" else size_of(value) if key == "memory" else _cores(value)
    operation.follow("PUT", f"/apps/{name}/limits/{kind}", body, as_json=as_json)


def checks(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Show how a web process shows that it is well."""
    name = target.resolve(app, option)
    found = api.request("GET", f"/apps/{name}")["checks"]
    if as_json:
        print(json.dumps(found, indent=2))
    elif found is None:
        print("As the code says; where it says nothing: one complete answer to GET /")
        print(f"To ask another path: minpaas checks:set --path /up -a {name}")
    else:
        within = f" within {found['timeout']:g} s" if found["timeout"] else ""
        asked = f"A good answer to GET {found['path']}" if found["path"] else "As the code says,"
        print(f"{asked}{within}, {found['attempts']} attempts")
        print(f"To ask as the code says: minpaas checks:unset {name}")


def set_checks(
    app: AppArgument = None,
    option: AppOption = None,
    path: Annotated[str | None, typer.Option(help="Which path is asked for.", show_default=False)] = None,
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds.", show_default=False)] = None,
    attempts: Annotated[int | None, typer.Option(min=1, max=100, help="At most.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Choose the health check, from the next start on."""
    name = target.resolve(app, option)
    given = {"path": path, "timeout": timeout, "attempts": attempts}
    wanted = {key: value for key, value in given.items() if value is not None}
    if not wanted:
        raise WrongUsage("Which check?", "", "such as: minpaas checks:set --path /up --timeout 5 --attempts 3")
    before = api.request("GET", f"/apps/{name}")["checks"] or {}
    operation.follow("PUT", f"/apps/{name}/checks", {**before, **wanted}, as_json=as_json)


def unset_checks(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Check as the code says."""
    operation.follow("DELETE", f"/apps/{target.resolve(app, option)}/checks", as_json=as_json)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    memory = f"{size(one['memory'])} of {size(one['memory_limit'])}" if one["memory"] else ""
    state = one["state"] + (f" ({one['why']})" if one["why"] else "")
    cpu = "" if one["cpu"] is None else f"{one['cpu']:.1f}%"
    return (one["name"], state, ago(one["since"] or ""), str(one["restarts"]), memory, cpu)


def _app_and_process(words: list[str], option: str | None) -> tuple[str, str | None]:
    """Which app, and which of its processes. A lone word is the app unless another is named or web.1 is meant."""
    if len(words) > 2:
        raise WrongUsage("Which process?", " ".join(words), "name one: web or web.1")
    if len(words) == 2:
        return target.resolve(words[0], option), words[1]
    if words and (option or _PROCESS.fullmatch(words[0])):
        return target.resolve(None, option), words[0]
    if words and target.remote_app() and target.remote_app() != words[0]:
        return target.resolve(None, option), words[0]  # in a checkout, as in Heroku's: ps:restart web
    return target.resolve(words[0] if words else None, option), None


def _cores(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise WrongUsage("That is not a number of cores", repr(text), "such as cpu=0.5") from None
