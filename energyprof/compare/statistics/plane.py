"""A plane through points: robust, with what is known of its slopes beforehand, and its covariance."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from statistics import NormalDist, median

from energyprof.compare.statistics.student import t_quantile
from energyprof.storable.frozen import dataclass

Matrix = tuple[tuple[float, ...], ...]

# Huber's bound: 95 % of the efficiency of least squares on normal errors (Huber & Ronchetti, Robust
# Statistics, 2nd ed., section 4.5).
_HUBER = 1.345
# The median absolute deviation of normal errors is this share of their sigma.
MAD = 0.6745
_ROUNDS = 25
_TWO_SIGMA = NormalDist().cdf(2)
# Successive residuals that are alike leave as many as this at least: the points have so many levels.
_LEAST_EFFECTIVE = 5.0


@dataclass(frozen=True)
class Slope:
    """What is known of slopes before any point is: ``mean`` ± ``sd`` of all, each ``apart`` from it by."""

    mean: float
    sd: float  # common to all slopes
    apart: float  # of each alone


@dataclass(frozen=True)
class Plane:
    """y = coefficients[0] + Σ coefficients[k] · x[k-1]."""

    coefficients: tuple[float, ...]
    covariance: Matrix  # of the coefficients, in their order
    residuals: tuple[float, ...]  # relative: (y less the plane) / scale, in the order of the points
    rms: float  # of them, robust: points far off count as much as Huber's bound lets them
    effective: float  # how many points they are worth


def plane(
    x: Sequence[Sequence[float]], y: Sequence[float], scale: Sequence[float], known: Slope, own: float = 0.0
) -> Plane:
    """The plane through points whose errors are proportional to ``scale``; ``x`` has shape (n, k), n ≥ 3.

    ``own``: the least relative error of a point. The slopes' prior is that of JCGM 102 / Gelman et al.,
    Bayesian Data Analysis, 3rd ed., section 14.8: a normal one, added as if it were further points.

    Raises:
        ValueError: fewer than three points.
    """
    n, k = len(y), len(x[0]) if x else 0
    if n < 3:
        raise ValueError("a plane takes three points")
    rows = [[1.0 / s, *(value / s for value in point)] for point, s in zip(x, scale, strict=True)]
    goal = [value / s for value, s in zip(y, scale, strict=True)]
    # Less what the prior expects: the prior's mean is then zero.
    goal = [g - known.mean * math.fsum(row[1:]) for g, row in zip(goal, rows, strict=True)]
    prior = _prior(k, known)
    sigma = max(own, 1e-3)
    weights = [1.0] * n
    found: list[float] = [0.0] * (k + 1)
    residuals = goal
    for _ in range(_ROUNDS):
        before = found
        precision = _gram(rows, weights, sigma, prior)
        found = solve(precision, _moments(rows, goal, weights, sigma))
        residuals = [
            g - math.fsum(c * v for c, v in zip(found, row, strict=True))
            for row, g in zip(rows, goal, strict=True)
        ]
        spread = median(abs(r) for r in residuals) / MAD * math.sqrt(n / max(1, n - min(k + 1, n - 1)))
        bound = _HUBER * max(spread, own)
        weights = [min(1.0, bound / abs(r)) if r else 1.0 for r in residuals]
        clipped = math.fsum(w * r * r for w, r in zip(weights, residuals, strict=True))
        sigma = max(1e-4, math.sqrt(clipped / max(1, n - (k + 1))))
        if all(abs(a - b) <= 1e-9 * (1 + abs(a)) for a, b in zip(found, before, strict=True)):
            break
    effective = _effective(residuals, k + 1)
    # Few points tell little of their own spread: Student's t at 95 % instead of 2.
    wider = t_quantile(_TWO_SIGMA, max(1.0, effective - (k + 1))) / 2
    precision = _gram(rows, [w * effective / n for w in weights], wider * sigma, prior)
    covariance = inverse(precision)
    coefficients = (found[0], *(known.mean + slope for slope in found[1:]))
    rms = math.sqrt(math.fsum(w * r * r for w, r in zip(weights, residuals, strict=True)) / n)
    return Plane(coefficients, covariance, tuple(residuals), rms, effective)


def _prior(k: int, known: Slope) -> list[list[float]]:
    """The precision of (intercept, slopes): none of the intercept."""
    covariance = [[known.sd**2 + (known.apart**2 if i == j else 0.0) for j in range(k)] for i in range(k)]
    slopes = inverse(covariance) if k else ()
    return [[0.0] * (k + 1), *([0.0, *row] for row in slopes)]


def _gram(
    rows: Sequence[Sequence[float]], weights: Sequence[float], sigma: float, prior: Sequence[Sequence[float]]
) -> list[list[float]]:
    size = len(prior)
    found = [list(row) for row in prior]
    for row, weight in zip(rows, weights, strict=True):
        share = weight / sigma**2
        for i in range(size):
            for j in range(size):
                found[i][j] += share * row[i] * row[j]
    return found


def _moments(
    rows: Sequence[Sequence[float]], goal: Sequence[float], weights: Sequence[float], sigma: float
) -> list[float]:
    return [
        math.fsum(w * row[i] * g for row, g, w in zip(rows, goal, weights, strict=True)) / sigma**2
        for i in range(len(rows[0]))
    ]


def _effective(residuals: Sequence[float], parameters: int) -> float:
    """n (1 - r) / (1 + r), r the correlation of neighbours (Bayley & Hammersley 1946).

    What a few of them show of r is too small by (1 + 4 r) / n (Kendall 1954).
    """
    n, squares = len(residuals), math.fsum(r * r for r in residuals)
    if squares == 0:
        return float(n)
    alike = math.fsum(a * b for a, b in itertools.pairwise(residuals)) / squares
    alike = min(0.99, max(0.0, alike + (1 + 4 * alike) / n))
    return max(min(n, max(_LEAST_EFFECTIVE, parameters + 2)), n * (1 - alike) / (1 + alike))


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """z with M z = ``right``, M symmetric and positive definite (Cholesky's method).

    Raises:
        ValueError: it is not.
    """
    lower = _cholesky(matrix)
    size = len(right)
    half: list[float] = []
    for i in range(size):
        half.append((right[i] - math.fsum(lower[i][j] * half[j] for j in range(i))) / lower[i][i])
    found = [0.0] * size
    for i in reversed(range(size)):
        found[i] = (half[i] - math.fsum(lower[j][i] * found[j] for j in range(i + 1, size))) / lower[i][i]
    return found


def inverse(matrix: Sequence[Sequence[float]]) -> Matrix:
    """The inverse of a symmetric, positive definite matrix. Raises as ``solve``."""
    size = len(matrix)
    columns = [solve(matrix, [1.0 if i == j else 0.0 for i in range(size)]) for j in range(size)]
    return tuple(tuple((columns[i][j] + columns[j][i]) / 2 for j in range(size)) for i in range(size))


def _cholesky(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    size = len(matrix)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - math.fsum(lower[i][m] * lower[j][m] for m in range(j))
            if i > j:
                lower[i][j] = rest / lower[j][j]
            elif rest > 1e-14 * abs(matrix[i][i]):
                lower[i][i] = math.sqrt(rest)
            else:
                raise ValueError("not positive definite: the points do not tell these numbers apart")
    return lower
