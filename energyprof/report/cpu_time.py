"""The processor time of a training from readings of its processes: what a gate uses if there is no meter.

It is not energy: it shows neither a GPU's work nor memory nor the processor's clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

CpuReading = tuple[float, float]  # when (s), and the processor time (s) used until then


def spent(readings: Sequence[CpuReading], start_s: float, end_s: float) -> float | None:
    """Processor time in s from ``start_s`` to ``end_s``, by ``readings`` in the order of their times.

    Between two readings the load is taken to be even; a reading follows each phase edge within milliseconds.
    None: the readings begin later or end earlier.
    """
    if not readings or not readings[0][0] <= start_s <= end_s <= readings[-1][0]:
        return None
    return _at(readings, end_s) - _at(readings, start_s)


def _at(readings: Sequence[CpuReading], time_s: float) -> float:
    i = bisect_left(readings, (time_s,))
    after_s, after = readings[i]
    if i == 0 or after_s == time_s:
        return after
    before_s, before = readings[i - 1]
    return before + (after - before) * (time_s - before_s) / (after_s - before_s)
