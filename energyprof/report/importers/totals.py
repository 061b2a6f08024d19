"""Runs of which only totals are known: windows of time with the joules of each meter, and no samples."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from energyprof.errors import UsageError
from energyprof.meter import MeterInfo, Origin, Part
from energyprof.report.flags import Flag, flag
from energyprof.report.record import Clock, MeterRecord, Phase, Run, meter_record
from energyprof.units import seconds, utc

# What every import of totals must say: a gap is in none of these files.
COVERAGE = "coverage is the tool's own claim: its file does not tell when it could not read"
UNCERTAINTY = "the file states no uncertainty: none is given"

# Windows that touch: a tool reads its meters one after the other.
TOUCH_S = 0.1


@dataclass(frozen=True)
class WindowTotals:
    """A stretch of time and what the meters say of it."""

    name: str
    start_s: float  # since 1970 (UTC)
    span_s: float
    by_meter_j: Mapping[str, float | None]

    @property
    def end_s(self) -> float:
        """When it ended."""
        return self.start_s + self.span_s


def total_meter(
    name: str, kind: str, part: Part, method: str, *, origin: Origin, counted: bool
) -> MeterRecord:
    """The record of a meter of which only totals are known; its gain stands for no figure of the report."""
    info = MeterInfo(
        name=name,
        kind=kind,
        part=part,
        boundary="component",
        reads="energy_j",
        method=method,
        resolution=0.0,
        refresh_s=0.0,
        gain_a=1.0 if origin == "modelled" else 0.05,
        gain_source="a model of unknown error" if origin == "modelled" else "assumed: the file states none",
        max_power_w=20_000.0,
        origin=origin,
        external=True,
    )
    record = meter_record(info, 0.0, counted=counted)
    return dataclasses.replace(record, coverage=1.0)


def total_run(windows: Sequence[WindowTotals], counted: Collection[str], facts: Mapping[str, object]) -> Run:
    """The run that ``windows`` make up, in order of time; its time is theirs, without what lies between them.

    Joules that are missing, negative, or 0 over some time are no measurement: the run then has no energy, and
    a flag says which.
    """
    zero_s = windows[0].start_s
    found = [_unusable(window, name) for window in windows for name in counted]
    doubts = [doubt for doubt in found if doubt]
    phases = []
    for window in windows:
        start_s = window.start_s - zero_s
        sound = counted and not any(_unusable(window, name) for name in counted)
        known = {name: joules for name, joules in window.by_meter_j.items() if joules is not None}
        joules = math.fsum(known[name] for name in counted) if sound else None
        covered = None if joules is None else 1.0
        end_s = start_s + window.span_s
        phases.append(Phase(window.name, start_s, end_s, None, joules, None, known, coverage=covered))
    energies = [phase.energy_j for phase in phases if phase.energy_j is not None]
    energy_j = math.fsum(energies) if len(energies) == len(phases) else None
    time_s = math.fsum(window.span_s for window in windows)
    return Run(
        seed=None,
        status="done",
        samples=None,
        score=None,
        clock=Clock(0.0, utc(zero_s)),
        energy_j=energy_j,
        energy_u_j=None,
        time_s=time_s,
        total_energy_j=energy_j,
        total_energy_u_j=None,
        total_time_s=time_s,
        coverage=None if energy_j is None else 1.0,
        exit_code=None,
        phases=tuple(phases),
        history=(),
        facts=dict(facts),
        profiler=None,
        flags=(*([flag("not_measured")] if energy_j is None else []), *dict.fromkeys(doubts)),
    )


def _unusable(window: WindowTotals, name: str) -> Flag | None:
    """Why this meter's joules are none."""
    joules = window.by_meter_j.get(name)
    if joules is None or not math.isfinite(joules):
        return flag("no_reading", name)
    if joules < 0:
        return flag("negative_total", name, f"{joules:.4g} J in {window.name!r}")
    if joules == 0 and window.span_s > 0:
        return flag("zero_total", name, f"0 J in {window.name!r}")
    return None


def outermost(windows: Sequence[WindowTotals]) -> tuple[list[WindowTotals], list[str]]:
    """The windows that lie in no other, in order, and a note on what that leaves out.

    Raises:
        UsageError: two overlap, so their energies cannot be added.
    """
    outer: list[WindowTotals] = []
    inner: dict[str, None] = {}
    for window in sorted(windows, key=lambda window: (window.start_s, -window.span_s)):
        last = outer[-1] if outer else None
        if last is not None and window.start_s < last.end_s - TOUCH_S:
            if window.end_s > last.end_s + TOUCH_S:
                raise UsageError(
                    f"{last.name!r} and {window.name!r} overlap: their joules cannot be added; "
                    "--only NAME takes one"
                )
            inner[window.name] = None
        else:
            outer.append(window)
    notes = []
    if inner:
        notes.append(f"stretches within others are left out: {', '.join(inner)}; --only NAME takes them")
    span_s = outer[-1].end_s - outer[0].start_s
    between_s = span_s - math.fsum(window.span_s for window in outer)
    if between_s > TOUCH_S * len(outer):
        notes.append(f"{seconds(between_s)} of {seconds(span_s)} lie between its stretches, outside the run")
    return outer, notes
