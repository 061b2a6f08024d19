"""What moves a total: each input by itself from its low to its high, all others at their values."""

from __future__ import annotations

import math
from collections.abc import Mapping

from energyprof.simulate.evaluate import keys_of, parts_of
from energyprof.simulate.parts import total
from energyprof.simulate.scenario import Scenario
from energyprof.storable.frozen import dataclass

_STEP = 0.01  # relative, either way: every total is linear in an input or in its inverse


@dataclass(frozen=True)
class Swing:
    """One input of one paradigm; energies and carbon at the input's low and high, equal where it has none."""

    paradigm: str
    factor: str
    unit: str
    low: float
    high: float
    energy_at_low_j: float
    energy_at_high_j: float
    co2_at_low_kg: float | None
    co2_at_high_kg: float | None
    elasticity: float  # the total's relative change for a small relative change of the input

    @property
    def span_j(self) -> float:
        """How far it moves the energy."""
        return abs(self.energy_at_high_j - self.energy_at_low_j)


def sensitivity(scenario: Scenario, where: str) -> tuple[Swing, ...]:
    """Every input of every paradigm, what moves the energy most first, then what would if it were off."""
    found = [
        _swing(scenario, paradigm.name, key, where)
        for paradigm in scenario.paradigms
        for key in sorted(keys_of(scenario, paradigm.name, where))
        if key != "data.clients"  # a choice, and whole
    ]
    found = [one for one in found if one.span_j or _moves_carbon(one) or one.elasticity]
    return tuple(sorted(found, key=lambda one: (-one.span_j, -abs(one.elasticity))))


def _moves_carbon(one: Swing) -> bool:
    return one.co2_at_low_kg != one.co2_at_high_kg


def _swing(scenario: Scenario, name: str, key: str, where: str) -> Swing:
    values, quantity = scenario.values(), scenario.quantities[key]

    def at(value: float) -> tuple[float, float]:
        whole = total(parts_of(scenario, name, {**values, key: value}, where))
        return whole.energy_j, whole.co2_kg

    (low_j, low_kg), (high_j, high_kg) = at(quantity.low), at(quantity.high)
    elasticity, value = 0.0, quantity.value
    if value:
        less, more, same = (at(value * (1 + step))[0] for step in (-_STEP, _STEP, 0.0))
        elasticity = (more - less) / (2 * _STEP * same) if same else 0.0
    return Swing(
        name,
        key,
        quantity.unit,
        quantity.low,
        quantity.high,
        low_j,
        high_j,
        None if math.isnan(low_kg) else low_kg,
        None if math.isnan(high_kg) else high_kg,
        0.0 if abs(elasticity) < 1e-9 else elasticity,
    )


def hinge(swings: tuple[Swing, ...]) -> Mapping[str, str]:
    """The input that moves each paradigm's energy most; none where no input has an interval."""
    found: dict[str, str] = {}
    for one in swings:
        if one.span_j:
            found.setdefault(one.paradigm, one.factor)
    return found
