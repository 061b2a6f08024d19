"""Runs of which only totals are known: windows of time with the joules of each meter, and no samples."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field

from energyprof.errors import UsageError
from energyprof.meter import MeterInfo, Origin, Part
from energyprof.report.flags import Flag, flag
from energyprof.report.record import Clock, MeterRecord, Phase, Run, meter_record
from energyprof.storable.frozen import dataclass
from energyprof.units import seconds, utc

# What every import of totals must say: a gap is in none of these files.
COVERAGE = "coverage is the tool's own claim: its file does not tell when it could not read"
UNCERTAINTY = "the file states no uncertainty: none is given"

Span = tuple[float, float]  # s since 1970

# Stamps of whole seconds are off by so much.
STAMP_S = 1.5
# Runs that follow each other may seem to overlap by as much as their stamps, and what starting them takes,
# are off; those that ran beside each other do so by more, or begin and end together.
OVERLAP_S = 10.0
OVERLAP = 0.05

# In the year 5138.
LATEST_S = 1e11

# Windows that touch: a tool reads its meters one after the other.
TOUCH_S = 0.1


@dataclass(frozen=True)
class WindowTotals:
    """A stretch of time and what the meters say of it."""

    name: str
    start_s: float  # since 1970 (UTC)
    span_s: float
    by_meter_j: Mapping[str, float | None]
    implausible: Mapping[str, str] = field(
        default_factory=dict
    )  # by meter: what of its joules is not believed

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

    Joules that are missing, negative, 0 over some time or more than such a part draws are no measurement: the
    run then has no energy, and a flag says which.
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
        clock=Clock(0.0, utc(zero_s) if 0 < zero_s < LATEST_S else ""),
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


def within(span: Span, *others: Sequence[Span]) -> bool:
    """Whether a span lies within one of ``others``, of which the first come before it and the rest after.

    Of two that are the same the later counts.
    """
    earlier, later = others
    holds = [one for one in earlier if one[0] <= span[0] + STAMP_S and span[1] <= one[1] and one != span]
    holds += [one for one in later if one[0] <= span[0] + STAMP_S and span[1] <= one[1] + STAMP_S]
    return any(end - start >= span[1] - span[0] for start, end in holds)


def beside(spans: Sequence[Span]) -> list[int]:
    """Which of the spans, by their places, overlap others by more than their stamps may be off."""
    found: dict[int, None] = {}
    order = sorted(range(len(spans)), key=lambda i: spans[i])
    last = None
    for i in order:
        if last is not None:
            common_s = min(spans[last][1], spans[i][1]) - spans[i][0]
            shorter_s = min(end - start for start, end in (spans[last], spans[i]))
            ends_s = [abs(a - b) for a, b in zip(spans[last], spans[i], strict=True)]
            together = max(ends_s) <= STAMP_S and shorter_s > ends_s[1] + STAMP_S
            if together or common_s > max(OVERLAP_S, OVERLAP * shorter_s):
                found |= {last: None, i: None}
        if last is None or spans[i][1] > spans[last][1]:
            last = i
    return sorted(found)


def _unusable(window: WindowTotals, name: str) -> Flag | None:
    """Why this meter's joules are none."""
    joules = window.by_meter_j.get(name)
    if joules is None or not math.isfinite(joules):
        return flag("no_reading", name)
    if joules < 0:
        return flag("negative_total", name, f"{joules:.4g} J in {window.name!r}")
    if joules == 0 and window.span_s > 0:
        return flag("zero_total", name, f"0 J in {window.name!r}")
    if name in window.implausible:
        return flag("implausible_total", name, f"{window.implausible[name]} in {window.name!r}")
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
