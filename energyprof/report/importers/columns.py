"""The rows of a file with named columns."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Mapping
from pathlib import Path

from energyprof.errors import FileError
from energyprof.report.importers.imported import text_of

Record = Mapping[str, str]


def records(path: Path, delimiter: str, needed: Collection[str]) -> tuple[list[Record], list[str]]:
    """The rows that have every column, and a note on those that do not.

    Raises:
        FileError: it cannot be read, has no row, or lacks a column of ``needed``.
    """
    lines = [line for line in text_of(path).splitlines() if line.strip()]
    try:
        table = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    except csv.Error as error:
        raise FileError(f"{path}: not a readable table: {error}") from None
    titles = [title.strip() for title in table[0]] if table else []
    for name in needed:
        if name not in titles:
            raise FileError(f"{path}: it has no column {name!r}")
    # A program that appends may have written the header again.
    body = [cells for cells in table[1:] if cells != table[0]]
    whole = [dict(zip(titles, cells, strict=True)) for cells in body if len(cells) == len(titles)]
    if not whole:
        raise FileError(f"{path}: it has no rows below its header")
    short = len(body) - len(whole)
    return [*whole], [f"{short} rows with a different number of columns are left out"] if short else []


def figure(record: Record, name: str) -> float | None:
    """The number in a column; ``None``: the column is not there, is empty, or holds none."""
    try:
        value = float(record.get(name, "") or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
