"""The sun on a flat panel: a clear sky in closed form, and clouds from a seed.

Haurwitz's clear sky (J. Meteorology 2, 1945: 1098 · cos z · exp(−0.057 / cos z) W/m²), one of those that
Reno, Hansen and Stein compare (SAND2012-2389): it needs no turbidity map, hence no other package. Declination
by Cooper (Solar Energy 12, 1969); the equation of time, up to 16 min, is left out.
"""

from __future__ import annotations

import math
from typing import Any

from energyprof.simulate.numerics import load

SLOT_S = 900.0
DAY_S = 86400.0
FULL_W_PER_M2 = 1000.0  # at which a panel has its peak power
# Of clouds: a standard deviation in the logit of the light that they leave, and a memory, both assumed.
CLOUD_SPREAD, CLOUD_MEMORY_S = 1.0, 6 * 3600.0


def clear_sky(time_s: Any, latitude: float, longitude: float) -> Any:
    """W/m² on the level at ``time_s`` (s since 1970, UTC; a number or an array); 0 at night."""
    numpy = load("numpy")
    time_s = numpy.asarray(time_s, dtype=float)
    days = numpy.floor(time_s / DAY_S)
    # Of 365.2425 days: the day of the year within one of the calendar's.
    of_year = numpy.mod(days, 365.2425) + 1
    declination = math.radians(23.45) * numpy.sin(2 * math.pi * (284 + of_year) / 365)
    hour = 2 * math.pi * (numpy.mod(time_s, DAY_S) / DAY_S - 0.5) + math.radians(longitude)
    phi = math.radians(latitude)
    up = numpy.sin(phi) * numpy.sin(declination) + numpy.cos(phi) * numpy.cos(declination) * numpy.cos(hour)
    high = numpy.maximum(up, 1e-3)
    return numpy.where(up > 0, 1098 * high * numpy.exp(-0.057 / high), 0.0)


class Sky:
    """The sun over one place from a moment on, through clouds that a generator draws in order of time."""

    def __init__(self, latitude: float, longitude: float, clear: float, start_s: float, rng: Any) -> None:
        self._place = latitude, longitude
        self._start_s = start_s
        self._rng = rng
        # The median of the light that clouds leave; 1: no clouds.
        self._median = math.log(clear / (1 - clear)) if clear < 1 else math.inf
        self._cloud = float(rng.standard_normal())
        self._first = 0
        self._sun: list[float] = []  # W/m² of each slot from the first on that was drawn and is still wanted

    def sunshine(self, from_s: float, until_s: float) -> float:
        """J of each watt of a panel's peak, between two times since the start; asked in order of time."""
        first, last = int(from_s // SLOT_S), int(until_s // SLOT_S)
        while self._first + len(self._sun) <= last:
            self._draw()
        del self._sun[: first - self._first]
        self._first = first
        total = 0.0
        for slot in range(first, last + 1):
            begin_s, end_s = max(from_s, slot * SLOT_S), min(until_s, (slot + 1) * SLOT_S)
            total += self._sun[slot - first] * max(0.0, end_s - begin_s)
        return total / FULL_W_PER_M2

    def _draw(self) -> None:
        slot = self._first + len(self._sun)
        light = float(clear_sky(self._start_s + (slot + 0.5) * SLOT_S, *self._place))
        left = 1.0
        if math.isfinite(self._median):
            left = 1 / (1 + math.exp(-(self._median + CLOUD_SPREAD * self._cloud)))
            keeps = math.exp(-SLOT_S / CLOUD_MEMORY_S)
            self._cloud = keeps * self._cloud + math.sqrt(1 - keeps**2) * float(self._rng.standard_normal())
        self._sun.append(light * left)
