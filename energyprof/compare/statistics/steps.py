"""Where the level of a series changed at once and stayed, and how much it scatters between such steps.

A step is looked for by the largest contrast of the means on both of its sides, in units of what such means
vary by, and again on either side of each that was found (binary segmentation: Scott & Knott 1974, Biometrics
30). Values may hang together from one to the next, as an AR(1) process does up to ρ = 0.5: how much is
learnt from differences, which no step disturbs but where it is, and is taken for somewhat more, as few values
tell it badly. A slope is no step: a step is as high between its neighbours as between the levels it parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from statistics import fmean, median

# A level is one when so many reports have kept it: one or two may be outliers.
LEAST = 3
# Fewer values tell nothing of how they scatter.
LEAST_VALUES = 8
# Between levels whose contrast is above this many standard deviations of it. In simulation 100 values without
# a step have one in at most 2 % of series, with ρ from 0 to 0.5; a step of eight standard deviations after 20
# values is found, at its place, by the third that follows it in more than 95 %.
THRESHOLD = 4.5
MOST_RHO = 0.5
# So many neighbours on each side say whether a change is a step or a part of a slope.
_NEAR = 5
_ABRUPT = 0.6
_MAD = 1.4826  # the standard deviation of a normal distribution by its median absolute deviation


def steps(values: Sequence[float]) -> tuple[int, ...]:
    """Where a new level begins: indices into ``values``, in their order; empty: nowhere."""
    if len(values) < LEAST_VALUES:
        return ()
    rho = correlation(values)
    sd = _scatter(values, 1) / math.sqrt(2 * (1 - rho))
    found: list[int] = []
    sums = [0.0, *accumulate(values)]
    waiting = [(0, len(values))]
    while waiting:
        start, end = waiting.pop()
        at = _step(values, sums, start, end, sd, rho)
        if at is not None:
            found.append(at)
            waiting += [(start, at), (at, end)]
    return tuple(sorted(found))


def correlation(values: Sequence[float]) -> float:
    """What neighbours of an AR(1) process have in common, 0 to `MOST_RHO`, rather too much than too little.

    E (x₂ - x₀)² / E (x₁ - x₀)² is 1 + ρ.
    """
    n = len(values)
    near, far = _scatter(values, 1), _scatter(values, 2)
    if near == 0:
        return 0.0
    return max(0.0, min(MOST_RHO, (far / near) ** 2 - 1 + 2 / math.sqrt(n)))


def variance_of_mean(n: int, rho: float) -> float:
    """Of ``n`` successive values of an AR(1) process whose variance is 1."""
    if rho == 0:
        return 1 / n
    return (1 + 2 * rho / (1 - rho) * (1 - (1 - rho**n) / (n * (1 - rho)))) / n


def _step(
    values: Sequence[float], sums: Sequence[float], start: int, end: int, sd: float, rho: float
) -> int | None:
    best, place = (THRESHOLD, 0.0), None
    for at in range(start + LEAST, end - LEAST + 1):
        n, m = at - start, end - at
        height = abs((sums[end] - sums[at]) / m - (sums[at] - sums[start]) / n)
        u = sd * math.sqrt(variance_of_mean(n, rho) + variance_of_mean(m, rho))
        contrast = math.inf if u == 0 and height > 1e-12 else height / u if u > 0 else 0.0
        if (contrast, height) > best:
            # Of a slope every part is as steep as the whole; and one value that is far off is no level.
            before, after = values[max(start, at - _NEAR) : at], values[at : min(end, at + _NEAR)]
            near = (abs(of(after) - of(before)) for of in (fmean, median))
            if min(near) >= _ABRUPT * height:
                best, place = (contrast, height), at
    return place


def _scatter(values: Sequence[float], lag: int) -> float:
    """The standard deviation of differences of values so far apart; a step changes but few of them."""
    return _MAD * median(abs(b - a) for a, b in zip(values, values[lag:], strict=False))
