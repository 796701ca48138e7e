"""The commands about the bake window: for how long a new release is watched, and what a push waits for."""

import json
from typing import Annotated

import typer

from minpaas.cli import api, operation, target
from minpaas.cli.errors import WrongUsage
from minpaas.cli.target import AppArgument, AppOption, JsonOption

SecondsWords = Annotated[list[str], typer.Argument(metavar="[APP] SECONDS", show_default=False)]
HoldOption = Annotated[bool, typer.Option("--hold", help="A push waits for the end, and is rejected if it goes badly.")]


def bake(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Show for how long new releases are watched, and what came of it."""
    name = target.resolve(app, option)
    found = api.request("GET", f"/apps/{name}/bake")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    held = " (a push waits for its end)" if found["hold"] else ""
    print(f"Window:   {found['seconds']:g} s{held}" if found["seconds"] else "Window:   off")
    print(f"Watching: {found['watching'] or 'nothing'}")
    if found["notice"]:
        print(f"Notice:   {found['notice']}")


def set_(words: SecondsWords, option: AppOption = None, hold: HoldOption = False, as_json: JsonOption = False) -> None:
    """Watch new releases for so many seconds; 0: not at all."""
    name, [seconds] = target.operands(words, option, "SECONDS")
    if not seconds.isdecimal() or int(seconds) > 3600:
        raise WrongUsage("That is no time", seconds, "give seconds from 0 to 3600, such as: minpaas bake:set 30")
    body = {"seconds": int(seconds), "hold": hold}
    operation.follow("PUT", f"/apps/{name}/bake", body, as_json=as_json)
