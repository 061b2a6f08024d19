"""The rows of a file with named columns."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from energyprof.errors import FileError
from energyprof.report.importers.imported import text_of

Record = Mapping[str, str]

_COMMA, _POINT = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?"), re.compile(",")

# What is larger is not a number of seconds, joules or kWh, and a sum of such might be none at all.
MOST = 1e18


def mark_of(header: str) -> str:
    """What stands between cells: a spreadsheet of a country with decimal commas writes semicolons."""
    return ";" if header.count(";") > header.count(",") else ","


def records(path: Path, delimiter: str, needed: Collection[str]) -> tuple[list[Record], list[str]]:
    """The rows that have every column, and a note on those that do not.

    Raises:
        FileError: it cannot be read, has no row, or lacks a column of ``needed``.
    """
    lines = [line for line in text_of(path).splitlines() if line.strip()]
    try:
        read = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        # An editor that aligns columns pads their cells with blanks.
        table = [[cell.strip() for cell in cells] for cells in read]
        if delimiter == ";":
            table = [
                [_POINT.sub(".", cell) if _COMMA.fullmatch(cell) else cell for cell in cells]
                for cells in table
            ]
    except csv.Error as error:
        raise FileError(f"{path}: not a readable table: {error}") from None
    titles = table[0] if table else []
    for name in needed:
        if name not in titles:
            raise FileError(f"{path}: it has no column {name!r}")
    # A program that appends may have written the header again.
    body = [cells for cells in table[1:] if cells != table[0]]
    whole = [dict(zip(titles, cells, strict=True)) for cells in body if len(cells) == len(titles)]
    if not whole:
        raise FileError(f"{path}: it has no rows below its header")
    notes = []
    if short := len(body) - len(whole):
        notes.append(f"{short} rows with a different number of columns are left out")
    distinct = [dict(row) for row in dict.fromkeys(tuple(row.items()) for row in whole)]
    if again := len(whole) - len(distinct):
        notes.append(f"{again} rows repeat another to the last character: they count once")
    return [*distinct], notes


def figure(record: Record, name: str) -> float | None:
    """The number in a column; ``None``: the column is not there, is empty, or holds none."""
    try:
        value = float(record.get(name, "") or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) < MOST else None
