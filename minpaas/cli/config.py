"""The commands about config vars. A change is one release, and no build."""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from minpaas.cli import api, dotenv, operation, target
from minpaas.cli.errors import Trouble, WrongUsage
from minpaas.cli.target import AppArgument, AppOption, JsonOption

NoRestart = Annotated[bool, typer.Option("--no-restart", help="Only stage it: the next release gets it.")]
_HEADING = "# The config vars of {app}. Save to change them; a line that is deleted is unset.\n"


def config(app: AppArgument = None, option: AppOption = None, as_json: JsonOption = False) -> None:
    """Show the config vars."""
    name = target.resolve(app, option)
    found = _read(name)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    print(f"=== {name} config vars")
    width = max(map(len, found), default=0) + 1
    for key, value in sorted(found.items()):
        print(
            f"{key + ':':<{width}} {value if value.isprintable() else json.dumps(value, ensure_ascii=False)}".rstrip()
        )
    if not found:
        print(f"None yet. Set one with: minpaas config:set NAME=value -a {name}")


def get(
    words: Annotated[list[str], typer.Argument(metavar="[APP] NAME", show_default=False)],
    option: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print one value as it is."""
    name, [key] = target.operands(words, option, "NAME")
    found = _read(name)
    if key not in found:
        raise Trouble("There is no such config var", key, f"see the ones there are with: minpaas config {name}")
    print(json.dumps({key: found[key]}, ensure_ascii=False) if as_json else found[key])


def set_(
    words: Annotated[list[str], typer.Argument(metavar="[APP] NAME=VALUE...", show_default=False)],
    option: AppOption = None,
    no_restart: NoRestart = False,
    as_json: JsonOption = False,
) -> None:
    """Set config vars: one release for all of them."""
    name, pairs = target.leading(words, option, lambda word: "=" in word)
    values: dict[str, str | None] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise WrongUsage("That is no NAME=VALUE", key, "such as: minpaas config:set GREETING='hello there'")
        values[key] = _utf8(key, value)
    _change(name, values, no_restart, as_json)


def unset(
    words: Annotated[list[str], typer.Argument(metavar="[APP] NAME...", show_default=False)],
    option: AppOption = None,
    no_restart: NoRestart = False,
    as_json: JsonOption = False,
) -> None:
    """Unset config vars. (With several words, a first one in lower case is the app.)"""
    several = len(words) > 1 and not option
    name, keys = target.leading(words, option, lambda word: not (several and re.fullmatch(r"[a-z][a-z0-9-]*", word)))
    _change(name, dict.fromkeys(keys), no_restart, as_json)


def import_(
    words: Annotated[list[str], typer.Argument(metavar="[APP] FILE", help="- is stdin.", show_default=False)],
    option: AppOption = None,
    no_restart: NoRestart = False,
    as_json: JsonOption = False,
) -> None:
    """Set what a .env or JSON file holds; others stay."""
    name, [file] = target.operands(words, option, "FILE")
    try:
        text = (sys.stdin.buffer.read() if file == "-" else Path(file).expanduser().read_bytes()).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble("The file cannot be read", str(error), "give a .env or JSON file in UTF-8") from None
    values = dotenv.parse(text)
    if not values:
        raise Trouble("The file holds no config var", file, "a line is NAME=value")
    _change(name, dict(values), no_restart, as_json)


def export(
    app: AppArgument = None,
    option: AppOption = None,
    format: Annotated[str, typer.Option("--format", help="env, json or shell.")] = "env",
    as_json: JsonOption = False,
) -> None:
    """Print all as .env, JSON or shell.

    config:import reads all three back, byte for byte; sh reads env and shell."""
    if format not in dotenv.FORMATS:
        raise WrongUsage("That is no format", format, f"one of: {', '.join(dotenv.FORMATS)}")
    text = dotenv.render(_read(target.resolve(app, option)), "json" if as_json else format)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def edit(
    app: AppArgument = None, option: AppOption = None, no_restart: NoRestart = False, as_json: JsonOption = False
) -> None:
    """Change all of them in your $EDITOR."""
    name = target.resolve(app, option)
    before = _read(name)
    after = dotenv.parse(_edited(name, _HEADING.format(app=name) + dotenv.render(before)))
    changed: dict[str, str | None] = {key: value for key, value in after.items() if before.get(key) != value}
    changed |= {key: None for key in before if key not in after}
    if changed:
        _change(name, changed, no_restart, as_json)
    else:
        print(json.dumps(api.request("GET", f"/apps/{name}"), indent=2) if as_json else "Nothing was changed")


def _edited(name: str, text: str) -> str:
    """The text after a person has had it in an editor. It lies in a folder that only they can open, and is gone after."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="minpaas-") as folder:
        file = Path(folder, f"{name}.env")
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(text.encode())
        try:
            code = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode
        except OSError as error:
            raise Trouble("The editor cannot be started", str(error), "choose another: export EDITOR=nano") from None
        if code:
            raise Trouble("Nothing was changed", f"the editor ended with {code}", "")
        return file.read_bytes().decode()


def _change(app: str, values: dict[str, str | None], no_restart: bool, as_json: bool) -> None:
    body = {"values": values, "restart": not no_restart}
    operation.follow("PATCH", f"/apps/{app}/config", body, as_json=as_json)


def _read(app: str) -> dict[str, str]:
    found: dict[str, str] = api.request("GET", f"/apps/{app}/config")
    return found


def _utf8(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise WrongUsage(f"The value of {name} is not UTF-8", "", "encode it, for example as base64") from None
    return value
