"""Tables for people: columns as wide as they must be, two spaces between."""

from collections.abc import Sequence


def render(heading: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The table as text; cells that are None or empty show a dash."""
    cells = [list(heading), *[["-" if cell in (None, "") else str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heading))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )
