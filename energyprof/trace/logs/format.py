"""What is known of one kind of power log: how it is recognised and what its columns hold."""

from __future__ import annotations

import re
from collections.abc import Sequence

from energyprof.meter import Boundary, Origin, Part
from energyprof.storable.frozen import dataclass
from energyprof.trace.gains import INSTRUMENT, Gain
from energyprof.trace.logs.quantities import Reads
from energyprof.trace.stamps import DateOrder


@dataclass(frozen=True)
class Value:
    """Powers or energies in a log. ``title``: a regular expression that the column's whole title fits, in any
    case; in a log that names in each row what its value is, it is that name that must fit.
    """

    title: str
    part: Part
    unit: str = ""  # of UNITS; "": what the title's last word says
    reads: Reads | None = None  # None: a power, or a counter, as the unit tells
    name: str = ""  # of its meter, a template for the groups of ``title``; "": the log has one
    rank: int = 0  # only those of the lowest rank that is there are read: the others hold the same joules
    boundary: Boundary | None = None  # None: the log's


@dataclass(frozen=True)
class Format:
    """One kind of log. All but ``name`` and ``maker`` are regular expressions on titles, or data."""

    name: str
    maker: str  # what writes it, in words
    signs: tuple[str, ...]  # each fits some title: that tells the format
    time: tuple[str, ...]  # the first that fits a title
    values: tuple[Value, ...]
    boundary: Boundary
    metric: tuple[str, ...] = ()  # columns that together name what a row's value is
    keys: tuple[str, ...] = ()  # columns that tell devices apart: the first that is there
    says_ac: str = ""  # of a machine's names those that say so; what others see is not certain
    tells_unit: bool = True  # whether it is known in which unit its values are, where no column says so
    adds: bool = False  # devices hold nothing of each other: they may be added unasked
    by_place: bool = False  # without such a column the rows of one time are devices, always in one order
    only_rows: tuple[str, str] = (
        "",
        "",
    )  # where a column has this cell in some row, others repeat its joules
    order: DateOrder = ""
    elapsed: tuple[str, ...] = ()  # columns of seconds since the start, where there is no time of day
    held: bool = False  # a row comes only with a new value, which stands until then
    at_start: bool = False  # a row is stamped at the start of its interval
    origin: Origin = "measured"
    gain: Gain = INSTRUMENT  # how far its meters may be off
    notes: tuple[str, ...] = ()  # what must be known of any such log

    def recognises(self, titles: Sequence[str]) -> bool:
        """Whether a table with these titles is one."""
        return bool(self.signs) and all(place(sign, titles) is not None for sign in self.signs)


def place(pattern: str, titles: Sequence[str]) -> int | None:
    """The first column whose title fits."""
    fits = re.compile(pattern, re.IGNORECASE).fullmatch
    return next((i for i, title in enumerate(titles) if fits(title)), None)
