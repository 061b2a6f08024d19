"""What the phases of one name took together, and of very many names those that took longest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from energyprof.report.phases import summed, told
from energyprof.report.record import Phase
from energyprof.report.uncertainty import SCALE

# Of one name: s and J; None: too much of it was not measured.
PhaseSums = Mapping[str, tuple[float, float | None]]


def by_name(phases: Iterable[Phase]) -> PhaseSums:
    """The sums, in the order in which the names come first."""
    named: dict[str, list[Phase]] = {}
    for phase in phases:
        named.setdefault(phase.name, []).append(phase)
    sums: dict[str, tuple[float, float | None]] = {}
    for name, those in named.items():
        known = told(those, lambda phase: phase.energy_j)
        span_s = sum(phase.end_s - phase.start_s for phase in those)
        sums[name] = span_s, None if known is None else summed(known)[0]
    return sums


def unsure(phases: Iterable[Phase]) -> set[str]:
    """The names of phases whose energy is doubted by more than half, but for the meters' scale."""
    certain: dict[str, float] = {}
    for phase in phases:
        if phase.energy_j is not None:
            doubt_j = 2 * math.hypot(*(u_j for term, u_j in phase.budget_j.items() if term not in SCALE))
            certain[phase.name] = certain.get(phase.name, 0.0) + phase.energy_j / 2 - doubt_j
    return {name for name, certain_j in certain.items() if certain_j < 0}


def longest(sums: PhaseSums, most: int) -> PhaseSums:
    """No more than ``most`` rows: the names with most time, then all others together."""
    if len(sums) <= most:
        return sums
    chosen = set(sorted(sums, key=lambda name: sums[name][0], reverse=True)[: most - 1])
    rest: tuple[float, float | None] = (0.0, 0.0)
    for name, (time_s, energy_j) in sums.items():
        if name not in chosen:
            rest = _added(rest, time_s, energy_j)
    shown = {name: sums[name] for name in sums if name in chosen}
    return {**shown, f"{len(sums) - len(chosen):,} more names": rest}


def _added(
    sums: tuple[float, float | None], time_s: float, energy_j: float | None
) -> tuple[float, float | None]:
    return sums[0] + time_s, None if sums[1] is None or energy_j is None else sums[1] + energy_j
