"""Means that one wild value does not carry away, and which values are wild."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

from energyprof.compare.statistics.intervals import ROUNDING, Logs

# Fewer values have none to spare.
LEAST = 10
# At each end so many count as their neighbour does. With a tenth at each end unchanged work fails in 5.1 % of
# a million series of ten pairs with normal noise; with a fifth in 5.5 %.
_SHARE = 0.1
# By so many robust standard deviations a value is off that one in a hundred sets of normal values has: the
# fewer there are, the worse they tell what is usual (by 100,000 simulated sets each). Fewer than five do not.
_FAR: Mapping[int, float] = {5: 19.0, 6: 11.0, 7: 11.0, 8: 8.0}
_FAR_OF_MANY = 7.0
_MAD = 1.4826  # the standard deviation of a normal distribution by its median absolute deviation


def trimmed(values: Sequence[float]) -> tuple[float, float, int] | None:
    """Mean, standard error and degrees of freedom without the ends, whose scatter still counts; ``None``: too
    few values, or they agree but for the ends.

    Tukey & McLaughlin (1963), Sankhyā A 25: Student's t of the trimmed mean, with the winsorised variance.
    """
    n, ends = len(values), int(_SHARE * len(values))
    if n < LEAST:
        return None
    ordered = sorted(values)
    inner = ordered[ends : n - ends]
    winsorised = [inner[0]] * ends + inner + [inner[-1]] * ends
    centre = math.fsum(winsorised) / n
    squares = math.fsum((x - centre) ** 2 for x in winsorised)
    if squares <= n * ROUNDING**2:
        return None
    h = len(inner)
    return math.fsum(inner) / h, math.sqrt(squares / (h * (h - 1))), h - 1


def outliers(values: Sequence[float]) -> tuple[int, ...]:
    """The places of values that are far from all others; they are to be named, not left out.

    Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993, 3.3, with limits for few values.
    """
    n = len(values)
    if n < min(_FAR):
        return ()
    centre = median(values)
    usual = _MAD * median(abs(x - centre) for x in values)
    far = _FAR.get(n, _FAR_OF_MANY) * usual
    return tuple(i for i, x in enumerate(values) if abs(x - centre) > max(far, ROUNDING)) if usual else ()


def named(logs: Logs, label: str, what: str = "run") -> list[str]:
    """A line for each value that is far from the others: ``new, run 7: 12 % above the median of all``."""
    if not (far := outliers(logs.logs)):
        return []
    centre = median(logs.logs)
    return [
        f"{label}, {what} {i + 1}: an outlier, {_percent(logs.logs[i] - centre)} the median; it counts"
        for i in far
    ]


def _percent(log_ratio: float) -> str:
    percent = 100 * math.expm1(min(log_ratio, 700.0))
    return f"{abs(percent):.{0 if abs(percent) >= 10 else 1}f} % {'above' if percent > 0 else 'below'}"
