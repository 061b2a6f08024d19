"""One paradigm with one set of numbers, or with arrays of draws."""

from __future__ import annotations

from collections.abc import Mapping

from energyprof.simulate.paradigms import life_cycle
from energyprof.simulate.parts import Part
from energyprof.simulate.scenario import Inputs, Scenario


def parts_of(scenario: Scenario, name: str, values: Mapping[str, float], where: str) -> dict[str, Part]:
    """The parts of the paradigm ``name`` with these numbers.

    Raises:
        UsageError: one is missing.
    """
    return _evaluated(scenario, name, Inputs(values, f"{where}: paradigm {name}"))


def keys_of(scenario: Scenario, name: str, where: str) -> frozenset[str]:
    """The keys of the numbers that the paradigm's equations ask for."""
    inputs = Inputs(scenario.values(), f"{where}: paradigm {name}")
    _evaluated(scenario, name, inputs)
    return frozenset(inputs.read)


def _evaluated(scenario: Scenario, name: str, inputs: Inputs) -> dict[str, Part]:
    paradigm = next(p for p in scenario.paradigms if p.name == name)
    return life_cycle(scenario, paradigm, inputs)
