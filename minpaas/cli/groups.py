"""How `minpaas --help` groups the commands: by what they are about."""

from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup

APPS, DEPLOYS, CONFIG = "Apps", "Deploys and releases", "Config vars"
PROCESSES, ROUTING, KEYS, MACHINE = "Processes", "Routing", "Keys", "This machine"
_ORDER = (APPS, DEPLOYS, CONFIG, PROCESSES, ROUTING, KEYS, MACHINE)


class Grouped(TyperGroup):
    """The top of the command line."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """One section a group, its column as wide as in all the others."""
        commands = [(name, command) for name, command in self.commands.items() if not command.hidden]
        width = max(len(name) for name, _ in commands)
        for group in dict.fromkeys([*_ORDER, *(_group_of(command) for _, command in commands)]):
            with formatter.section(group):
                mine = [(name, command) for name, command in commands if _group_of(command) == group]
                formatter.write_text("\n\b\n" + "\n".join(_lines(mine, width, formatter.width)))


def _lines(commands: list[tuple[str, Any]], width: int, limit: int) -> Iterator[str]:
    for name, command in commands:
        yield f"{name:<{width}}  {command.get_short_help_str(limit - width - 6)}"


def _group_of(command: Any) -> str:
    return str(getattr(command, "rich_help_panel", None) or "Commands")
