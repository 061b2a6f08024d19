"""From one meter's readings to segments: stretches of time with a power that runs linearly.

What a reading may mean is decided here and nowhere else: a wrap or a reset, a stall, a spike, a gap.
A segmenter is fed sample by sample, so that the live display and the report come out of the same rules.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from energyprof.meter import MeterInfo
from energyprof.samples import Sample, Trace

# Readings further apart than this many intervals leave a gap between them.
GAP_INTERVALS = 3
# A counter that stands still for longer (or for 5 of its own renewals) is stalled: RAPL renews in about 1 ms
# and no processor or GPU that is switched on draws nothing.
STALL_S = 1.0
STALL_REFRESHES = 5


@dataclass(frozen=True)
class Segment:
    """The power from ``start_s`` to ``end_s``, linear between its two ends."""

    start_s: float
    end_s: float
    start_w: float
    end_w: float
    bound_j: float = 0.0  # what its energy may be off by (half-width)
    stamp_s: float = 0.0  # what its ends may be off by in time (half-width)
    covered: bool = True
    flags: tuple[str, ...] = ()

    @property
    def joules(self) -> float:
        """Its energy."""
        return self.joules_until(self.end_s)

    def joules_until(self, time_s: float) -> float:
        """The energy from its start to ``time_s``, which lies within it."""
        part_s = time_s - self.start_s
        slope = (self.end_w - self.start_w) / (self.end_s - self.start_s)
        return part_s * (self.start_w + slope * part_s / 2)

    def power_at(self, time_s: float) -> float:
        """The power in W at ``time_s``, which lies within it."""
        share = (time_s - self.start_s) / (self.end_s - self.start_s)
        return self.start_w + share * (self.end_w - self.start_w)


class Segmenter(Protocol):
    """Samples in, segments out, in order; ``finish`` gives what was held back."""

    def push(self, sample: Sample) -> list[Segment]:
        """Take the next sample; the segments that are certain now."""
        ...

    def finish(self) -> list[Segment]:
        """No sample follows; the segments that were held back."""
        ...


def segmenter(meter: MeterInfo, interval_s: float) -> Segmenter:
    """The segmenter for what ``meter`` reads, sampled every ``interval_s``."""
    if meter.reads == "energy_j":
        return CounterSegmenter(meter, interval_s)
    return PowerSegmenter(meter, interval_s)


def segments(trace: Trace) -> Iterator[Segment]:
    """All segments of a trace, as a stream."""
    state = segmenter(trace.meter, trace.interval_s)
    for sample in trace.samples:
        yield from state.push(sample)
    yield from state.finish()


class _Bad:
    """Counts samples without a usable value until the next segment can carry them as flags."""

    def __init__(self) -> None:
        self._flags: list[str] = []

    def rejects(self, value: float | None, limit: float) -> bool:
        """Whether ``value`` is no reading; remembers it if so."""
        if value is None:
            self.add("failed_read")
            return True
        if not (math.isfinite(value) and 0 <= value <= limit):
            self.add("rejected_reading")
            return True
        return False

    def add(self, flag: str) -> None:
        if flag not in self._flags:
            self._flags.append(flag)

    def take(self) -> tuple[str, ...]:
        flags, self._flags = tuple(self._flags), []
        return flags


class PowerSegmenter:
    """Power readings: a trapezoid between each two that follow each other."""

    def __init__(self, meter: MeterInfo, interval_s: float) -> None:
        self._meter = meter
        self._gap_s = GAP_INTERVALS * interval_s
        self._bad = _Bad()
        self._last: tuple[float, float] | None = None

    def push(self, sample: Sample) -> list[Segment]:
        """The stretch since the last reading."""
        if self._bad.rejects(sample.value, self._meter.max_power_w):
            return []
        assert sample.value is not None  # rejects() saw to it
        time_s, power_w = (sample.start_s + sample.end_s) / 2, sample.value
        last, self._last = self._last, (time_s, power_w)
        if last is None or time_s <= last[0]:
            return []
        dt_s = time_s - last[0]
        gap = dt_s > self._gap_s
        # A monotonic power stays within this of the trapezoid; over a gap nothing is known of it.
        bound_j = (last[1] + power_w) / 2 * dt_s if gap else abs(power_w - last[1]) * dt_s / 2
        return [
            Segment(
                last[0],
                time_s,
                last[1],
                power_w,
                bound_j,
                (sample.end_s - sample.start_s) / 2,
                not gap,
                self._bad.take() + (("gap",) if gap else ()),
            )
        ]

    def finish(self) -> list[Segment]:
        """Nothing: no reading is held back."""
        return []


@dataclass(frozen=True)
class _Reading:
    time_s: float
    value_j: float
    stamp_s: float


class CounterSegmenter:
    """Counter readings: the difference of each two that follow each other, with named cases.

    wrap: a decrease that is a plausible power modulo the counter's range. reset: a decrease or a leap that is
    not, confirmed by the next reading; bridged with the last good power. spike: a leap that the next reading
    takes back. stall: no movement for over a second, spread over the stall if the counter catches up.
    """

    def __init__(self, meter: MeterInfo, interval_s: float) -> None:
        self._meter = meter
        self._gap_s = GAP_INTERVALS * interval_s
        self._stall_s = max(STALL_S, STALL_REFRESHES * meter.refresh_s)
        self._bad = _Bad()
        self._last: _Reading | None = None  # the last good reading
        self._still: _Reading | None = None  # the first reading with the last one's value
        self._odd: _Reading | None = None  # a leap that the next reading confirms or takes back
        self._gap = False  # while the counter stood still, some reads lay too far apart
        self._power_w = 0.0  # of the last good segment that moved

    def push(self, sample: Sample) -> list[Segment]:
        """The stretches up to this reading, once it is clear what it means."""
        if self._bad.rejects(sample.value, math.inf):
            return []
        assert sample.value is not None  # rejects() saw to it
        time_s = (sample.start_s + sample.end_s) / 2
        # A reading is as old as the source's last renewal.
        stamp_s = (sample.end_s - sample.start_s + self._meter.refresh_s) / 2
        now = _Reading(time_s, sample.value, stamp_s)
        last, still = self._last, self._still
        if last is None or still is None:
            self._last = self._still = now
            return []
        if now.time_s <= last.time_s:
            return []
        # Of the reads, not of the segment: a tick that lasts a second is no gap if somebody looked meanwhile.
        gap = now.time_s - last.time_s > self._gap_s
        if now.value_j == last.value_j:
            self._last, self._odd, self._gap = now, None, self._gap or gap
            return []
        delta_j = self._delta(last, now)
        if delta_j is None:
            delta_j = self._delta(still, now)
            if delta_j is None:
                return self._leap(last, now)
            return self._moved(self._segment(still, now, delta_j, self._gap or gap, "stalled"), now)
        held_s = last.time_s - still.time_s
        if held_s > self._stall_s:
            return self._moved(self._segment(still, now, delta_j, self._gap or gap, "stalled"), now)
        if now.time_s - still.time_s <= 1.5 * self._meter.refresh_s:
            # The source renews less often than it is read: its tick's energy belongs to the whole tick.
            return self._moved(self._segment(still, now, delta_j, self._gap or gap), now)
        quiet = [self._segment(still, last, 0.0, self._gap)] if held_s > 0 else []
        return quiet + self._moved(self._segment(last, now, delta_j, gap), now)

    def finish(self) -> list[Segment]:
        """The stretch in which the counter did not move, if it ends so."""
        last, still = self._last, self._still
        if last is None or still is None or last.time_s <= still.time_s:
            return []
        if last.time_s - still.time_s > self._stall_s:
            return [replace(self._segment(still, last, 0.0, self._gap, "stalled"), covered=False)]
        return [self._segment(still, last, 0.0, self._gap)]

    def _delta(self, before: _Reading, now: _Reading) -> float | None:
        """The energy from ``before`` to ``now``, or ``None`` if no plausible power explains it."""
        delta_j = now.value_j - before.value_j
        if delta_j < 0 and self._meter.wraps_at_j is not None:
            delta_j += self._meter.wraps_at_j
        # A tick's whole energy may appear between two reads that lie close together.
        span_s = now.time_s - before.time_s + 2 * self._meter.refresh_s
        limit_j = self._meter.max_power_w * span_s + self._meter.resolution
        return delta_j if 0 <= delta_j <= limit_j else None

    def _leap(self, last: _Reading, now: _Reading) -> list[Segment]:
        odd = self._odd
        if odd is None or now.time_s <= odd.time_s:
            self._odd = now
            return []
        delta_j = self._delta(odd, now)
        if delta_j is None:
            self._bad.add("rejected_reading")
            self._odd = now
            return []
        dt_s = odd.time_s - last.time_s
        bridged_j = self._power_w * dt_s
        bridge = Segment(
            last.time_s,
            odd.time_s,
            self._power_w,
            self._power_w,
            bridged_j,
            odd.stamp_s,
            dt_s <= self._gap_s,
            (*self._bad.take(), "reset"),
        )
        gap = now.time_s - odd.time_s > self._gap_s
        return [bridge, *self._moved(self._segment(odd, now, delta_j, gap), now)]

    def _moved(self, segment: Segment, now: _Reading) -> list[Segment]:
        if self._odd is not None and self._odd.time_s > segment.start_s:
            # The leap was taken back by this reading: it was never real.
            segment = replace(segment, flags=(*segment.flags, "rejected_reading"))
        self._odd, self._gap = None, False
        self._last = self._still = now
        self._power_w = segment.end_w
        return [segment]

    def _segment(self, before: _Reading, now: _Reading, delta_j: float, gap: bool, *flags: str) -> Segment:
        dt_s = now.time_s - before.time_s
        power_w = delta_j / dt_s
        wraps = self._meter.wraps_at_j
        # A counter loses nothing over a gap, unless it may have gone round more than once.
        unsure = wraps is not None and self._meter.max_power_w * dt_s > wraps
        return Segment(
            before.time_s,
            now.time_s,
            power_w,
            power_w,
            wraps * math.floor(self._meter.max_power_w * dt_s / wraps) if unsure and wraps else 0.0,
            now.stamp_s,
            not gap and not unsure,
            self._bad.take() + flags + (("gap",) if gap else ()) + (("wraps_unsure",) if unsure else ()),
        )
