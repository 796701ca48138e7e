"""The `minpaas` command."""

import sys

import typer

from minpaas.cli.doctor import doctor
from minpaas.cli.down import clean, down
from minpaas.cli.errors import CLIError, tell
from minpaas.cli.service import service
from minpaas.cli.token import token
from minpaas.cli.up import up

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for command in (up, down, clean, doctor):
    cli.command()(command)
cli.add_typer(service, name="service")
cli.add_typer(token, name="token")


def main() -> None:
    """Run it; an error is told in one place, and its kind decides the exit code."""
    try:
        cli()
    except CLIError as error:
        sys.exit(tell(error))
