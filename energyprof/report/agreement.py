"""Two meters of the same joules compared: do they agree within what they claim?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from energyprof.report.energy import MIN_COVERAGE, MeterEnergy
from energyprof.report.flags import Flag, flag
from energyprof.report.record import MeterRecord

# Over less time, or less than one renewal, a difference says more about when each was read than about what it
# reads.
LEAST_S = 5.0


def ratio(joules: Sequence[float | None], checked: Sequence[float | None]) -> float | None:
    """One meter's joules over all runs divided by the other's; ``None`` where either has none."""
    pairs = [(a, b) for a, b in zip(joules, checked, strict=False) if a is not None and b is not None]
    theirs_j = math.fsum(b for _, b in pairs)
    return math.fsum(a for a, _ in pairs) / theirs_j if theirs_j > 0 else None


def disagreements(
    meters: Sequence[MeterRecord], energies: Mapping[str, MeterEnergy], span_s: float
) -> tuple[Flag, ...]:
    """A flag for each meter that differs from the one it is checked against by more than both can explain.

    Neither's gain enters: that they may differ by so much is what ``tolerance`` says.
    """
    flags = []
    for meter in meters:
        mine, theirs = energies[meter.name], energies.get(meter.info.checks)
        if theirs is None or mine.joules is None or not theirs.joules:
            continue
        if span_s < max(LEAST_S, meter.info.refresh_s, theirs.meter.refresh_s):
            continue
        if min(mine.coverage, theirs.coverage) < MIN_COVERAGE:
            continue
        difference_j = mine.joules - theirs.joules
        known_j = 2 * math.hypot(mine.reading_u_j, theirs.reading_u_j)
        if abs(difference_j) > meter.info.tolerance * theirs.joules + known_j:
            how = "more" if difference_j > 0 else "less"
            percent = 100 * abs(difference_j) / theirs.joules
            words = f"reads {percent:.1f} % {how} than {meter.info.checks}"
            flags.append(flag("disagrees", meter.name, words))
    return tuple(flags)
