"""How regularly a meter was read: the achieved rate, the gaps and the missed deadlines."""

from __future__ import annotations

import math
from collections import Counter

from energyprof.trace.rows import Sample

# Gaps are counted in bins of 1 % width, so that a day's worth needs no more memory than a minute's.
_BIN = math.log(1.01)


class Cadence:
    """Takes one meter's samples run by run and says how regularly they came."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = max(interval_s, 1e-6)  # 0 of what was never to be read
        self._gaps: Counter[int] = Counter()
        self._last_s: float | None = None
        self._sampled_s = 0.0
        self._reads = 0
        self.max_gap_s: float | None = None
        self.missed = 0  # deadlines at which no read began

    def new_run(self) -> None:
        """The time until the next sample is not a gap: nothing was due to be read."""
        self._last_s = None

    def push(self, sample: Sample) -> None:
        """Take the next attempt to read; only those with a value count as read."""
        if sample.value is None:
            return
        if self._last_s is not None:
            gap_s = sample.start_s - self._last_s
            self._sampled_s += gap_s
            self._reads += 1
            self.max_gap_s = max(gap_s, self.max_gap_s or 0.0)
            # Random beats lie up to two intervals apart; rounding must not make a miss of that.
            self.missed += max(0, math.floor(gap_s / self._interval_s + 0.02) - 1)
            self._gaps[round(math.log(max(gap_s, 1e-6)) / _BIN)] += 1
        self._last_s = sample.start_s

    @property
    def achieved_hz(self) -> float | None:
        """Reads a second over the time from each run's first to its last; ``None``: fewer than two reads."""
        return self._reads / self._sampled_s if self._sampled_s > 0 else None

    @property
    def p99_gap_s(self) -> float | None:
        """The gap that 99 of 100 do not exceed, to within 1 %."""
        left = 0.99 * self._reads
        for bin_, count in sorted(self._gaps.items()):
            left -= count
            if left <= 1e-9:
                return math.exp(bin_ * _BIN)
        return None
