"""The Procfile, with the server's own error."""

from minpaas.plan import PlanError
from minpaas.plan import procfile as pure
from minpaas.server.errors import BadProcfile


def parse(text: str) -> dict[str, str]:
    """Process types and their commands, in the file's order. Raises BadProcfile naming the line."""
    try:
        return pure.parse(text)
    except PlanError as error:
        raise BadProcfile(error.detail, hint=error.hint) from None
