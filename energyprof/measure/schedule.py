"""When a meter is read next: on even beats, at random within them, or at the ticks of its counter."""

from __future__ import annotations

import math
import random
from typing import Protocol

# Two reads this far apart hold a tick between them as tightly as an operating system wakes a thread.
STEP_S = 0.001
# How fast what is known of the ticks follows what is seen of them.
FOLLOW = 0.2
# How far around an expected tick to look: less after each one that came there, more after one that did not.
SHRINK, GROW = 0.9, 2.0
# The tick's length is known to about a millisecond, and so is the first tick that is caught.
REACH_S = 0.01
# A tick that does not come for so many of its own lengths is lost, and looked for anew.
PATIENCE = 3
# Looking for a lost tick costs reads: after this long it is given up for a while.
SEARCH_S = 3.0
REST_S = 30.0


class Schedule(Protocol):
    """Times are those of one clock, in s, and only go forward."""

    def saw(self, start_s: float, end_s: float, value: float | None) -> None:
        """A read began and ended then; ``None``: it failed."""
        ...

    def next_s(self, now_s: float) -> float:
        """When to read next, as things stand at ``now_s``."""
        ...


class FixedInterval:
    """The points of a grid from the first read on; those that a slow read let pass are not caught up."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._first_s: float | None = None

    def saw(self, start_s: float, end_s: float, value: float | None) -> None:
        """The first read sets the grid."""
        if self._first_s is None:
            self._first_s = start_s

    def next_s(self, now_s: float) -> float:
        """The next point of the grid."""
        first_s = now_s if self._first_s is None else self._first_s
        beats = math.floor((now_s - first_s) / self._interval_s) + 1
        return first_s + beats * self._interval_s


class StratifiedRandom:
    """One read in each interval, anywhere in it: no load can keep step with the reads.

    Stratified sampling: the mean is free of bias whatever the load's period, and the errors of single reads
    are independent (Cochran, Sampling Techniques, chapter 5).
    """

    def __init__(self, interval_s: float, rng: random.Random) -> None:
        self._interval_s, self._rng = interval_s, rng
        self._first_s: float | None = None
        self._stratum = 0  # the last one that has its read
        self._at_s = 0.0  # when the read of that stratum is due

    def saw(self, start_s: float, end_s: float, value: float | None) -> None:
        """The first read begins the first interval."""
        if self._first_s is None:
            self._first_s = self._at_s = start_s

    def next_s(self, now_s: float) -> float:
        """A time within the next interval that has none; the same until it has come."""
        if self._first_s is None:
            return now_s
        if now_s >= self._at_s:
            now = math.floor((now_s - self._first_s) / self._interval_s)
            self._stratum = max(self._stratum + 1, now)
            self._at_s = self._first_s + (self._stratum + self._rng.random()) * self._interval_s
        return max(now_s, self._at_s)


class TickTracking:
    """Reads before, at and after the time a tick is expected, about once an interval: so the tick has a time.

    How long a tick lasts and how far around it to look is learned from the ticks that were caught. A read
    that comes unasked marks the edge of a phase: the very next tick is hunted, so that no more than one tick
    lies around the edge.
    """

    def __init__(self, interval_s: float, tick_s: float) -> None:
        self._interval_s, self._tick_s = interval_s, tick_s
        self._reach_s = min(tick_s / 10, REACH_S)  # how far around the expected time to look
        self._value: float | None = None
        self._last_s = 0.0  # the middle of the last read
        self._edge_s: float | None = None  # the last tick that was caught; None: it is being looked for
        self._target_s = 0.0  # where the tick that is hunted is expected
        self._look_s = 0.0  # when the next look was due
        self._search_s: float | None = None  # since when a tick is looked for everywhere
        self._rest_s = -math.inf  # until when it is not

    def saw(self, start_s: float, end_s: float, value: float | None) -> None:
        """Learns from a read whether the counter ticked since the one before it."""
        last_s, self._last_s = self._last_s, (start_s + end_s) / 2
        before, self._value = self._value, value
        self._learn(last_s, before, value)
        if self._edge_s is not None and start_s < self._look_s:
            ticks = math.floor((self._last_s - self._edge_s) / self._tick_s) + 1
            self._target_s = min(self._target_s, self._edge_s + ticks * self._tick_s)

    def _learn(self, last_s: float, before: float | None, value: float | None) -> None:
        if value is None or before is None or value == before:
            return
        if self._last_s - last_s <= self._tick_s / 2:
            self._caught((last_s + self._last_s) / 2)
        elif self._edge_s is not None and self._edge_s + 1.5 * self._tick_s > self._target_s > self._last_s:
            # The very next tick was hunted, and it came early: wait for the one after it.
            self._target_s += self._tick_s
            self._widen(GROW)

    def next_s(self, now_s: float) -> float:
        """The next look: around the tick that is expected, or soon again if it is overdue."""
        self._look_s = self._next_look_s(now_s)
        return self._look_s

    def _next_look_s(self, now_s: float) -> float:
        if self._edge_s is None:
            return self._searching(now_s)
        for look_s in (self._target_s - self._reach_s, self._target_s, self._target_s + self._reach_s):
            if now_s < look_s:
                # It must be read once an interval: a meter that is gone shows no tick either.
                beat_s = self._last_s + self._interval_s
                return look_s if look_s <= beat_s + self._interval_s / 4 else max(beat_s, now_s)
        if now_s > self._target_s + PATIENCE * self._tick_s:
            self._edge_s = None
        return now_s + max(self._reach_s, (now_s - self._target_s) / 4)

    def _caught(self, edge_s: float) -> None:
        if self._edge_s is not None:
            ticks = max(1, round((edge_s - self._edge_s) / self._tick_s))
            stray_s = edge_s - (self._edge_s + ticks * self._tick_s)
            self._tick_s += FOLLOW * stray_s / ticks
            self._widen(SHRINK if abs(edge_s - self._target_s) <= self._reach_s else GROW)
        self._edge_s, self._search_s = edge_s, None
        self._target_s = edge_s + max(1, round(self._interval_s / self._tick_s)) * self._tick_s

    def _widen(self, factor: float) -> None:
        self._reach_s = min(max(STEP_S, self._reach_s * factor), self._tick_s / 4)

    def _searching(self, now_s: float) -> float:
        if now_s < self._rest_s:
            return self._last_s + self._interval_s
        if self._search_s is None:
            self._search_s = now_s
        if now_s - self._search_s > SEARCH_S:
            self._search_s, self._rest_s = None, now_s + REST_S
        return now_s + max(STEP_S, self._tick_s / 50)
