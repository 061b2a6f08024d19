"""What the runs say about limits: PASS, FAIL or INCONCLUSIVE, judging all limits of a check together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from energyprof.compare.gate.limits import Limit
from energyprof.compare.statistics.intervals import ALPHA, Difference, holm, lower_end, p_higher, upper_end
from energyprof.compare.statistics.power import detectable, runs_needed
from energyprof.storable.frozen import dataclass

Judgement = Literal["PASS", "FAIL", "INCONCLUSIVE"]
# How the two sides relate. apart: separate reports (Welch) · pairs: interleaved runs ·
# history: a report against those before it · trend: the trend over all of them
Design = Literal["apart", "pairs", "history", "trend"]


@dataclass(frozen=True)
class Trial:
    """One limit and what was measured for it, before it is judged together with the others."""

    limit: Limit
    difference: Difference
    counts: tuple[int, int]  # runs, pairs, or for a history 1 and the reports before it
    design: Design = "apart"
    alpha: float = ALPHA  # one-sided; smaller if there are several looks
    looked: Literal["now", "not yet"] = "now"  # between two planned looks there is no verdict
    work: str = ""  # of several
    alone: Difference | None = None  # by the scatter of the runs alone; None: the same
    left: tuple[str, ...] = ()  # what does not cancel of sessions and the meters' errors, and why


@dataclass(frozen=True)
class Verdict:
    """What the runs say about one limit; changes are relative to the baseline, 0.05 = 5 % more."""

    limit: Limit
    outcome: Judgement
    change: float
    # One-sided bounds: `low` at the level that Holm's correction leaves, `high` at that of a single limit.
    low: float | None  # None: a single run on one side
    high: float | None
    improved: bool  # less than the baseline beyond chance
    detectable: float | None  # smallest increase detected with 80 % power; None: none at all
    # Of each side (pairs; reports of a history), for the limit's margin to be detectable; None: not known.
    runs_needed: int | None
    runs: int
    baseline_runs: int
    design: Design = "apart"
    work: str = ""  # its name where a check has several
    # What sessions or the meters' errors turn: the verdict that the runs alone would give, and why it is not.
    withheld: Judgement | None = None
    left: tuple[str, ...] = ()
    # The levels of ``low`` and ``high``, each one-sided.
    low_confidence: float = 1 - ALPHA
    high_confidence: float = 1 - ALPHA


def judge(trials: Sequence[Trial]) -> tuple[Verdict, ...]:
    """A verdict for each trial.

    Holm's correction on failures: the chance of failing unchanged work stays 5 % over all limits of all
    workloads. A pass needs no correction, as all limits must pass (an intersection-union test, Berger 1982).
    """
    # A look's p-value, scaled so that it is judged at its own level: Holm's procedure knows only one.
    p_values = [min(1.0, p_higher(trial.difference) * ALPHA / trial.alpha) for trial in trials]
    levels = holm(p_values)
    return tuple(
        _verdict(trial, level * trial.alpha / ALPHA) for trial, level in zip(trials, levels, strict=True)
    )


def overall(verdicts: Sequence[Verdict]) -> Judgement:
    """FAIL if one fails, PASS if all pass; an undetected trend does not prevent a pass."""
    outcomes = {
        verdict.outcome for verdict in verdicts if verdict.design != "trend" or verdict.outcome == "FAIL"
    }
    if "FAIL" in outcomes:
        return "FAIL"
    return "PASS" if outcomes == {"PASS"} else "INCONCLUSIVE"


def _verdict(trial: Trial, level: float) -> Verdict:
    difference, margin = trial.difference, trial.limit.margin
    low, high = lower_end(difference, level), upper_end(difference, trial.alpha)
    outcome = _outcome(trial, difference, level)
    alone = outcome if trial.alone is None else _outcome(trial, trial.alone, level)
    return Verdict(
        trial.limit,
        outcome,
        _ratio(difference.log_ratio),
        None if low is None else _ratio(low),
        None if high is None else _ratio(high),
        high is not None and high < 0,
        detectable(difference, level, margin=margin),
        runs_needed(difference, margin, trial.alpha),
        *trial.counts,
        trial.design,
        trial.work,
        alone if alone != outcome else None,
        trial.left if alone != outcome else (),
        1 - level,
        1 - trial.alpha,
    )


def _outcome(trial: Trial, difference: Difference, level: float) -> Judgement:
    low, high = lower_end(difference, level), upper_end(difference, trial.alpha)
    if trial.looked == "now":
        if low is not None and low > 0 and _ratio(difference.log_ratio) > trial.limit.margin:
            return "FAIL"
        if high is not None and high < math.log1p(trial.limit.margin):
            return "PASS"
    return "INCONCLUSIVE"


def _ratio(log_ratio: float) -> float:
    """The relative change; if it does not fit a float, the largest that does, which says as much."""
    return math.expm1(min(log_ratio, 700.0))
