"""From samples to joules: one pass over a meter's samples, for many windows.

A meter's samples become *segments* (``segments/``), stretches of time with a power that runs
linearly; a window's energy is their integral over exactly its stretch, so idle time before or after cannot
change it. Where a window's edge lies within a counter's segment, the segment's energy is split as its
neighbours suggest (``split.py``).

A window is the program's, the same for all meters: one that was lost or hung leaves the rest of it *unseen*,
or a phase's joules and seconds would be of different stretches. Unseen time is taken to be like what was seen
next to it, and may be anything between none and twice that, or the most that the meter read in the run. A
window of which a meter saw nothing has no energy.
"""

from __future__ import annotations

import bisect
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import field, replace

from energyprof.meter import MeterInfo
from energyprof.report.energy import RECTANGLE, SHORT_REFRESHES, MeterEnergy, Window
from energyprof.report.flags import Kind
from energyprof.report.segments.segment import GAP_INTERVALS, Segment
from energyprof.report.segments.segmenter import segmenter
from energyprof.report.split import split_j, split_u_j, whole_u_j
from energyprof.report.uncertainty import BELOW, GAIN, METER_TERMS
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Sample

# Windows shorter than this, or than SHORT_REFRESHES renewals, say little.
SHORT_S = 5.0

# A mean power takes so many readings or renewals, whichever are the slower.
LEAST_READINGS = 3


@dataclass
class _State:
    """Everything up to one edge."""

    time_s: float
    joules: float = 0.0
    shape_j: float = 0.0
    bridge_j: float = 0.0
    sampling_j2: float = 0.0
    covered_s: float = 0.0
    known_s: float = 0.0  # time that was seen
    unseen_s: float = 0.0  # time that was not …
    unseen_j: float = 0.0  # … and the part of ``joules`` that is taken to be of it
    edge_j: float = 0.0  # of this edge alone: what splitting a segment may be off by (half-width)
    stamp_j: float = 0.0  # of this edge alone: what its segment's stamps may shift (half-width)
    begun: dict[Kind, int] = field(default_factory=dict)  # flags of segments that began before the edge
    ended: dict[Kind, int] = field(default_factory=dict)  # and of those that ended by then
    last_s: float = -math.inf  # end of the last segment that began before the edge


class Integrator:
    """One meter's energy in many windows: one pass over its samples, memory for the edges only."""

    def __init__(
        self, meter: MeterInfo, interval_s: float, windows: Sequence[Window], asleep: Sequence[Window] = ()
    ) -> None:
        """``asleep``: stretches in order; some time within each the machine slept."""
        self._meter, self._interval_s, self._windows = meter, interval_s, windows
        self._asleep, self._awake_s = deque(asleep), -math.inf
        self._segmenter = segmenter(meter, interval_s)
        self._edges = deque(sorted({edge for window in windows for edge in window}))
        self._states: dict[float, _State] = {}
        self._sums = _State(0.0)
        self._most_w = 0.0  # that the meter read
        # A segment is taken in once its follower is known, which says how its energy lies within it.
        self._before: Segment | None = None
        self._held: Segment | None = None

    def push(self, sample: Sample) -> None:
        """Take the next sample."""
        while self._asleep and sample.end_s > self._asleep[0][0]:
            self._sleep(self._asleep.popleft()[1])
        if sample.start_s >= self._awake_s:
            for segment in self._segmenter.push(sample):
                self._follow(segment)

    def _sleep(self, awake_s: float) -> None:
        """No reading until ``awake_s`` goes with one before: a counter may have been cut off, or have counted
        what the machine used asleep.
        """
        for segment in self._segmenter.finish():
            self._follow(segment)
        self._segmenter = segmenter(self._meter, self._interval_s)
        self._awake_s = awake_s

    def finish(self) -> list[MeterEnergy]:
        """The energies of the windows, once every sample is in."""
        for segment in self._segmenter.finish():
            self._follow(segment)
        last = self._held
        if last is not None and self._edges and self._edges[-1] > last.end_s:
            self._take(_unseen(last.end_s, self._edges[-1], last.end_w, last.end_w, last.stamp_s))
        self._take(None)
        while self._edges:
            edge = self._edges.popleft()
            self._states[edge] = self._state(edge, self._before)
        return [self._between(self._states[start], self._states[end]) for start, end in self._windows]

    def add_edge(self, edge: float) -> bool:
        """One more edge of windows; whether it came in time: what lies behind is summed up already."""
        if edge in self._states:
            return True
        if self._before is not None and edge < self._before.end_s:
            return False
        if edge not in self._edges:
            bisect.insort(self._edges, edge)
        return True

    def between(self, start: float, end: float) -> MeterEnergy | None:
        """The energy between two edges as far as it is final; ``None``: readings of one are still to come."""
        if start not in self._states or end not in self._states:
            return None
        return self._between(self._states[start], self._states[end])

    def passed(self, edge: float) -> bool:
        """Whether all readings until an edge that was asked for are summed up."""
        return edge in self._states

    def forget(self, edge: float) -> None:
        """No window that begins or ends there is asked for any more."""
        if self._states.pop(edge, None) is None and edge in self._edges:
            self._edges.remove(edge)

    def _follow(self, whole: Segment) -> None:
        """Take the next segment, after what lies unseen before it."""
        if whole.end_s <= self._awake_s:
            return
        segment, last = whole.since(self._awake_s), self._held
        if last is None:
            if self._edges and self._edges[0] < segment.start_s:
                power_w = segment.start_w
                self._take(_unseen(self._edges[0], segment.start_s, power_w, power_w, segment.stamp_s))
        elif last.end_s < segment.start_s:
            self._take(_unseen(last.end_s, segment.start_s, last.end_w, segment.start_w, segment.stamp_s))
        if segment.seen:
            self._most_w = max(self._most_w, segment.start_w, segment.end_w)
        self._take(segment)

    def _take(self, following: Segment | None) -> None:
        before, segment, self._held = self._before, self._held, following
        if segment is None:
            return
        while self._edges and self._edges[0] < segment.end_s:
            edge = self._edges.popleft()
            if edge <= segment.start_s:
                self._states[edge] = self._state(edge, before)
                self._states[edge].edge_j = whole_u_j(segment, edge, self._most_w)
                continue
            share = (edge - segment.start_s) / (segment.end_s - segment.start_s)
            state = self._state(edge, segment)
            if self._meter.reads == "energy_j" and segment.seen:
                _add(state, segment, split_j(before, segment, following, share), share)
                state.edge_j = max(
                    split_u_j(before, segment, following, share), whole_u_j(segment, edge, self._most_w)
                )
                # A step at the edge: its stamp shifts the power on the other side as well.
                near = following if share > 1 / 2 else before
                if near is not None and near.seen:
                    state.stamp_j = max(state.stamp_j, near.start_w * segment.stamp_s)
            else:
                _add(state, segment, segment.joules_until(edge), share)
                if segment.seen:
                    # A step anywhere between the two readings: at the edge itself, say, where a phase begins.
                    step_w = abs(segment.end_w - segment.start_w)
                    state.edge_j = step_w * (segment.end_s - segment.start_s) / 2
            self._states[edge] = state
        _add(self._sums, segment, segment.joules, 1.0)
        _count(self._sums.ended, segment)
        self._before = segment

    def _state(self, edge: float, near: Segment | None) -> _State:
        """The sums so far as the state at ``edge``, which lies in or right after the segment ``near``."""
        sums = self._sums
        state = replace(sums, time_s=edge, begun=dict(sums.begun), ended=dict(sums.ended))
        if near is not None:
            power_w = max(near.power_at(min(edge, near.end_s)), near.stamp_w)
            state.stamp_j = power_w * near.stamp_s
        return state

    def _between(self, start: _State, end: _State) -> MeterEnergy:
        meter, span_s = self._meter, end.time_s - start.time_s
        if span_s <= 0:
            return MeterEnergy(meter, 0.0, dict.fromkeys(METER_TERMS, 0.0), 1.0, ())
        flags = [kind for kind, n in end.begun.items() if n > start.ended.get(kind, 0)]
        if end.known_s <= start.known_s:
            return MeterEnergy(meter, None, dict.fromkeys(METER_TERMS, 0.0), 0.0, (*flags, "no_reading"))
        if end.last_s < end.time_s - GAP_INTERVALS * self._interval_s:
            flags.append("lost")
        if span_s < max(SHORT_S, SHORT_REFRESHES * max(meter.refresh_s, self._interval_s)):
            flags.append("short")
        known_s, unseen_s = end.known_s - start.known_s, end.unseen_s - start.unseen_s
        coverage = min(1.0, (end.covered_s - start.covered_s) / span_s)
        raw_j, unseen_j = end.joules - start.joules, end.unseen_j - start.unseen_j
        joules = meter.corrected_j(raw_j, known_s + unseen_s)
        seen_w = None
        if known_s >= LEAST_READINGS * max(meter.refresh_s, self._interval_s):
            seen_w = meter.corrected_j(raw_j - unseen_j, known_s) / known_s
        # A counter is cut off to its step at both edges; a power is cut off to its step all the time.
        steps = math.sqrt(2) if meter.reads == "energy_j" else known_s + unseen_s
        terms_j = {
            GAIN: meter.gain_u_above * abs(joules),
            BELOW: meter.gain_u_below * abs(joules),
            "transfer": 0.0,  # where and when a calibration is used is not known here (`transfer.py`)
            "offset": meter.offset_u_w * (known_s + unseen_s),
            "resolution": meter.resolution / math.sqrt(12) * steps,
            "edge": math.hypot(start.edge_j, end.edge_j) * RECTANGLE,
            "stamp": math.hypot(start.stamp_j, end.stamp_j) * RECTANGLE,
            "shape": max(0.0, end.shape_j - start.shape_j) * RECTANGLE,
            "sampling": math.sqrt(max(0.0, end.sampling_j2 - start.sampling_j2)),
            "unseen": self._doubt_j(unseen_j, unseen_s, known_s) * RECTANGLE,
            "bridge": max(0.0, end.bridge_j - start.bridge_j) * RECTANGLE,
        }
        # Sums over a day of samples carry rounding of about 1e-12: that is not a gap.
        coverage = 1.0 if coverage > 1 - 1e-9 else coverage
        return MeterEnergy(meter, joules, terms_j, coverage, tuple(flags), seen_w, known_s)

    def _doubt_j(self, unseen_j: float, unseen_s: float, seen_s: float) -> float:
        """How far the energy of the unseen time may be from ``unseen_j``."""
        if unseen_s <= 0:
            return 0.0
        most_w = min(self._most_w, self._meter.max_power_w)
        if seen_s < unseen_s:  # too little to tell what it would have been
            most_w = self._meter.max_power_w
        # Lost in a pause or at work, it is not known what came: a program that fails is idle.
        return max(unseen_j, most_w * unseen_s - unseen_j)


def _unseen(start_s: float, end_s: float, start_w: float, end_w: float, stamp_s: float) -> Segment:
    return Segment(start_s, end_s, start_w, end_w, stamp_s=stamp_s, covered=False, seen=False)


def _add(state: _State, segment: Segment, joules: float, share: float) -> None:
    span_s = share * (segment.end_s - segment.start_s)
    state.joules += joules
    state.shape_j += share * segment.shape_j
    state.bridge_j += share * segment.bridge_j
    state.sampling_j2 += share * segment.sampling_j**2
    if segment.seen:
        state.known_s += span_s
        state.last_s = segment.end_s
    else:
        state.unseen_s += span_s
        state.unseen_j += joules
    state.covered_s += span_s if segment.covered else 0.0
    _count(state.begun, segment)


def _count(flags: dict[Kind, int], segment: Segment) -> None:
    for kind in segment.flags:
        flags[kind] = flags.get(kind, 0) + 1
