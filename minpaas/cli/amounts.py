"""Times and sizes as a person reads and types them."""

import re
from datetime import UTC, datetime

from minpaas.cli.errors import WrongUsage

_UNITS = {"": 20, "B": 0, "K": 10, "M": 20, "G": 30, "T": 40}


def ago(moment: str, now: datetime | None = None) -> str:
    """5m ago, of a moment as the API writes it (ISO 8601, UTC); empty of none."""
    try:
        then = datetime.fromisoformat(re.sub(r"\.\d+", "", moment).replace("Z", "+00:00"))
    except ValueError:
        return ""
    seconds = max(0, int(((now or datetime.now(UTC)) - then).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit} ago"
    return f"{seconds}s ago"


def size(count: int) -> str:
    """21M, of bytes."""
    for unit, bits in (("G", 30), ("M", 20), ("K", 10)):
        if count >= 1 << bits:
            exact = count / (1 << bits)
            return f"{exact:.1f}{unit}" if exact < 10 and exact != int(exact) else f"{exact:.0f}{unit}"
    return f"{count}B"


def size_of(text: str) -> int:
    """Bytes of 512M, 1.5G or 512 (megabytes, as the settings count). Raises WrongUsage."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)i?b?", text.strip(), re.I)
    if not match:
        raise WrongUsage("That is not a size", repr(text), "such as memory=512M or memory=1.5G")
    return round(float(match[1]) * (1 << _UNITS[match[2].upper()]))
