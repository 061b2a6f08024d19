"""How a run's wall clock stood beside its monotonic one: followed where it drifts, parted where it was set.

On Linux both clocks are steered alike (adjtimex(2)), so that their difference changes only where the wall
clock is set, by a leap second, or while the machine sleeps. Elsewhere one may be slewed against the other.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from energyprof.storable.frozen import dataclass

# The wall clock gains or loses so much at most without being set (maxslewrate, chrony.conf(5)): 8.3 %.
SLEW = 0.1
# A change that is larger than that is a step, however long nobody looked; one that is smaller never is.
LARGE_S = 0.25
SMALL_S = 0.005


class Look(NamedTuple):
    """The clocks at one moment of a run."""

    time_s: float  # from the run's zero, monotonic
    utc_s: float  # since 1970, as the wall clock showed it
    asleep_s: float | None  # how long the machine has slept since it was started; None: not told
    doubt_s: float  # how far the two may have been read apart


class Change(NamedTuple):
    """What the wall clock did between two looks, other than to run on."""

    after_s: float  # from the run's zero
    before_s: float
    step_s: float  # it was set by so much; 0: it was not
    slept_s: float  # the machine slept for so long; 0: it did not


def look(time_s: float, fields: Mapping[str, Any]) -> Look:
    """The look that an event ``clock`` tells of."""
    return Look(time_s, fields["utc_s"], fields.get("asleep_s"), fields.get("doubt_s", 0.0))


def changes(looks: Iterable[Look]) -> list[Change]:
    """The steps and the sleeps that lie between ``looks``, which are in order of time."""
    found = (_change(before, after) for before, after in itertools.pairwise(looks))
    return [change for change in found if change is not None]


def _change(before: Look, after: Look) -> Change | None:
    span_s = after.time_s - before.time_s
    least_s = max(SMALL_S, min(SLEW * span_s, LARGE_S)) + before.doubt_s + after.doubt_s
    gained_s = after.utc_s - before.utc_s - span_s
    slept_s = 0.0
    if before.asleep_s is not None and after.asleep_s is not None:
        slept_s = after.asleep_s - before.asleep_s
    slept_s = slept_s if slept_s > least_s else 0.0
    step_s = gained_s - slept_s
    step_s = step_s if abs(step_s) > least_s else 0.0
    return Change(before.time_s, after.time_s, step_s, slept_s) if step_s or slept_s else None


@dataclass(frozen=True)
class Piece:
    """A stretch of a run in which the wall clock ran on."""

    looks: tuple[Look, ...]  # one at least
    earliest_s: float  # it began after this …
    latest_s: float  # … and ended before this, from the run's zero
    step_s: float = 0.0  # by how much the clock was set since the run's zero
    ahead_s: float = 0.0  # how far the clock that is meant is ahead of the machine's

    def utc_of(self, time_s: float) -> float:
        """What the clock showed at a time of the run."""
        return _between(self._by_time, time_s) + self.ahead_s

    def time_of(self, utc_s: float) -> float:
        """The time of the run at which the clock showed this."""
        return _between(self._by_utc, utc_s - self.ahead_s)

    def holds(self, time_s: float, slack_s: float) -> bool:
        """Whether the time may lie in it, give or take ``slack_s``."""
        return self.earliest_s - slack_s <= time_s <= self.latest_s + slack_s

    @functools.cached_property
    def _by_time(self) -> list[tuple[float, float]]:
        return [(seen.time_s, seen.utc_s) for seen in self.looks]

    @functools.cached_property
    def _by_utc(self) -> list[tuple[float, float]]:
        return [(seen.utc_s, seen.time_s) for seen in self.looks]


def pieces(looks: Sequence[Look]) -> list[Piece]:
    """The run in pieces, parted by the changes; ``looks``, one at least, are in order of time."""
    parted = changes(looks)
    begins = [-math.inf, *(change.after_s for change in parted)]
    ends = [*(change.before_s for change in parted), math.inf]
    steps = itertools.accumulate((change.step_s for change in parted), initial=0.0)
    return [
        Piece(tuple(seen for seen in looks if begin_s < seen.time_s < end_s), begin_s, end_s, step_s)
        for begin_s, end_s, step_s in zip(begins, ends, steps, strict=True)
    ]


def unset(parts: Sequence[Piece], step_s: float) -> list[Piece]:
    """The same for a clock that nobody set: it agreed with the machine's while that was set by ``step_s``."""
    return [replace(part, ahead_s=step_s - part.step_s) for part in parts]


def _between(known: Sequence[tuple[float, float]], at: float) -> float:
    """The value at ``at`` on the line through ``known`` points; beyond its ends it runs on evenly."""
    place = bisect.bisect_right(known, (at, math.inf))
    if place == 0 or place == len(known):
        from_at, from_value = known[max(0, place - 1)]
        return from_value + (at - from_at)
    (from_at, from_value), (to_at, to_value) = known[place - 1], known[place]
    return from_value + (at - from_at) * (to_value - from_value) / (to_at - from_at)
