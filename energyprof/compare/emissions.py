"""What a grid emits per joule: by country from a table, or as the user says. Kept apart from the joules."""

from __future__ import annotations

import csv
import difflib
import math
import unicodedata
from dataclasses import replace
from pathlib import Path

from energyprof.compare.figures import EMISSIONS, Figure
from energyprof.errors import UsageError
from energyprof.storable.frozen import dataclass

# Of the table; its first lines say more.
SOURCE = "Our World in Data from Ember and Energy Institute, as in codecarbon 3.3.2"
GIVEN = "as given"
J_PER_KWH = 3.6e6
ALSO = {"uk": "gb", "el": "gr"}  # reserved in ISO 3166-1 for the same countries, and in wide use


@dataclass(frozen=True)
class Grid:
    """How much CO2 equivalent a kWh emits, and the source of the number."""

    g_per_kwh: float
    place: str | None  # None: a number was given
    year: int | None
    source: str


@dataclass(frozen=True)
class _Row:
    codes: tuple[str, str]  # ISO 3166-1, two letters and three
    grid: Grid


def chosen(country: str | None, intensity: float | None) -> Grid | None:
    """The grid that the options name; None: they name none.

    Raises:
        UsageError: both are given, the country is not in the table, or the number is not above 0.
    """
    if country is not None and intensity is not None:
        raise UsageError("--country and --intensity: give only one of them")
    if country is not None:
        return of_country(country)
    return None if intensity is None else of_number(intensity)


def of_country(name: str) -> Grid:
    """A year's mean for a country's electricity, by ISO 3166-1 code or English name.

    Raises:
        UsageError: there is none; the message lists similar names.
    """
    wanted, rows = _folded(name), _table()
    wanted = ALSO.get(wanted, wanted)
    for row in rows:
        if wanted in (*map(_folded, row.codes), _folded(row.grid.place or "")):
            return row.grid
    names = {_folded(row.grid.place or ""): f"{row.grid.place} ({row.codes[0]})" for row in rows}
    within = [shown for folded, shown in names.items() if len(wanted) > 2 and wanted in folded]
    near = [names[folded] for folded in difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)]
    codes = {_folded(code): f"{row.grid.place} ({row.codes[0]})" for row in rows for code in row.codes}
    near += [codes[code] for code in difflib.get_close_matches(wanted, codes, n=3, cutoff=0.6)]
    found = ", ".join(list(dict.fromkeys([*within, *near]))[:4])
    hint = f"similar: {found}" if found else "use a code such as FR, or --intensity with g CO2e/kWh"
    raise UsageError(f"--country {name}: not in the table of {len(rows)} countries; {hint}")


def of_number(g_per_kwh: float) -> Grid:
    """A grid with this many g CO2e per kWh.

    Raises:
        UsageError: that is not above 0.
    """
    if not 0 < g_per_kwh < math.inf:
        raise UsageError(f"--intensity {g_per_kwh:g}: give g CO2e/kWh above 0, such as 56")
    return Grid(g_per_kwh, None, None, GIVEN)


def grams(energy_j: float, grid: Grid) -> float:
    """CO2 equivalent, in g."""
    return energy_j / J_PER_KWH * grid.g_per_kwh


def figure(grid: Grid) -> Figure:
    """The emissions of a run's energy; their uncertainty is the energy's; that of the grid is not known."""
    return replace(
        EMISSIONS, of=lambda run: None if run.energy_j is None else grams(run.energy_j, grid), part=None
    )


def described(grid: Grid) -> str:
    """Such as ``56 g CO2e/kWh (France 2023: …)``; belongs beside every emission figure."""
    where = f"{grid.place} {grid.year}: {grid.source}" if grid.place else grid.source
    return f"{grid.g_per_kwh:.4g} g CO2e/kWh ({where})"


def _table() -> list[_Row]:
    text = (Path(__file__).parent / "grid.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [
        _Row(
            (row["iso2"], row["iso3"]),
            Grid(float(row["g_per_kwh"]), row["country"], int(row["year"]), SOURCE),
        )
        for row in csv.DictReader(lines)
    ]


def _folded(text: str) -> str:
    """Without case, accents and surrounding punctuation."""
    plain = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))
