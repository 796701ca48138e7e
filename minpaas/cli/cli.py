"""The `minpaas` command."""

import os
import sys
from collections.abc import Callable

import typer

from minpaas.cli import apps as apps_
from minpaas.cli import bake, builds, completion, config, domains, ps, releases
from minpaas.cli.apps import apps, create, delete, open_app, status, version
from minpaas.cli.deploy import deploy
from minpaas.cli.doctor import doctor
from minpaas.cli.down import clean, down
from minpaas.cli.errors import CLIError, Failed, tell
from minpaas.cli.groups import APPS, CONFIG, DEPLOYS, KEYS, MACHINE, PROCESSES, ROUTING, Grouped
from minpaas.cli.keys import add, keys, list_keys, remove
from minpaas.cli.logs import logs
from minpaas.cli.plan import plan
from minpaas.cli.run import REST, enter, run, run_list, run_log, run_stop
from minpaas.cli.service import service
from minpaas.cli.token import token
from minpaas.cli.up import up

completion.prepare()
cli = typer.Typer(
    cls=Grouped,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Git push-to-deploy on one machine that you own.",
)
_COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    APPS: {
        "apps": apps,
        "create": create,
        "status": status,
        "open": open_app,
        "apps:rename": apps_.rename,
        "apps:clone": apps_.clone,
        "apps:lock": apps_.lock,
        "apps:unlock": apps_.unlock,
        "apps:stop": ps.stop,
        "apps:start": ps.start,
        "delete": delete,
    },
    DEPLOYS: {
        "deploy": deploy,
        "plan": plan,
        "builds": builds.builds,
        "builds:output": builds.output,
        "builds:cancel": builds.cancel,
        "releases": releases.releases,
        "releases:info": releases.info,
        "releases:output": releases.output,
        "rollback": releases.rollback,
        "bake": bake.bake,
        "bake:set": bake.set_,
    },
    CONFIG: {
        "config": config.config,
        "config:get": config.get,
        "config:set": config.set_,
        "config:unset": config.unset,
        "config:import": config.import_,
        "config:export": config.export,
        "config:edit": config.edit,
    },
    PROCESSES: {
        "ps": ps.ps,
        "ps:scale": ps.scale,
        "ps:restart": ps.restart,
        "ps:stop": ps.stop,
        "ps:start": ps.start,
        "logs": logs,
        "limits": ps.limits,
        "limits:set": ps.set_limits,
        "checks": ps.checks,
        "checks:set": ps.set_checks,
        "checks:unset": ps.unset_checks,
    },
    ROUTING: {
        "domains": domains.domains,
        "domains:add": domains.add,
        "domains:remove": domains.remove,
        "maintenance": domains.maintenance,
        "maintenance:on": domains.maintenance_on,
        "maintenance:off": domains.maintenance_off,
        "networks": domains.networks,
        "networks:attach": domains.attach,
        "networks:detach": domains.detach,
    },
}
for group, commands in _COMMANDS.items():
    for name, command in commands.items():
        cli.command(name, rich_help_panel=group)(command)
_ONE_OFFS: dict[str, Callable[..., None]] = {
    "run": run,
    "enter": enter,
    "run:list": run_list,
    "run:log": run_log,
    "run:stop": run_stop,
}
for name, command in _ONE_OFFS.items():
    settings = REST if name in ("run", "enter") else None
    cli.command(name, rich_help_panel=PROCESSES, context_settings=settings)(command)
cli.add_typer(keys, name="keys", rich_help_panel=KEYS)
for command in (up, down, clean, doctor, version):
    cli.command(rich_help_panel=MACHINE)(command)
cli.add_typer(service, name="service", rich_help_panel=MACHINE)
cli.add_typer(token, name="token", rich_help_panel=MACHINE)
# Heroku's (and Dokku's) words for the same functions; README names them
_ALIASES: dict[str, Callable[..., None]] = {
    "apps:create": create,
    "apps:destroy": delete,
    "apps:info": status,
    "apps:open": open_app,
    "apps:list": apps,
    "domains:list": domains.domains,
    "keys:add": add,
    "keys:list": list_keys,
    "keys:remove": remove,
    "releases:rollback": releases.rollback,
    "restart": ps.restart,
    "scale": ps.scale,
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
