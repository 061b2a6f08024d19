"""Power over time, meter by meter, with the phases shaded behind it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from energyprof.compare.exclusions import broken, unmetered
from energyprof.compare.figures import run_name
from energyprof.compare.power_curve import PowerCurve, power_curves
from energyprof.errors import FileError
from energyprof.formats.html.plot import (
    SIZE,
    XY,
    Axis,
    area,
    axis,
    column,
    filled,
    path,
    plot,
    stretches,
)
from energyprof.formats.html.style import phase_colours
from energyprof.formats.html.tags import Markup, join, numbers, paragraph, section, tag, text
from energyprof.report.nodes.trace import run_rows
from energyprof.report.phases import PART
from energyprof.report.record import MeterRecord, Report, Run
from energyprof.units import seconds, si, watts

HEIGHT_PX = 130
# More meters of one report are counted, not drawn, and no more than these over all reports, so that a
# browser opens the page at once (a curve is about 25 kB).
MOST_METERS = 12
MOST_CURVES = 120


def power(reports: Sequence[Report], labels: Sequence[str], traces: Sequence[Path | None]) -> Markup | None:
    """The section; ``None`` if no report has its trace beside it."""
    each = min(MOST_METERS, max(1, MOST_CURVES // len(reports)))
    parts, without = [], []
    for report, label, trace in zip(reports, labels, traces, strict=True):
        if trace is None or not trace.exists():
            without.append(label)
            continue
        drawn = _report(report, label, trace, each)
        parts.append(drawn)
    if not parts:
        return None
    if without:
        parts.append(paragraph(f"No trace lies beside {', '.join(without)}, so there is no power to draw."))
    return section("Power over time", paragraph(_HOW), *parts)


_HOW = (
    "Line: mean power over short intervals; grey around it: minimum to maximum within each interval, "
    "so that no peak is lost. Background: the phases."
)


def _report(report: Report, label: str, trace: Path, most: int) -> Markup:
    title = tag("h3", text(label))
    i = _typical(report)
    if i is None:
        return tag("div", title, paragraph("No run has phases to draw."))
    run = report.runs[i]
    start_s, end_s = run.phases[0].start_s, max(phase.end_s for phase in run.phases)
    meters = sorted(report.meters, key=lambda meter: not meter.counted)[:most]
    try:
        curves = power_curves(meters, run_rows(trace, report, i), start_s, end_s)
    except FileError as error:
        return tag("div", title, paragraph(f"The trace cannot be drawn: {error}", "note warn"))
    if not curves:
        return tag("div", title, paragraph("The trace holds no readings of this run."))
    which = run_name(report, i)
    if len(report.runs) > 1:
        which += f" of {len(report.runs)}, the one of median energy"
    names = list(dict.fromkeys(phase.name for phase in run.phases))
    colours = phase_colours(names)
    records = {meter.name: meter for meter in report.meters}
    panels = [_panel(curve, records[curve.meter], own_node(run, curve.meter), colours) for curve in curves]
    left = len(report.meters) - len(meters)
    more = [paragraph(f"{left} more meters are not drawn.")] if left else []
    phases = filled({name.removeprefix(PART): colours[name] for name in names})
    return tag("div", title, paragraph(which), phases, *panels, *more)


def own_node(run: Run, meter: str) -> Run:
    """The run with the phases of the meter's own node alone, where it is of several."""
    node = next((part.node for part in run.nodes if meter.startswith(f"{part.node}/")), None)
    if node is None:
        return run
    own = tuple(p for p in run.phases if p.actor == node or p.actor.startswith(f"{node}/"))
    return dataclasses.replace(run, phases=own)


def _typical(report: Report) -> int | None:
    """The run of median energy among the sound ones, or the last if there is none; ``None``: no phases."""
    drawn = [(i, run) for i, run in enumerate(report.runs) if run.phases]
    sound = [(run.energy_j or 0.0, i) for i, run in drawn if not broken(run) and not unmetered(run)]
    if sound:
        return sorted(sound)[(len(sound) - 1) // 2][1]
    return drawn[-1][0] if drawn else None


def _panel(curve: PowerCurve, meter: MeterRecord, run: Run, colours: dict[str, str]) -> Markup:
    bins = len(curve.mean_w)
    end_s = curve.start_s + bins * curve.step_s
    # A run's first phase begins some milliseconds after its zero, and the axis should show the zero.
    x = axis(0.0 if 0 <= curve.start_s < 0.02 * end_s else curve.start_s, end_s, "time", "s")
    # A little headroom, so that the line is not cut in half at its peak.
    y = axis(0.0, 1.04 * curve.peak_w, "power", "W")
    kind = "an estimate" if meter.origin != "measured" else meter.part
    beside = "" if meter.counted else ", beside the total"
    y = Axis(y.low, y.high, y.ticks, f"{curve.meter}, {kind}{beside} {y.name.removeprefix('power ')}")
    known = [mean for mean in curve.mean_w if mean is not None]
    mean_w, span_s = sum(known) / len(known), bins * curve.step_s
    words = f"{curve.meter}: {watts(mean_w)} on average over {seconds(span_s)}, {watts(curve.peak_w)} at most"
    drawn = plot(_marks(curve, run, colours, x, y), x, y, title=words, height_px=HEIGHT_PX)
    return tag("figure", drawn, numbers(("phase", "from", "to", "mean power", "energy"), _rows(curve, run)))


def _marks(curve: PowerCurve, run: Run, colours: dict[str, str], x: Axis, y: Axis) -> list[Markup]:
    marks = []
    for phase in run.phases:
        start, end = SIZE * x.share(phase.start_s), SIZE * x.share(phase.end_s)
        name = tag("title", text(f"{phase.name}, {seconds(phase.end_s - phase.start_s)}"))
        fill = f"fill:{colours[phase.name]}"
        # A solid strip at the bottom tells phases apart where the shade alone is too faint.
        strip = tag(
            "rect", x=f"{start:.1f}", y=SIZE, width=f"{max(0.0, end - start):.1f}", height=40, style=fill
        )
        marks.append(tag("g", name, column(start, end, class_="shade", style=fill), strip))

    def placed(i: int, power_w: float) -> XY:
        middle_s = curve.start_s + (i + 0.5) * curve.step_s
        return SIZE * x.share(middle_s), SIZE * (1 - y.share(power_w))

    def line(powers: Sequence[float | None]) -> list[list[XY]]:
        return stretches([None if power is None else placed(i, power) for i, power in enumerate(powers)])

    for low, high in zip(line(curve.least_w), line(curve.most_w), strict=True):
        marks.append(area(low, high, class_="peaks"))
    marks += [path(part, class_="power") for part in line(curve.mean_w)]
    return [join(marks)]


def _rows(curve: PowerCurve, run: Run) -> list[tuple[str, ...]]:
    """A row for each phase as in the report; only the drawing is made from the trace."""
    rows: list[tuple[str, ...]] = []
    for phase in run.phases:
        joules, span_s = phase.by_meter_j.get(curve.meter), phase.end_s - phase.start_s
        power_w = joules / span_s if joules is not None and span_s > 0 else None
        rows.append(
            (
                phase.name,
                seconds(phase.start_s),
                seconds(phase.end_s),
                "–" if power_w is None else watts(power_w),
                "–" if joules is None else si(joules, "J"),
            )
        )
    return rows
