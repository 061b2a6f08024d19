"""What Zeus' rules would pick on the same curve (ml-energy/zeus, optimizer/power_limit.py).

Zeus measures each limit once, from the highest down, and takes the means as they are. With a bound on time it
takes the *lowest limit* that is not slower than at the highest by more than the bound; without one the limit
with the least cost η·E + (1 − η)·P_max·T at η = 0.5. Lower limits may take more joules: the first rule does
not look.
"""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.storable.frozen import dataclass

ETA = 0.5
# A value, its amount in W or Hz, J a sample, s a sample.
Measured = tuple[str, float | None, float, float]


@dataclass(frozen=True)
class ZeusPick:
    """The value, and by which rule."""

    value: str
    rule: str


def zeus_pick(curve: Sequence[Measured], lever: str, slowdown: float | None) -> ZeusPick | None:
    """``None``: the lever has no amounts, or Zeus no rule for it: its cost is of power limits."""
    limits = [
        (amount, value, joules, time_s) for value, amount, joules, time_s in curve if amount is not None
    ]
    if len(limits) < 2:
        return None
    highest, _, _, fastest_s = max(limits)
    if slowdown is not None:
        kept = [limit for limit in limits if limit[3] <= (1 + slowdown) * fastest_s]
        least = min(kept) if kept else max(limits)
        return ZeusPick(least[1], f"the lowest at most {100 * slowdown:g} % slower than the highest")
    if not lever.partition(":")[0].endswith(".power_limit"):
        return None
    cheapest = min(limits, key=lambda limit: ETA * limit[2] + (1 - ETA) * highest * limit[3])
    return ZeusPick(cheapest[1], "least 0.5 × energy + 0.5 × highest limit × time")
