"""The rows of a log by a clock that nobody set in the run, in order: what goes back is out of place."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence

TimedValue = tuple[
    float, float | None
]  # s since 1970 (UTC), or since the run's zero; the value, if it is one

# Fewer rows out of place are an accident of each; so many are of a clock that was set.
STRETCH = 3


def in_order(rows: Sequence[TimedValue]) -> list[TimedValue]:
    """The rows in order of time, which starts with the run's zero: as few as can be are out of place.

    One that is leaves a row without a value. A stretch of them was stamped by a clock that was set: before
    the run, and then none of its rows are of the run; or in it, and then its times came twice, and no row
    tells of them. Of rows with one time the last counts.
    """
    kept: list[TimedValue] = []
    twice: list[tuple[float, float]] = []
    for placed, group in itertools.groupby(_placed(rows), key=lambda found: found[0]):
        stretch = [row for _, row in group]
        if placed:
            for row in stretch:
                if kept and kept[-1][0] == row[0] and kept[-1][1] is not None:
                    kept.pop()
                kept.append(row)
        elif len(stretch) < STRETCH:
            kept += [(kept[-1][0], None) for _ in stretch if kept]
        elif kept and kept[-1][0] >= 0:
            times_s = [time_s for time_s, _ in stretch]
            twice.append((min(times_s), max(times_s)))
    return [row for row in kept if not any(start_s <= row[0] <= end_s for start_s, end_s in twice)]


def _placed(rows: Sequence[TimedValue]) -> list[tuple[bool, TimedValue]]:
    """Each row, and whether it is one of the most that never go back; of as many those that came last."""
    ends: list[float] = []  # the least time at which so many rows can end …
    last: list[int] = []  # … and which row that is
    before: list[int] = []
    for number, (time_s, _) in enumerate(rows):
        place = bisect.bisect_right(ends, time_s)
        before.append(last[place - 1] if place else -1)
        ends[place : place + 1] = [time_s]
        last[place : place + 1] = [number]
    kept = set()
    number = last[-1] if last else -1
    while number >= 0:
        kept.add(number)
        number = before[number]
    return [(number in kept, row) for number, row in enumerate(rows)]
