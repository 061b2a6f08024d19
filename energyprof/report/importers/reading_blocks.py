"""Readings that follow each other as blocks, of which there are never more than so many.

A block of powers is kept as two readings, at its start and just before its end. Their trapezoid is the
block's
energy to the last digit, and their step such that what the power did between two readings is as unsure as
it was
in the log. Of a counter the reading at a block's end says all.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from operator import add, mul, sub

from energyprof.errors import FileError
from energyprof.meter import Quantity
from energyprof.report.segments.segment import GAP_INTERVALS
from energyprof.units import seconds

Point = tuple[float, "float | None"]

# So long before a block's end stands its second reading: a trace tells microseconds apart.
BEFORE_S = 4e-6
# A gap between two blocks is seen if it is longer than the longest block, by more than rounding.
GAP_SHOWS = 1.01
# Of blocks of which no more than one in ten touches another, few become one.
FEW = 0.9


class Blocks:
    """Blocks of readings that follow each other without a gap; a block's last reading is the next "
    "one's first."""

    def __init__(self, most: int, period_s: float, quantity: Quantity) -> None:
        self.size = 1  # readings of a block
        self.period_s = period_s
        self.last_s: float | None = None
        self.first_s = 0.0
        self._most, self._quantity = most, quantity
        self._time_s, self._value = array("d"), array("d")  # not yet in a block
        self._starts, self._ends = array("d"), array("d")
        self._joules, self._shapes = array("d"), array("d")
        self._counts = array("d")  # a counter's reading at the block's end
        self._first = 0.0

    def take(self, times: array[float], values: array[float]) -> None:
        """The next readings, in order of time."""
        if not len(times):
            return
        if self.last_s is None:
            self.first_s, self._first = times[0], values[0]
        self.last_s = times[-1]
        self._time_s.extend(times)
        self._value.extend(values)
        self._fill(whole=False)
        while len(self._starts) > self._most:
            before = len(self._starts)
            self._halve()
            if len(self._starts) > FEW * before:
                raise FileError(
                    "its readings come too unevenly: most are further apart than three times "
                    f"{seconds(self.period_s)}, which is what lay between its first ones"
                )

    def _fill(self, *, whole: bool) -> None:
        """Make blocks of what waits; of its end only with ``whole``."""
        times, values = self._time_s, self._value
        steps = list(map(sub, times[1:], times))
        twice = list(map(mul, steps, map(add, values[1:], values)))
        moves = list(map(mul, steps, map(abs, map(sub, values[1:], values))))
        gap_s = GAP_INTERVALS * self.period_s
        breaks = [i for i, step in enumerate(steps) if step > gap_s] if steps and max(steps) > gap_s else []
        at = 0
        for end in (*breaks, len(steps)):
            while end - at >= self.size or (at < end and (whole or end < len(steps))):
                to = min(end, at + self.size)
                self._starts.append(times[at])
                self._ends.append(times[to])
                self._joules.append(math.fsum(twice[at:to]) / 2)
                self._shapes.append(math.fsum(moves[at:to]) / 2)
                self._counts.append(values[to])
                at = to
            if end < len(steps):
                at = end + 1  # what lies in the gap belongs to no block
        self._time_s, self._value = times[at:], values[at:]

    def _halve(self) -> None:
        """Make one of each two that touch."""
        self.size *= 2
        starts, ends, joules, shapes, counts = (array("d") for _ in range(5))
        i, n = 0, len(self._starts)
        while i < n:
            two = i + 1 < n and self._starts[i + 1] == self._ends[i]
            last = i + 1 if two else i
            starts.append(self._starts[i])
            ends.append(self._ends[last])
            joules.append(self._joules[i] + (self._joules[last] if two else 0.0))
            shapes.append(self._shapes[i] + (self._shapes[last] if two else 0.0))
            counts.append(self._counts[last])
            i = last + 1
        self._starts, self._ends, self._joules = starts, ends, joules
        self._shapes, self._counts = shapes, counts

    def finish(self) -> None:
        """Make blocks of what is left."""
        self._fill(whole=True)

    @property
    def end_s(self) -> float:
        """The end of the last block."""
        return self._ends[-1] if len(self._ends) else self.first_s

    @property
    def longest_s(self) -> float:
        """The longest block."""
        return max(map(sub, self._ends, self._starts), default=self.period_s)

    def points(self) -> Iterator[Point]:
        """Two powers a block, or the counter at its end."""
        if self._quantity == "energy_j":
            yield self.first_s, self._first
            yield from zip(self._ends, self._counts, strict=True)
            return
        longest_s, last_s = self.longest_s, self._starts[0] if len(self._starts) else 0.0
        for start_s, end_s, joules, shape_j in zip(
            self._starts, self._ends, self._joules, self._shapes, strict=True
        ):
            # What is no longer than a block would not show as a gap: the next block is given up for it.
            if 0 < start_s - last_s <= GAP_SHOWS * longest_s:
                continue
            last_s = end_s
            span_s = end_s - start_s
            mean_w, half_w = joules / span_s, shape_j / span_s
            before_s = min(BEFORE_S, span_s / 4) if end_s < self._ends[-1] else 0.0
            yield start_s, mean_w + half_w
            yield end_s - before_s, max(mean_w - half_w, 0.0)
