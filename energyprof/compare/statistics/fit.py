"""A straight line through points by least squares, with the standard errors of its two numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean

from energyprof.compare.statistics.student import t_quantile
from energyprof.storable.frozen import dataclass

_TWO_SIGMA = NormalDist().cdf(2)


@dataclass(frozen=True)
class Line:
    """y = ``slope`` · x + ``intercept``."""

    slope: float
    intercept: float
    slope_se: float
    intercept_se: float
    dof: float  # of both errors
    r2: float  # share of y's variance that the line explains
    residuals: tuple[float, ...]  # y less the line, in the order of the points

    @property
    def slope_u(self) -> float:
        """Half the 95 % interval of the slope: Student's t accounts for few points."""
        return self.slope_se * t_quantile(_TWO_SIGMA, self.dof) / 2

    @property
    def intercept_u(self) -> float:
        """Half the 95 % interval of the intercept."""
        return self.intercept_se * t_quantile(_TWO_SIGMA, self.dof) / 2


def line(x: Sequence[float], y: Sequence[float]) -> Line:
    """The line through three points or more, whose ``x`` are not all equal and have no error of their own.

    Draper & Smith, Applied Regression Analysis, 3rd ed., section 1.4.
    """
    n, x_mean, y_mean = len(x), fmean(x), fmean(y)
    sxx = math.fsum((a - x_mean) ** 2 for a in x)
    syy = math.fsum((b - y_mean) ** 2 for b in y)
    slope = math.fsum((a - x_mean) * (b - y_mean) for a, b in zip(x, y, strict=True)) / sxx
    intercept = y_mean - slope * x_mean
    residuals = tuple(b - intercept - slope * a for a, b in zip(x, y, strict=True))
    left = math.fsum(r * r for r in residuals)
    variance = left / (n - 2)
    return Line(
        slope,
        intercept,
        math.sqrt(variance / sxx),
        math.sqrt(variance * (1 / n + x_mean**2 / sxx)),
        n - 2,
        1 - left / syy if syy > 0 else 0.0,
        residuals,
    )


def serial(fitted: Line) -> Line:
    """The line with wider errors if successive residuals are alike.

    They are alike when the truth is not a line, or drifts: a hundred points on one level then say little more
    than one. n counts as n (1 - r) / (1 + r), r being the correlation of neighbours (Bayley & Hammersley
    1946), but as 5 at least, since a curve of this size cannot tilt the line by more.
    """
    n, squares = len(fitted.residuals), math.fsum(r * r for r in fitted.residuals)
    if squares == 0:
        return fitted
    pairs = zip(fitted.residuals, fitted.residuals[1:], strict=False)
    alike = max(0.0, math.fsum(a * b for a, b in pairs) / squares)
    effective = max(min(n, 5.0), n * (1 - alike) / (1 + alike))
    widening = math.sqrt((n - 2) / (effective - 2))
    return Line(
        fitted.slope,
        fitted.intercept,
        fitted.slope_se * widening,
        fitted.intercept_se * widening,
        effective - 2,
        fitted.r2,
        fitted.residuals,
    )
