"""A history on the terminal: a line of reports, and a table of the levels that they form."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.compare.gate.course import Course
from energyprof.compare.gate.levels import Level
from energyprof.formats import wording
from energyprof.storable.values import fitted
from energyprof.units import percent

_BARS = "▁▂▃▄▅▆▇█"


def history_table(found: Course, width: int) -> RenderableType:
    """The figure over all reports, level by level, in at most ``width`` columns."""
    rows = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("since", "made", "commit", "reports", "mean", "change", ""):
        rows.add_column(heading, justify="right" if heading in ("reports", "mean", "change") else "left")
    for i, level in enumerate(found.levels):
        rows.add_row(*level_cells(found, i, level))
    title = f"{wording.title(found.figure)} over {len(found.stations)} reports"
    return Group(Text(title), Text(line(found, width)), Text(""), rows, *map(Text, found.left_out))


def history_data(found: Course) -> str:
    """The same for programs, as JSON."""
    return (
        json.dumps(
            fitted({"schema": "energyprof.history/1", **asdict(found)}),
            indent=1,
            ensure_ascii=False,
            allow_nan=False,
        )
        + "\n"
    )


def level_cells(found: Course, i: int, level: Level) -> tuple[str, ...]:
    """A level's row: where it begins, how many reports, its mean, its change, why it is one."""
    first, change = found.stations[level.start], found.change(i)
    why = "" if i == 0 else "as the reports show"
    return (
        first.name,
        first.created[:10],
        first.commit,
        str(level.end - level.start),
        wording.number(found.figure, math.exp(level.mean)),
        "" if change is None else percent(change),
        why if level.accepted is None else f"accepted: {level.accepted}",
    )


def line(found: Course, width: int) -> str:
    """A bar for each report, or for as many as there are columns; levels are parted by a stroke."""
    values = [station.value for station in found.stations]
    low, high = min(values), max(values)
    each = max(1, math.ceil(len(values) / max(1, width - len(found.levels))))
    parts = (values[level.start : level.end] for level in found.levels)
    return "│".join("".join(_bar(bin_, low, high) for bin_ in _binned(part, each)) for part in parts)


def _binned(values: Sequence[float], each: int) -> list[float]:
    return [fmean(values[i : i + each]) for i in range(0, len(values), each)]


def bars(values: Sequence[float | None]) -> str:
    """A bar for each value, on the scale of all; a blank where there is none."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return "".join(" " if value is None else _bar(value, low, high) for value in values)


def _bar(value: float, low: float, high: float) -> str:
    share = (value - low) / (high - low) if high > low else 0.0
    return _BARS[min(len(_BARS) - 1, int(share * len(_BARS)))]
