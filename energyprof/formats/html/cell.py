"""What a notebook's cell took: its energy, power and time, and a small picture of the power."""

from __future__ import annotations

from pathlib import Path

from energyprof.compare.power_curve import PowerCurve, power_curves
from energyprof.errors import FileError
from energyprof.formats.html.plot import XY, path, stretches
from energyprof.formats.html.tags import Markup, tag, text
from energyprof.report.file import read, trace_path
from energyprof.report.record import Phase, Report
from energyprof.trace.file import read_run
from energyprof.units import seconds, watts, with_ends

WIDTH_PX, HEIGHT_PX = 360, 60
# More curves would hide each other.
MOST_CURVES = 4


class CellEnergy:
    """A cell's energy as a notebook shows it."""

    def __init__(self, rows: list[tuple[str, str]], picture: Markup | None) -> None:
        self._rows, self._picture = rows, picture

    def __repr__(self) -> str:
        return "\n".join(f"{name:>6}  {value}" for name, value in self._rows)

    def _repr_html_(self) -> str:
        lines = [tag("tr", tag("th", text(name)), tag("td", text(value))) for name, value in self._rows]
        return tag("div", tag("table", *lines), *([self._picture] if self._picture else []))


def cell_energy(place: Path, name: str) -> CellEnergy:
    """What the report at ``place`` says of its last window of that name.

    Raises:
        FileError: the report cannot be read, or has no such window.
    """
    report = read(place)
    named = [window for window in report.runs[-1].windows if window.name == name]
    if not named:
        raise FileError(f"{place}: has no window {name}")
    window = named[-1]
    energy = "not known"
    if window.energy_j is not None:
        energy = with_ends(window.energy_j, window.energy_low_j, window.energy_high_j, "J")
        energy += "" if report.origin == "measured" else ", an estimate"
    span_s = window.end_s - window.start_s
    rows = [("energy", energy), ("time", seconds(span_s))]
    if window.energy_j is not None and span_s > 0:
        rows.append(("power", watts(window.energy_j / span_s)))
    return CellEnergy(rows, _picture(report, place, window))


def _picture(report: Report, place: Path, window: Phase) -> Markup | None:
    """Power over the window's time, a line a counted meter; ``None``: too short for any reading."""
    counted = [meter for meter in report.meters if meter.counted][:MOST_CURVES]
    try:
        rows = read_run(trace_path(place), len(report.runs) - 1)
        curves = power_curves(counted, rows, window.start_s, window.end_s)
    except FileError:
        return None
    peak_w = max((curve.peak_w for curve in curves), default=0.0)
    if peak_w <= 0:
        return None
    lines = [
        path(stretch, fill="none", stroke="currentColor", opacity=1 - i / 5)
        for i, curve in enumerate(curves)
        for stretch in stretches(_points(curve, peak_w))
    ]
    names = ", ".join(curve.meter for curve in curves)
    order = ", the darkest line first" if len(curves) > 1 else ""
    said = f"power over the cell's time, from 0 to {watts(peak_w)}{order}: {names}"
    zero = path([(0, HEIGHT_PX - 2), (WIDTH_PX, HEIGHT_PX - 2)], stroke="currentColor", opacity=0.3)
    drawn = tag(
        "svg",
        zero,
        *lines,
        viewBox=f"0 0 {WIDTH_PX} {HEIGHT_PX}",
        width=WIDTH_PX,
        height=HEIGHT_PX,
        role="img",
        aria_label=said,
    )
    return tag("div", drawn, tag("div", text(said), style="font-size:smaller"))


def _points(curve: PowerCurve, peak_w: float) -> list[XY | None]:
    """The means in the picture's units; ``None`` where nobody saw the power."""
    count = len(curve.mean_w)
    return [
        None
        if power_w is None
        else ((i + 0.5) / count * WIDTH_PX, (1 - power_w / peak_w) * (HEIGHT_PX - 4) + 2)
        for i, power_w in enumerate(curve.mean_w)
    ]
