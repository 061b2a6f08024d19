"""Watches the wall clock through a run: where it was set, where it drifts, and where the machine slept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from energyprof.clock import Clocks, read_clocks
from energyprof.trace.wall_clock import Look, Piece, pieces

# A smaller move tells nothing: it is how the two clocks happen to be read.
MOVED_S = 0.001

# Records an event with these fields, at a time on the monotonic clock.
Tell = Callable[[str, Mapping[str, Any], float], None]


class ClockWatch:
    """Looks at the clocks when asked to, and tells of those looks that say something new."""

    def __init__(self, tell: Tell) -> None:
        """The first look is the run's zero."""
        self.zero = read_clocks()
        self._tell = tell
        self._last = self._told = self.zero
        self._looks = [self._look(self.zero)]

    def begin(self) -> None:
        """Tell of the first look."""
        self._tell("clock", _fields(self.zero), self.zero.monotonic_s)

    def look(self) -> None:
        """Look again. Where something moved, the look before it is told as well: it moved in between."""
        now = read_clocks()
        if _moved(self._told, now):
            if self._last is not self._told:
                self._say(self._last)
            self._say(now)
        self._last = now

    def end(self) -> None:
        """Look once more, and tell of it in any case."""
        self.look()
        if self._last is not self._told:
            self._say(self._last)

    def pieces(self) -> list[Piece]:
        """The wall clock so far, in the run's time."""
        return pieces(self._looks)

    def _say(self, seen: Clocks) -> None:
        self._told = seen
        self._looks.append(self._look(seen))
        self._tell("clock", _fields(seen), seen.monotonic_s)

    def _look(self, seen: Clocks) -> Look:
        return Look(seen.monotonic_s - self.zero.monotonic_s, seen.utc_s, seen.asleep_s, seen.doubt_s)


def _fields(seen: Clocks) -> Mapping[str, Any]:
    asleep = {} if seen.asleep_s is None else {"asleep_s": round(seen.asleep_s, 6)}
    return {"utc_s": round(seen.utc_s, 6), "doubt_s": round(seen.doubt_s, 7), **asleep}


def _moved(before: Clocks, now: Clocks) -> bool:
    least_s = MOVED_S + before.doubt_s + now.doubt_s
    gained_s = (now.utc_s - now.monotonic_s) - (before.utc_s - before.monotonic_s)
    slept_s = (now.asleep_s or 0.0) - (before.asleep_s or 0.0)
    return abs(gained_s) > least_s or abs(slept_s) > least_s
