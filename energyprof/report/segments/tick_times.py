"""When a counter ticked unobserved: between the ticks that were seen, ticks come evenly."""

from __future__ import annotations

import math

# A tick that was caught within this share of its length tells when the others come.
CAUGHT = 1 / 20
# How fast what is known of the ticks follows what is seen of them.
FOLLOW = 0.2
# Of the ticks' scatter before any was seen, as a share of their length; and how it grows from tick to tick.
FIRST_SCATTER, GROWTH = 0.02, 0.1


class TickTimes:
    """The times of the ticks of one counter, from those that were caught between two looks."""

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        self._caught_s: float | None = None  # the last one
        self._scatter_s2 = (FIRST_SCATTER * tick_s) ** 2  # mean square

    def caught(self, earliest_s: float, latest_s: float) -> bool:
        """Whether a tick between these two looks is known well enough; if so it is learned from."""
        if latest_s - earliest_s > 2 * CAUGHT * self._tick_s:
            return False
        time_s, before_s = (earliest_s + latest_s) / 2, self._caught_s
        if before_s is not None:
            ticks = max(1, round((time_s - before_s) / self._tick_s))
            stray_s = time_s - before_s - ticks * self._tick_s
            if abs(stray_s) < self._tick_s / 4:
                self._tick_s += FOLLOW * stray_s / ticks
                self._scatter_s2 += FOLLOW * (stray_s**2 - self._scatter_s2)
        self._caught_s = time_s
        return True

    def forget(self) -> None:
        """Know nothing of the ticks' times until one is caught again; their length stays."""
        self._caught_s = None

    def between(self, earliest_s: float, latest_s: float) -> tuple[list[float], float]:
        """The times between two looks at which a tick is due, and what each may be off by (half-width)."""
        if self._caught_s is None:
            return [], math.inf
        late = (latest_s - self._caught_s) / self._tick_s
        doubt_s = math.sqrt(3 * self._scatter_s2) * (1 + GROWTH * late)
        first = max(1, math.ceil((earliest_s - doubt_s - self._caught_s) / self._tick_s))
        last = math.floor((latest_s + doubt_s - self._caught_s) / self._tick_s)
        due = [self._caught_s + count * self._tick_s for count in range(first, last + 1)]
        return [min(max(time_s, earliest_s), latest_s) for time_s in due], doubt_s
