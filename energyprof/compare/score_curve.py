"""How the score grows with the energy spent: for each run, and over the runs of one report."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal

from energyprof.compare.exclusions import broken
from energyprof.compare.figures import run_name
from energyprof.report.record import Report, Run
from energyprof.storable.frozen import dataclass

Against = Literal["energy_j", "time_s"]

# Places at which the runs are averaged; between them the curves are straight.
MOST_PLACES = 200

Knots = tuple[tuple[float, float], ...]  # J or s since training began, and the score then


@dataclass(frozen=True)
class ScoreCurve:
    """The evaluations of a report's runs; mean and range where every run has some."""

    runs: tuple[tuple[str, Knots], ...]  # the run's name and its evaluations
    # Empty for a single run, and if the runs do not overlap.
    mean: Knots
    low: Knots
    high: Knots


def score_curve(report: Report, against: Against) -> ScoreCurve | None:
    """The report's scores against energy or time; ``None`` if no sound run has such evaluations."""
    named = [
        (run_name(report, i), knots)
        for i, run in enumerate(report.runs)
        if not broken(run) and (knots := _knots(run, against))
    ]
    if not named:
        return None
    curves = [knots for _, knots in named]
    places = _places(curves) if len(curves) > 1 else []
    mean, low, high = [], [], []
    for place in places:
        scores = [_at(knots, place) for knots in curves]
        mean.append((place, math.fsum(scores) / len(scores)))
        low.append((place, min(scores)))
        high.append((place, max(scores)))
    return ScoreCurve(tuple(named), tuple(mean), tuple(low), tuple(high))


def _knots(run: Run, against: Against) -> Knots:
    """The evaluations that have both numbers; a score of NaN gives no knot.

    Before the first of them stand the rounds that had a score already, one not held against the target.
    """
    pairs = [(getattr(point, against), point.score) for point in run.history]
    known = sorted((x, score) for x, score in pairs if x is not None and score is not None)
    # A round that an evaluation ends has its joules, but for rounding.
    begin = known[0][0] * (1 - 1e-6) if known else math.inf
    return (*(knot for knot in _rounds(run, against) if knot[0] < begin), *known)


def _rounds(run: Run, against: Against) -> list[tuple[float, float]]:
    """The rounds' scores at what all rounds until then took, until one whose joules are not known."""
    found, reached = [], 0.0
    for number in run.rounds:
        amount: float | None = getattr(number, against)
        if amount is None:
            break
        reached += amount
        if number.score is not None:
            found.append((reached, number.score))
    return found


def _places(curves: Sequence[Knots]) -> list[float]:
    """Every evaluation of any run, thinned if there are many, within the span that all runs cover.

    A mean beyond the end of the first run to finish would be over the slower runs only.
    """
    start, end = max(knots[0][0] for knots in curves), min(knots[-1][0] for knots in curves)
    if end <= start:
        return []
    places = sorted({x for knots in curves for x, _ in knots if start <= x <= end})
    stride = math.ceil(len(places) / MOST_PLACES)
    return [*places[:-1:stride], places[-1]]


def _at(knots: Knots, place: float) -> float:
    """The score at ``place``, interpolated linearly between the evaluations around it."""
    i = bisect_right(knots, place, key=lambda knot: knot[0])
    if i == len(knots):
        return knots[-1][1]
    (x0, y0), (x1, y1) = knots[i - 1], knots[i]
    return y0 + (y1 - y0) * (place - x0) / (x1 - x0)
