"""ENTSO-E's generation by production type as CSV: the mix's intensity by the factors of each source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from energyprof.errors import FileError
from energyprof.simulate import factors
from energyprof.simulate.traces import cells
from energyprof.simulate.traces.trace import IntensityTrace, trace

FORMAT = "ENTSO-E generation CSV"
_COLUMN = re.compile(r"(?P<type>.+?)\s*-\s*Actual Aggregated\s*\[(?P<unit>[^\]]*)\]")
_TIME = re.compile(r"(\d{2})[./](\d{2})[./](\d{4}) (\d{2}):(\d{2})(?::\d{2})?")
_ZONES = ("UTC", "CET/CEST")
# How a type begins -> the factor of the table that stands for it.
_SOURCES = (
    ("Fossil Gas", "gas"),
    ("Fossil Coal-derived gas", "gas"),
    ("Fossil Oil", "oil"),
    ("Fossil", "coal"),
    ("Biomass", "biomass"),
    ("Geothermal", "geothermal"),
    ("Hydro", "hydro"),
    ("Nuclear", "nuclear"),
    ("Solar", "solar"),
    ("Wind", "wind"),
)
# What no factor stands for may be no more than this of all: else the mix's intensity is a guess.
MOST_UNKNOWN = 0.1


def recognises(text: str) -> bool:
    """Whether it has a market time unit and generation by type."""
    names = cells.header(text)
    return any(name.startswith("MTU") for name in names) and any(map(_COLUMN.fullmatch, names))


def read(text: str, column: str | None, where: str) -> IntensityTrace:
    """The intensity of each market time unit; a file holds one area.

    Raises:
        FileError: a unit is not MW, a time is none, or too much of the generation has no factor.
    """
    if column is not None:
        raise FileError(f"{where}: holds one area: leave column out")
    table = factors.table()
    types: dict[str, float | None] = {}
    for name in cells.header(text):
        match = _COLUMN.fullmatch(name)
        if match:
            if match["unit"] != "MW":
                raise FileError(
                    f"{where}: unknown unit {match['unit'][:20]!r} of {match['type']}: MW is known"
                )
            source = next((s for begin, s in _SOURCES if match["type"].startswith(begin)), None)
            types[name] = None if source is None else table[f"intensity.{source}"].value
    stamp = next(name for name in cells.header(text) if name.startswith("MTU"))
    zone = next((name for name in _ZONES if f"({name})" in stamp), "")
    points: list[tuple[float, float]] = []
    for i, row in enumerate(cells.rows(text, where)):
        at = f"{where}: row {i + 1}"
        mean = _mix(row, types, at)
        if mean is not None:
            before = points[-1][0] if points else None
            points.append((_time_s(row[stamp], zone, before, at), mean))
    return trace(points, where, "ENTSO-E generation by IPCC 2014, average, life cycle, production")


def _mix(row: Mapping[str, str], types: Mapping[str, float | None], where: str) -> float | None:
    """The mean of the types by their MW; None: nothing was published for that time."""
    known = unknown = grams = 0.0
    for name, g_per_kwh in types.items():
        said = row[name].strip()
        if said and said.lower() not in ("n/e", "n/a", "-"):
            mw = cells.number(said, where)
            if mw < 0:
                raise FileError(f"{where}: {name}: {mw:g} MW: generation is 0 or more")
            known += 0.0 if g_per_kwh is None else mw
            unknown += mw if g_per_kwh is None else 0.0
            grams += 0.0 if g_per_kwh is None else mw * g_per_kwh
    if known + unknown == 0:
        return None
    if unknown > MOST_UNKNOWN * (known + unknown):
        share = 100 * unknown / (known + unknown)
        raise FileError(f"{where}: {share:.0f} % of the generation is of types without a factor")
    return grams / known


def _time_s(words: str, zone: str, before_s: float | None, where: str) -> float:
    """The beginning of a unit such as ``26.10.2025 02:00 - 26.10.2025 03:00 (CET/CEST)``.

    The hour that clocks show twice is the later one where the earlier was there before.
    """
    match = _TIME.match(words.strip())
    said = zone or next((name for name in _ZONES if f"({name})" in words), None)
    if match is None or said is None:
        raise FileError(f"{where}: {words[:40]!r} is not a time unit in UTC or CET/CEST")
    try:
        clock: tzinfo = timezone.utc if said == "UTC" else ZoneInfo("Europe/Brussels")
        day, month, year, hour, minute = map(int, match.groups())
        local = datetime(year, month, day, hour, minute, tzinfo=clock)
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise FileError(f"{where}: {words[:40]!r}: {error}") from None
    found_s = local.timestamp()
    later_s = local.replace(fold=1).timestamp()
    twice = later_s - found_s == timedelta(hours=1).total_seconds()
    return later_s if twice and before_s is not None and found_s <= before_s else found_s
