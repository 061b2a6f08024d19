"""Vessim's CSV: the first column is seconds or a time, each other column a site in g/kWh, or as it says."""

from __future__ import annotations

import re

from energyprof.errors import FileError
from energyprof.simulate.traces import cells
from energyprof.simulate.traces.trace import IntensityTrace, trace

FORMAT = "Vessim CSV (seconds or time, then a column a site)"
_UNIT = re.compile(r"(?P<site>.*?)\s*[(\[](?P<unit>[^)\]]+)[)\]]")
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]*)?")


def recognises(text: str) -> bool:
    """Whether there are at least two columns, and the first row begins with a time or seconds."""
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    if len(cells.header(text)) < 2 or len(lines) < 2:
        return False
    first = lines[1].split(",", 1)[0].strip().strip('"')
    return bool(_SECONDS.fullmatch(first) or re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", first))


def read(text: str, column: str | None, where: str) -> IntensityTrace:
    """The intensities of the site ``column``, or of the only one.

    Raises:
        FileError: there are several sites, or a unit that is not known.
    """
    stamp, *names = cells.header(text)
    sites = {(match["site"] if (match := _UNIT.fullmatch(name)) else name): name for name in names}
    chosen = sites.get(column or "", column) if column else (names[0] if len(names) == 1 else None)
    if chosen not in names:
        raise FileError(f"{where}: which site? column can be {', '.join(sites)[:200]}")
    match = _UNIT.fullmatch(chosen)
    factor = cells.factor(match["unit"], where) if match else 1.0
    points = []
    for i, row in enumerate(cells.rows(text, where)):
        if row[chosen].strip():
            at, when = f"{where}: row {i + 1}", row[stamp].strip()
            seconds = float(when) if _SECONDS.fullmatch(when) else cells.time_s(when, at)
            points.append((seconds, factor * cells.number(row[chosen], at)))
    return trace(points, where, f"Vessim CSV, {match['site'] if match else chosen}")
