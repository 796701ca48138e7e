"""The commands about deploys that were begun: list, read, cancel."""

import json
import re
from typing import Annotated, Any

import typer

from minpaas.cli import api, operation, table, target
from minpaas.cli.amounts import ago
from minpaas.cli.errors import Trouble, WrongUsage
from minpaas.cli.target import AppArgument, AppOption, JsonOption

_CODE = ("push", "url")
Words = Annotated[list[str] | None, typer.Argument(metavar="[APP] [ID]", show_default=False)]


def builds(
    app: AppArgument = None,
    option: AppOption = None,
    count: Annotated[int, typer.Option("-n", "--num", min=1, max=1000, help="How many, newest first.")] = 15,
    as_json: JsonOption = False,
) -> None:
    """List deploys of code, and what became of them."""
    name = target.resolve(app, option)
    found = _found(name)[:count]
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found:
        print(f"Nothing was deployed to {name} yet: git push minpaas main")
    else:
        rows = [
            (
                one["id"],
                one["kind"],
                (one.get("commit") or "")[:7],
                ago(one["started_at"]),
                _result(one),
                one.get("reason") or "",
            )
            for one in found
        ]
        print(table.render(("ID", "FROM", "COMMIT", "STARTED", "RESULT", "REASON"), rows))


def output(words: Words = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Show the transcript of a deploy. Default: the newest."""
    name, identity = _one(words, option)
    if identity is None:
        newest = _found(name)
        if not newest:
            raise Trouble(f"Nothing was deployed to {name} yet", "", "deploy it with: git push minpaas main")
        identity = newest[0]["id"]
    operation.show(name, identity, as_json=as_json)


def cancel(words: Words = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """End a deploy that runs or waits."""
    name, identity = _one(words, option)
    identity = identity or api.request("GET", f"/apps/{name}")["deploying"]
    if identity is None:
        raise Trouble(f"Nothing is being deployed to {name}", "", f"see what was: minpaas builds {name}")
    done = api.request("POST", f"/apps/{name}/deploys/{identity}/cancel")
    print(json.dumps(done) if as_json else f"Cancelled {done['cancelled']}. The live release serves on")


def _found(name: str) -> list[dict[str, Any]]:
    return [one for one in api.request("GET", f"/apps/{name}/deploys") if one.get("kind") in _CODE]


def _result(one: dict[str, Any]) -> str:
    if one.get("step") != "ended":
        return f"running ({one.get('step')})"
    release = f" v{one['release']}" if one.get("release") and one["result"] == "live" else ""
    return f"{one['result']}{release}"


def _one(words: list[str] | None, option: str | None) -> tuple[str, str | None]:
    """The app and the deploy that are named; ids start with a date, which no app's name can."""
    ids = [word for word in words or [] if re.match(r"\d", word)]
    names = [word for word in words or [] if not re.match(r"\d", word)]
    if len(ids) > 1 or len(names) > 1:
        raise WrongUsage("Which one?", " ".join(words or []), "see their ids with: minpaas builds")
    return target.resolve(names[0] if names else None, option), ids[0] if ids else None
