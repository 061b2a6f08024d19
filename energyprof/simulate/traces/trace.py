"""A grid's intensity over time: steps in UTC, short gaps interpolated, long ones refused."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from energyprof.errors import FileError
from energyprof.simulate.quantity import Quantity
from energyprof.storable.frozen import dataclass
from energyprof.units import utc

# Values no further apart than this are joined by a line.
MOST_GAP_S = 2 * 3600.0
MOST_G_PER_KWH = 5000.0  # no fuel emits half of that


@dataclass(frozen=True)
class IntensityTrace:
    """``g_per_kwh[i]`` holds from ``times_s[i]`` (s since 1970, UTC, rising) for ``step_s``; no gaps."""

    times_s: tuple[float, ...]
    g_per_kwh: tuple[float, ...]
    step_s: float
    said: str  # place, source and kind, for the result
    where: str = ""  # its file

    @property
    def ends_s(self) -> float:
        """Until when the last value holds: as long as the one before, or a step."""
        last_s = min([self.step_s, *(b - a for a, b in itertools.pairwise(self.times_s[-2:]))])
        return self.times_s[-1] + last_s

    def lasting(self) -> list[tuple[float, float]]:
        """Each value and for how long it holds: of a file that changes from hours to quarters not as long."""
        ends = (*self.times_s[1:], self.ends_s)
        return [(g, b - a) for g, a, b in zip(self.g_per_kwh, self.times_s, ends, strict=True)]

    def quantity(self) -> Quantity:
        """The mean over the trace; low and high are what 5 % and 95 % of its time lie under."""
        ordered = sorted(self.lasting())
        mean = mean_of(ordered)
        low, high = _beyond(ordered), _beyond(ordered[::-1])
        # Two sites with one grid are clean and dirty at the same times.
        common = f"{self.where}: {self.said}"
        return Quantity(mean, min(low, mean), max(high, mean), "g/kWh", "factor", self.said, common=common)


def mean_of(lasting: Sequence[tuple[float, float]]) -> float:
    """The mean of values by how long each holds."""
    return math.fsum(g * s for g, s in lasting) / math.fsum(s for _, s in lasting)


def _beyond(ordered: Sequence[tuple[float, float]]) -> float:
    """The first value by which 5 % of the time has gone."""
    least_s = 0.05 * math.fsum(s for _, s in ordered)
    gone_s = itertools.accumulate(s for _, s in ordered)
    return next(g for (g, _), s in zip(ordered, gone_s, strict=True) if s >= least_s * (1 - 1e-9))


def trace(points: Sequence[tuple[float, float]], where: str, said: str) -> IntensityTrace:
    """The trace of points ``(s since 1970, g/kWh)`` in any order.

    Raises:
        FileError: there is none, one is negative or no number, two say different things of one moment, or
            nothing is said between two that lie more than two hours apart.
    """
    found: dict[float, float] = {}
    for time_s, value in points:
        at = utc(time_s) or f"{time_s:g} s"
        if not math.isfinite(value) or not 0 <= value <= MOST_G_PER_KWH:
            raise FileError(f"{where}: {at}: {value:g} g/kWh: give 0 to {MOST_G_PER_KWH:g}")
        if found.setdefault(time_s, value) != value:
            raise FileError(f"{where}: {at}: is there twice, with {found[time_s]:g} and {value:g} g/kWh")
    times = sorted(found)
    if not times:
        raise FileError(f"{where}: it holds no intensity")
    steps = sorted(b - a for a, b in itertools.pairwise(times))
    step_s = steps[(len(steps) - 1) // 2] if steps else 3600.0
    filled_times, filled = [times[0]], [found[times[0]]]
    for before, after in itertools.pairwise(times):
        gap_s = after - before
        # A trace whose regular step is longer than that has no hole in it; nor if a day of it has 25 h, or a
        # month 31 days.
        if gap_s > max(MOST_GAP_S, 1.5 * step_s):
            ends = f"{utc(before)} and {utc(after)}"
            raise FileError(
                f"{where}: nothing between {ends}, {gap_s / 3600:.3g} h: gaps of up to 2 h are filled"
            )
        count = max(1, round(gap_s / step_s))
        for i in range(1, count):
            filled_times.append(before + i * gap_s / count)
            filled.append(found[before] + (found[after] - found[before]) * i / count)
        filled_times.append(after)
        filled.append(found[after])
    return IntensityTrace(tuple(filled_times), tuple(filled), step_s, said, where)
