"""Counter readings as segments, one from each renewal of the counter to the next: wraps, resets, stalls."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

from energyprof.meter import MeterInfo
from energyprof.report.flags import Kind
from energyprof.report.segments.segment import Pace, Rejects, Segment
from energyprof.report.segments.tick_times import TickTimes
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Sample

# A counter that stands still for longer (or for 5 of its own renewals) is stalled: RAPL renews in about 1 ms
# and no processor or GPU that is switched on draws nothing.
STALL_S = 1.0
STALL_REFRESHES = 5
# So many samples of one value are held back at most until the next one tells when it came.
HELD = 100
# A counter that shows one value for so many of its renewals does not tick as it did.
STILL = 2.5


@dataclass(frozen=True)
class _Reading:
    """A value of a counter, the first look at it, and when the source came to show it."""

    value_j: float
    time_s: float  # of the look
    since_s: float  # when the source renewed it …
    stamp_s: float  # … give or take
    read_s: float = 0.0  # half of how long the look took


class CounterSegmenter:
    """Counter readings: the difference of each two that follow each other, with named cases.

    tick: a value came when the source last renewed it, after the last look at another value and no longer ago
    than ``refresh_s``, at a time when a tick was due (``tick_times.py``); a difference belongs to the time
    between two renewals. wrap: a decrease that is a plausible power modulo the counter's range. reset: a
    decrease or a leap that is not, confirmed by the next reading; what lies between was not seen. back: a
    reset that does not begin at 0; what it took back may never have been. spike: a leap that the next reading
    takes back. stall: no movement for over a second; what the counter catches up with is spread over the
    stall; if it catches up with no more than the time since the last look took, or never moves again, the
    time was not seen.
    """

    def __init__(self, meter: MeterInfo, interval_s: float) -> None:
        self._meter = meter
        self._pace, self._longest_s = Pace(interval_s), 0.0
        self._stall_s = max(STALL_S, STALL_REFRESHES * meter.refresh_s)
        self._bad = Rejects()
        self._last: _Reading | None = None  # the last good value
        self._seen_s = 0.0  # the last look at it
        self._first = True  # nobody saw this value come
        self._gaps: list[tuple[float, float]] = []  # since it came, nobody looked for so long
        self._odd: _Reading | None = None  # a leap that the next reading confirms or takes back
        self._power_w = 0.0  # of the last good segment
        self._most_w = 0.0  # of any
        self._ticks = TickTimes(meter.refresh_s) if meter.ticks and meter.refresh_s > 0 else None
        # A stall that is over, and the time in which the counter had certainly not stood: what follows tells
        # whether it caught up.
        self._stall: tuple[Segment, float] | None = None
        # Samples of a value that may have come with one tick or with the next: what follows tells.
        self._unsure: list[Sample] = []

    def push(self, sample: Sample) -> list[Segment]:
        """The stretches up to this reading, once it is clear what it means."""
        self._longest_s = self._pace.longest_s(sample)
        held = self._unsure
        same = bool(held) and sample.value == held[0].value
        if same and len(held) < HELD:
            held.append(sample)
            return []
        # A counter that stands still is not waited for without end.
        return self._settle(math.inf if same else sample.end_s) + self._push(sample, None)

    def _settle(self, changed_s: float) -> list[Segment]:
        """What was held back, now that the value changed again by ``changed_s``."""
        held, self._unsure = self._unsure, []
        return [part for sample in held for part in self._push(sample, (held[-1].start_s, changed_s))]

    def _push(self, sample: Sample, shown: tuple[float, float] | None) -> list[Segment]:
        if self._bad.rejects(sample.value, self._meter):
            return []
        assert sample.value is not None  # rejects() saw to it
        time_s = (sample.start_s + sample.end_s) / 2
        last = self._last
        if last is not None and time_s <= self._seen_s:
            return []
        if last is not None and sample.value == last.value_j:
            self._look(time_s)
            self._odd = None
            return []
        now = self._reading(sample, time_s, shown)
        if now is None:
            self._unsure = [sample]
            return []
        if last is None:
            self._last, self._seen_s = now, time_s
            return []
        if self._first:
            # It came one renewal before this one, if that is possible.
            since_s = min(
                max(now.since_s - self._meter.refresh_s, last.time_s - 2 * last.stamp_s), last.time_s
            )
            last = replace(last, since_s=since_s)
        delta_j = self._delta(last, now)
        if delta_j is None:
            return self._leap(last, now)
        if self._seen_s - last.time_s > self._stall_s:
            counted_s = time_s - self._seen_s + self._meter.refresh_s
            self._look(time_s)
            parts = self._after_stall(0.0)
            self._stall = self._segment(last, now, delta_j, *self._taken_back(), "stalled"), counted_s
            self._last, self._first, self._odd = now, False, None
            return parts
        self._look(time_s)
        # Where it stood still for longer than it should, nobody can tell a load of nothing from a stall: its
        # energy is spread over all of that time.
        return self._moved(last, now, delta_j)

    def finish(self) -> list[Segment]:
        """The stretch in which the counter showed its last value."""
        parts = self._settle(math.inf) + self._after_stall(0.0)
        last = self._last
        if last is None or self._seen_s <= last.since_s:
            return parts
        return parts + self._unfinished(last)

    def _unfinished(self, last: _Reading) -> list[Segment]:
        open_s = self._seen_s - last.since_s
        end = replace(last, time_s=self._seen_s, since_s=self._seen_s)
        if open_s > self._stall_s or self._first:
            # It counts no longer, or nobody ever saw that it does: of this time it tells nothing.
            likely_j = self._power_w * open_s
            return self._pieces(
                replace(self._segment(last, end, likely_j, "stalled"), covered=False, seen=False)
            )
        if open_s <= 1.5 * self._meter.refresh_s:
            # The tick that nobody saw the end of: as the one before it, or none, or twice that.
            likely_j = self._power_w * open_s
            return self._pieces(replace(self._segment(last, end, likely_j), shape_j=likely_j))
        likely_j = self._power_w * open_s
        if likely_j > self._meter.resolution:
            # It should have moved, and it is too early to call it stalled: nobody knows what it will show.
            return self._pieces(replace(self._segment(last, end, likely_j), covered=False, seen=False))
        return self._pieces(self._segment(last, end, 0.0))

    def _reading(self, sample: Sample, time_s: float, shown: tuple[float, float] | None) -> _Reading | None:
        """The reading and when it came; ``None`` if that depends on until when it is ``shown``.

        That is given as the last look at it and the first at the next value.
        """
        assert sample.value is not None
        earliest_s = time_s - self._meter.refresh_s
        if self._last is not None:
            earliest_s = max(earliest_s, self._seen_s)
        if self._odd is not None:
            earliest_s = max(earliest_s, min(self._odd.time_s, time_s))
        read_s = (sample.end_s - sample.start_s) / 2
        half_s = (time_s - earliest_s) / 2
        now = _Reading(sample.value, time_s, earliest_s + half_s, half_s + read_s, read_s)
        last, ticks = self._last, self._ticks
        stood_s = self._seen_s - last.time_s if last is not None else 0.0
        if ticks is not None and stood_s > STILL * self._meter.refresh_s:
            # It stood still where it should have ticked: when it ticks from now on is anybody's guess.
            ticks.forget()
        if last is None or ticks is None or ticks.caught(earliest_s, time_s):
            return now
        due, doubt_s = ticks.between(earliest_s, time_s)
        # Every value came after the one before it; of an odd one, which may prove true, it is not known when.
        after_s = max(last.since_s, self._odd.since_s if self._odd else last.since_s)
        due = [tick_s for tick_s in due if tick_s > after_s]
        if not due or doubt_s >= half_s:
            return now
        if len(due) == 1:
            return replace(now, since_s=due[0], stamp_s=doubt_s + read_s)
        if shown is None:
            return None
        # It is shown for a whole tick. Where nobody saw that end, the power tells, if it stayed as it was.
        if shown[1] < due[-1] + self._meter.refresh_s / 2:
            since_s = due[0]
        elif shown[0] > due[-1] + doubt_s:
            since_s = due[-1]
        else:
            delta_j = self._delta(last, now) or 0.0
            since_s = min(due, key=lambda tick_s: abs(delta_j / (tick_s - last.since_s) - self._power_w))
        return replace(now, since_s=since_s, stamp_s=doubt_s + read_s)

    def _look(self, time_s: float) -> None:
        """The counter was read; only stretches without a read are gaps, however slowly the counter ticks."""
        if time_s - self._seen_s > self._longest_s:
            self._gaps.append((self._seen_s, time_s))
        self._seen_s = time_s

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
        self._look(odd.time_s)
        power_w, back_j = self._power_w, last.value_j - odd.value_j
        anew = odd.value_j <= self._meter.max_power_w * (odd.time_s - last.time_s) + self._meter.resolution
        if back_j <= 0 or anew:
            back_j = 0.0
        elif now.since_s > odd.since_s:
            # What led up to it may never have been, and its power with it.
            power_w = min(power_w, delta_j / (now.since_s - odd.since_s))
        stall = self._after_stall(0.0)
        bridge = self._segment(last, odd, power_w * (odd.since_s - last.since_s), "reset")
        parts = stall + self._pieces(replace(bridge, bridge_j=back_j, seen=False))
        self._last, self._first, self._odd = odd, False, None
        self._look(now.time_s)
        return parts + (self._moved(odd, now, delta_j) if delta_j > 0 else [])

    def _moved(self, last: _Reading, now: _Reading, delta_j: float) -> list[Segment]:
        segment = self._segment(last, now, delta_j, *self._taken_back())
        self._last, self._first, self._odd = now, False, None
        return self._after_stall(segment.end_w) + self._known(segment)

    def _taken_back(self) -> tuple[Kind, ...]:
        """The flag of a leap that was taken back by this reading: it was never real."""
        return ("rejected_reading",) if self._odd is not None else ()

    def _known(self, segment: Segment) -> list[Segment]:
        self._power_w = segment.end_w
        self._most_w = max(self._most_w, segment.end_w)
        return self._pieces(segment)

    def _after_stall(self, next_w: float) -> list[Segment]:
        """The stall before, now that it is known what came next.

        What the counter shows after it may be no more than what it counted since: what was used in the stall
        it then never showed.
        """
        if self._stall is None:
            return []
        (stall, counted_s), self._stall = self._stall, None
        if stall.joules > max(self._most_w, next_w) * counted_s + self._meter.resolution:
            return self._known(stall)
        skipped = replace(stall, start_w=self._power_w, end_w=self._power_w, bridge_j=0.0)
        return self._pieces(replace(skipped, covered=False, seen=False))

    def _segment(self, last: _Reading, now: _Reading, delta_j: float, *flags: Kind) -> Segment:
        dt_s = now.since_s - last.since_s
        power_w = delta_j / dt_s
        wraps = self._meter.wraps_at_j
        # A counter loses nothing over a gap, unless it may have wrapped more than once.
        unsure_j = wraps * math.floor(self._meter.max_power_w * dt_s / wraps) if wraps else 0.0
        return Segment(
            last.since_s,
            now.since_s,
            power_w,
            power_w,
            bridge_j=unsure_j,
            # Either end may be off by the half of a slow read.
            stamp_s=max(now.stamp_s, last.read_s),
            covered=not unsure_j,
            flags=self._bad.take() + flags + (("wraps_unsure",) if unsure_j else ()),
        )

    def _pieces(self, segment: Segment) -> list[Segment]:
        """The segment, cut where the counter was not read for too long."""
        gaps = self._gaps
        if not gaps:
            return [segment]
        self._gaps = [gap for gap in gaps if gap[1] > segment.end_s]
        cuts = sorted({segment.start_s, segment.end_s, *(edge for gap in gaps for edge in gap)})
        edges = [edge for edge in cuts if segment.start_s <= edge <= segment.end_s]
        pieces = []
        for start_s, end_s in itertools.pairwise(edges):
            share = (end_s - start_s) / (segment.end_s - segment.start_s)
            piece = segment.with_(
                start_s=start_s,
                end_s=end_s,
                shape_j=share * segment.shape_j,
                bridge_j=share * segment.bridge_j,
                whole_s=(segment.start_s, segment.end_s) if len(edges) > 2 else None,
            )
            if any(gap_start_s <= start_s < gap_end_s for gap_start_s, gap_end_s in gaps):
                piece = piece.with_(covered=False, flags=(*piece.flags, "gap"))
            pieces.append(piece)
        return pieces
