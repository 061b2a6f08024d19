"""Student's t distribution with the standard library alone, to 9 digits or better."""

from __future__ import annotations

import functools
import math
from statistics import NormalDist

_TINY = 1e-300
_EPSILON = 4e-16
# From here on the two distributions differ by less than the 9 digits.
_NORMAL = 1e9


def t_cdf(t: float, dof: float) -> float:
    """P(T ≤ t) for Student's t with ``dof`` > 0 (Abramowitz & Stegun 26.7.1; DLMF 8.17)."""
    upper = _tail(abs(t), dof)
    return upper if t < 0 else 1 - upper


def t_quantile(p: float, dof: float) -> float:
    """The t with P(T ≤ t) = ``p``, 0 < p < 1."""
    return -_upper_quantile(p, dof) if p < 0.5 else _upper_quantile(1 - p, dof)


@functools.lru_cache(maxsize=65536)
def _upper_quantile(tail: float, dof: float) -> float:
    """The t ≥ 0 with P(T > t) = ``tail`` ≤ ½: Newton steps on its log, kept between bounds."""
    if tail == 0.5:
        return 0.0
    normal = -NormalDist().inv_cdf(tail)  # the smallest of all t quantiles
    if dof >= _NORMAL:
        return normal
    low, high = normal, math.inf
    t = max(normal, _expansion(normal, dof))
    for _ in range(200):
        here = _tail(t, dof)
        low, high = (t, high) if here > tail else (low, t)
        step = math.log(here / tail) * here / _density(t, dof)
        if not low <= t + step <= high:
            step = min((low + high) / 2, 2 * t) - t
        t += step
        # Newton steps square the error: after one this small, nothing of the 9 digits is left to change.
        if abs(step) <= 1e-6 * t:
            break
    return t


def _expansion(normal: float, dof: float) -> float:
    """A first guess at the quantile from the normal's (Abramowitz & Stegun 26.7.5)."""
    x, x2 = normal, normal * normal
    return (
        x
        + x * (x2 + 1) / (4 * dof)
        + x * ((5 * x2 + 16) * x2 + 3) / (96 * dof**2)
        + x * (((3 * x2 + 19) * x2 + 17) * x2 - 15) / (384 * dof**3)
    )


def _density(t: float, dof: float) -> float:
    log_beta = math.lgamma(dof / 2) + math.lgamma(0.5) - math.lgamma((dof + 1) / 2)
    return math.exp(-log_beta - (dof + 1) / 2 * math.log1p(t * t / dof)) / math.sqrt(dof)


@functools.lru_cache(maxsize=65536)
def _tail(t: float, dof: float) -> float:
    """P(T > t) = ½ I_x(dof/2, ½) with x = dof / (dof + t²), for t ≥ 0."""
    a, b = dof / 2, 0.5
    if t == 0:
        return 0.5
    if dof >= _NORMAL:
        return math.erfc(t / math.sqrt(2)) / 2
    square = t * t / dof
    log_x, log_y = -math.log1p(square), -math.log1p(1 / square) if square else -math.inf
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    front = math.exp(a * log_x + b * log_y - log_beta)
    if math.exp(log_x) < (a + 1) / (a + b + 2):  # where the fraction converges fast
        return front * _fraction(a, b, math.exp(log_x)) / a / 2
    return 0.5 - front * _fraction(b, a, math.exp(log_y)) / b / 2


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function (DLMF 8.17.22) by Lentz's method."""
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + term * d
            c = 1 + term / c
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = c if abs(c) > _TINY else _TINY
            value *= c * d
        if abs(c * d - 1) < _EPSILON:
            break
    return value
