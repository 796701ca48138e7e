"""`minpaas token create`: the token without which the server does not listen beyond this machine."""

import hashlib
import os
import secrets

import typer

from minpaas.cli import control
from minpaas.cli.errors import Trouble

token = typer.Typer(no_args_is_help=True, help="The token for asking this server from another machine.")


@token.callback()
def group() -> None:
    """The token for asking this server from another machine."""


@token.command()
def create() -> None:
    """Make a new token and print it, once. The server keeps only its hash; an older token ends."""
    made = secrets.token_urlsafe(32)
    state = control.state()
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = state / ".token.new"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(hashlib.sha256(made.encode()).hexdigest() + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(state / "token")
    except OSError as error:
        raise Trouble("The token cannot be kept", f"{error.filename}: {error.strerror}", "run it with sudo") from None
    typer.echo(made)
    typer.echo("It is shown only now. To use it elsewhere: export MINPAAS_TOKEN=...", err=True)
