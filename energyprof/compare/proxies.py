"""How well other numbers predict joules: parameters, operations, bytes, hours."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from statistics import fmean

from energyprof.storable.frozen import dataclass

# Fewer settings tell nothing of an order.
FEWEST = 4
# More fits than these make the error no better known.
MOST_FITS = 100


@dataclass(frozen=True)
class Proxy:
    """One such number over the settings of a study."""

    name: str
    n: int
    rank_correlation: float  # Spearman's, with the measured joules
    error: float  # root mean square of the leave-one-out errors, of logarithms: 0.1 is about 10 %


def proxy(name: str, values: Sequence[float | None], joules: Sequence[float | None]) -> Proxy | None:
    """How well ``values`` predict ``joules``; ``None``: too few settings have both, or it never changes."""
    pairs = [(v, j) for v, j in zip(values, joules, strict=True) if v is not None and j is not None and j > 0]
    if len(pairs) < FEWEST or len({v for v, _ in pairs}) < 2:
        return None
    return Proxy(name, len(pairs), _spearman(pairs), _left_out(pairs))


def _spearman(pairs: Sequence[tuple[float, float]]) -> float:
    """Pearson's correlation of the ranks, ties having their mean."""
    first, second = (_ranks([pair[i] for pair in pairs]) for i in (0, 1))
    mean = (len(pairs) - 1) / 2
    squares = [math.fsum((rank - mean) ** 2 for rank in ranks) for ranks in (first, second)]
    if 0 in squares:
        return 0.0
    products = math.fsum((a - mean) * (b - mean) for a, b in zip(first, second, strict=True))
    return products / math.sqrt(squares[0] * squares[1])


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value) - 1) / 2 for value in values]


def _left_out(pairs: Sequence[tuple[float, float]]) -> float:
    """Each setting predicted by the best monotone fit through the others, on logarithms.

    Of more than ``MOST_FITS`` settings every so many-th are left out together.
    """
    logs = sorted((value, math.log(joules)) for value, joules in pairs)
    fits = min(len(logs), MOST_FITS)
    squares = []
    for first in range(fits):
        curve = _monotone([pair for i, pair in enumerate(logs) if i % fits != first])
        squares += [(_at(curve, value) - log) ** 2 for value, log in logs[first::fits]]
    return math.sqrt(fmean(squares))


def _monotone(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The rising step function closest to the points, by pooling adjacent violators (Barlow et al. 1972)."""
    pools: list[tuple[float, int]] = []  # mean, size
    for _, y in points:
        pools.append((y, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2:]
            pools[-2:] = [((a * n + b * m) / (n + m), n + m)]
    fitted = [mean for mean, size in pools for _ in range(size)]
    return [(x, y) for (x, _), y in zip(points, fitted, strict=True)]


def _at(curve: Sequence[tuple[float, float]], x: float) -> float:
    """The curve at ``x``, straight between its points and level beyond them."""
    if x <= curve[0][0]:
        return curve[0][1]
    after = bisect_left(curve, x, key=lambda point: point[0])
    if after == len(curve):
        return curve[-1][1]
    (x0, y0), (x1, y1) = curve[after - 1 : after + 1]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
