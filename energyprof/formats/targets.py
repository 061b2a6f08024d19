"""What each of several targets took, from the evaluations of one training, and what the last points cost."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.compare import budget
from energyprof.compare.at_target import at_target
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass
from energyprof.units import seconds, share, with_ends

BAR = 8  # columns of the longest bar


def targets_table(report: Report, values: Sequence[float], label: str) -> RenderableType:
    """A line for each target, the easiest first: energy, time and samples to it, and how much that is more.

    Raises:
        UsageError: the report's runs have no target.
    """
    aim = report.workload.target
    down = aim is not None and aim.direction == "min"
    rows = [_row(at_target(report, value, label), value) for value in sorted(set(values), reverse=down)]
    most_j = max((row.energy_j for row in rows if row.energy_j is not None), default=0.0)
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for name in ("target", "energy", "time", "samples", "reached", ""):
        table.add_column(name, header_style="dim", justify="left" if not name else "right", no_wrap=True)
    before_j = 0.0
    for row in rows:
        bar = Text()
        if row.energy_j is not None and most_j > 0:
            kept = round(BAR * min(before_j, row.energy_j) / most_j)
            added = max(round(BAR * row.energy_j / most_j) - kept, 0)
            bar = Text("█" * kept, style="dim cyan").append("█" * added, style="cyan")
            bar.append(f" +{share(max(row.energy_j - before_j, 0.0) / most_j)}", style="dim")
            before_j = row.energy_j
        table.add_row(f"{row.value:g}", row.energy, row.time, row.samples, row.reached, bar)
    of = f" of {aim.metric.replace('_', ' ')}" if aim is not None else ""
    return Group(Text(f"to each target{of}, from the evaluations on the way"), table)


@dataclass(frozen=True)
class _Row:
    value: float
    energy_j: float | None
    energy: str
    time: str
    samples: str
    reached: str


def _row(cut: Report, value: float) -> _Row:
    """Means over the runs that reached it."""
    reached = [run for run in cut.runs if run.status == "reached"]
    found = budget.energy(cut) if reached else None
    times_s = [run.time_s for run in reached if run.time_s is not None]
    samples = [run.samples for run in reached if run.samples is not None]
    return _Row(
        value,
        None if found is None else found.mean_j,
        "–" if found is None else with_ends(found.mean_j, *found.ends_j, "J"),
        seconds(fmean(times_s)) if times_s else "–",
        f"{fmean(samples):,.0f}" if samples else "–",
        f"{len(reached)} of {len(cut.runs)}",
    )
