"""One figure of two reports: its values in each, and their ratio with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal

from energyprof.compare.exclusions import Exclusion, unmetered
from energyprof.compare.figures import Figure
from energyprof.compare.statistics.intervals import Difference, Logs, logs_of, two_sided
from energyprof.compare.statistics.mean import Mean, mean_of
from energyprof.report.record import Report, Run
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
    return collect_all((figure,), (report,))[0][0]


def collect_all(figures: Sequence[Figure], reports: Sequence[Report]) -> list[tuple[Values | None, ...]]:
    """Of each figure its values in every report; what keeps runs out of many figures is looked for once.

    Report by report: a processor's cache does not hold a thousand of them.
    """
    barred = [(figure, (figure.exclusions, figure.part)) for figure in figures]
    bars = {bar for _, bar in barred}
    rows = []
    for report in reports:
        places = _entering(bars, report)
        rows.append([collect_over(f, report, places[bar]) if places[bar] else None for f, bar in barred])
    return list(zip(*rows, strict=True))


# What keeps runs out of a figure, and the part of a run that it is about.
_Bars = tuple[tuple[Exclusion, ...], Callable[[Run], object] | None]


def _entering(bars: Collection[_Bars], report: Report) -> Mapping[_Bars, Sequence[int]]:
    """The places of the runs that have a figure."""
    runs = report.runs
    every = {exclusion for exclusions, _ in bars for exclusion in exclusions}
    out = {exclusion: {i for i, run in enumerate(runs) if exclusion(run)} for exclusion in every}
    found = {}
    for exclusions, part in bars:
        away: set[int] = set().union(*(out[exclusion] for exclusion in exclusions))
        has = range(len(runs)) if part is None else [i for i, run in enumerate(runs) if part(run)]
        found[exclusions, part] = [i for i in has if i not in away] if away else has
    return found


def collect_over(figure: Figure, report: Report, places: Sequence[int]) -> Values | None:
    """The figure's values in the runs at these ``places``, whatever excludes them; None if none has any."""
    found = [(i, x) for i in places if (x := figure.of(report.runs[i])) is not None and math.isfinite(x)]
    if not found:  # as for most figures of each report
        return None
    places, values = zip(*found, strict=True)
    each = [figure.terms(report.runs[i], x) for i, x in found]
    logs = logs_of(values) if min(values) > 0 else None
    if logs is not None and logs.sd == 0:  # the readings may hide how much the runs vary
        logs = logs_of(values, _own_u(values, each))
    mean = mean_of(values, each, logs)
    # A meter that does not state its error is not one without error.
    known = unmetered in figure.exclusions and all(report.runs[i].energy_u_j is not None for i in places)
    u_rel = (mean.u_rel or 0.0) if known and logs else None
    return Values(values, logs, mean, u_rel, places)


def _own_u(values: Sequence[float], each: Sequence[Mapping[str, float]]) -> float:
    """Relative standard uncertainty of one value by its readings, without what all have in common."""
    if not any(each):
        return 0.0
    own = [
        math.hypot(*(u for term, u in of_one.items() if term not in COMMON)) / x
        for of_one, x in zip(each, values, strict=True)
    ]
    return math.hypot(*own) / math.sqrt(len(own))


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
