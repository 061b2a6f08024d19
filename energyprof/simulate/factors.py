"""The table of factors: what nobody here measured, with value, ends, source, year and licence."""

from __future__ import annotations

import csv
import difflib
import functools
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from energyprof import files
from energyprof.errors import FileError, UsageError
from energyprof.simulate.quantity import Quantity
from energyprof.storable.frozen import dataclass

# How the table's first line begins; its version follows.
_HEAD = "# Factors of what a meter does not see, version "
# Aslan et al. 2018: 0.06 kWh/GB in 2015, halved every two years.
_ASLAN = (0.06, 2015, 2.0)
COLUMNS = ("name", "value", "low", "high", "unit", "year", "source", "licence", "note")


@dataclass(frozen=True)
class Factor:
    """One row; ``low`` and ``high`` equal ``value`` where the source states no interval."""

    name: str
    value: float
    low: float
    high: float
    unit: str
    year: int
    source: str
    licence: str
    note: str

    def quantity(self) -> Quantity:
        """As an input of a scenario."""
        said = f"factor {self.name}, {self.source}, {self.year}"
        return Quantity(
            self.value, self.low, self.high, self.unit, "factor", said, common=f"factor {self.name}"
        )


@functools.cache
def table() -> Mapping[str, Factor]:
    """The factors of the package by name."""
    return parsed(_text(), "factors.csv")


def version() -> str:
    """The version of the package's table, such as "1 (2026-11)"."""
    return _text().splitlines()[0].removeprefix(_HEAD)


def headed(version: str) -> str:
    """The first line of a table of that version."""
    return _HEAD + version


def _text() -> str:
    return (resources.files("energyprof.simulate") / "factors.csv").read_text(encoding="utf-8")


def read(path: Path) -> Mapping[str, Factor]:
    """The factors in a file of the same columns.

    Raises:
        FileError: it cannot be read, or a row is broken.
    """
    return parsed(files.read_text(path), str(path))


def parsed(text: str, where: str) -> dict[str, Factor]:
    """The factors that ``text`` holds.

    Raises:
        FileError: a column is missing, a number is none, or ``low <= value <= high`` does not hold.
    """
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = csv.DictReader(lines)
    if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
        raise FileError(f"{where}: the column {missing[0]} is missing: there must be {', '.join(COLUMNS)}")
    found: dict[str, Factor] = {}
    for row in rows:
        name = row["name"]
        try:
            value = float(row["value"])
            low, high = float(row["low"] or value), float(row["high"] or value)
            year = int(row["year"])
        except (TypeError, ValueError):
            raise FileError(f"{where}: {name}: value, low, high and year must be numbers") from None
        if not 0 <= low <= value <= high < float("inf"):
            raise FileError(f"{where}: {name}: 0 <= low <= value <= high must hold")
        if name in found:
            raise FileError(f"{where}: {name}: is there twice")
        texts = (row["unit"], year, row["source"], row["licence"], row["note"])
        found[name] = Factor(name, value, low, high, *texts)
    return found


def named(name: str, where: str) -> Factor:
    """The factor called ``name``.

    Raises:
        UsageError: there is none.
    """
    if name in table():
        return table()[name]
    near = difflib.get_close_matches(name, table(), n=3, cutoff=0.4)
    hint = f"similar: {', '.join(near)}" if near else "see `energyprof factors`"
    raise UsageError(f"{where}: there is no factor {name[:60]!r}; {hint}")


@dataclass(frozen=True)
class Table:
    """The factors as a scenario sees them: its own in place of the package's."""

    overrides: Mapping[str, Quantity]

    def quantity(self, name: str, where: str) -> Quantity:
        """The factor as an input.

        Raises:
            UsageError: there is none.
        """
        own = self.overrides.get(name)
        return named(name, where).quantity() if own is None else own

    def has_years(self, medium: str) -> bool:
        """Whether what a GB takes over ``medium`` follows a trend."""
        return medium == "fixed" and "network.fixed" not in self.overrides

    def network(self, medium: str, year: float | None, where: str) -> Quantity:
        """What a GB takes over ``medium``.

        Raises:
            UsageError: there is no such network.
        """
        own = self.overrides.get(f"network.{medium}")
        return network(medium, year, where).quantity() if own is None else own


def network(medium: str, year: float | None, where: str) -> Factor:
    """What a GB takes over ``medium``; of fixed networks in ``year``, by the trend of Aslan et al.

    Raises:
        UsageError: there is no such network.
    """
    found = named(f"network.{medium}", where)
    if year is None or medium != "fixed":
        return found
    first, since, halved_years = _ASLAN
    value = first * 0.5 ** ((year - since) / halved_years)
    # The trend is disputed: no less than two years on, no more than where it began, or twice as much before.
    ends = (value / 2, max(first, 2 * value))
    return Factor(found.name, value, *ends, found.unit, int(year), found.source, found.licence, found.note)
