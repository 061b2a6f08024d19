"""The offset between the clocks of two logs, from the steps that both show, and how far it may be off."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from statistics import median

from energyprof.errors import UsageError
from energyprof.report.energy import RECTANGLE
from energyprof.storable.frozen import dataclass

# Points at which offsets are weighed, and how likely it is that a pair is of two different steps.
_GRID = 400
_OTHERS = 1e-3
# The median of absolute deviations of normal errors is this share of their sigma.
_MAD = 0.6745
# Lags that differ by less than this share of what they may be off are one and the same.
_LOCKED = 0.1
# No stamp of a log is surer than this.
_LEAST_U_S = 0.01

Point = tuple[float, float]  # s and W

# A change of this share of the whole spread from one reading to the next belongs to a step …
_MOVES = 0.05
# … and a step is one of this share in all, over no more readings than these.
_STEP = 0.2
_LONGEST = 8
# Only so many steps, the largest, are matched: all pairs are tried.
_MOST = 60
LEAST_STEPS = 3
# Steps match if they change by alike shares, and lie no further apart than so many updates of the slower log.
_ALIKE = 0.5
_NEAR = 1.5
# Another offset that matches this share as well makes the found one doubtful.
_RIVAL = 0.85


@dataclass(frozen=True)
class Step:
    """A step of a log: it came between two times, and changed its power by a share of the whole spread."""

    earliest_s: float
    latest_s: float
    change: float

    @property
    def middle_s(self) -> float:
        """Halfway between the two."""
        return (self.earliest_s + self.latest_s) / 2


@dataclass(frozen=True)
class Offset:
    """How much later the second log's clock is: its time less the first one's, of one moment."""

    offset_s: float
    u_s: float  # standard
    steps: int  # that both showed


def offset(first: Sequence[Point], second: Sequence[Point], most_s: float = math.inf) -> Offset:
    """The offset between two logs of powers that follow the same load, no larger than ``most_s``.

    Three steps tell it to 0.3 s where one of two logs of 1 Hz shows means. Where both show single moments a
    step lies anywhere between two readings: three tell it in five of six cases, eight in 97 %, which is all
    that such readings hold. ``u_s`` says how far it may be off.

    Raises:
        UsageError: they share too few steps, or match as well at another offset.
    """
    ours, theirs = steps(first), steps(second)
    if min(len(ours), len(theirs)) < LEAST_STEPS:
        fewer = "the first" if len(ours) <= len(theirs) else "the second"
        raise UsageError(
            f"the logs' clocks cannot be joined: {fewer} shows {min(len(ours), len(theirs))} steps of its"
            f" power, {LEAST_STEPS} are needed: load and idle in turn, irregularly, a few times"
        )
    near_s = _NEAR * max(period_s(first), period_s(second))
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
    if len(pairs) < LEAST_STEPS:
        raise UsageError(
            f"the logs' clocks cannot be joined: they share {len(pairs)} steps, {LEAST_STEPS} are needed; are"
            " they of one machine at one time?"
        )
    rivals = [by_s for score, by_s in scored if score >= _RIVAL * best and abs(by_s - at_s) > 4 * near_s]
    if rivals:
        raise UsageError(
            f"the logs match at offsets of {at_s:.1f} s and {rivals[0]:.1f} s as well: their steps repeat;"
            " record steps of different lengths"
        )
    return _refined(pairs)


def period_s(points: Sequence[Point]) -> float:
    """How often a log usually has a reading."""
    gaps = sorted(after[0] - before[0] for before, after in itertools.pairwise(points))
    return gaps[len(gaps) // 2] if gaps else 1.0


def steps(points: Sequence[Point]) -> list[Step]:
    """The log's largest steps, in order of time.

    A meter that shows means takes one reading between two levels, whose value tells when in it the step came;
    one that shows instants jumps from reading to reading, and the step came anywhere between the two.
    """
    values = sorted(value for _, value in points)
    if len(values) < LEAST_STEPS:
        return []
    cut = len(values) // 50
    spread_w = values[-1 - cut] - values[cut]
    if spread_w <= 0:
        return []
    found = _jumps(points, spread_w)
    quick = [last - first for first, last in found if last - first <= 2]
    means = bool(quick) and quick.count(2) >= len(quick) / 4
    made = [_step(points, first, last, spread_w, means=means) for first, last in found]
    largest = sorted(made, key=lambda step: -abs(step.change))[:_MOST]
    return sorted(largest, key=lambda step: step.middle_s)


def _jumps(points: Sequence[Point], spread_w: float) -> list[tuple[int, int]]:
    """The readings before and after each step."""
    found, at, last = [], 0, len(points) - 1
    usual_s = period_s(points)
    while at < last:
        change_w = points[at + 1][1] - points[at][1]
        if abs(change_w) < _MOVES * spread_w or points[at + 1][0] - points[at][0] > 2.5 * usual_s:
            at += 1
            continue
        end = at + 1
        while (
            end < last
            and end - at < _LONGEST
            and (points[end + 1][1] - points[end][1]) * change_w > 0
            and abs(points[end + 1][1] - points[end][1]) >= _MOVES * spread_w
            and points[end + 1][0] - points[end][0] <= 2.5 * usual_s
        ):
            end += 1
        if abs(points[end][1] - points[at][1]) >= _STEP * spread_w:
            found.append((at, end))
        at = end
    return found


def _step(points: Sequence[Point], first: int, last: int, spread_w: float, *, means: bool) -> Step:
    (start_s, before_w), (end_s, after_w) = points[first], points[last]
    change = (after_w - before_w) / spread_w
    if last - first > 2:  # a ramp: where it crosses its middle
        middle_w = (before_w + after_w) / 2
        i = next(i for i in range(first, last) if (points[i + 1][1] - middle_w) * (after_w - before_w) >= 0)
        (a_s, a_w), (b_s, b_w) = points[i], points[i + 1]
        crossing_s = a_s + (b_s - a_s) * (middle_w - a_w) / (b_w - a_w)
        # A mean over the time since the last reading is that of its middle.
        return Step(crossing_s - (b_s - a_s) / 2, crossing_s + (0 if means else (b_s - a_s) / 2), change)
    if not means:
        return Step(start_s, end_s, change)
    within_s, mean_w = points[first + 1]
    share = (mean_w - before_w) / (after_w - before_w)
    at_s = within_s - share * (within_s - start_s)
    unsure_s = _MOVES * (within_s - start_s)
    return Step(at_s - unsure_s, at_s + unsure_s, change)


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


def _refined(pairs: Sequence[tuple[Step, Step]]) -> Offset:
    """Mean and spread of the offset, given that each step came at one moment within both its stretches.

    How likely an offset makes what two logs show of a step is how far its two stretches then overlap. Where
    they differ by more than that explains, since the load ramps or a clock wanders, all are that much wider.
    """
    halves_s = [(a.latest_s - a.earliest_s + b.latest_s - b.earliest_s) / 2 for a, b in pairs]
    lags_s = [b.middle_s - a.middle_s for a, b in pairs]
    middle_s = _weighted_median([(lag_s, 1 / h) for lag_s, h in zip(lags_s, halves_s, strict=True)])
    beyond_s = [
        max(0.0, abs(lag_s - middle_s) - half_s) for lag_s, half_s in zip(lags_s, halves_s, strict=True)
    ]
    more_s = median(beyond_s) / _MAD
    wider = [(_widened(a, more_s), b) for a, b in pairs]
    low_s = min(b.earliest_s - a.latest_s for a, b in wider)
    high_s = max(b.latest_s - a.earliest_s for a, b in wider)
    for _ in range(3):  # ever finer around what is likely
        step_s = (high_s - low_s) / _GRID
        grid_s = [low_s + (i + 0.5) * step_s for i in range(_GRID)]
        logs = [math.fsum(math.log(_OTHERS + _overlap(a, b, at_s)) for a, b in wider) for at_s in grid_s]
        most = max(logs)
        weights = [math.exp(log - most) for log in logs]
        whole = math.fsum(weights)
        mean_s = math.fsum(w * at_s for w, at_s in zip(weights, grid_s, strict=True)) / whole
        spread_s2 = (
            math.fsum(w * (at_s - mean_s) ** 2 for w, at_s in zip(weights, grid_s, strict=True)) / whole
        )
        reach_s = 6 * math.sqrt(spread_s2) + step_s
        low_s, high_s = max(low_s, mean_s - reach_s), min(high_s, mean_s + reach_s)
    own_s = math.sqrt(spread_s2)
    if max(lags_s) - min(lags_s) < _LOCKED * min(halves_s):
        # The load steps in time with the readings: each step says the same again, and no more.
        own_s = max(own_s, min(halves_s) * RECTANGLE)
    return Offset(mean_s, math.hypot(own_s, more_s / math.sqrt(len(pairs)), _LEAST_U_S), len(pairs))


def _widened(step: Step, by_s: float) -> Step:
    return Step(step.earliest_s - by_s, step.latest_s + by_s, step.change)


def _weighted_median(values: Sequence[tuple[float, float]]) -> float:
    ordered, seen = sorted(values), 0.0
    half = math.fsum(weight for _, weight in values) / 2
    for value, weight in ordered:
        seen += weight
        if seen >= half:
            return value
    return ordered[-1][0]


def _overlap(a: Step, b: Step, by_s: float) -> float:
    """The share of the shorter stretch that lies in the other, if the clocks differ by ``by_s``."""
    common_s = min(a.latest_s + by_s, b.latest_s) - max(a.earliest_s + by_s, b.earliest_s)
    return max(0.0, common_s) / max(1e-9, min(a.latest_s - a.earliest_s, b.latest_s - b.earliest_s))
