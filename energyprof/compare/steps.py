"""The steps of a log of powers: between which of its readings each came, and how much of it they show."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

from energyprof.storable.frozen import dataclass

Point = tuple[float, float]  # s and W

# A change of this share of the whole spread from one reading to the next belongs to a step …
MOVES = 0.05
# … and a step is one of this share in all, over no more readings than these.
_STEP = 0.2
_LONGEST = 8
# Only so many steps, the largest, are kept: all pairs of two logs are tried.
_MOST = 60
LEAST = 3
# No moment at which a reading was taken is surer than that of a mean over this share of the time before it.
_LEAST_WINDOW = 0.1


@dataclass(frozen=True)
class Step:
    """A step of a log: the readings around it, and how much it changed the power."""

    kind: Literal["jump", "within", "ramp"]  # from reading to reading, with one of both levels, or over more
    start_s: float  # the last reading before it
    at_s: float  # that of both levels; where a ramp crosses its middle; the first after a jump
    period_s: float  # between two readings there
    share: float  # how much of the reading of both levels is of the new one
    change: float  # of the power, as a share of the whole spread

    def stretch(self, window: float) -> tuple[float, float]:
        """When it came, earliest and latest, if a reading is the mean of this share of the time before it.

        Readings that tell by less than `MOVES` of a step whether it has come are off by as much.
        """
        mean_s = window * self.period_s
        unsure_s = MOVES * max(mean_s, _LEAST_WINDOW * self.period_s)
        if self.kind == "jump":
            return self.start_s - unsure_s, self.at_s - mean_s + unsure_s
        if self.kind == "within":
            came_s = self.at_s - self.share * mean_s
            return came_s - unsure_s, came_s + unsure_s
        # Between two readings of a ramp it may bend; a mean is that of the middle of its window.
        middle_s, half_s = self.at_s - mean_s / 2, self.period_s / 2
        return middle_s - half_s, middle_s + half_s

    @property
    def middle_s(self) -> float:
        """About when it came: what `stretch` has with half a window."""
        return sum(self.stretch(0.5)) / 2


def period_s(points: Sequence[Point]) -> float:
    """How often a log usually has a reading."""
    gaps = sorted(after[0] - before[0] for before, after in itertools.pairwise(points))
    return gaps[len(gaps) // 2] if gaps else 1.0


def steps(points: Sequence[Point]) -> list[Step]:
    """The log's largest steps, in order of time."""
    values = sorted(value for _, value in points)
    if len(values) < LEAST:
        return []
    cut = len(values) // 50
    spread_w = values[-1 - cut] - values[cut]
    if spread_w <= 0:
        return []
    made = [_step(points, first, last, spread_w) for first, last in _jumps(points, spread_w)]
    largest = sorted(made, key=lambda step: -abs(step.change))[:_MOST]
    return sorted(largest, key=lambda step: step.middle_s)


def _jumps(points: Sequence[Point], spread_w: float) -> list[tuple[int, int]]:
    """The readings before and after each step."""
    found, at, last = [], 0, len(points) - 1
    usual_s = period_s(points)
    while at < last:
        change_w = points[at + 1][1] - points[at][1]
        if abs(change_w) < MOVES * spread_w or points[at + 1][0] - points[at][0] > 2.5 * usual_s:
            at += 1
            continue
        end = at + 1
        while (
            end < last
            and end - at < _LONGEST
            and (points[end + 1][1] - points[end][1]) * change_w > 0
            and abs(points[end + 1][1] - points[end][1]) >= MOVES * spread_w
            and points[end + 1][0] - points[end][0] <= 2.5 * usual_s
        ):
            end += 1
        if abs(points[end][1] - points[at][1]) >= _STEP * spread_w:
            found.append((at, end))
        at = end
    return found


def _step(points: Sequence[Point], first: int, last: int, spread_w: float) -> Step:
    (start_s, before_w), (end_s, after_w) = points[first], points[last]
    change = (after_w - before_w) / spread_w
    if last - first == 1:
        return Step("jump", start_s, end_s, end_s - start_s, 1.0, change)
    if last - first == 2:
        within_s, mean_w = points[first + 1]
        share = (after_w - mean_w) / (after_w - before_w)
        return Step("within", start_s, within_s, within_s - start_s, 1 - share, change)
    middle_w = (before_w + after_w) / 2
    i = next(i for i in range(first, last) if (points[i + 1][1] - middle_w) * (after_w - before_w) >= 0)
    (a_s, a_w), (b_s, b_w) = points[i], points[i + 1]
    crossing_s = a_s + (b_s - a_s) * (middle_w - a_w) / (b_w - a_w)
    return Step("ramp", a_s, crossing_s, b_s - a_s, 0.5, change)
