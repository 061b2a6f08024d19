"""One figure of two reports compared: in pairs if their runs were interleaved."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from functools import partial
from typing import Literal

from energyprof.compare.cancelling import Left, left_in, percent, side_of
from energyprof.compare.change import Change, Direction, Values, as_change, collect
from energyprof.compare.exclusions import missed
from energyprof.compare.figures import Figure, of_energy, value
from energyprof.compare.mismatches import same_script
from energyprof.compare.sessions import TOGETHER, UNKNOWN, Apart, Known, between
from energyprof.compare.statistics.intervals import (
    ALPHA,
    Difference,
    Logs,
    p_up_to,
    welch,
    with_systematic,
)
from energyprof.compare.statistics.mean import coverage_factor
from energyprof.compare.statistics.sequential import cut_to, interleaved, p_of_all_looks, pairs_of
from energyprof.report.record import Report, Run
from energyprof.report.uncertainty import BELOW
from energyprof.storable.frozen import dataclass
from energyprof.storable.once import kept, once_beside

Scatter = Literal["runs", "all"]
LEAST_SEEDS = 5


@dataclass(frozen=True)
class Contrast:
    """A mean log ratio, by the runs alone and with all that is known of sessions and meters."""

    alone: Difference
    whole: Difference
    left: Left  # what does not cancel of the meters' errors, and of the sessions
    u_rel: float | None  # see `Change`
    looks: Callable[[float], float]  # a p-value of this look as one over all planned looks

    def p_value(self, of: Scatter = "all") -> float:
        """The two-sided p-value of "the same" over all planned looks, where it may be 5 % or less; else 1."""
        return self._p_of_all if of == "all" else self.looks(p_up_to(self.alone, ALPHA))

    @kept
    def _p_of_all(self) -> float:
        """Asked for by the levels of several tests, and again by each."""
        return self.looks(p_up_to(self.whole, ALPHA))

    def change(self, level: float | None) -> Change:
        """The ratio; with a ``level`` of 5 % or less also which way it went, if its test there says so."""
        if level is None:
            return as_change(self.whole, self.u_rel)
        verdict, reasons = direction(self.whole, self.p_value(), level), self.left.reasons
        turned = reasons and verdict == "unclear" and self.p_value("runs") <= level
        return as_change(self.whole, self.u_rel, verdict, reasons if turned else ())


def direction(found: Difference, p: float, level: float) -> Direction | None:
    """Which way it went, if its test at ``level`` says so; None: a single run has no spread."""
    if found.se is None:
        return None
    if p > level:
        return "unclear"
    return "lower" if found.log_ratio < 0 else "higher"


def contrast(
    figure: Figure,
    new: Report,
    old: Report,
    allow: Collection[str] = (),
    collected: tuple[Values | None, Values | None] | None = None,
    far: Apart = TOGETHER,
    known: Known = UNKNOWN,
) -> Contrast | None:
    """The change of ``figure``; ``None``: a side lacks it, or has it at 0 or below.

    With ``machine`` in ``allow``, machines that nothing tells apart are taken to be one. ``collected`` are
    the figure's values in both, where they are known already. ``far``: how far their sessions are apart, and
    what is ``known`` of how much those differ.
    """
    method: Callable[[Logs, Logs], Difference] = welch
    looks = partial(p_of_all_looks, new=new, old=old)
    pairs = pairs_of(new, old, lambda run: value(figure, run) is not None)
    if pairs is not None:
        method = partial(interleaved, new_first=pairs.new_first)
        new, old = cut_to(new, pairs.new), cut_to(old, pairs.old)
        mine, theirs = collect(figure, new), collect(figure, old)
    else:
        mine, theirs = collected or (collect(figure, new), collect(figure, old))
        everywhere = _everywhere(mine, new) and _everywhere(theirs, old)
        if everywhere and missed in figure.exclusions and (both := _by_same_seeds(new, old)) is not None:
            method = partial(interleaved, new_first=(True,) * len(new.runs))
            if both[0] is not new:
                new, old = both
                mine, theirs = collect(figure, new), collect(figure, old)
    if mine is None or theirs is None or mine.logs is None or theirs.logs is None:
        return None
    alone = method(mine.logs, theirs.logs)
    session_u, dof = between(figure.name, far, known)
    whole = with_systematic(alone, session_u, dof)
    said = (f"sessions differ (±{percent(2 * session_u)})",) if session_u else ()
    if not of_energy(figure) or not (mine.mean.terms or theirs.mean.terms):
        return Contrast(alone, whole, Left(0.0, said), None, looks)
    left = left_in(side_of(mine, new), side_of(theirs, old), allow)
    whole, left = with_systematic(whole, left.u), Left(left.u, (*said, *left.reasons))
    u_rel = None
    if left.u > 0 and mine.u_rel is not None and theirs.u_rel is not None:
        u = math.hypot(left.u, mine.random_u, theirs.random_u) if whole.se is None else whole.se
        half = coverage_factor(whole.dof) * u
        uneven = any(BELOW in side.mean.terms for side in (mine, theirs))
        u_rel = math.expm1(min(half, 700.0)) if uneven else half  # halves that differ are those of factors
    return Contrast(alone, whole, left, u_rel, looks)


def _everywhere(cell: Values | None, report: Report) -> bool:
    """Whether all runs have the figure."""
    return cell is not None and len(cell.values) == len(report.runs)


@once_beside
def _by_same_seeds(new: Report, old: Report) -> tuple[Report, Report] | None:
    """Both with their runs in one order of their seeds; ``None``: they are not of the same work and seeds.

    Those have a say in what it takes to a target. Of other work a seed need not say the same, and of few runs
    the pairs' fewer degrees of freedom cost more than they bring.
    """
    if len(new.runs) < LEAST_SEEDS:
        return None
    if new.workload.work != old.workload.work and not same_script(new.workload, old.workload):
        return None
    mine, theirs = ([run.seed for run in report.runs if run.seed is not None] for report in (new, old))
    # Each known, and there once.
    if sorted(mine) != sorted(theirs) or not len({*mine}) == len(new.runs) == len(old.runs):
        return None
    return (new, old) if mine == theirs else (_by_seed(new), _by_seed(old))


def _by_seed(report: Report) -> Report:
    """With its runs in the order of their seeds."""
    return cut_to(report, sorted(report.runs, key=_seed))


def _seed(run: Run) -> int:
    return run.seed or 0


def difference(figure: Figure, new: Report, old: Report) -> Difference | None:
    """The mean log ratio of ``figure`` with all that is known; ``None``: see `contrast`."""
    found = contrast(figure, new, old)
    return None if found is None else found.whole
