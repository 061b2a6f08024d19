"""Electricity Maps' CSV: ``Datetime (UTC), Country, …, Carbon Intensity gCO₂eq/kWh (LCA), …``."""

from __future__ import annotations

import re

from energyprof.errors import FileError
from energyprof.simulate.traces import cells
from energyprof.simulate.traces.trace import IntensityTrace, trace

FORMAT = "Electricity Maps CSV"
_COLUMN = re.compile(r"carbon intensity\s+(?P<unit>[^(]+?)\s*(?:\((?P<kind>[^)]*)\))?", re.IGNORECASE)
_LIFE_CYCLE = ("lca", "life cycle")


def recognises(text: str) -> bool:
    """Whether its header has the time in UTC and a carbon intensity."""
    names = cells.header(text)
    return "Datetime (UTC)" in names and any(_COLUMN.fullmatch(name) for name in names)


def read(text: str, column: str | None, where: str) -> IntensityTrace:
    """The life-cycle intensity, or the one that ``column`` names.

    Raises:
        FileError: the column is missing, or its unit is not known.
    """
    kinds = {name: match for name in cells.header(text) if (match := _COLUMN.fullmatch(name))}
    life_cycle = [n for n, match in kinds.items() if (match["kind"] or "").lower() in _LIFE_CYCLE]
    chosen = column or next(iter(life_cycle or kinds))
    if chosen not in kinds:
        raise FileError(f"{where}: no column {chosen[:60]!r}: there are {', '.join(kinds)}")
    factor = cells.factor(kinds[chosen]["unit"], where)
    points, zone = [], ""
    for i, row in enumerate(cells.rows(text, where)):
        zone = zone or row.get("Zone Id", row.get("Zone id", ""))
        if row[chosen].strip():  # a value that was not published is a gap
            at = f"{where}: row {i + 1}"
            points.append((cells.time_s(row["Datetime (UTC)"], at), factor * cells.number(row[chosen], at)))
    kind = kinds[chosen]["kind"] or "kind not said"
    return trace(points, where, f"Electricity Maps, {zone}, average, {kind}, consumption")
