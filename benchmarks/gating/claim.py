"""One simulated claim, and what it is held to."""

from __future__ import annotations

import math
from dataclasses import dataclass

ALPHA = 0.05


@dataclass(frozen=True)
class Claim:
    """A share of ``n`` verdicts or intervals; ``low`` to ``high`` is claimed, None to be shown only."""

    noise: str
    text: str
    share: float
    n: int
    low: float | None = None
    high: float | None = None

    @property
    def slack(self) -> float:
        """What the simulation itself may be off by (k = 2)."""
        likely = min(max(self.share, 1 / self.n), 1 - 1 / self.n)
        return 2 * math.sqrt(likely * (1 - likely) / self.n)

    @property
    def holds(self) -> bool:
        """Whether the share is as claimed, within the slack."""
        above = self.low is None or self.share >= self.low - self.slack
        return above and (self.high is None or self.share <= self.high + self.slack)

    @property
    def claimed(self) -> str:
        """Such as ``≤ 5 %``."""
        low, high = ("" if x is None else f"{100 * x:g}" for x in (self.low, self.high))
        if low and high:
            return f"{low} … {high} %"
        return f"≥ {low} %" if low else f"≤ {high} %" if high else ""


def errs(noise: str, text: str, share: float, n: int) -> Claim:
    """A claim of at most 5 %."""
    return Claim(noise, text, share, n, None, ALPHA)
