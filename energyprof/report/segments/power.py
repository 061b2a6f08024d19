"""Power readings as segments: a trapezoid between each two that follow each other, and what it may hide."""

from __future__ import annotations

import math
from dataclasses import replace

from energyprof.meter import MeterInfo
from energyprof.report.segments.segment import GAP_INTERVALS, Rejects, Segment
from energyprof.trace.rows import Sample

# The weight of one difference among those that are pooled.
POOLED = 0.1


class PowerSegmenter:
    """Power readings: a trapezoid between each two that follow each other."""

    def __init__(self, meter: MeterInfo, interval_s: float) -> None:
        self._meter = meter
        self._gap_s = GAP_INTERVALS * interval_s
        self._bad = Rejects()
        self._step_w2 = 0.0  # mean square of the differences of neighbours
        self._last: tuple[float, float] | None = None
        # The mean over a window stands for its middle, and a reading is as old as the last renewal; a log
        # tells that itself. A step of size p near the edge of what is integrated is smeared over the window:
        # off by p·window/8 at most.
        stale_s = 0.0 if meter.external else meter.refresh_s
        self._age_s = (meter.window_s + stale_s) / 2
        self._blur_s = stale_s / 2 + meter.window_s / 8
        # The sampler reads powers at random times; a device that renews its value more slowly than it is
        # read, or a log, has looked at times of its own.
        self._at_random = not meter.external and meter.refresh_s < interval_s

    def push(self, sample: Sample) -> list[Segment]:
        """The stretch since the last reading."""
        if self._bad.rejects(sample.value, self._meter.max_power_w):
            return []
        assert sample.value is not None  # rejects() saw to it
        time_s, power_w = (sample.start_s + sample.end_s) / 2 - self._age_s, sample.value
        last = self._last
        if last is not None and time_s <= last[0]:
            return []
        self._last = time_s, power_w
        if last is None:
            return []
        dt_s, step_w = time_s - last[0], abs(power_w - last[1])
        segment = Segment(
            last[0],
            time_s,
            last[1],
            power_w,
            stamp_s=(sample.end_s - sample.start_s) / 2 + self._blur_s,
            flags=self._bad.take(),
        )
        if dt_s > self._gap_s:
            return [replace(segment, covered=False, seen=False, flags=(*segment.flags, "gap"))]
        if self._at_random:
            # Stratified sampling: the variance within a stratum from the difference of two neighbours
            # (Cochran, Sampling Techniques, 3rd ed., section 5A.12), pooled with those before it: one alone
            # says little.
            self._step_w2 += POOLED * (step_w**2 - self._step_w2)
            return [replace(segment, sampling_j=math.sqrt(self._step_w2 / 2) * dt_s)]
        # Equally spaced looks may keep step with the load: their errors do not average out. A power that is
        # monotonic from one look to the next stays within this; what was averaged over was not missed.
        unseen_s = max(0.0, max(dt_s, self._meter.refresh_s) - self._meter.window_s)
        return [replace(segment, shape_j=step_w * unseen_s / 2)]

    def finish(self) -> list[Segment]:
        """The stretch up to the last look, of which the last reading was too old to tell."""
        if self._last is None or self._age_s <= 0:
            return []
        time_s, power_w = self._last
        likely_j = power_w * self._age_s
        return [
            Segment(time_s, time_s + self._age_s, power_w, power_w, shape_j=likely_j, stamp_s=self._blur_s)
        ]
