"""Power over time, drawn in the terminal, with the phases under it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from energyprof.compare.figures import run_name
from energyprof.measure.selection import listing
from energyprof.report.energy import MeterEnergy, total
from energyprof.report.file import trace_path
from energyprof.report.integrator import Integrator
from energyprof.report.nodes.trace import run_rows
from energyprof.report.phases import PART
from energyprof.report.record import Phase, Report, Run
from energyprof.trace.rows import Row
from energyprof.units import seconds, watts

ROWS = 7
BLOCKS = " ▁▂▃▄▅▆▇█"
MARGIN = 10  # columns taken by the scale
MOST_METERS = 8  # more of them would bury the curve of their sum
COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


def picture(report: Report, path: Path, width: int) -> RenderableType | None:
    """The power of the last run over time, ``width`` columns wide; ``None`` without a trace or a reading.

    Raises:
        FileError: the trace is there but cannot be read.
    """
    trace = trace_path(path)
    if not report.runs or not report.runs[-1].phases or not trace.exists():
        return None
    number, run = len(report.runs) - 1, report.runs[-1]
    columns = max(20, width - MARGIN - 1)
    start_s, end_s = run.phases[0].start_s, max(phase.end_s for phase in run.phases)
    if end_s <= start_s:
        return None
    step_s = (end_s - start_s) / columns
    bins = [(start_s + i * step_s, start_s + (i + 1) * step_s) for i in range(columns)]
    by_meter = _energies(report, run_rows(trace, report, number), bins)
    powers = _powers(list(by_meter.values()), bins)
    if all(power is None for power in powers):
        return None
    return Group(
        Text(),
        _caption(report, number, by_meter),
        *_curve(powers),
        *_each(by_meter, powers, bins),
        _axis(end_s - start_s, columns),
        *_ruler(run, bins),
    )


def _energies(
    report: Report, rows: Iterable[Row], bins: Sequence[tuple[float, float]]
) -> dict[str, list[MeterEnergy]]:
    """What each counted meter says about each bin."""
    integrators = {m.name: Integrator(m.info, m.interval_s, bins) for m in report.meters if m.counted}
    for row in rows:
        if row.source in integrators:
            integrators[row.source].push(row.sample)
    return {name: integrator.finish() for name, integrator in integrators.items()}


def _powers(
    by_meter: Sequence[Sequence[MeterEnergy]], bins: Sequence[tuple[float, float]]
) -> list[float | None]:
    """The mean power in W of all meters together, bin by bin; ``None``: no reading."""
    powers: list[float | None] = []
    for index, (start_s, end_s) in enumerate(bins):
        joules = total(energies[index] for energies in by_meter).joules
        powers.append(None if joules is None else joules / (end_s - start_s))
    return powers


def _caption(report: Report, number: int, meters: Collection[str]) -> Text:
    """Which run is drawn, and from which meters."""
    which = f", {run_name(report, number)}" if len(report.runs) > 1 else ""
    estimate = " (an estimate)" if report.origin != "measured" else ""
    return Text(f"power{which}").append(f"  {listing(list(meters))}{estimate}", style="dim")


def _each(
    by_meter: Mapping[str, Sequence[MeterEnergy]],
    powers: Sequence[float | None],
    bins: Sequence[tuple[float, float]],
) -> list[Text]:
    """A line for each meter if there are several, on a scale from zero to the peak of all together."""
    if not 1 < len(by_meter) <= MOST_METERS:
        return []
    top = max((power for power in powers if power is not None), default=0.0) or 1.0
    lines = []
    for name, energies in by_meter.items():
        shares = [0.0 if power is None else power / top for power in _powers([energies], bins)]
        cells = "".join(BLOCKS[max(0, min(8, round(8 * share)))] for share in shares)
        # A name that is too long keeps its end, which tells it from the others.
        lines.append(Text(f"{name[1 - MARGIN :]:>{MARGIN - 1}} ", style="dim").append(cells, style="not dim"))
    return lines


def _curve(powers: Sequence[float | None]) -> list[Text]:
    top = max((power for power in powers if power is not None), default=0.0) or 1.0
    lines = []
    for row in range(ROWS, 0, -1):
        label = watts(top) if row == ROWS else "0 W" if row == 1 else ""
        cells = ""
        for power in powers:
            eighths = 0 if power is None else round(8 * ROWS * power / top) - 8 * (row - 1)
            cells += BLOCKS[max(0, min(8, eighths))]
        lines.append(Text(f"{label:>{MARGIN - 1}} ", style="dim").append(cells, style="not dim"))
    return lines


def _axis(span_s: float, columns: int) -> Text:
    end = seconds(span_s)
    return Text(" " * MARGIN + "0 s" + " " * (columns - 3 - len(end)) + end, style="dim")


def _ruler(run: Run, bins: Sequence[tuple[float, float]]) -> list[Text]:
    """Which phase takes most of each bin: a coloured line, and what its colours mean."""
    longest = _longest(run.phases, bins)
    names = list(dict.fromkeys(name for name in longest))
    colour = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    # Colours vanish in a pipe, so the line is drawn with the phase's initial, in either case if need be.
    sign: dict[str, str] = {}
    taken = {" "}
    for name in names:
        word = name.removeprefix(PART)
        sign[name] = next((c for c in word + word.upper() + "0123456789" if c not in taken), "?")
        taken.add(sign[name])
    line = Text(" " * MARGIN)
    for name in longest:
        line.append(sign[name], style=colour[name])
    legend = [Text(" " * MARGIN)]
    for name in names:
        word = f"{sign[name]} {name.removeprefix(PART)}  "
        if len(legend[-1]) + len(word) > MARGIN + len(bins):
            legend.append(Text(" " * MARGIN))
        legend[-1].append(word, style=colour[name])
    return [line, *legend]


def _longest(phases: Sequence[Phase], bins: Sequence[tuple[float, float]]) -> list[str]:
    """By bin the name of the phase that takes most of it. The bins follow each other at equal distances."""
    start_s, step_s = bins[0][0], bins[0][1] - bins[0][0]
    found: list[tuple[float, str]] = [(-math.inf, phases[0].name)] * len(bins)
    for phase in phases:
        first, last = (math.floor((s - start_s) / step_s) for s in (phase.start_s, phase.end_s))
        for i in range(max(0, first - 1), min(len(bins), last + 2)):
            within_s = min(phase.end_s, bins[i][1]) - max(phase.start_s, bins[i][0])
            if within_s > found[i][0]:
                found[i] = within_s, phase.name
    return [name for _, name in found]
