"""The table in a CSV file that some logger wrote: its columns, and its rows as times and numbers."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple

from energyprof.errors import MeterError
from energyprof.meter import Quantity
from energyprof.trace.stamps import seconds

# Unit -> what is read, and its size in W or J.
UNITS: dict[str, tuple[Quantity, float]] = {
    "W": ("power_w", 1.0),
    "mW": ("power_w", 1e-3),
    "kW": ("power_w", 1e3),
    "J": ("energy_j", 1.0),
    "Wh": ("energy_j", 3600.0),
    "kWh": ("energy_j", 3.6e6),
}

# Headers in lower case, all but letters and digits as one underscore: "Power (W)" is power_w. The first wins.
TIMES: tuple[str, ...] = (
    *("timestamp", "time", "datetime", "date_time", "date", "t", "epoch", "unix", "unix_time", "unixtime"),
    *("utc", "time_s", "t_s", "timestamp_s", "epoch_s", "timestamp_ms", "time_ms", "epoch_ms"),
    *("timestamp_us", "timestamp_ns", "time_ns", "epoch_ns", "time_utc", "timestamp_utc"),
)
POWERS: tuple[str, ...] = (
    *("power_w", "power", "watts", "watt", "power_watts", "w", "p", "p_w", "active_power", "active_power_w"),
    *("apower", "apower_w", "power_draw_w", "power_kw", "kw", "power_mw", "mw"),
)
ENERGIES: tuple[str, ...] = (
    "energy_j",
    "joules",
    "j",
    "energy_wh",
    "wh",
    "energy_kwh",
    "kwh",
    "total_kwh",
    "total_wh",
)

_WORDS = {"watt": "W", "watts": "W", "w": "W", "kw": "kW", "mw": "mW", "milliwatts": "mW"} | {
    "j": "J",
    "joule": "J",
    "joules": "J",
    "wh": "Wh",
    "kwh": "kWh",
}


@dataclass(frozen=True)
class Wanted:
    """What the user said of the table; empty words leave it to the headers."""

    time: str = ""
    power: str = ""
    energy: str = ""
    unit: str = ""
    zone: tzinfo | None = None  # of times without one


class TableRow(NamedTuple):
    """One line: its time in s since 1970 (UTC), or the problem with it, and its value as it is written."""

    line: int
    time_s: float | None
    text: str
    problem: str = ""


@dataclass(frozen=True)
class Columns:
    """Where a table has its times and its values, and in which unit."""

    delimiter: str
    header: int  # the line it stands in, from 1
    time: tuple[int, ...]  # one column, or a date and a time
    value: int
    title: str  # of the value's column
    unit: str

    @property
    def reads(self) -> Quantity:
        """A power or a counter."""
        return UNITS[self.unit][0]

    @property
    def factor(self) -> float:
        """From its unit to W or J."""
        return UNITS[self.unit][1]

    def value_of(self, row: TableRow) -> float | None:
        """The row's value in W or J, if it is a number."""
        value = _number(row.text.strip().removesuffix(self.unit), self.delimiter != ",")
        return None if value is None else value * self.factor

    def decimals_of(self, row: TableRow) -> int:
        """How many digits its value has after the point."""
        fraction = re.search(r"[.,](\d+)$", row.text.strip().removesuffix(self.unit).rstrip())
        return len(fraction[1]) if fraction else 0


def read_columns(path: Path, wanted: Wanted) -> Columns:
    """Where the file has what is wanted.

    Raises:
        MeterError: no header, or none with these columns.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for number, line in _lines(file):
            if line.strip() and not line.startswith("#"):
                return _columns(f"{path}: line {number}", number, line, wanted)
    raise MeterError(
        f"{path}: no header yet: its first line must name the columns, such as timestamp,power_w"
    )


def rows(path: Path, columns: Columns, zone: tzinfo | None) -> Iterator[TableRow]:
    """The lines below the header, one at a time; a last line without its end is still being written."""
    least = max(*columns.time, columns.value)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for number, line in _lines(file):
            if number <= columns.header or not line.strip() or line.startswith("#"):
                continue
            cells = _cells(line, columns.delimiter)
            if len(cells) <= least:
                yield TableRow(number, None, "", f"{len(cells)} columns, where the header has more")
                continue
            try:
                time_s = seconds(" ".join(cells[i].strip() for i in columns.time), zone)
            except ValueError as error:
                yield TableRow(number, None, "", str(error))
                continue
            yield TableRow(number, time_s, cells[columns.value])


def _lines(file: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(file, 1):
        if line.endswith(("\n", "\r")):
            # A logger that lost its power leaves zeros at the end of the file.
            yield number, line.replace("\0", "")


def _cells(line: str, delimiter: str) -> list[str]:
    """One line alone: a stray quote must not swallow those that follow."""
    if '"' not in line:
        return line.rstrip("\r\n").split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _columns(where: str, number: int, line: str, wanted: Wanted) -> Columns:
    delimiter = next((mark for mark in ("\t", ";", ",") if mark in line), ",")
    titles = [title.strip() for title in _cells(line, delimiter)]
    if any(_number(title, delimiter != ",") is not None for title in titles):
        raise MeterError(
            f"{where}: this is not a header: it must name the columns, such as timestamp,power_w"
        )
    slugs = [_slug(title) for title in titles]
    have = f"there are {', '.join(titles)}"

    def place(name: str, option: str) -> int:
        if _slug(name) not in slugs:
            raise MeterError(f"{where}: no column {name!r} for {option}=: {have}")
        return titles.index(name) if name in titles else slugs.index(_slug(name))

    time: tuple[int, ...]
    if wanted.time:
        time = (place(wanted.time, "time"),)
    elif "date" in slugs and "time" in slugs and "timestamp" not in slugs:
        time = (slugs.index("date"), slugs.index("time"))
    else:
        named = next((name for name in TIMES if name in slugs), None)
        if named is None:
            raise MeterError(f"{where}: no column of times: name it with time=…; {have}")
        time = (slugs.index(named),)
    if wanted.power or wanted.energy:
        option = "power" if wanted.power else "energy"
        value = place(wanted.power or wanted.energy, option)
    else:
        known = (*POWERS, *ENERGIES)
        if wanted.unit:
            known = POWERS if UNITS[wanted.unit][0] == "power_w" else ENERGIES
        named = next((name for name in known if name in slugs), None)
        if named is None:
            raise MeterError(
                f"{where}: no column of powers or energies: name it with power=… or energy=…; {have}"
            )
        value = slugs.index(named)
    return Columns(delimiter, number, time, value, titles[value], _unit(where, titles[value], wanted))


def _unit(where: str, title: str, wanted: Wanted) -> str:
    """The user's unit, or the last word of the title, or W for a power."""
    last = (re.findall(r"[A-Za-z]+", title) or [""])[-1]
    unit = wanted.unit or (last if last in UNITS else _WORDS.get(last.lower(), ""))
    if last in ("MW", "Mw") and not wanted.unit:
        raise MeterError(f"{where}: {title!r} may mean mW: if so, give unit=mW")
    if not unit and (wanted.power or _slug(title) in POWERS):
        unit = "W"
    if not unit:
        raise MeterError(f"{where}: {title!r} has no unit: give it with unit=J, Wh or kWh")
    if (wanted.power and UNITS[unit][0] != "power_w") or (wanted.energy and UNITS[unit][0] != "energy_j"):
        asked = "power" if wanted.power else "energy"
        raise MeterError(f"{where}: {title!r} is in {unit}, not {asked}")
    return unit


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def _number(text: str, comma: bool) -> float | None:
    """A finite number; the comma may be a decimal one where it does not part the columns."""
    try:
        value = float(text.replace(",", ".") if comma else text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None
