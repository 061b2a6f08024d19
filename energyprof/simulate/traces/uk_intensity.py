"""carbonintensity.org.uk's JSON: half hours with ``from``, ``to`` and an intensity in g/kWh, CC BY 4.0."""

from __future__ import annotations

from typing import Any

from energyprof.errors import FileError
from energyprof.simulate.traces import cells
from energyprof.simulate.traces.trace import IntensityTrace, trace

FORMAT = "carbonintensity.org.uk JSON"


def recognises(text: str) -> bool:
    """Whether it is a list of half hours, or has one under ``data``."""
    data = _items(cells.parsed(text))
    return bool(data) and isinstance(data[0], dict) and {"from", "to", "intensity"} <= data[0].keys()


def _items(data: Any) -> list[Any]:
    found = data.get("data") if isinstance(data, dict) else data
    return found if isinstance(found, list) else []


def read(text: str, column: str | None, where: str) -> IntensityTrace:
    """The actual intensity, or the forecast, as ``column`` says; one that is null is a gap.

    Raises:
        FileError: an entry is broken.
    """
    wanted = column or "actual"
    if wanted not in ("actual", "forecast"):
        raise FileError(f"{where}: no column {wanted[:60]!r}: there are actual, forecast")
    points = []
    for i, item in enumerate(_items(cells.parsed(text))):
        at = f"{where}: entry {i + 1}"
        if not isinstance(item, dict) or not isinstance(item.get("intensity"), dict):
            raise FileError(f"{at}: an object with from, to and intensity was expected")
        value = item["intensity"].get(wanted)
        if value is not None:
            points.append((cells.time_s(cells.text_of(item, "from", at), at), cells.number(value, at)))
    return trace(points, where, f"carbonintensity.org.uk, GB, average, direct, {wanted}, CC BY 4.0")
