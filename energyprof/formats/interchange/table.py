"""CSV: a row a run, in SI units and fractions, the same in every country; what is not known is empty."""

from __future__ import annotations

import csv
import io

from energyprof.formats.csv import exact, word
from energyprof.formats.interchange.columns import Cell, columns, rows
from energyprof.formats.interchange.contract import Source


def content(source: Source) -> tuple[bytes, list[str]]:
    """The table; nothing is asked for that may be missing."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    names = [column.name for column in columns()]
    table.writerow(names)
    for row in rows(source):
        table.writerow([_cell(row[name]) for name in names])
    return out.getvalue().encode(), []


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return word(value)
    return str(value) if isinstance(value, int) else exact(value)
