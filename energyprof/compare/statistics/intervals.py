"""The statistics behind compare and check: means of logarithms and their differences.

Logarithms, because energies scatter in proportion to their size, and because a difference of logs
is a ratio. Student's t, because a percentile bootstrap raises false alarms at the few runs that
people can afford.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from statistics import NormalDist

from energyprof.compare.statistics.student import t_cdf, t_quantile
from energyprof.storable.frozen import dataclass

ALPHA = 0.05  # of a one-sided test: one false alarm in twenty
CONFIDENCE = 0.95  # of a two-sided interval shown to people
# Values closer together than this differ only by the rounding of the arithmetic.
ROUNDING = 1e-12

# Degrees of freedom of what is known without having been repeated: a t distribution with these is normal.
_KNOWN = 1e9
_TWO_SIGMA = NormalDist().cdf(2)
_MANY = 10_000  # degrees of freedom beyond which t quantiles are the normal's to 4 digits


@dataclass(frozen=True)
class Logs:
    """One figure over the runs of one report, as natural logarithms."""

    logs: tuple[float, ...]
    mean: float  # of the logs
    sd: float | None  # of one run; None: a single run has none


@dataclass(frozen=True)
class Difference:
    """A mean log ratio, new against old, and how well it is known.

    ``se`` is None if a side has only one run: nothing is known about the spread, so there is no
    interval. ``se`` is 0 if the runs of each side agree to the last digit: how much they vary is then known
    as far as ``least_p`` goes. A side with one run has the spread of the other.
    """

    log_ratio: float
    se: float | None
    dof: float | None  # None where se is None or 0
    # With n runs (pairs) a side: se² = unit_sd² / n + floor_sd², dof_per_run · (n - 1) degrees of freedom.
    unit_sd: float | None
    dof_per_run: float | None
    floor_sd: float = 0.0  # what more runs do not reduce
    floor_dof: float | None = None  # its degrees of freedom; None: no fewer than those of the rest
    # No one-sided p-value may be smaller: the chance that runs of one kind fall apart into these sides.
    least_p: float = 0.0


def logs_of(values: Sequence[float], u_rel: float = 0.0) -> Logs:
    """The logarithms of ``values`` > 0, in their order.

    ``u_rel`` is the relative standard uncertainty of one value. It replaces the spread if all
    values are the same: a coarse meter that shows the same joules again and again hides how much
    they vary.
    """
    logs = tuple(math.log(value) for value in values)
    mean = math.fsum(logs) / len(logs)
    if len(logs) < 2:
        return Logs(logs, mean, None)
    if max(logs) - min(logs) <= ROUNDING:
        return Logs(logs, mean, u_rel)
    variance = math.fsum((log - mean) ** 2 for log in logs) / (len(logs) - 1)
    return Logs(logs, mean, math.sqrt(variance))


def interval(figure: Logs, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """The two-sided t-interval of the mean log; None from a single run.

    NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.2.
    """
    if figure.sd is None:
        return None
    n = len(figure.logs)
    half = t_quantile((1 + confidence) / 2, n - 1) * figure.sd / math.sqrt(n)
    return figure.mean - half, figure.mean + half


def welch(new: Logs, old: Logs) -> Difference:
    """The contrast of unpaired runs with unequal spread.

    Welch (1947), Biometrika 34; degrees of freedom by Satterthwaite (1946), Biometrics 2, and for few runs
    corrected (`_of_few`). Of a single run
    against several nothing is known but that it is one more of their kind: the prediction of a further one,
    s·√(1 + 1/n) (Hahn & Meeker, Statistical Intervals, 1991, 4.7).
    """
    log_ratio = new.mean - old.mean
    n, m = len(new.logs), len(old.logs)
    if new.sd is None or old.sd is None:
        return _prediction(log_ratio, new.sd if old.sd is None else old.sd, max(n, m))
    # Equal values are luck, or a copy: the spread of the other side is the best that is known.
    v, w = (sd**2 for sd in (new.sd or old.sd, old.sd or new.sd))
    unit_sd = math.hypot(math.sqrt(v), math.sqrt(w))
    if v + w == 0:
        return without_spread(log_ratio, 1 / math.comb(n + m, n))
    # Shares of the variance, so that tiny spreads do not underflow when squared.
    share = (v / n) / (v / n + w / m)
    dof = _of_few(1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1)), n, m)
    even = v / (v + w)
    dof_per_run = (1 / (even**2 + (1 - even) ** 2) + 2) / 2
    return Difference(log_ratio, math.sqrt(v / n + w / m), dof, unit_sd, dof_per_run)


def _of_few(dof: float, n: int, m: int) -> float:
    """Satterthwaite's degrees of freedom, corrected for that few runs tell the spreads badly.

    Sides of as many runs each cover too much with them (96.5 % of 95 at three): halfway to those of equal
    spreads they cover 94.8 to 95.8 % at 3, 5 and 12, whether the spreads are equal or one is twice the other.
    Sides of unequal numbers cover too little (93.3 % at 3 and 12, 89 % at 2 and 12), as the smaller side
    decides: the further they are from equal, the nearer to its degrees of freedom, they cover 94.7 to 96.4 %
    where the spreads are equal. Powers and factors by simulation (`benchmarks/gate.py`).
    """
    if n == m:
        return (dof + n + m - 2) / 2
    fewer, more = min(n, m), max(n, m)
    towards = (1 - fewer / more) ** 2 * 1.75 / fewer
    return math.pow(dof, 1 - towards) * math.pow(fewer - 1, towards)


def _prediction(log_ratio: float, sd: float | None, n: int) -> Difference:
    """One run against ``n`` that scatter by ``sd``; None: they do not, as there is one."""
    if sd is None:
        return Difference(log_ratio, None, None, None, None)
    if sd == 0:
        return without_spread(log_ratio, 1 / (n + 1))
    return Difference(log_ratio, sd * math.sqrt(1 + 1 / n), n - 1, sd * math.sqrt(2), 1.0)


def with_systematic(change: Difference, u: float, dof: float | None = None) -> Difference:
    """The difference with a standard uncertainty ``u`` that is the same in all runs of a side, so that no
    repeating averages it out; degrees of freedom after Welch and Satterthwaite (GUM G.4.1), of ``u`` itself
    too if it was found by repeating.

    Without spread it changes nothing: there is no interval.
    """
    if change.se is None or u <= 0:
        return change
    floor_sd = math.hypot(change.floor_sd, u)
    floor_dof = joint_dof(((change.floor_sd, change.floor_dof), (u, dof)))
    known = change.dof is not None and change.se > 0
    found = joint_dof(((change.se, change.dof if known else None), (u, dof)))
    return Difference(
        change.log_ratio,
        math.hypot(change.se, u),
        _KNOWN if found is None else found,
        change.unit_sd,
        change.dof_per_run if known else _KNOWN,
        floor_sd,
        floor_dof,
        change.least_p,
    )


def joint_dof(parts: Sequence[tuple[float, float | None]]) -> float | None:
    """The degrees of freedom of a sum of squares, each with its own; ``None``: all are known."""
    u = math.hypot(*(part for part, _ in parts))
    # Shares of the variance, so that tiny spreads do not underflow when squared.
    rest = math.fsum((part / u) ** 4 / dof for part, dof in parts if dof is not None and part > 0)
    return min(_KNOWN, 1 / rest) if rest > 0 else None


def two_sided(change: Difference, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """The two-sided interval of the log ratio; None if there is no spread."""
    half = _half_width(change, (1 - confidence) / 2)
    return None if half is None else (change.log_ratio - half, change.log_ratio + half)


def lower_end(change: Difference, alpha: float = ALPHA) -> float | None:
    """The one-sided lower bound of the log ratio at level ``alpha``; None: unbounded."""
    half = _half_width(change, alpha)
    return None if half is None else change.log_ratio - half


def upper_end(change: Difference, alpha: float = ALPHA) -> float | None:
    """The one-sided upper bound of the log ratio at level ``alpha``; None: unbounded."""
    half = _half_width(change, alpha)
    return None if half is None else change.log_ratio + half


def p_higher(change: Difference) -> float:
    """The one-sided p-value of "not higher"; 1 if there is no spread."""
    if change.se is None:
        return 1.0
    if change.dof is None:
        return change.least_p if change.log_ratio > 0 else 1.0
    return max(change.least_p, t_cdf(-change.log_ratio / change.se, change.dof))


def p_different(change: Difference) -> float:
    """The two-sided p-value of "the same"; 1 if there is no spread."""
    if change.se is None:
        return 1.0
    if change.dof is None:
        return min(1.0, 2 * change.least_p) if change.log_ratio else 1.0
    return min(1.0, 2 * max(change.least_p, t_cdf(-abs(change.log_ratio) / change.se, change.dof)))


def p_up_to(change: Difference, most: float) -> float:
    """The two-sided p-value of "the same" where it is ``most`` or less, else 1: to a test it is the same.

    That most of many reports do not differ takes no integral: no quantile of Student's t is below the normal.
    """
    if change.se and abs(change.log_ratio) < _two_sided_normal(most) * change.se:
        return 1.0
    p = p_different(change)
    return p if p <= most else 1.0


@functools.cache
def _two_sided_normal(p: float) -> float:
    return NormalDist().inv_cdf(1 - p / 2)


def holm(p_values: Sequence[float], alpha: float = ALPHA) -> list[float]:
    """The level of each of several tests, in their order; a test rejects where p ≤ its level.

    Holm (1979), Scandinavian Journal of Statistics 6. After the first test that does not reject, the
    levels stay the same, so no later one can.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    levels = [0.0] * len(p_values)
    left = len(p_values)
    for i in order:
        levels[i] = alpha / left
        if p_values[i] <= levels[i]:
            left -= 1
    return levels


def expanded(spread_u: float, dof: float | None, gain_u: float) -> float:
    """Twice the combined standard uncertainty, or more if few runs determine the spread (GUM G.4).

    ``spread_u`` is a mean's standard error with ``dof`` degrees of freedom (None: a Type B term).
    The factor is the Student t quantile for which many degrees of freedom give k = 2; effective
    degrees of freedom are truncated to an integer, following G.4.1.
    """
    combined_u = math.hypot(spread_u, gain_u)
    if dof is None or spread_u == 0:
        return 2 * combined_u
    effective = dof * (combined_u / spread_u) ** 4
    return t_quantile(_TWO_SIGMA, max(1, min(int(effective), _MANY))) * combined_u


def without_spread(log_ratio: float, least_p: float) -> Difference:
    """Of values that are equal on each side, by readings that say nothing of their own error.

    Equal to each other, they say that nothing changed. If the sides differ, a permutation test is all there
    is: of two runs against two, one order in six puts them like this (Fisher 1935, The Design of Experiments,
    21).
    """
    same = abs(log_ratio) <= ROUNDING
    return Difference(0.0 if same else log_ratio, 0.0, None, 0.0, None, least_p=0.0 if same else least_p)


def _half_width(change: Difference, alpha: float) -> float | None:
    if change.se is None or alpha < change.least_p:
        return None
    if change.dof is None:
        return 0.0
    return t_quantile(1 - alpha, change.dof) * change.se
