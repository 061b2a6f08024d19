"""A log as a table: titles, and below them rows of cells, whatever form its file has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from energyprof.storable.frozen import dataclass


class Row(NamedTuple):
    """One row: the line it stands in, from 1, and its cells."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """The titles and rows of one log."""

    path: Path
    titles: tuple[str, ...]
    line: int  # the titles stand in it; 0: the file has none
    delimiter: str  # of its lines; "": its rows are no plain lines
    rows: Callable[[], Iterator[Row]]  # those below the titles, anew with each call
    start: str = ""  # when it began, in its own words, if it says so
    notes: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The file, and the line of its titles."""
        return f"{self.path}: line {self.line}" if self.line else str(self.path)

    @property
    def comma(self) -> bool:
        """Whether a comma may be a decimal one."""
        return self.delimiter not in (",", "")
