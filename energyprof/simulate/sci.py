"""Software carbon intensity, (E·I + M) a unit of what the software is for: ISO/IEC 21031:2024, and for AI.

The provider answers for training, with all seeds, sweeps and early stops, the consumer for an inference.
Offsets are in neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from energyprof.simulate.outcome import Outcome
from energyprof.simulate.paradigms import useful_trainings
from energyprof.simulate.parts import total
from energyprof.simulate.scenario import Inputs, Scenario
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Score:
    """Kilograms of CO2 equivalent a unit."""

    paradigm: str
    role: Literal["provider", "consumer"]
    per: str
    kg: float


def scores(scenario: Scenario, outcomes: tuple[Outcome, ...]) -> tuple[Score, ...]:
    """Every score whose unit the scenario gives, of every paradigm whose carbon is known."""
    return tuple(score for outcome in outcomes for score in _scores(scenario, outcome))


def _scores(scenario: Scenario, outcome: Outcome) -> Iterator[Score]:
    x = Inputs(scenario.values())
    trained = {name: part for name, part in outcome.parts.items() if name != "inference"}
    training_kg = total(trained).co2_kg
    times = useful_trainings(x, outcome.name)
    units = {
        f"{scenario.flop_kind} FLOP": (x.get(0.0, "sci.flop"), times),
        "training token": (x.get(0.0, "sci.tokens"), times),
        "training sample": (x.get(0.0, "sci.samples"), times),
        "10⁹ parameters": (x.get(0.0, "sci.parameters") / 1e9, 1.0),
    }
    for per, (amount, often) in units.items():
        if amount * often and not math.isnan(training_kg):
            yield Score(outcome.name, "provider", per, training_kg / (amount * often))
    inference, inferences = outcome.parts.get("inference"), x.get(0.0, "life.inferences")
    if inference is not None and inferences and not math.isnan(inference.co2_kg):
        yield Score(outcome.name, "consumer", "inference", inference.co2_kg / inferences)
