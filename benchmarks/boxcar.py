"""Over how long a power reading is a mean, and how late it comes: found from a load that steps."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from replay import Log

from energyprof.compare.statistics.fit import line

# Longer means and later readings than these are no sensor's.
WINDOWS_S = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.25, 1.5)
DELAYS_S = tuple(i / 50 for i in range(16))


@dataclass(frozen=True)
class Boxcar:
    """reading(t) = gain · mean of the power over ``window_s`` until ``delay_s`` before t, and a zero."""

    window_s: float
    delay_s: float
    slope: float
    zero_w: float
    rms_w: float


def renewals(times_s: Sequence[float], values: Sequence[float]) -> list[tuple[float, float]]:
    """Each new value and when it was first seen."""
    pairs = [(t, w) for t, w in zip(times_s, values, strict=True) if not math.isnan(w)]
    return [(t, w) for (_, before), (t, w) in itertools.pairwise(pairs) if w != before]


class Truth:
    """The integral of the true power, to be asked at any time."""

    def __init__(self, times_s: Sequence[float], powers_w: Sequence[float]) -> None:
        self._times_s = times_s
        steps = [
            (w + v) / 2 * (t - s)
            for (s, w), (t, v) in itertools.pairwise(zip(times_s, powers_w, strict=True))
        ]
        self._joules = [0.0, *itertools.accumulate(steps)]

    def mean_w(self, start_s: float, end_s: float) -> float | None:
        """The mean over a stretch; ``None``: it is not known throughout."""
        if start_s < self._times_s[0] or end_s > self._times_s[-1]:
            return None
        return (self._at(end_s) - self._at(start_s)) / (end_s - start_s)

    def _at(self, time_s: float) -> float:
        i = min(max(bisect.bisect_left(self._times_s, time_s), 1), len(self._times_s) - 1)
        share = (time_s - self._times_s[i - 1]) / (self._times_s[i] - self._times_s[i - 1])
        return self._joules[i - 1] + share * (self._joules[i] - self._joules[i - 1])


def find(readings: Log, column: str, truth: Log) -> Boxcar | None:
    """The boxcar that fits the column's renewals best; ``None``: it has no numbers."""
    seen = renewals(readings.times_s, readings.columns[column])
    if not seen:
        return None
    true = Truth(truth.times_s, truth.columns["board_w"])
    longest_s = max(WINDOWS_S) + max(DELAYS_S)
    # All candidates see the same renewals, or one that leaves the hard ones out would win.
    seen = [(t, w) for t, w in seen if truth.times_s[0] + longest_s <= t <= truth.times_s[-1]]
    found = [_fitted(seen, true, window_s, delay_s) for window_s in WINDOWS_S for delay_s in DELAYS_S]
    return min(found, key=lambda boxcar: boxcar.rms_w)


def _fitted(seen: Sequence[tuple[float, float]], true: Truth, window_s: float, delay_s: float) -> Boxcar:
    pairs = [(true.mean_w(t - delay_s - window_s, t - delay_s), w) for t, w in seen]
    known = [(x, w) for x, w in pairs if x is not None]
    fitted = line([x for x, _ in known], [w for _, w in known])
    rms_w = math.sqrt(math.fsum(r**2 for r in fitted.residuals) / len(known))
    return Boxcar(window_s, delay_s, fitted.slope, fitted.intercept, rms_w)
