"""How a power log fits a run: its readings in it, and in words what is missing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Protocol

from energyprof.report.importers.power_log import LoggedValue, PowerLog
from energyprof.report.segments.segment import GAP_INTERVALS
from energyprof.units import seconds, share

# Clocks of other zones are off by up to so many hours, some by half an hour.
MOST_OFFSET_H = 14

# A log that would cover so much of a run if its clock were moved has probably a clock in another zone.
LIKELY = 0.5

# So many meters are named in a line.
NAMED = 3


class Span(Protocol):
    """A run, as far as a power log is concerned; times in s since 1970."""

    @property
    def name(self) -> str:
        """What the notes call it."""
        ...

    @property
    def start_s(self) -> float:
        """When it started."""
        ...

    @property
    def stop_s(self) -> float:
        """When it ended."""
        ...


def within(log: PowerLog, start_s: float, stop_s: float) -> list[LoggedValue]:
    """The readings from ``start_s`` to ``stop_s``, with the one before and the one after if they are near.

    Idle time that pads a log has no part in it. A reading that is further off than a gap tells nothing.
    """
    if log.constant_w is not None:
        return [(start_s, log.constant_w), (stop_s, log.constant_w)] if stop_s > start_s else []
    reach_s = GAP_INTERVALS * log.period_s
    inside = [point for point in log.points if start_s <= point[0] <= stop_s]
    before = [point for point in log.points if start_s - reach_s <= point[0] < start_s]
    after = [point for point in log.points if stop_s < point[0] <= stop_s + reach_s]
    if not inside and not (before and after):
        return []
    return [*before[-1:], *inside, *after[:1]]


def misfits(runs: Iterable[tuple[Span, Iterable[PowerLog]]]) -> list[str]:
    """A line for each thing that the logs of ``runs`` lack, with the runs in which they do."""
    found: dict[str, list[str]] = {}
    for run, logs in runs:
        for log in logs if run.stop_s > run.start_s else ():
            for lack in _lacks(run, log):
                found.setdefault(f"{log.name} {lack}", []).append(run.name)
    return [f"{listed(names)}: {lack}" for lack, names in found.items()]


def about(logs: Iterable[PowerLog]) -> list[str]:
    """What must be known of the logs, each thing once, with the meters that it is about."""
    said: dict[str, dict[str, None]] = {}
    counted: dict[str, dict[str, int]] = {}
    for log in logs:
        for note in log.notes:
            said.setdefault(note, {})[log.name] = None
        for defect, count in log.defects.items():
            if count:
                names = counted.setdefault(defect, {})
                names[log.name] = names.get(log.name, 0) + count
    notes = [f"{listed([*names])}: {note}" for note, names in said.items()]
    return notes + [
        f"{listed([*names])}: {sum(names.values())} {defect}" for defect, names in counted.items()
    ]


def listed(names: Sequence[str]) -> str:
    """Names, of many the first three."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _lacks(run: Span, log: PowerLog) -> list[str]:
    span_s = log.span_s
    if span_s is None:
        return [] if log.constant_w is not None else ["has no readings"]
    points = within(log, run.start_s, run.stop_s)
    if not points:
        return [f"has no reading of it; {_elsewhere(run, log, span_s)}"]
    reach_s = GAP_INTERVALS * log.period_s
    lacks = []
    if (late_s := points[0][0] - run.start_s) > reach_s:
        lacks.append(f"begins {seconds(late_s)} after run_start")
    if (early_s := run.stop_s - points[-1][0]) > reach_s:
        lacks.append(f"ends {seconds(early_s)} before run_stop")
    steps = [after - before for (before, _), (after, _) in itertools.pairwise(points)]
    gaps = [step for step in steps if step > reach_s]
    if gaps:
        lacks.append(f"has {len(gaps)} gap{'s' if len(gaps) > 1 else ''}, the longest {seconds(max(gaps))}")
    if lacks:
        covered_s = min(points[-1][0], run.stop_s) - max(points[0][0], run.start_s) - sum(gaps)
        lacks[-1] += f"; it covers {share(covered_s / (run.stop_s - run.start_s))}"
    return lacks


def _elsewhere(run: Span, log: PowerLog, span_s: tuple[float, float]) -> str:
    """Where the log's readings lie, or by how many hours its clock may be off.

    A shift is never applied unasked: a log of another run, started hours later, would look just the same.
    """
    best_h, best = 0.0, 0.0
    # Whole hours before half ones, small ones before large ones.
    steps = sorted(range(-2 * MOST_OFFSET_H, 2 * MOST_OFFSET_H + 1), key=lambda half: (half % 2, abs(half)))
    for half in steps:
        start_s, stop_s = span_s[0] + half * 1800, span_s[1] + half * 1800
        covers = (min(stop_s, run.stop_s) - max(start_s, run.start_s)) / (run.stop_s - run.start_s)
        if covers > best + 1e-9:
            best_h, best = half / 2, covers
    if best >= LIKELY and best_h:
        offset_h = best_h + log.offset_h
        return f"with its clock {best_h:+g} h it would cover it: --offset {log.path.stem}={offset_h:g}"
    if span_s[0] > run.stop_s:
        return f"it begins {seconds(span_s[0] - run.stop_s)} later"
    return (
        f"it ends {seconds(run.start_s - span_s[1])} earlier" if span_s[1] < run.start_s else "a gap is there"
    )
