"""The `minpaas` command."""

import os
import sys
from collections.abc import Callable

import typer

from minpaas.cli.apps import apps, create, delete, logs, open_app, status, version
from minpaas.cli.deploy import Failed, deploy
from minpaas.cli.doctor import doctor
from minpaas.cli.down import clean, down
from minpaas.cli.errors import CLIError, tell
from minpaas.cli.keys import add, keys, list_keys, remove
from minpaas.cli.plan import plan
from minpaas.cli.service import service
from minpaas.cli.token import token
from minpaas.cli.up import up

APPS, MACHINE = "Apps", "This machine"

cli = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Git push-to-deploy on one machine that you own.",
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "deploy": deploy,
    "plan": plan,
    "apps": apps,
    "create": create,
    "status": status,
    "logs": logs,
    "open": open_app,
    "delete": delete,
}
for name, command in _COMMANDS.items():
    cli.command(name, rich_help_panel=APPS)(command)
cli.add_typer(keys, name="keys", rich_help_panel=APPS)
for command in (up, down, clean, doctor, version):
    cli.command(rich_help_panel=MACHINE)(command)
cli.add_typer(service, name="service", rich_help_panel=MACHINE)
cli.add_typer(token, name="token", rich_help_panel=MACHINE)
# Heroku's words for the same functions; README names them
_ALIASES: dict[str, Callable[..., None]] = {
    "apps:create": create,
    "apps:destroy": delete,
    "apps:info": status,
    "apps:open": open_app,
    "keys:add": add,
    "keys:list": list_keys,
    "keys:remove": remove,
}
for name, command in _ALIASES.items():
    cli.command(name, hidden=True)(command)


def main() -> None:
    """Run it; an error is told in one place, and its kind decides the exit code."""
    try:
        cli()
    except Failed:
        sys.exit(1)
    except CLIError as error:
        sys.exit(tell(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read our output has had enough
        sys.exit(0)
