"""A log as a table: titles, and below them rows of cells, whatever form its file has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from energyprof.errors import MeterError
from energyprof.storable.frozen import dataclass

# So many titles are shown in a message, and so much of each.
SHOWN, LONGEST = 12, 60
_NUMBER = re.compile(r"[-+]?[\d.,]+")


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
    cut_off: bool = (
        False  # its last line has no end, and is not a whole row, or what it is packed in has none
    )

    @property
    def there_are(self) -> str:
        """Its titles in a message, as far as one line goes."""
        shown = [title if len(title) <= LONGEST else f"{title[:LONGEST]}…" for title in self.titles[:SHOWN]]
        more = [f"{len(self.titles) - SHOWN} more"] if len(self.titles) > SHOWN else []
        return f"there are {', '.join([*shown, *more])}"

    def reject_header(self, row: Row, time: Sequence[int]) -> None:
        """Raises MeterError: ``row`` names columns, but others than the header, or in another order."""
        cells = [cell.strip() for cell in row.cells]
        named = bool(time) and {self.titles[i] for i in time} <= {*cells}
        if named and tuple(cells) != self.titles and not any(map(_NUMBER.fullmatch, cells)):
            raise MeterError(
                f"{self.path}: line {row.line}: another header, with other columns: split the file there and "
                "import each part"
            )

    @property
    def where(self) -> str:
        """The file, and the line of its titles."""
        return f"{self.path}: line {self.line}" if self.line else str(self.path)

    @property
    def comma(self) -> bool:
        """Whether a comma may be a decimal one."""
        return self.delimiter not in (",", "")
