"""Plain tables: lines of cells with a mark between them, with titles or without."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.trace.logs.quantities import number
from energyprof.trace.logs.table import Row, Table
from energyprof.trace.logs.text import cells_of, chunks, unended

Split = Callable[[str], list[str]]

_MARKS = ("\t", ";", ",", "|")
BLANKS = " "
_POWER = re.compile(r"\d+(?:\.\d+)? (m?W)")
_DAY, _CLOCK = re.compile(r"\d{4}[-/]\d\d?[-/]\d\d?"), re.compile(r"\d\d?:\d\d(:.*)?")
# So many rows show how each ends.
LEAST_ROWS = 3
# So many rows may hold what two programs wrote at once.
OVER = 0.1
_SEPARATOR = re.compile(r"sep=.", re.IGNORECASE)
_DATE = re.compile(r"\d{4}[-/]\d\d?[-/]\d\d?[T ]+\d\d?:\d\d.*")
COMMENT = "#"


def delimited(path: Path, lines: Sequence[str], *, growing: bool) -> Table:
    """The table whose first ``lines`` these are; one without titles has "column 1" and so on.

    Raises:
        MeterError: there is no line, or several of one without titles could be its power.
    """
    said = [line for line in lines[:1] if _SEPARATOR.fullmatch(line.strip())]  # for a spreadsheet
    found = next(
        (
            (i, line)
            for i, line in enumerate(lines, 1)
            if line.strip() and not line.startswith(COMMENT) and line not in said
        ),
        None,
    )
    if found is None:
        raise MeterError(
            f"{path}: no header yet: its first line must name the columns, such as timestamp,power_w"
        )
    at, line = found[0], found[1].replace("\0", "")
    delimiter, split = _split_by(line, [below for below in lines[at:] if below.strip()])
    cells = [cell.strip() for cell in split(line)]
    notes: tuple[str, ...] = ()
    header: str | None = line
    if any(number(cell, delimiter != ",") is not None or _DATE.fullmatch(cell) for cell in cells):
        cells, notes = _untitled(f"{path}: line {at}", cells)
        at, header = 0, None

    cut_off = not growing and _cut_off(unended(path), lines[at:], split)
    if cut_off:
        notes = (*notes, "its last line was cut off: left out")

    def rows() -> Iterator[Row]:
        for first, some in chunks(path, growing=growing or cut_off):
            for line_number, text in enumerate(some, first):
                text = text.replace("\0", "")
                # A program that appends may have written its header again.
                if line_number > at and text.strip() and text != header and not text.startswith(COMMENT):
                    yield Row(line_number, split(text))

    return Table(path, tuple(cells), at, delimiter, rows, notes=notes, cut_off=cut_off)


def widest(table: Table, head: Sequence[Row]) -> int:
    """How many cells a row has, at most.

    Raises:
        MeterError: rows have more of them than there are titles.
    """
    titles = len(table.titles)
    if table.delimiter in ("", BLANKS):
        return titles
    over = [row for row in head if any(cell.strip() for cell in row.cells[titles:])]
    if len(over) > OVER * len(head):
        raise MeterError(
            f"{table.path}: line {over[0].line}: {len(over[0].cells)} cells below {titles} titles, as where "
            "decimal commas stand between commas: put such numbers in quotes, or ; between the cells"
        )
    return max([titles, *(len(row.cells) for row in head if row not in over)])


def _split_by(line: str, below: Sequence[str]) -> tuple[str, Split]:
    """The mark between cells, and what parts a line there. Blanks are one where the line below has as many
    cells.
    """
    for mark in _MARKS:
        if mark in line:
            return mark, partial(cells_of, delimiter=mark)
    for split in (str.split, _dated):
        if below and len(split(line)) == len(split(below[0])) > 1:
            return BLANKS, split
    return ",", partial(cells_of, delimiter=",")


def _dated(line: str) -> list[str]:
    """The words of a line, a day and the time behind it as one."""
    cells: list[str] = []
    for word in line.split():
        if cells and _CLOCK.fullmatch(word) and _DAY.fullmatch(cells[-1]):
            cells[-1] += f" {word}"
        else:
            cells.append(word)
    return cells


def _cut_off(last: str, before: Sequence[str], split: Split) -> bool:
    """Whether ``last``, which has no end, has fewer cells than the lines before it, or ends unlike them."""
    rows = [cells for line in before if line.strip() and line != last and (cells := split(line))]
    own = split(last)
    if not last.strip() or not own or len(rows) < LEAST_ROWS:
        return False
    if len(own) < min(map(len, rows)):
        return True
    usual = {_ending(cells[-1]) for cells in rows}
    ending = _ending(own[-1])
    return len(usual) == 1 and ending not in usual and next(iter(usual)).startswith(ending)


def _ending(cell: str) -> str:
    """What follows a number's whole digits: its point, so many digits, its unit."""
    return re.sub(r"\d", "9", re.sub(r"^[-+]?\d+", "", cell.strip()))


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
