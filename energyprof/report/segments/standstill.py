"""Whether a power meter still follows: how long it has shown one value, and how long it may."""

from __future__ import annotations

import math
from typing import Literal

from energyprof.meter import MeterInfo

# A power of so many steps of its meter trembles from one renewal to the next, whatever the load: fans,
# temperature and the supply move it by a thousandth. One of fewer steps may show one value for longer.
TREMBLE = 1e-3
# Of a meter that moves: no less than this, and so many times what it usually takes to move.
STILL_S = 5.0
STILL_RENEWALS = 10
# Of one that moved again, it is not known whether it had followed: it stood for so many times what it usually
# takes to move, and longer than it ever had. GPUs that idle do for ten (benchmarks/truth.py's).
SUSPECT_S = 1.0
SUSPECT_RENEWALS = 15
LONGER = 2.0
# So many moves tell how often it does.
LEARNT = 8
# Of one that hardly ever moved, a steady load and a dead meter look alike: it has longer.
NEVER_S = 600.0
NEVER_RENEWALS = 1000


class Standstill:
    """The one rule for all powers; what a meter may do is data in its ``MeterInfo``."""

    def __init__(self, meter: MeterInfo) -> None:
        self._meter = meter
        self._first_s: float | None = None
        self._since_s = 0.0
        self._value_w = 0.0
        self._changes = 0
        self._longest_s = 0.0  # that it stood still and was believed

    def look(self, time_s: float, value_w: float) -> Literal["moves", "stands", "stalled", "stood"]:
        """What the reading says; ``stands``: what follows tells whether it is one.

        ``stood``: it moves again, after it stood for so long that nobody knows whether it followed.
        """
        if self._first_s is None:
            self._first_s = self._since_s = time_s
        elif not math.isclose(value_w, self._value_w):  # to a billionth: arithmetic may have rounded it
            suspect = self.suspect(time_s)
            if not suspect:
                self._longest_s = max(self._longest_s, time_s - self._since_s)
            self._changes, self._since_s, self._value_w = self._changes + 1, time_s, value_w
            return "stood" if suspect else "moves"
        elif time_s - self._since_s > self._limit_s():
            return "stalled"
        elif self._changes >= LEARNT and not self._meter.may_stand_still:
            return "stands"
        self._value_w = value_w
        return "moves"

    def suspect(self, time_s: float) -> bool:
        """Whether it has stood still by ``time_s`` for longer than it does where it follows."""
        coarse = self._coarse()
        if self._changes < LEARNT or math.isinf(coarse):
            return False
        least_s = max(SUSPECT_S * coarse, SUSPECT_RENEWALS * self._usual_s(coarse), LONGER * self._longest_s)
        return time_s - self._since_s > least_s

    def _limit_s(self) -> float:
        coarse = self._coarse()
        if math.isinf(coarse):
            return math.inf
        if self._changes < LEARNT or self._first_s is None:
            return max(NEVER_S, NEVER_RENEWALS * self._meter.refresh_s) * coarse
        return max(STILL_S * coarse, STILL_RENEWALS * self._usual_s(coarse))

    def _coarse(self) -> float:
        """How many times its tremble one step of it is, one at least; infinite where it may stand still."""
        tremble_w = TREMBLE * self._value_w
        if self._meter.may_stand_still or tremble_w == 0:  # a part that is switched off stays off
            return math.inf
        return max(1.0, self._meter.resolution / tremble_w)

    def _usual_s(self, coarse: float) -> float:
        """What it takes to move."""
        pace_s = (self._since_s - (self._first_s or 0.0)) / self._changes
        # A coarse meter moves twice each time, away and back: it is still for longer than its pace tells.
        return max(self._meter.refresh_s, min(coarse, 2) * pace_s)
