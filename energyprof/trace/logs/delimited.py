"""Plain tables: lines of cells with a mark between them, with titles or without."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.trace.logs.quantities import number
from energyprof.trace.logs.table import Row, Table
from energyprof.trace.logs.text import cells_of, chunks

_MARKS = ("\t", ";", ",")
_POWER = re.compile(r"\d+(?:\.\d+)? (m?W)")
_DATE = re.compile(r"\d{4}[-/]\d\d?[-/]\d\d?[T ]+\d\d?:\d\d.*")
COMMENT = "#"


def delimited(path: Path, lines: Sequence[str], *, growing: bool) -> Table:
    """The table whose first ``lines`` these are; one without titles has "column 1" and so on.

    Raises:
        MeterError: there is no line, or several of one without titles could be its power.
    """
    found = next(
        ((i, line) for i, line in enumerate(lines, 1) if line.strip() and not line.startswith(COMMENT)), None
    )
    if found is None:
        raise MeterError(
            f"{path}: no header yet: its first line must name the columns, such as timestamp,power_w"
        )
    at, line = found[0], found[1].replace("\0", "")
    delimiter = next((mark for mark in _MARKS if mark in line), ",")
    cells = [cell.strip() for cell in cells_of(line, delimiter)]
    notes: tuple[str, ...] = ()
    header: str | None = line
    if any(number(cell, delimiter != ",") is not None or _DATE.fullmatch(cell) for cell in cells):
        cells, notes = _untitled(f"{path}: line {at}", cells)
        at, header = 0, None

    def rows() -> Iterator[Row]:
        for first, some in chunks(path, growing=growing):
            for line_number, text in enumerate(some, first):
                text = text.replace("\0", "")
                # A program that appends may have written its header again.
                if line_number > at and text.strip() and text != header and not text.startswith(COMMENT):
                    yield Row(line_number, cells_of(text, delimiter))

    return Table(path, tuple(cells), at, delimiter, rows, notes=notes)


def _untitled(where: str, cells: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Titles for a table that has none; a cell in W beside a date is nvidia-smi's, without its header."""
    titles = [f"column {i}" for i in range(1, len(cells) + 1)]
    powers = [(i, match[1]) for i, cell in enumerate(cells) if (match := _POWER.fullmatch(cell))]
    times = [i for i, cell in enumerate(cells) if _DATE.fullmatch(cell)]
    if not powers or not times:
        return titles, ()
    if len(powers) > 1:
        raise MeterError(
            f"{where}: columns {', '.join(str(i + 1) for i, _ in powers)} are in W, and no header tells "
            f"which "
            "is the power: log without noheader"
        )
    i, unit = powers[0]
    titles[i], titles[times[0]] = f"power.draw [{unit}]", "timestamp"
    return titles, (f"it has no header: column {i + 1}, in {unit}, is taken as power.draw",)
