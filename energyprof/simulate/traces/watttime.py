"""WattTime's marginal intensity: JSON of version 3, or CSV with ``timestamp,MOER`` in lb/MWh."""

from __future__ import annotations

from energyprof.errors import FileError
from energyprof.simulate.traces import cells
from energyprof.simulate.traces.trace import IntensityTrace, trace

FORMAT = "WattTime JSON or CSV"


def recognises(text: str) -> bool:
    """Whether it has point_time and meta, or a column MOER."""
    if "MOER" in cells.header(text):
        return True
    data = cells.parsed(text)
    return (
        isinstance(data, dict) and isinstance(data.get("meta"), dict) and isinstance(data.get("data"), list)
    )


def read(text: str, column: str | None, where: str) -> IntensityTrace:
    """The marginal intensity; a file holds one region.

    Raises:
        FileError: it is broken, or its unit is not known.
    """
    if column is not None:
        raise FileError(f"{where}: holds one region: leave column out")
    data = cells.parsed(text)
    if data is None:
        found = cells.rows(text, where)
        stamp = next((name for name in ("timestamp", "point_time") if found and name in found[0]), None)
        if stamp is None:
            raise FileError(f"{where}: the column timestamp is missing")
        factor, region = cells.factor("lb/MWh", where), ""
        pairs = [(row[stamp], row["MOER"]) for row in found if row["MOER"].strip()]
    else:
        factor = cells.factor(cells.text_of(data["meta"], "units", f"{where}: meta"), where)
        region = str(data["meta"].get("region", ""))
        if not all(isinstance(item, dict) for item in data["data"]):
            raise FileError(f"{where}: data: objects with point_time and value were expected")
        pairs = [(cells.text_of(item, "point_time", where), item.get("value")) for item in data["data"]]
    points = [(cells.time_s(when, where), factor * cells.number(value, where)) for when, value in pairs]
    return trace(points, where, f"WattTime, {region}, marginal, direct")
