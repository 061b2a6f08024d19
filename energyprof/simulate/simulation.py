"""A scenario computed: every paradigm's parts at their values and at their ends."""

from __future__ import annotations

from energyprof.simulate.assumptions import assumptions, notes
from energyprof.simulate.bounds import bounds
from energyprof.simulate.evaluate import parts_of
from energyprof.simulate.outcome import Outcome, Simulation
from energyprof.simulate.scenario import Scenario

SEED, DRAWS = 0, 10_000


def simulate(scenario: Scenario, where: str) -> Simulation:
    """All paradigms of ``scenario``; ``where`` names its file in errors.

    Raises:
        UsageError: a number that a paradigm needs is missing.
    """
    outcomes = []
    for paradigm in scenario.paradigms:
        values = scenario.values()
        parts = parts_of(scenario, paradigm.name, values, where)
        ends = bounds(scenario, paradigm.name, where)
        outcomes.append(Outcome(paradigm.name, paradigm.kind, parts, *ends, drawn={}))
    seed = scenario.quantities.get("seed")
    draws = scenario.quantities.get("draws")
    return Simulation(
        scenario.name,
        tuple(outcomes),
        {name: link.said for name, link in scenario.links.items()},
        assumptions(scenario, where),
        notes(scenario, outcomes),
        SEED if seed is None else int(seed.value),
        DRAWS if draws is None else int(draws.value),
    )
