"""Where MinPaas lives: its home folder and the files it ships. Shared by the server and the CLI."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent


def is_checkout() -> bool:
    """Whether this package runs from a checkout rather than from an installed wheel."""
    return (_CHECKOUT / "hooks").is_dir() and (_CHECKOUT / "nginx").is_dir()


def home() -> Path:
    """MINPAAS_HOME: where `state/`, `repos/` and `workspace/` lie. Default: the checkout, else /var/lib/minpaas."""
    default = _CHECKOUT if is_checkout() else Path("/var/lib/minpaas")
    return Path(os.environ.get("MINPAAS_HOME") or default).resolve()


def shipped(name: str) -> Path:
    """A folder that MinPaas ships (`hooks`, `nginx`, `web`): in a checkout its own, else packed in the wheel."""
    return (_CHECKOUT if is_checkout() else _PACKAGE / "share") / name
