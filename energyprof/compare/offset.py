"""The offset between the clocks of two logs, from the steps that both show, and how far it may be off."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

from energyprof.compare.steps import LEAST, MOVES, Point, Step, period_s, steps
from energyprof.errors import UsageError
from energyprof.report.energy import RECTANGLE
from energyprof.storable.frozen import dataclass

# Points at which offsets are weighed, and how likely it is that a pair is of two different steps.
_GRID = 120
_OTHERS = 1e-3
# The median of absolute deviations of normal errors is this share of their sigma.
_MAD = 0.6745
# Lags that differ by less than this share of a period are one and the same.
_LOCKED = 0.1

# Steps match if they change by alike shares, and lie no further apart than so many updates of the slower log.
_ALIKE = 0.5
_NEAR = 1.5
# Another offset that matches this share as well makes the found one doubtful.
_RIVAL = 0.85

# The share of the time between its readings that a meter's reading is the mean of, and how many do so: most
# show single moments or means of all of the time (counters, wattmeters), few a part of it (`power.draw` of an
# A100). Nobody says it of a log: all are tried, each as likely as the steps make it.
_WINDOWS = ((0.0, 0.42), (0.1, 0.04), (0.25, 0.03), (0.5, 0.05), (0.75, 0.03), (1.0, 0.43))
# Windows that many times less likely than another are none of this log's.
_UNLIKELY = 1e-2
# A reading may be old by this share of the time between two of them: meters renew theirs when they do.
_OLD = 0.1


@dataclass(frozen=True)
class Offset:
    """How much later the second log's clock is: its time less the first one's, of one moment.

    A meter that shows its load late looks like a clock that is ahead: how late both are is part of it.
    """

    offset_s: float
    u_s: float  # standard
    steps: int  # that both showed
    of: int = 0  # how many the log of fewer shows


def offset(first: Sequence[Point], second: Sequence[Point], most_s: float = math.inf) -> Offset:
    """The offset between two logs of powers that follow the same load, no larger than ``most_s``.

    Of two logs of 1 Hz three steps tell it to 0.3 s in 99 % of cases where both show means, in 93 % where one
    does. Where both show single moments a step lies anywhere between two readings: three tell it in 82 %,
    eight in 97 %, which is all that such readings hold. ``u_s`` says in each case how far it may be off.
    Clocks that wander have no one offset: few of their steps lie at that of the others.

    Raises:
        UsageError: they share too few steps, or match as well at another offset.
    """
    ours, theirs = steps(first), steps(second)
    if min(len(ours), len(theirs)) < LEAST:
        fewer = "the first" if len(ours) <= len(theirs) else "the second"
        raise UsageError(
            f"the logs' clocks cannot be joined: {fewer} shows {min(len(ours), len(theirs))} steps of its"
            f" power, {LEAST} are needed: load and idle in turn, irregularly, a few times"
        )
    slower_s = max(period_s(first), period_s(second))
    near_s = _NEAR * slower_s
    tried = sorted(
        {
            round((b.middle_s - a.middle_s) / near_s * 4) * near_s / 4
            for a in ours
            for b in theirs
            if _alike(a, b) and abs(b.middle_s - a.middle_s) <= most_s + near_s
        }
    )
    scored = [(_score(_matched(ours, theirs, by_s, near_s)), by_s) for by_s in tried]
    best, at_s = max(scored, default=(0.0, 0.0))
    pairs = _matched(ours, theirs, at_s, near_s)
    if len(pairs) < LEAST:
        raise UsageError(
            f"the logs' clocks cannot be joined: they share {len(pairs)} steps, {LEAST} are needed; are"
            " they of one machine at one time?"
        )
    rivals = [by_s for score, by_s in scored if score >= _RIVAL * best and abs(by_s - at_s) > 4 * near_s]
    if rivals:
        raise UsageError(
            f"the logs match at offsets of {at_s:.1f} s and {rivals[0]:.1f} s as well: their steps repeat;"
            " record steps of different lengths"
        )
    found = _refined(pairs, _windows(ours), _windows(theirs), slower_s)
    return replace(found, of=min(len(ours), len(theirs)))


def _alike(a: Step, b: Step) -> bool:
    return a.change * b.change > 0 and min(a.change / b.change, b.change / a.change) >= _ALIKE


def _matched(
    ours: Sequence[Step], theirs: Sequence[Step], by_s: float, near_s: float
) -> list[tuple[Step, Step]]:
    """The steps that are one and the same if the clocks differ by ``by_s``; each at most once."""
    pairs, j = [], 0
    for a in ours:
        while j < len(theirs) and theirs[j].middle_s < a.middle_s + by_s - near_s:
            j += 1
        if j < len(theirs) and theirs[j].middle_s <= a.middle_s + by_s + near_s and _alike(a, theirs[j]):
            pairs.append((a, theirs[j]))
            j += 1
    return pairs


def _score(pairs: Sequence[tuple[Step, Step]]) -> float:
    return math.fsum(min(abs(a.change), abs(b.change)) for a, b in pairs)


def _windows(found: Sequence[Step]) -> list[tuple[float, float]]:
    """The windows that a log's readings may be means of, and how likely its steps make each.

    A step that comes at any moment shows in one reading of both levels as often as the window is of the time.
    """
    within = sum(step.kind == "within" for step in found)
    jumps = sum(step.kind == "jump" for step in found)
    weighed = []
    for window, many in _WINDOWS:
        both = _OTHERS + (1 - 2 * MOVES) * window
        weighed.append((window, math.log(many) + within * math.log(both) + jumps * math.log(1 - both)))
    most = max(log for _, log in weighed)
    return [(window, log - most) for window, log in weighed if log - most > math.log(_UNLIKELY)]


# When each of two logs shows a step: earliest and latest.
_Stretches = tuple[float, float, float, float]


def _refined(
    pairs: Sequence[tuple[Step, Step]],
    ours: Sequence[tuple[float, float]],
    theirs: Sequence[tuple[float, float]],
    slower_s: float,
) -> Offset:
    """Mean and spread of the offset, given that each step came at one moment within both its stretches.

    How likely an offset makes what two logs show of a step is how far its two stretches then overlap, for
    each pair of windows that the logs may have; of two pairs the shorter stretches say more. Where they
    differ by more than that explains, since the load ramps or a clock wanders, all are that much wider.
    """
    cases = [
        ([(*a.stretch(own), *b.stretch(other)) for a, b in pairs], log + more)
        for (own, log), (other, more) in itertools.product(ours, theirs)
    ]
    more_s = min(_unexplained_s(stretches) for stretches, _ in cases)
    cases = [
        (wider, log - math.fsum(math.log(max(b - a, d - c) / slower_s) for a, b, c, d in wider))
        for wider, log in (([_widened(each, more_s) for each in own], log) for own, log in cases)
    ]
    every = [each for stretches, _ in cases for each in stretches]
    low_s, high_s = min(c - b for _, b, c, _ in every), max(d - a for a, _, _, d in every)
    for _ in range(3):  # ever finer around what is likely
        step_s = (high_s - low_s) / _GRID
        grid_s = [low_s + (i + 0.5) * step_s for i in range(_GRID)]
        mean_s, own_s = _mean_and_sd(grid_s, [_likelihoods(cases, at_s) for at_s in grid_s])
        reach_s = 6 * own_s + step_s
        low_s, high_s = max(low_s, mean_s - reach_s), min(high_s, mean_s + reach_s)
    if all(a.kind == b.kind == "jump" for a, b in pairs) and _locked(pairs):
        # The load steps in time with the readings: each step says the same again, and no more.
        own_s = max(own_s, slower_s * RECTANGLE)
    old_s = _OLD / 2 * slower_s * RECTANGLE * math.sqrt(2)
    # Where clocks wander, more steps do not tell better by how much they differ at any one moment.
    return Offset(mean_s, math.hypot(own_s, more_s, old_s), len(pairs))


def _unexplained_s(stretches: Sequence[_Stretches]) -> float:
    """By how much what two logs show of one step usually differs beyond what the stretches allow."""
    halves_s = [(b - a + d - c) / 2 for a, b, c, d in stretches]
    lags_s = [(c + d - a - b) / 2 for a, b, c, d in stretches]
    middle_s = _weighted_median([(lag_s, 1 / h) for lag_s, h in zip(lags_s, halves_s, strict=True)])
    beyond = (max(0.0, abs(lag_s - middle_s) - h) for lag_s, h in zip(lags_s, halves_s, strict=True))
    return median(beyond) / _MAD


def _locked(pairs: Sequence[tuple[Step, Step]]) -> bool:
    lags_s = [b.at_s - a.at_s for a, b in pairs]
    return max(lags_s) - min(lags_s) < _LOCKED * min(min(a.period_s, b.period_s) for a, b in pairs)


def _widened(stretches: _Stretches, by_s: float) -> _Stretches:
    a, b, c, d = stretches
    return a - by_s, b + by_s, c - by_s, d + by_s


def _likelihoods(cases: Iterable[tuple[Sequence[_Stretches], float]], by_s: float) -> list[float]:
    """The logarithms, of each pair of windows, if the clocks differ by ``by_s``."""
    return [
        log + math.fsum(math.log(_OTHERS + _overlap(each, by_s)) for each in stretches)
        for stretches, log in cases
    ]


def _mean_and_sd(grid_s: Sequence[float], logs: Sequence[Sequence[float]]) -> tuple[float, float]:
    most = max(map(max, logs))
    weights = [math.fsum(math.exp(log - most) for log in each) for each in logs]
    whole = math.fsum(weights)
    mean_s = math.fsum(w * at_s for w, at_s in zip(weights, grid_s, strict=True)) / whole
    squares = math.fsum(w * (at_s - mean_s) ** 2 for w, at_s in zip(weights, grid_s, strict=True))
    return mean_s, math.sqrt(squares / whole)


def _weighted_median(values: Sequence[tuple[float, float]]) -> float:
    ordered, seen = sorted(values), 0.0
    half = math.fsum(weight for _, weight in values) / 2
    for value, weight in ordered:
        seen += weight
        if seen >= half:
            return value
    return ordered[-1][0]


def _overlap(stretches: _Stretches, by_s: float) -> float:
    """The share of the shorter stretch that lies in the other, if the clocks differ by ``by_s``."""
    a, b, c, d = stretches
    common_s = min(b + by_s, d) - max(a + by_s, c)
    return max(0.0, common_s) / max(1e-9, min(b - a, d - c))
