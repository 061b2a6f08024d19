"""The carbon-aware SDK's JSON: a list of ``location, time, rating, duration``, the rating in g/kWh."""

from __future__ import annotations

from typing import Any

from energyprof.errors import FileError
from energyprof.simulate.traces import cells
from energyprof.simulate.traces.trace import IntensityTrace, trace

FORMAT = "carbon-aware SDK JSON"


def recognises(text: str) -> bool:
    """Whether its entries have a time and a rating."""
    items = _items(cells.parsed(text))
    return bool(items) and {"time", "rating"} <= _lower(items[0]).keys()


def _items(data: Any) -> list[Any]:
    if isinstance(data, dict):
        data = data.get("Emissions", data.get("emissions"))
    return data if isinstance(data, list) else []


def _lower(item: Any) -> dict[str, Any]:
    return {key.lower(): value for key, value in item.items()} if isinstance(item, dict) else {}


def read(text: str, column: str | None, where: str) -> IntensityTrace:
    """The ratings of the location ``column``, or of the only one.

    Raises:
        FileError: there are several locations, or an entry is broken.
    """
    items = [_lower(item) for item in _items(cells.parsed(text))]
    locations = list(dict.fromkeys(str(item.get("location", "")) for item in items))
    if (column is None and len(locations) > 1) or (column is not None and column not in locations):
        raise FileError(f"{where}: which location? column can be {', '.join(locations)[:200]}")
    place = column or locations[0]
    points = []
    for i, item in enumerate(items):
        if str(item.get("location", "")) == place:
            at = f"{where}: entry {i + 1}"
            when = cells.time_s(cells.text_of(item, "time", at), at)
            points.append((when, cells.number(item.get("rating"), at)))
    return trace(points, where, f"carbon-aware SDK, {place}")
