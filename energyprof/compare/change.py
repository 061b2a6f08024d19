"""One figure of two reports: its values in each, and their ratio with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from energyprof.compare.figures import Exclusion, Figure, unmetered
from energyprof.compare.statistics.intervals import Difference, Logs, logs_of, two_sided
from energyprof.compare.statistics.mean import Mean, mean_of
from energyprof.report.record import Report
from energyprof.report.uncertainty import COMMON, SCATTER
from energyprof.storable.frozen import dataclass

Direction = Literal["lower", "higher", "unclear"]


@dataclass(frozen=True)
class Change:
    """The ratio of two reports' means, with its 95 % interval (two-sided).

    The interval holds the spread of the runs, what sessions differ by, and of joules what does not cancel of
    the meters' own errors.
    """

    ratio: float
    low: float | None  # None: only one run on one side
    high: float | None
    # Relative, expanded (95 %), where something of the meters' errors does not cancel; None: all of it does,
    # or they do not state it, or the figure is no joules.
    u_rel: float | None
    # Against the first report, held to 5 % over all reports (Holm); None: figures only, no verdict.
    verdict: Direction | None
    withheld: tuple[
        str, ...
    ] = ()  # why there is none, or why it is unclear although the runs alone are clear


@dataclass(frozen=True)
class Values:
    """One figure over the runs of one report that count for it."""

    values: tuple[float, ...]
    logs: Logs | None  # None: a value is not positive
    mean: Mean
    u_rel: float | None  # of the mean, expanded, the gain included; None: no joules, or unknown
    places: tuple[int, ...]  # of the runs in their report

    @property
    def random_u(self) -> float:
        """Relative standard uncertainty of the mean by its readings, without what all runs have in common."""
        own = [u for term, u in self.mean.terms.items() if term not in COMMON and term != SCATTER]
        return math.hypot(*own) / self.mean.value if self.mean.value > 0 else 0.0


def collect(figure: Figure, report: Report) -> Values | None:
    """The figure's values in ``report``; None if no run has any."""
    return collect_all((figure,), report)[0]


def collect_all(figures: Sequence[Figure], report: Report) -> list[Values | None]:
    """Several figures' values; what keeps runs out of many of them is looked for once."""
    out: dict[Exclusion, frozenset[int]] = {}
    for exclusion in {exclusion for figure in figures for exclusion in figure.exclusions}:
        out[exclusion] = frozenset(i for i, run in enumerate(report.runs) if exclusion(run) is not None)
    return [
        _values(figure, report, frozenset().union(*(out[exclusion] for exclusion in figure.exclusions)))
        for figure in figures
    ]


def _values(figure: Figure, report: Report, out: frozenset[int]) -> Values | None:
    """The figure over the runs whose places are not in ``out``."""
    if len(out) == len(report.runs):
        return None
    found = [
        (i, run, x)
        for i, run in enumerate(report.runs)
        if i not in out and (x := figure.of(run)) is not None and math.isfinite(x)
    ]
    if not found:
        return None
    places, entering = tuple(i for i, _, _ in found), [(run, x) for _, run, x in found]
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
    return Values(values, logs, mean, (mean.u_rel or 0.0) if known and logs else None, places)


def as_change(
    difference: Difference,
    u_rel: float | None = None,
    verdict: Direction | None = None,
    withheld: tuple[str, ...] = (),
) -> Change:
    """A difference of logarithms as a ratio with its 95 % interval."""
    low, high = two_sided(difference) or (None, None)
    return Change(
        exp(difference.log_ratio),
        None if low is None else exp(low),
        None if high is None else exp(high),
        u_rel,
        verdict,
        withheld,
    )


def exp(log_ratio: float) -> float:
    """The ratio; if it does not fit a float, the largest that does, which says as much."""
    return math.exp(min(log_ratio, 700.0))
