"""The mean of several runs and how well it is known: their scatter and their readings, after the GUM.

The scatter of several runs shows what varies from one to the next (Type A); the known error of the meters is
added (Type B), but only as far as the scatter does not already show it (JCGM 100:2008, 4.3.10). So the terms
that vary from run to run and the scatter describe the same thing, and the larger of the two is used.

The mean is geometric: the ratio of two of them is the mean ratio, and that of a product is the product of its
factors' means. If a value is not positive it is arithmetic.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from energyprof.compare.statistics import terms
from energyprof.compare.statistics.intervals import ROUNDING, Logs, logs_of
from energyprof.compare.statistics.student import t_quantile
from energyprof.report.uncertainty import BELOW, COMMON, SCALE, SCATTER, above, below
from energyprof.storable.frozen import dataclass

# From this many effective degrees of freedom on, Student's k is the normal's 2 to four digits.
_MANY = 10_000
# No scatter is said to be more than this: what it is multiplied by must leave a number.
_MOST = 1e300
_TWO_SIGMA = statistics.NormalDist().cdf(2)


@dataclass(frozen=True)
class Total:
    """Terms added in quadrature, and the resulting interval, in the unit of the terms."""

    u: float  # combined, standard
    dof: float | None  # effective degrees of freedom (GUM G.4.1); None: infinite
    k: float
    expanded: float  # k times u
    # The interval's two halves: the same, but where the gain may be further off one way than the other.
    # All above is then that of the wider half.
    below: float
    above: float


@dataclass(frozen=True)
class Mean:
    """One figure over several runs."""

    value: float
    n: int
    terms: Mapping[str, float]  # standard uncertainties of the mean; the scatter is one if n > 1
    aside: tuple[str, ...]  # the terms left out, since the larger of the two covers them
    total: Total
    one_device: Total  # without the gain, which is common to everything measured with the same meters

    @property
    def u_rel(self) -> float | None:
        """The expanded uncertainty (95 %) relative to the mean; None: nothing at all is known about it."""
        if not self.terms or self.value <= 0:
            return None
        return self.total.expanded / self.value

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of its 95 % interval, of what is never less than nothing."""
        return max(0.0, self.value - self.total.below), self.value + self.total.above


def mean_of(values: Sequence[float], each: Sequence[Mapping[str, float]], logs: Logs | None = None) -> Mean:
    """The mean of ``values``; ``each`` holds their standard uncertainties, by term.

    ``logs``: those of the values, where they are known already.
    """
    n = len(values)
    spread = 0.0
    if logs is not None or min(values) > 0:
        logs = logs_of(values) if logs is None else logs
        # The mean of equal values is that value, to the last digit.
        mean = values[0] if min(values) == max(values) else math.exp(min(logs.mean, 700.0))
        if any(each):
            each = [terms.scaled(of_one, mean / value) for of_one, value in zip(each, values, strict=True)]
        spread = mean * _of_logs(logs) / math.sqrt(n)
    else:
        mean, deviation = _mean_and_deviation(values)
        spread = deviation / math.sqrt(n)
    found = terms.of_mean(each) if any(each) else {}
    own = [term for term in found if term not in COMMON]
    by_scatter = spread >= math.hypot(*(found[term] for term in own))
    if n > 1:
        found = {SCATTER: spread, **found}
    aside = own if by_scatter else [SCATTER]
    total = _total(found, aside, n)
    one_device = total if found.keys().isdisjoint(SCALE) else _total(found, [*aside, *SCALE], n)
    return Mean(mean, n, found, tuple(aside), total, one_device)


def mean_of_amounts(amounts: Sequence[terms.Amount]) -> Mean:
    """The mean of amounts that come with their terms."""
    return mean_of([value for value, _ in amounts], [terms_of_one for _, terms_of_one in amounts])


def together(parts: Sequence[tuple[float, float | None]]) -> Total:
    """Independent standard uncertainties with their degrees of freedom (None: infinite) as one.

    Welch and Satterthwaite's formula (GUM G.4.1).
    """
    u = math.hypot(*(part for part, _ in parts))
    # Shares of the variance, so that tiny parts do not underflow when squared.
    rest = math.fsum((part / u) ** 4 / dof for part, dof in parts if dof is not None and part > 0)
    dof = 1 / rest if rest > 0 else None
    k = coverage_factor(dof)
    return Total(u, dof, k, k * u, k * u, k * u)


def coverage_factor(dof: float | None) -> float:
    """The k for a 95 % interval: Student's for so many degrees of freedom, truncated (GUM G.4.1)."""
    if dof is None or dof >= _MANY:
        return 2.0
    return t_quantile(_TWO_SIGMA, max(1, int(dof)))


def _total(found: Mapping[str, float], aside: Collection[str], n: int) -> Total:
    """The terms except those ``aside``, towards either end."""
    entering = {term: u for term, u in found.items() if term not in aside}
    if BELOW not in entering:
        return _joined(entering, n)  # the usual case, and asked for each figure of each report
    down, up = below(entering), above(entering)
    low, high = _joined(down, n), _joined(up, n)
    return replace(max(low, high, key=lambda total: total.expanded), below=low.expanded, above=high.expanded)


def _joined(side: Mapping[str, float], n: int) -> Total:
    return together([(u, n - 1 if term == SCATTER else None) for term, u in side.items()])


def _of_logs(logs: Logs) -> float:
    """Their sample standard deviation; where they all but agree, ``sd`` is what the readings may hide."""
    if logs.sd is None or max(logs.logs) - min(logs.logs) > ROUNDING:
        return logs.sd or 0.0
    return _standard_deviation(logs.logs)


def _standard_deviation(values: Sequence[float]) -> float:
    """The sample standard deviation; 0 for a single value."""
    return _mean_and_deviation(values)[1]


def _mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the sample standard deviation; a score may be so large that its square is not finite."""
    n = len(values)
    exponent = math.frexp(max(map(abs, values)))[1]
    scaled = [math.ldexp(value, -exponent) for value in values]
    mean = math.fsum(scaled) / n
    if n < 2 or min(values) == max(values):
        return math.ldexp(mean, exponent), 0.0
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in scaled) / (n - 1))
    # Of numbers at the end of what there are an interval would lie beyond it.
    return math.ldexp(mean, exponent), min(4 * (deviation * math.ldexp(0.25, exponent)), _MOST)
