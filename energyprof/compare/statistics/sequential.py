"""Interleaved runs of two sides: which are pairs, what they say, and when one may look at them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from energyprof.compare.statistics.intervals import ALPHA, ROUNDING, Difference, Logs, without_spread
from energyprof.compare.statistics.robust import trimmed
from energyprof.report.record import Report, Run
from energyprof.storable.frozen import dataclass

# There is a look after each of these numbers of pairs, and the first verdict ends the series.
LOOKS = (3, 5, 7, 10)
# One-sided, of each of those looks. Like Pocock's bounds (1977, Biometrika 64) it is the same at every look.
# In simulation some look errs in 3.7 % of all series of independent runs, and in 5.0 % at most of runs that
# hang together, AR(1) with ρ to 0.5, of which neighbouring pairs share a part; 0.018 would err in 5.0 and
# 6.6 %, and 5 % per look in 12 %. It holds for both errors: failing unchanged work, and passing a change as
# large as the margin.
LOOK_ALPHA = 0.013


@dataclass(frozen=True)
class Pairs:
    """The runs of two reports of one series, pair by pair in the order in which they ran."""

    new: tuple[Run, ...]
    old: tuple[Run, ...]
    new_first: tuple[bool, ...]  # which of the two came first


def alpha(looks: Sequence[int]) -> float:
    """The one-sided level of each of the planned ``looks``, such that together they err in 5 %."""
    if len(looks) <= 1:
        return ALPHA
    # Bonferroni for plans that were not simulated: never too lax, if a little strict.
    return LOOK_ALPHA if tuple(looks) == LOOKS else ALPHA / len(looks)


def looks_taken(new: Report, old: Report) -> int:
    """How often two reports may have been looked at: once, and before each time that runs were added."""
    return 1 + len(new.resumed) + len(old.resumed)


def p_of_all_looks(p: float, new: Report, old: Report) -> float:
    """A p-value of this look as one over all looks, planned or not, to compare with 5 %."""
    if p >= 1:
        return 1.0
    if new.series is None or not one_series(new, old):
        return min(1.0, p * looks_taken(new, old))
    return min(1.0, p * ALPHA / alpha(new.series.looks))


def next_look(pairs: int, looks: Sequence[int]) -> int | None:
    """The first planned look after ``pairs`` pairs; ``None``: that was the last."""
    return min((look for look in looks if look > pairs), default=None)


def one_series(new: Report, old: Report) -> bool:
    """Whether the two reports are the two sides of one series."""
    a, b = new.series, old.series
    return a is not None and b is not None and a.id == b.id and a.side != b.side


def pairs_of(new: Report, old: Report, enters: Callable[[Run], bool] = lambda run: True) -> Pairs | None:
    """The complete pairs whose runs both count; ``None``: the reports are not of one series."""
    if not one_series(new, old):
        return None
    mine, theirs = _by_pair(new), _by_pair(old)
    found = [
        (mine[pair], theirs[pair])
        for pair in sorted(mine.keys() & theirs.keys())
        if enters(mine[pair][1]) and enters(theirs[pair][1])
    ]
    return Pairs(
        tuple(a for (_, a), _ in found),
        tuple(b for _, (_, b) in found),
        tuple(at < other for (at, _), (other, _) in found),
    )


def _by_pair(report: Report) -> dict[int, tuple[int, Run]]:
    """Each run with its position, by the number of its pair."""
    positions = report.series.positions if report.series else ()
    # A report that was cut off between two writes may have one more of either.
    return {at // 2: (at, run) for at, run in zip(positions, report.runs, strict=False)}


def cut_to(report: Report, runs: Sequence[Run]) -> Report:
    """The report with only these of its runs."""
    return replace(report, runs=tuple(runs))


def interleaved(new: Logs, old: Logs, new_first: Sequence[bool]) -> Difference:
    """The contrast of paired runs, with either side first in alternation (ABBA).

    The mean of the pairs in which the new run came first and the mean of the others count half each: a drift
    by the same share from run to run raises one as much as it lowers the other, and cancels. A plain mean
    keeps a third of one run's drift after three pairs, a fifth after five. The price is a spread of the mean
    that is 6 % wider with three pairs, 2 % with five, and no wider with an even number. From ten pairs on, of
    which a drift leaves a tenth at most, it is their trimmed mean (`robust.trimmed`).

    Raises:
        ValueError: the sides have different numbers of runs.
    """
    gaps = [a - b for a, b in zip(new.logs, old.logs, strict=True)]
    n = len(gaps)
    groups = [gaps]
    if len({*new_first}) > 1:
        groups = [
            [gap for gap, first in zip(gaps, new_first, strict=True) if first is side]
            for side in (True, False)
        ]
    log_ratio = math.fsum(math.fsum(group) / len(group) for group in groups) / len(groups)
    if n < 2:
        return Difference(log_ratio, None, None, None, None)
    if max(gaps) - min(gaps) <= ROUNDING:
        return _agreeing(log_ratio, new, old)
    if (robust := trimmed(gaps)) is not None:
        log_ratio, se, dof = robust
        return Difference(log_ratio, se, dof, se * math.sqrt(n), dof / (n - 1))
    # Around the plain mean: the spread then includes any drift as well, which errs on the safe side.
    mean = math.fsum(gaps) / n
    sd = math.sqrt(math.fsum((gap - mean) ** 2 for gap in gaps) / (n - 1))
    share = math.fsum(1 / len(group) for group in groups) / len(groups) ** 2
    return Difference(log_ratio, sd * math.sqrt(share), n - 1, sd, 1.0)


def _agreeing(log_ratio: float, new: Logs, old: Logs) -> Difference:
    """All pairs say exactly the same: any spread is the readings' (see `intervals.logs_of`)."""
    n = len(new.logs)
    known = [
        side.sd for side in (new, old) if side.sd is not None and max(side.logs) - min(side.logs) <= ROUNDING
    ]
    sd = math.hypot(*known)
    if sd == 0:
        return without_spread(log_ratio, 0.5**n)
    return Difference(log_ratio, sd / math.sqrt(n), n - 1, sd, 1.0)
