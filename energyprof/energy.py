"""From samples to joules, with their uncertainty and the share of the time they cover.

A meter's samples become *segments* (``segments.py``), stretches of time with a power that runs linearly; a
window's energy is their integral over exactly its stretch, so idle time before or after cannot change it.

The uncertainty follows the GUM (JCGM 100:2008): every term is a standard uncertainty (a rectangular
half-width a counts as a/√3), terms add in quadrature, and U = 2u is what reports show.

* gain: a·E/√3. It is the same for every run on the meter, and meters of one kind share the make of their
  sensors, so between those it adds linearly.
* edge: a counter's window begins or ends between two readings and the energy ΔE between them is split by
  time; were its power anywhere between none and twice its mean, that is off by ΔE·min(f, 1 − f) at most.
* stamp: a reading's time is known to half the read's duration and half the source's renewal: P·Δt.
* resolution: a counter is cut off to its step r at both edges: u² = 2·r²/12.
* shape: a power that moves monotonically between two readings stays within |p₁ − p₀|·Δt/2 of the trapezoid.
  These add linearly: a periodic load drifts slowly through the reads, so that step after step errs alike.
* bridge: what spans a gap or a reset counts as known to ± 100 %, and adds to the shape.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from energyprof.meter import MeterInfo
from energyprof.samples import Sample, Trace
from energyprof.segments import GAP_INTERVALS, Segment, segmenter

# Shorter windows than these say little: 5 s, or 20 renewals of the meter's value.
SHORT_S = 5.0
SHORT_REFRESHES = 20

Window = tuple[float, float]  # start and end, in s from the run's zero


@dataclass(frozen=True)
class MeterEnergy:
    """What one meter says about one window; uncertainties are standard ones (k = 1)."""

    meter: MeterInfo
    joules: float | None  # None: no reading covers any of the window
    gain_u_j: float
    read_u_j: float  # all but the gain
    coverage: float  # share of the window between readings that followed each other in time
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Energy:
    """The sum over meters of one boundary; uncertainties are expanded (k = 2)."""

    joules: float | None  # None: not measured
    u_j: float | None
    gain_u_j: float | None
    coverage: float | None  # of the meter that covers least; None: no meter
    flags: tuple[str, ...]


def energy_between(traces: Sequence[Trace], start_s: float, end_s: float) -> Energy:
    """The energy of all ``traces`` between two times; ``total`` says how they add."""
    return total([integrate(trace, [(start_s, end_s)])[0] for trace in traces])


def integrate(trace: Trace, windows: Sequence[Window]) -> list[MeterEnergy]:
    """One meter's energy in each window, in the order of ``windows``."""
    integrator = Integrator(trace.meter, trace.interval_s, windows)
    for sample in trace.samples:
        integrator.push(sample)
    return integrator.finish()


def total(energies: Iterable[MeterEnergy]) -> Energy:
    """The sum over meters that count no joule twice (the caller sees to that).

    A meter without a reading leaves its part out of the sum, and ``coverage`` at 0 and a flag say so.
    """
    energies = list(energies)
    flags = tuple(f"{flag}:{e.meter.name}" for e in energies for flag in e.flags)
    coverage = min((e.coverage for e in energies), default=None)
    known = [(e, e.joules) for e in energies if e.joules is not None]
    if not known:
        return Energy(None, None, None, coverage, flags or ("not_measured",))
    gain_by_kind: dict[str, float] = {}
    for e, _ in known:
        gain_by_kind[e.meter.kind] = gain_by_kind.get(e.meter.kind, 0.0) + e.gain_u_j
    gain_u_j = math.hypot(*gain_by_kind.values())
    return Energy(
        sum(joules for _, joules in known),
        2 * math.hypot(gain_u_j, *(e.read_u_j for e, _ in known)),
        2 * gain_u_j,
        coverage,
        flags,
    )


@dataclass
class _State:
    """Everything up to one edge."""

    time_s: float
    joules: float = 0.0
    bound_j: float = 0.0  # of shapes and bridges: a rectangular half-width
    covered_s: float = 0.0
    known_s: float = 0.0  # time that any segment spans
    edge_variance: float = 0.0  # of this edge alone, J²
    begun: dict[str, int] = field(default_factory=dict)  # flags of segments that began before the edge
    ended: dict[str, int] = field(default_factory=dict)  # and of those that ended by then
    last_s: float = -math.inf  # end of the last segment that began before the edge


class Integrator:
    """One meter's energy in many windows: one pass over its samples, memory for the edges only."""

    def __init__(self, meter: MeterInfo, interval_s: float, windows: Sequence[Window]) -> None:
        self._meter, self._interval_s, self._windows = meter, interval_s, windows
        self._segmenter = segmenter(meter, interval_s)
        self._edges = deque(sorted({edge for window in windows for edge in window}))
        self._states: dict[float, _State] = {}
        self._sums = _State(0.0)
        self._last: Segment | None = None

    def push(self, sample: Sample) -> None:
        """Take the next sample."""
        for segment in self._segmenter.push(sample):
            self._take(segment)

    def finish(self) -> list[MeterEnergy]:
        """The energies of the windows, once every sample is in."""
        for segment in self._segmenter.finish():
            self._take(segment)
        while self._edges:
            edge = self._edges.popleft()
            self._states[edge] = self._state(edge, self._last)
        return [self._between(self._states[start], self._states[end]) for start, end in self._windows]

    def _take(self, segment: Segment) -> None:
        while self._edges and self._edges[0] < segment.end_s:
            edge = self._edges.popleft()
            if edge <= segment.start_s:
                self._states[edge] = self._state(edge, self._last)
                continue
            share = (edge - segment.start_s) / (segment.end_s - segment.start_s)
            state = self._state(edge, segment)
            _add(state, segment, segment.joules_until(edge), share)
            if self._meter.reads == "energy_j":
                state.edge_variance += (segment.joules * min(share, 1 - share)) ** 2 / 3
            self._states[edge] = state
        _add(self._sums, segment, segment.joules, 1.0)
        _count(self._sums.ended, segment)
        self._last = segment

    def _state(self, edge: float, near: Segment | None) -> _State:
        """The sums so far as the state at ``edge``, which lies in or right after the segment ``near``."""
        sums = self._sums
        state = replace(sums, time_s=edge, begun=dict(sums.begun), ended=dict(sums.ended))
        if near is not None:
            state.edge_variance = (near.power_at(min(edge, near.end_s)) * near.stamp_s) ** 2 / 3
        if self._meter.reads == "energy_j":
            state.edge_variance += self._meter.resolution**2 / 12
        return state

    def _between(self, start: _State, end: _State) -> MeterEnergy:
        meter, span_s = self._meter, end.time_s - start.time_s
        if span_s <= 0:
            return MeterEnergy(meter, 0.0, 0.0, 0.0, 1.0, ())
        flags = [flag for flag, n in end.begun.items() if n > start.ended.get(flag, 0)]
        if end.known_s <= start.known_s:
            return MeterEnergy(meter, None, 0.0, 0.0, 0.0, (*flags, "no_reading"))
        if end.last_s < end.time_s - GAP_INTERVALS * self._interval_s:
            flags.append("lost")
        if span_s < max(SHORT_S, SHORT_REFRESHES * max(meter.refresh_s, self._interval_s)):
            flags.append("short")
        joules = end.joules - start.joules
        bound_j = max(0.0, end.bound_j - start.bound_j)
        variance = bound_j**2 / 3 + start.edge_variance + end.edge_variance
        coverage = min(1.0, (end.covered_s - start.covered_s) / span_s)
        return MeterEnergy(
            meter,
            joules,
            meter.gain_a * abs(joules) / math.sqrt(3),
            math.sqrt(variance),
            # Sums over a day of samples carry rounding of about 1e-12: that is not a gap.
            1.0 if coverage > 1 - 1e-9 else coverage,
            tuple(flags),
        )


def _add(state: _State, segment: Segment, joules: float, share: float) -> None:
    span_s = share * (segment.end_s - segment.start_s)
    state.joules += joules
    state.bound_j += share * segment.bound_j
    state.known_s += span_s
    state.covered_s += span_s if segment.covered else 0.0
    state.last_s = segment.end_s
    _count(state.begun, segment)


def _count(flags: dict[str, int], segment: Segment) -> None:
    for flag in segment.flags:
        flags[flag] = flags.get(flag, 0) + 1
