"""The offset between the clocks of two logs, from the steps that both show, and how far it may be off."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import get_args

from energyprof.compare.steps import LEAST, Kind, Point, Step, period_s, steps
from energyprof.errors import UsageError
from energyprof.report.energy import RECTANGLE
from energyprof.storable.frozen import dataclass

# Points at which offsets are weighed, and how likely it is that a pair is of two different steps.
_GRID, _FINER = 60, 3
_OTHERS = 1e-2
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
_ENDS = (0.0, 1.0)
# How many loads ramp from level to level instead of jumping: single moments of a ramp look like means of a
# jump.
_RAMPS = 0.5
_KINDS = len(get_args(Kind))
# How many jumps look like a ramp to a meter whose window is no longer than the time between two readings.
_NO_JUMP = 1e-6
# How far what two logs show of one step may differ besides, in periods: no two meters see a load in quite the
# same way, and clocks wander. Few steps that agree do not tell that others would: how many logs differ so.
_DIFFER = ((0.0, 0.5), (0.04, 0.2), (0.08, 0.15), (0.16, 0.05), (0.32, 0.05), (0.64, 0.05))
# The sigma of a difference between two times that are both off by no more than 1.
_TRIANGLE = math.sqrt(2 / 3)
# Cases that many times less likely than another are none of these logs'.
_UNLIKELY = 1e-3
# How sure 2 u is of the offset.
_SURE = 0.98
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

    Of two logs of 1 Hz three jumps tell it to 0.3 s in 98 % of cases where both show means, in 87 % where one
    does. Where both show single moments a jump lies anywhere between two readings: three tell it in 81 %.
    Of a load that ramps over seconds means and single moments look alike, half a reading apart. ``u_s`` says
    in each case how far it may be off. Clocks that wander have no one offset: what their steps differ by is
    in ``u_s`` as far as those that are seen tell it.

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
    found = _refined(pairs, _cases(ours, theirs, pairs, slower_s), slower_s)
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


# When each of two logs shows a step: earliest and latest.
_Stretches = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Case:
    """One way of how the two logs may have come about, and what then is known of each step."""

    stretches: tuple[_Stretches, ...]
    log: float  # how likely it is before the steps' times are looked at
    differ_s: float  # how far a log's steps are off besides

    def likely(self, grid_s: Sequence[float], most: float) -> list[float]:
        """How likely each offset is, relative to ``most``, a logarithm.

        That is how far a step's two stretches overlap, as a share of the shorter one.
        """
        found = [math.exp(self.log - most)] * len(grid_s)
        for a, b, c, d in self.stretches:
            at_s, most_s, least_s = (c + d - a - b) / 2, (b - a + d - c) / 2, max(1e-9, min(b - a, d - c))
            found = [
                so_far * (_OTHERS + (1.0 if share > 1.0 else share if share > 0.0 else 0.0))
                for so_far, by_s in zip(found, grid_s, strict=True)
                for share in [(most_s - abs(by_s - at_s)) / least_s]
            ]
        return found


def _cases(
    ours: Sequence[Step], theirs: Sequence[Step], pairs: Sequence[tuple[Step, Step]], slower_s: float
) -> list[_Case]:
    """Every way, of which the likely are kept: the windows of both, ramps or none, how far they differ."""
    found = []
    for (own, many), (other, more) in itertools.product(_WINDOWS, _WINDOWS):
        before = math.log(many * more)
        jumps = before + math.log(1 - _RAMPS) + _of_jumps(ours, own) + _of_jumps(theirs, other)
        found.append((jumps, [(*a.stretch(own), *b.stretch(other)) for a, b in pairs]))
        if own not in _ENDS or other not in _ENDS:
            continue  # those between would tell nothing besides
        ramps = before + math.log(_RAMPS) + _of_ramps(ours) + _of_ramps(theirs)
        found.append((ramps, [(*a.ramp_stretch(own), *b.ramp_stretch(other)) for a, b in pairs]))
    most = max(log for log, _ in found)
    cases = []
    for log, stretches in found:
        if log - most < math.log(_UNLIKELY):
            continue
        for share, many in _DIFFER:
            wider = tuple(_widened(each, share * slower_s) for each in stretches)
            width = math.fsum(math.log(max(b - a, d - c) / slower_s) for a, b, c, d in wider)
            cases.append(_Case(wider, log + math.log(many) - width, share * slower_s))
    return cases


def _of_jumps(found: Sequence[Step], window: float) -> float:
    """The logarithm of how likely jumps at any moments look like these steps to a meter of this window.

    One shows in a reading of both levels as often as the window is of the time, and never in more of them.
    """
    unsure = fmean(step.unsure for step in found)
    chances = {"jump": max(unsure, 1 - window), "within": max(unsure, window), "ramp": _NO_JUMP}
    return math.fsum(math.log(chances[step.kind]) for step in found)


def _of_ramps(found: Sequence[Step]) -> float:
    """The same of a load that ramps: what kinds of steps it shows is up to its ramps, whatever the window.

    Each share of the kinds is as likely as any other (Laplace's rule of succession).
    """
    counts = Counter(step.kind for step in found)
    each = math.fsum(math.lgamma(counts[kind] + 1) for kind in counts)
    return math.lgamma(_KINDS) + each - math.lgamma(len(found) + _KINDS)


def _refined(pairs: Sequence[tuple[Step, Step]], cases: Sequence[_Case], slower_s: float) -> Offset:
    """The offset's mean and how sure it is, given that each step came at one moment of both its stretches.

    How likely an offset makes what two logs show of a step is how far its two stretches then overlap; of two
    pairs the shorter stretches say more. All ways in which the logs may have come about have their say.
    """
    every = [each for case in cases for each in case.stretches]
    most = max(case.log for case in cases)
    low_s, high_s = min(c - b for _, b, c, _ in every), max(d - a for a, _, _, d in every)
    for _ in range(_FINER):  # ever finer around what is likely
        step_s = (high_s - low_s) / _GRID
        grid_s = [low_s + (i + 0.5) * step_s for i in range(_GRID)]
        each = [case.likely(grid_s, most) for case in cases]
        least = _UNLIKELY * max(map(max, each))
        kept = [i for i, own in enumerate(each) if max(own) >= least]
        cases, each = [cases[i] for i in kept], [each[i] for i in kept]
        weights = [math.fsum(own) for own in zip(*each, strict=True)]
        mean_s, half_s = _mean_and_half(grid_s, weights)
        reach_s = 2 * half_s + 2 * step_s
        low_s, high_s = max(low_s, mean_s - reach_s), min(high_s, mean_s + reach_s)
    # Where clocks wander more steps do not tell better by how much they differ at any one moment.
    differ_s = _weighted_median(
        [(case.differ_s, math.fsum(own)) for case, own in zip(cases, each, strict=True)]
    )
    own_s = math.hypot(half_s / 2, differ_s * _TRIANGLE)
    if all(a.kind == b.kind == "jump" for a, b in pairs) and _locked(pairs):
        # The load steps in time with the readings: each step says the same again, and no more.
        own_s = max(own_s, slower_s * RECTANGLE)
    old_s = _OLD / 2 * slower_s * RECTANGLE * math.sqrt(2)
    return Offset(mean_s, math.hypot(own_s, old_s), len(pairs))


def _locked(pairs: Sequence[tuple[Step, Step]]) -> bool:
    lags_s = [b.at_s - a.at_s for a, b in pairs]
    return max(lags_s) - min(lags_s) < _LOCKED * min(min(a.period_s, b.period_s) for a, b in pairs)


def _widened(stretches: _Stretches, by_s: float) -> _Stretches:
    a, b, c, d = stretches
    return a - by_s, b + by_s, c - by_s, d + by_s


def _weighted_median(values: Sequence[tuple[float, float]]) -> float:
    ordered, seen = sorted(values), 0.0
    half = math.fsum(weight for _, weight in values) / 2
    for value, weight in ordered:
        seen += weight
        if seen >= half:
            return value
    return ordered[-1][0]


def _mean_and_half(grid_s: Sequence[float], weights: Sequence[float]) -> tuple[float, float]:
    """The mean, and how far around it `_SURE` of the weights lie: tails are longer than a normal's."""
    whole = math.fsum(weights)
    mean_s = math.fsum(w * at_s for w, at_s in zip(weights, grid_s, strict=True)) / whole
    seen = 0.0
    for off_s, weight in sorted((abs(at_s - mean_s), w) for w, at_s in zip(weights, grid_s, strict=True)):
        seen += weight
        if seen >= _SURE * whole:
            return mean_s, off_s
    return mean_s, grid_s[-1] - grid_s[0]
