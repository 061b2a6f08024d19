"""The stretches that a program measured itself, those of one name together."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from energyprof.report.phases import told
from energyprof.report.record import Phase, Run
from energyprof.units import seconds, watts, with_ends

# More rows would fill screens.
MOST_NAMES = 40


def windows_table(runs: Sequence[Run]) -> Table | None:
    """Each name's windows in all runs: how many, their time, energy and power; ``None``: there are none."""
    named: dict[str, list[Phase]] = {}
    for run in runs:
        for window in run.windows:
            named.setdefault(window.name, []).append(window)
    if not named:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("window", overflow="fold")
    for column in ("times", "time", "energy", "power"):
        table.add_column(column, justify="right")
    for name, windows in list(named.items())[:MOST_NAMES]:
        table.add_row(name, f"{len(windows):,}", *_row(windows))
    if (left := len(named) - MOST_NAMES) > 0:
        table.add_row(f"{left:,} more names: see --json")
    return table


def _row(windows: Sequence[Phase]) -> tuple[str, str, str]:
    span_s = sum(window.end_s - window.start_s for window in windows)
    known = told(windows, lambda window: window.energy_j)
    if known is None:
        return seconds(span_s), "not known", ""
    joules = sum(energy_j for _, energy_j in known)
    # What doubts there are may be common to all of them: at most they add up.
    low_j = sum(energy_j if w.energy_low_j is None else w.energy_low_j for w, energy_j in known)
    high_j = sum(energy_j if w.energy_high_j is None else w.energy_high_j for w, energy_j in known)
    known_s = sum(window.end_s - window.start_s for window, _ in known)
    power = watts(joules / known_s) if known_s > 0 else ""
    return seconds(span_s), with_ends(joules, max(0.0, low_j), high_j, "J"), power
