"""The steps of a log of powers: between which of its readings each came, and how much of it they show."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from statistics import fmean, median
from typing import Literal

from energyprof.compare.statistics.plane import MAD
from energyprof.storable.frozen import dataclass

Point = tuple[float, float]  # s and W
Kind = Literal["jump", "within", "ramp"]  # from reading to reading, with one of both levels, or over more

# A change of this share of the whole spread from one reading to the next belongs to a step, of noisy ones of
# so many times their noise, but of the larger share in any case …
_MOVES, _NOISES, _MOST_MOVES = 0.05, 4.0, 0.1
# … and a step is one of this share in all, over no more readings than these.
_STEP = 0.2
_LONGEST = 8
# Only so many steps, the largest, are kept: all pairs of two logs are tried.
_MOST = 60
LEAST = 3
# No moment at which a reading was taken is surer than that of a mean over this share of the time before it.
_LEAST_WINDOW = 0.1
# A level is the mean of so many readings before or after a step, while they stay at it.
_LEVEL_READINGS = 4


@dataclass(frozen=True)
class Step:
    """A step of a log: the readings around it, and how much it changed the power."""

    kind: Kind
    start_s: float  # the last reading before it
    at_s: float  # that of both levels; where a ramp crosses its middle; the first after a jump
    period_s: float  # between two readings there
    share: float  # how much of the reading of both levels is of the new one
    unsure: float  # of that share, how far noise or what is no move may put it off
    change: float  # of the power, as a share of the whole spread

    def stretch(self, window: float) -> tuple[float, float]:
        """When it came, earliest and latest, if a reading is the mean of this share of the time before it.

        The load jumped from level to level, or a ramp is seen to the half of the time between two readings.
        """
        mean_s = window * self.period_s
        unsure_s = self.unsure * max(mean_s, _LEAST_WINDOW * self.period_s)
        if self.kind == "jump":
            return self.start_s - unsure_s, self.at_s - mean_s + unsure_s
        if self.kind == "within":
            came_s = self.at_s - self.share * mean_s
            return came_s - unsure_s, came_s + unsure_s
        # Between two readings of a ramp it may bend; a mean is that of the middle of its window.
        middle_s, half_s = self.at_s - mean_s / 2, self.period_s / 2
        return middle_s - half_s, middle_s + half_s

    def ramp_stretch(self, window: float) -> tuple[float, float]:
        """When its middle came, if the load took its time: single moments then look like means, but later."""
        later_s = window * self.period_s / 2
        unsure_s = self.unsure * self.period_s
        if self.kind == "within":
            # It lasted no longer than the readings beside this one, at one level, allow, nor half as long.
            most_s = self.period_s / max(self.share, 1 - self.share)
            ends_s = [self.at_s - (self.share - 0.5) * lasts_s for lasts_s in (most_s / 2, most_s)]
            return min(ends_s) - later_s - unsure_s, max(ends_s) - later_s + unsure_s
        start_s, end_s = self.stretch(0.0)
        return start_s - later_s, end_s - later_s

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
    noise_w = _noise_w(points)
    moves_w = min(max(_MOVES * spread_w, _NOISES * noise_w), _MOST_MOVES * spread_w)
    made = [
        _step(points, first, last, spread_w, moves_w, noise_w)
        for first, last in _jumps(points, spread_w, moves_w)
    ]
    largest = sorted(made, key=lambda step: -abs(step.change))[:_MOST]
    return sorted(largest, key=lambda step: step.middle_s)


def _noise_w(points: Sequence[Point]) -> float:
    """The sigma of readings at one level: most follow one another there."""
    moves_w = [abs(after[1] - before[1]) for before, after in itertools.pairwise(points)]
    return median(moves_w) / (MAD * math.sqrt(2))


def _jumps(points: Sequence[Point], spread_w: float, moves_w: float) -> list[tuple[int, int]]:
    """The readings before and after each step."""
    found, at, last = [], 0, len(points) - 1
    usual_s = period_s(points)
    while at < last:
        change_w = points[at + 1][1] - points[at][1]
        if abs(change_w) < moves_w or points[at + 1][0] - points[at][0] > 2.5 * usual_s:
            at += 1
            continue
        end = at + 1
        while (
            end < last
            and end - at < _LONGEST
            and (points[end + 1][1] - points[end][1]) * change_w > 0
            and abs(points[end + 1][1] - points[end][1]) >= moves_w
            and points[end + 1][0] - points[end][0] <= 2.5 * usual_s
        ):
            end += 1
        if abs(points[end][1] - points[at][1]) >= _STEP * spread_w:
            found.append((at, end))
        at = end
    return found


def _step(
    points: Sequence[Point], first: int, last: int, spread_w: float, moves_w: float, noise_w: float
) -> Step:
    (start_s, _), (end_s, _) = points[first], points[last]
    before_w, many = _level_w(points, first, -1, moves_w)
    after_w, more = _level_w(points, last, 1, moves_w)
    change_w = after_w - before_w
    change = change_w / spread_w
    # What moves it by less was taken for none.
    missed = moves_w / abs(change_w)
    if last - first == 1:
        return Step("jump", start_s, end_s, end_s - start_s, 1.0, missed, change)
    if last - first == 2:
        within_s, mean_w = points[first + 1]
        share = min(1.0, max(0.0, (mean_w - before_w) / change_w))
        noise = noise_w * math.sqrt(1 + share**2 / more + (1 - share) ** 2 / many) / abs(change_w)
        return Step("within", start_s, within_s, within_s - start_s, share, max(_MOVES, 2 * noise), change)
    middle_w = (before_w + after_w) / 2
    i = next((i for i in range(first, last) if (points[i + 1][1] - middle_w) * change_w >= 0), last - 1)
    (a_s, a_w), (b_s, b_w) = points[i], points[i + 1]
    crossing_s = a_s + (b_s - a_s) * min(1.0, max(0.0, (middle_w - a_w) / (b_w - a_w)))
    return Step("ramp", a_s, crossing_s, b_s - a_s, 0.5, missed, change)


def _level_w(points: Sequence[Point], at: int, way: Literal[-1, 1], moves_w: float) -> tuple[float, int]:
    """The mean of the readings from ``at`` on, forth or back, that stay at one level, and their number."""
    seen = [points[at][1]]
    while (
        len(seen) < _LEVEL_READINGS
        and 0 <= at + way * len(seen) < len(points)
        and abs(points[at + way * len(seen)][1] - seen[0]) < moves_w
    ):
        seen.append(points[at + way * len(seen)][1])
    return fmean(seen), len(seen)
