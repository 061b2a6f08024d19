"""One comparison of an energy with the truth, and many as a row of a table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from energyprof.units import both_ways

# From so many cases on, 95 % of them are fewer than all.
ENOUGH = 20


@dataclass(frozen=True)
class Case:
    """What was said of one block or device, and what was true."""

    data: str
    how: str  # uncalibrated, calibrated, transferred, …
    said_j: float
    low_j: float
    high_j: float
    true_j: float
    share: float = 1.0  # of a case of its own: stretches that overlap tell little more than one

    @property
    def error(self) -> float:
        """Relative to the truth."""
        return self.said_j / self.true_j - 1

    @property
    def share_of_u(self) -> float:
        """How much of the interval's half towards the truth the error takes: 1 at its end."""
        off_j = self.true_j - self.said_j
        half_j = self.high_j - self.said_j if off_j > 0 else self.said_j - self.low_j
        return abs(off_j) / half_j if half_j > 0 else math.inf


@dataclass(frozen=True)
class Result:
    """The cases of one row."""

    data: str
    how: str
    cases: Sequence[Case]

    @property
    def inside(self) -> int:
        """How many lie within U."""
        return sum(case.low_j <= case.true_j <= case.high_j for case in self.cases)

    @property
    def too_wide(self) -> float:
        """U over what would hold 95 % of the cases just so."""
        shares = sorted(case.share_of_u for case in self.cases)
        needed = shares[math.ceil(0.95 * len(shares)) - 1]
        return 1 / needed if needed > 0 else math.inf

    def holds(self, kept: float, widest: float) -> bool:
        """Whether it covers enough, and is no wider than that needs; fewer than 20 cases tell no 95 %."""
        alone = sum(case.share for case in self.cases)
        wide = alone >= ENOUGH and self.too_wide > widest
        return self.inside >= kept * len(self.cases) and not wide

    @property
    def row(self) -> str:
        """Markdown."""
        errors = [case.error for case in self.cases]
        sd = statistics.stdev(errors) if len(errors) > 1 else 0.0
        below = statistics.median(1 - case.low_j / case.said_j for case in self.cases)
        above = statistics.median(case.high_j / case.said_j - 1 for case in self.cases)
        cells = (
            self.data,
            self.how,
            str(len(errors)),
            f"{100 * statistics.fmean(errors):+.2f} ± {100 * sd:.2f} %, {100 * max(errors, key=abs):+.1f} %",
            f"{self.inside} ({100 * self.inside / len(errors):.1f} %)",
            both_ways(below, above),
            f"{self.too_wide:.1f}",
        )
        return "| " + " | ".join(cells) + " |"
