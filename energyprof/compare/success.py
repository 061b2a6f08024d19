"""What a success is expected to cost where some runs miss the target: their energy was spent as well."""

from __future__ import annotations

import math
from statistics import fmean

from energyprof.compare.exclusions import unmetered
from energyprof.compare.statistics.student import t_quantile
from energyprof.report.record import Report, Run
from energyprof.storable.frozen import dataclass

# How an attempt at the target ends by itself. What failed or was stopped from outside was none.
_ENDED = ("reached", "missed", "diverged")


@dataclass(frozen=True)
class Success:
    """All energy spent over the successes: what one more costs if failures are tried again.

    The interval is 95 %, two-sided, from how much the attempts differ, without the meters' errors.
    """

    successes: int
    attempts: int
    energy_j: float | None  # None: no success, or an attempt without energy
    low_j: float | None  # None: not known
    high_j: float | None  # None: no bound, the chance of a success may be any


def success(report: Report) -> Success | None:
    """The expected cost of a success; ``None``: there is no target, or no run missed it."""
    attempts = [run for run in report.runs if run.status in _ENDED]
    reached = [run for run in attempts if run.status == "reached"]
    if report.workload.target is None or len(reached) == len(attempts):
        return None
    counts = len(reached), len(attempts)
    spent_j = [run.energy_j for run in attempts if run.energy_j is not None and unmetered(run) is None]
    if not reached or len(spent_j) < len(attempts):
        return Success(*counts, None, None, None)
    return Success(*counts, math.fsum(spent_j) / len(reached), *_interval(attempts, spent_j))


def _interval(attempts: list[Run], spent_j: list[float]) -> tuple[float | None, float | None]:
    """Fieller's interval of a ratio of two means (1954, Journal of the Royal Statistical Society B 16): every
    ratio R for which the mean of energy - R · success does not differ from nothing.
    """
    n = len(attempts)
    if n < 2:
        return None, None
    hits = [1.0 if run.status == "reached" else 0.0 for run in attempts]
    energy_j, hit = fmean(spent_j), fmean(hits)

    def covariance(a: list[float], b: list[float]) -> float:
        return math.fsum((x - fmean(a)) * (y - fmean(b)) for x, y in zip(a, b, strict=True)) / (n - 1) / n

    square = t_quantile(0.975, n - 1) ** 2
    # (energy - R · hit)² = t² · (v_ee - 2 R v_eh + R² v_hh), a quadratic in R.
    a = hit**2 - square * covariance(hits, hits)
    b = energy_j * hit - square * covariance(spent_j, hits)
    c = energy_j**2 - square * covariance(spent_j, spent_j)
    root = b * b - a * c
    if root < 0:
        return None, None
    if a <= 0:  # so few successes that their chance may be nothing
        return (c / (b + math.sqrt(root)) if c > 0 and b + math.sqrt(root) > 0 else None), None
    return max(0.0, (b - math.sqrt(root)) / a) or None, (b + math.sqrt(root)) / a
