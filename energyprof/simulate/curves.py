"""Totals of all paradigms along the dials on which they cross, for drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from energyprof.simulate.break_even import Crossing
from energyprof.simulate.dial import Dial
from energyprof.simulate.monte_carlo import totals
from energyprof.simulate.scenario import Scenario
from energyprof.storable.frozen import dataclass

POINTS = 41
# So far beyond the scenario and the crossings the curves go.
_AROUND = 3.0
NEAR = 100.0
MOST_CURVES = 6


@dataclass(frozen=True)
class Curve:
    """One figure of each paradigm at rising values of one dial."""

    dial: str
    unit: str
    figure: str
    now: float
    at: tuple[float, ...]
    by_paradigm: Mapping[str, tuple[float, ...]]


def curves(
    scenario: Scenario, dials: Sequence[Dial], crossings: Sequence[Crossing], where: str
) -> tuple[Curve, ...]:
    """One for each dial and figure with a crossing not far from the scenario, the nearest first."""
    found: dict[tuple[str, str], list[Crossing]] = {}
    for one in crossings:
        if 1 / NEAR <= one.at / one.now <= NEAR:
            found.setdefault((one.dial, one.figure), []).append(one)
    by_name = {dial.name: dial for dial in dials}
    # Where energy and carbon tell the same story, energy's is enough: it is what was computed first.
    drawn = [key for key in found if key[1] == "energy_j" or (key[0], "energy_j") not in found]
    return tuple(
        _curve(scenario, by_name[name], figure, found[name, figure], where)
        for name, figure in drawn[:MOST_CURVES]
    )


def _curve(scenario: Scenario, dial: Dial, figure: str, crossings: Sequence[Crossing], where: str) -> Curve:
    scales = [one.at / one.now if dial.shown == "times" else one.now / one.at for one in crossings]
    low, high = min(1.0, *scales) / _AROUND, max(1.0, *scales) * _AROUND
    steps = [low * (high / low) ** (i / (POINTS - 1)) for i in range(POINTS)]
    if dial.shown == "over":
        steps.reverse()
    names = [paradigm.name for paradigm in scenario.paradigms]
    found = [totals(scenario, names, dial.turned(scenario.values(), step), where) for step in steps]
    return Curve(
        dial.name,
        dial.unit,
        figure,
        dial.at_one,
        tuple(dial.value(step) for step in steps),
        {name: tuple(float(at[name][figure]) for at in found) for name in names},
    )
