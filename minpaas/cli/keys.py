"""`minpaas keys`: the SSH public keys that may push."""

import json
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from minpaas.cli import api, table
from minpaas.cli.errors import Trouble
from minpaas.cli.person import person
from minpaas.cli.target import JsonOption

keys = typer.Typer(no_args_is_help=True, help="The SSH keys that may push.")


@keys.command("add")
def add(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="A .pub file, - for stdin; default: your own keys.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Let a public key push."""
    added = [api.request("POST", "/keys", {"key": line}) for line in _lines(file)]
    if as_json:
        print(json.dumps(added, indent=2))
    else:
        print("\n".join(f"{one['fingerprint']} {one['comment']} may push" for one in added))


@keys.command("list")
def list_keys(as_json: JsonOption = False) -> None:
    """List them."""
    found = api.request("GET", "/keys")
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found:
        print("No keys yet. Add yours with: minpaas keys add")
    else:
        print(table.render(("FINGERPRINT", "COMMENT"), [(one["fingerprint"], one["comment"]) for one in found]))


@keys.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="The key's fingerprint, or its comment.")], as_json: JsonOption = False
) -> None:
    """Shut a key out."""
    gone = api.request("DELETE", f"/keys/{quote(name, safe='')}")
    print(json.dumps(gone, indent=2) if as_json else f"{gone['fingerprint']} {gone['comment']} may not push any more")


@keys.command("deploy")
def deploy_key(as_json: JsonOption = False) -> None:
    """Show the key to give to a git host, so that minpaas deploy --repo ssh://... may fetch there."""
    found = api.request("GET", "/keys/deploy")
    print(json.dumps(found, indent=2) if as_json else found["key"])


def _lines(file: str | None) -> list[str]:
    if file == "-":
        return [line for line in sys.stdin.read().splitlines() if line.strip()]
    paths = [Path(file).expanduser()] if file else person().public_keys()
    if not paths:
        raise Trouble("You have no SSH key", str(person().ssh), "make one with: ssh-keygen -t ed25519")
    try:
        return [line for path in paths for line in path.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(
            "The key cannot be read", str(error), "give a .pub file: minpaas keys add ~/.ssh/id_ed25519.pub"
        ) from None
