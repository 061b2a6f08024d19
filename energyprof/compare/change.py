"""One figure of two reports: its values in each, and their ratio with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from energyprof.compare.figures import Figure, unmetered, value
from energyprof.compare.mismatches import machine_id
from energyprof.compare.statistics.intervals import Difference, Logs, logs_of, two_sided
from energyprof.compare.statistics.mean import Mean, mean_of, together
from energyprof.report.record import Report
from energyprof.report.uncertainty import COMMON

Direction = Literal["lower", "higher", "unclear"]

# An interval that reaches down to nothing has no logarithm there: this much is taken for it.
_MOST_BELOW = 0.999

# How the difference of two reports is computed: `welch`, or `paired` if their runs were interleaved.
Contrast = Callable[[Logs, Logs], Difference]


@dataclass(frozen=True)
class Change:
    """The ratio of two reports' means, with its 95 % interval from the spread of the runs."""

    ratio: float
    low: float | None  # None: only one run on one side
    high: float | None
    # Relative, expanded (95 %): the spread and both meters' own errors, for joules from different
    # machines or meters. None if the gain is common and cancels, and for anything but joules.
    u_rel: float | None
    # Against the first report, held to 5 % over all reports (Holm); None: figures only, no verdict.
    verdict: Direction | None


@dataclass(frozen=True)
class Values:
    """One figure over the runs of one report that count for it."""

    values: tuple[float, ...]
    logs: Logs | None  # None: a value is not positive
    mean: Mean
    u_rel: float | None  # of the mean, expanded, the gain included; None: no joules, or unknown


def collect(figure: Figure, report: Report) -> Values | None:
    """The figure's values in ``report``; None if no run has any."""
    entering = [(run, x) for run in report.runs if (x := value(figure, run)) is not None]
    if not entering:
        return None
    values = tuple(x for _, x in entering)
    each = [figure.terms(run, x) for run, x in entering]
    mean = mean_of(values, each)
    logs = None
    if min(values) > 0:
        own = [
            math.hypot(*(u for term, u in of_one.items() if term not in COMMON)) / x
            for of_one, x in zip(each, values, strict=True)
        ]
        logs = logs_of(values, math.hypot(*own) / math.sqrt(len(own)))
    # A meter that does not state its error is not one without error.
    known = unmetered in figure.exclusions and all(run.energy_u_j is not None for run, _ in entering)
    return Values(values, logs, mean, (mean.u_rel or 0.0) if known and logs else None)


def as_change(difference: Difference, u_rel: float | None = None, verdict: Direction | None = None) -> Change:
    """A difference of logarithms as a ratio with its 95 % interval."""
    low, high = two_sided(difference) or (None, None)
    return Change(
        exp(difference.log_ratio),
        None if low is None else exp(low),
        None if high is None else exp(high),
        u_rel,
        verdict,
    )


def exp(log_ratio: float) -> float:
    """The ratio; if it does not fit a float, the largest that does, which says as much."""
    return math.exp(min(log_ratio, 700.0))


def u_of_ratio(first: Values | None, other: Values | None) -> float | None:
    """Relative expanded uncertainty of the ratio of two means with independent errors."""
    if first is None or other is None or first.u_rel is None or other.u_rel is None:
        return None
    means = [values.mean for values in (first, other)]
    if all(mean.total.below == mean.total.above for mean in means):
        return together([(mean.total.u / mean.value, mean.total.dof) for mean in means]).expanded
    # Halves that differ are those of factors, whose logarithms add: two of × ÷ 3 make one of × ÷ 4.7.
    return math.expm1(math.hypot(*map(_half_log, means)))


def _half_log(mean: Mean) -> float:
    """The wider half of its interval as a logarithm."""
    below, above = mean.total.below / mean.value, mean.total.above / mean.value
    return max(math.log1p(above), -math.log1p(-min(below, _MOST_BELOW)))


def gain_in_common(first: Report, other: Report) -> bool:
    """Whether both share one gain error; machines without an id are not known to be the same machine."""
    return bool(machine_id(first)) and _meters(first) == _meters(other)


def _meters(report: Report) -> tuple[object, ...]:
    """What must be equal for a gain error to be shared: the devices themselves, not their make."""
    counted = sorted((m for m in report.meters if m.counted), key=lambda m: m.name)
    return (machine_id(report), *((m.name, m.info.device, m.info.calibration) for m in counted))
