"""Power readings as segments: a trapezoid between each two that follow each other, and what it may hide."""

from __future__ import annotations

import math
from collections import deque

from energyprof.meter import MeterInfo
from energyprof.report.segments.segment import Pace, Rejects, Segment
from energyprof.report.segments.standstill import Standstill
from energyprof.trace.rows import Sample

# The weight of one difference among those that are pooled.
POOLED = 0.1


class PowerSegmenter:
    """Power readings: a trapezoid between each two that follow each other."""

    def __init__(self, meter: MeterInfo, interval_s: float) -> None:
        self._meter = meter
        self._pace = Pace(interval_s)
        self._bad = Rejects()
        self._step_w2 = 0.0  # mean square of the differences of neighbours
        self._last: tuple[float, float] | None = None
        self._standstill = Standstill(meter)
        self._most_w = 0.0  # that it read
        self._held: list[Segment] = []  # of a value that may prove to stand still
        self._near: deque[Segment] = deque()  # those whose surroundings are not known yet
        self._passed: deque[tuple[float, float]] = deque()  # until when there was how much power before those
        # The mean over a window stands for its middle, and a reading is as old as the last renewal; a log
        # tells that itself. A step of size p near the edge of what is integrated is smeared over the window:
        # off by p·window/8 at most. Of a window that nobody states, the middle is anywhere in the first half.
        # A log does not say whether it stamps a window's end or its start.
        stale_s = 0.0 if meter.external else meter.refresh_s
        middle_s = meter.window_s / (4 if meter.window_assumed else 2)
        unsure_s = middle_s if meter.window_assumed or meter.external else 0.0
        self._age_s = meter.delay_s + middle_s + stale_s / 2
        self._blur_s = meter.delay_a_s + stale_s / 2 + unsure_s + meter.window_s / 8
        self._averaged_s = 0.0 if meter.window_assumed else meter.window_s
        # The sampler reads powers at random times; a device that renews its value more slowly than it is
        # read, or a log, has looked at times of its own.
        self._at_random = not meter.external and meter.refresh_s < interval_s

    def push(self, sample: Sample) -> list[Segment]:
        """The stretches up to this reading, once it is clear what they mean."""
        return self._surrounded(self._push(sample), self._blur_s)

    def _push(self, sample: Sample) -> list[Segment]:
        longest_s = self._pace.longest_s(sample)
        if self._bad.rejects(sample.value, self._meter):
            return []
        assert sample.value is not None  # rejects() saw to it
        time_s, power_w = (sample.start_s + sample.end_s) / 2 - self._age_s, sample.value
        last = self._last
        if last is not None and time_s <= last[0]:
            return []
        self._last = time_s, power_w
        self._most_w = max(self._most_w, power_w)
        does = self._standstill.look(time_s, power_w)
        if last is None:
            return []
        part = self._between(last, (time_s, power_w), sample, longest_s)
        if does == "stands":
            self._held.append(part)
            return []
        held, self._held = self._held, []
        if does == "stalled":
            return [self._unseen(stretch) for stretch in (*held, part)]
        if does == "stood":
            return [self._doubted(stretch) for stretch in (*held, part)]
        return [*held, part]

    def _between(
        self, last: tuple[float, float], now: tuple[float, float], sample: Sample, longest_s: float
    ) -> Segment:
        time_s, power_w = now
        dt_s, step_w = time_s - last[0], abs(power_w - last[1])
        stamp_s = (sample.end_s - sample.start_s) / 2 + self._blur_s
        segment = Segment(last[0], time_s, last[1], power_w, stamp_s=stamp_s, flags=self._bad.take())
        if dt_s > longest_s:
            return segment.with_(covered=False, seen=False, flags=(*segment.flags, "gap"))
        if self._at_random:
            # Stratified sampling: the variance within a stratum from the difference of two neighbours
            # (Cochran, Sampling Techniques, 3rd ed., section 5A.12), pooled with those before it: one alone
            # says little.
            self._step_w2 += POOLED * (step_w**2 - self._step_w2)
            return segment.with_(sampling_j=math.sqrt(self._step_w2 / 2) * dt_s)
        # Equally spaced looks may keep step with the load: their errors do not average out. A power that is
        # monotonic from one look to the next stays within this; what was averaged over was not missed.
        unseen_s = max(0.0, max(dt_s, self._meter.refresh_s) - self._averaged_s)
        return segment.with_(shape_j=step_w * unseen_s / 2)

    @staticmethod
    def _unseen(stretch: Segment) -> Segment:
        """A stretch of a value that stood still: nobody saw what the power was."""
        flags = (*stretch.flags, "stalled")
        return stretch.with_(sampling_j=0.0, shape_j=0.0, covered=False, seen=False, flags=flags)

    def _doubted(self, stretch: Segment) -> Segment:
        """A stretch of a value that stood for longer than it should: the power may have been any other."""
        off_w = max(stretch.start_w, self._most_w - stretch.start_w)
        return stretch.with_(shape_j=stretch.shape_j + off_w * (stretch.end_s - stretch.start_s))

    def _surrounded(self, parts: list[Segment], wait_s: float) -> list[Segment]:
        """The segments of which all is known that came within ``stamp_s`` of them."""
        self._near.extend(parts)
        ready = []
        while self._near and self._near[-1].end_s >= self._near[0].end_s + wait_s:
            part = self._near.popleft()
            reach_s = part.stamp_s
            while self._passed and self._passed[0][0] < part.start_s - reach_s:
                self._passed.popleft()
            around = [power_w for _, power_w in self._passed]
            for later in self._near:
                if later.start_s > part.end_s + reach_s:
                    break
                around.append(max(later.start_w, later.end_w))
            self._passed.append((part.end_s, max(part.start_w, part.end_w)))
            ready.append(part.with_(stamp_w=max(around, default=0.0)))
        return ready

    def finish(self) -> list[Segment]:
        """What was held back, and the stretch up to the last look, which the last reading was too old for."""
        parts, self._held = self._held, []
        if self._last is not None and self._standstill.suspect(self._last[0]):
            parts = [self._doubted(part) for part in parts]
        if self._last is not None and self._age_s > 0:
            time_s, power_w = self._last
            likely_j = power_w * self._age_s
            parts.append(
                Segment(
                    time_s, time_s + self._age_s, power_w, power_w, shape_j=likely_j, stamp_s=self._blur_s
                )
            )
        return self._surrounded(parts, 0.0)
