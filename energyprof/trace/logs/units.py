"""Where a log names the units of its values: behind them, in a row of units, or in a column of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from energyprof.trace.logs.generic import slug
from energyprof.trace.logs.quantities import UNITS, number, unit_of
from energyprof.trace.logs.table import Row, Table

# So many rows show what stands behind a column's numbers.
LOOKED_AT = 50
# What is longer, or a number, is none: a service, a device.
LONGEST = 16
_COLUMN = re.compile(r"(^|_)(units?|uom|unit_of_measurement)$")


def suffix_of(index: int, head: Sequence[Row], comma: bool) -> str:
    """What stands behind the numbers of a column."""
    for row in head[:LOOKED_AT]:
        text = row.cells[index] if index < len(row.cells) else ""
        match = re.fullmatch(r"\s*[-+\d.,eE]*\d(\s*[A-Za-zµ]+)\s*", text)
        if match and unit_of(match[1]):
            return match[1] + text[len(text.rstrip()) :]
        if number(text.strip(), comma) is not None:
            return ""
    return ""


def units_row(index: int, head: Sequence[Row]) -> str:
    """What the first row says, where it has units in place of numbers."""
    text = head[0].cells[index].strip(" []()") if head and index < len(head[0].cells) else ""
    return text if text in UNITS or (unit_of(text) and text.isalpha()) else ""


def unit_column(table: Table, head: Sequence[Row]) -> int | None:
    """The column that says in which unit each row's value is, be it one of power or another."""
    for i, title in enumerate(table.titles):
        if not _COLUMN.search(slug(title)):
            continue
        cells = {row.cells[i].strip() for row in head if i < len(row.cells)} - {""}
        if cells and all(len(cell) <= LONGEST and number(cell, comma=True) is None for cell in cells):
            return i
    return None


def unit_in(cells: Sequence[str], at: int | None) -> str:
    """The unit that a row's own cell names; "" if there is none."""
    return unit_of(cells[at].strip()) if at is not None and at < len(cells) else ""


def with_unit(cells: Sequence[str], index: int, at: int | None, comma: bool) -> str:
    """A row's value as it would be with its unit behind it."""
    text = cells[index].strip()
    own = cells[at].strip() if at is not None and at < len(cells) else ""
    return f"{text} {own}" if own and number(text, comma) is not None else text
