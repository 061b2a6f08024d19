"""A table whose first columns name nodes, at 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

# Columns of words; all others are numbers.
_WORDS = ("node", "rank", "phase", "status", "")


def node_table(titles: Sequence[str], rows: Sequence[Sequence[str]], rest: Sequence[str] = ()) -> Table:
    """The rows under their titles; ``rest`` is what those that are left out have, in a row of its own."""
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for title in titles:
        # A name is folded, never cut: its end may be what tells it from the others.
        folded = title in ("node", "")
        table.add_column(
            title,
            justify="left" if title in _WORDS else "right",
            header_style="dim",
            no_wrap=not folded,
            overflow="fold" if folded else "ellipsis",
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    if rest:
        table.add_row(*(Text(cell, style="dim") for cell in rest))
    return table
