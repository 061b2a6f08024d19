"""How far a round leads: the inverse of the rounds that a target takes with as many clients in each.

Between measured numbers of clients the rounds are interpolated, log by log. Below the least, twice the
clients are taken to halve the rounds; above the most, more are taken to help nothing: both are theory, and
counted so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from energyprof.simulate.fleet.device import Measured


class Rounds:
    """Rounds to the target by the clients in each, measured at some of them."""

    def __init__(self, measured: Sequence[Measured]) -> None:
        self.measured = tuple(sorted(measured, key=lambda one: one.clients))

    def needed(self, clients: float) -> float:
        """So many rounds with so many clients in each (more than none)."""
        first, last = self.measured[0], self.measured[-1]
        if clients <= first.clients:
            return first.rounds * first.clients / clients
        if clients >= last.clients:
            return last.rounds
        above = next(i for i, one in enumerate(self.measured) if one.clients >= clients)
        a, b = self.measured[above - 1], self.measured[above]
        part = math.log(clients / a.clients) / math.log(b.clients / a.clients)
        return math.exp((1 - part) * math.log(a.rounds) + part * math.log(b.rounds))

    def is_theory(self, clients: float) -> bool:
        """Whether so many clients lie beyond what was measured."""
        return not self.measured[0].clients <= clients <= self.measured[-1].clients
