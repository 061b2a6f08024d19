"""A scenario computed: parts, ends, draws, what moves them, where paradigms cross, and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from energyprof.simulate.agreement import Agreement, CycleTime, agreements, cycle_times
from energyprof.simulate.assumptions import assumptions, measurements, notes
from energyprof.simulate.bounds import bounds
from energyprof.simulate.break_even import Crossing, crossings
from energyprof.simulate.curves import Curve, curves
from energyprof.simulate.dial import dial_of, dials
from energyprof.simulate.draws import drawn
from energyprof.simulate.evaluate import parts_of
from energyprof.simulate.monte_carlo import FIGURES, intervals, least, totals
from energyprof.simulate.outcome import Outcome
from energyprof.simulate.parts import total
from energyprof.simulate.presence import Presence
from energyprof.simulate.scenario import Scenario
from energyprof.simulate.sci import Score, scores
from energyprof.simulate.sensitivity import Swing, sensitivity
from energyprof.storable.frozen import dataclass

SEED, DRAWS = 0, 10_000
# Link -> the part that it is charged as.
LINK_PARTS = {"uplink": "uplink", "downlink": "downlink", "side": "side link"}


@dataclass(frozen=True)
class Simulation:
    """A whole scenario, computed; every figure in it is simulated."""

    name: str
    outcomes: tuple[Outcome, ...]
    links: Mapping[str, str]  # how each is charged
    least: Mapping[str, Mapping[str, float]]  # figure -> paradigm -> share of draws in which it takes least
    swings: tuple[Swing, ...]
    crossings: tuple[Crossing, ...]
    asked: tuple[str, ...]  # numbers that were named to be turned; no crossing of them: there is none
    curves: tuple[Curve, ...]
    scores: tuple[Score, ...]
    agreements: tuple[Agreement, ...]
    cycle_times: tuple[CycleTime, ...]
    presences: Mapping[str, tuple[Presence, ...]]
    measurements: tuple[str, ...]  # what reports measured of it
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]  # what could not be known, and why
    seed: int
    draws: int


def simulate(scenario: Scenario, where: str, keys: Sequence[str] = ()) -> Simulation:
    """All paradigms of ``scenario``; ``where`` names its file in errors, ``keys`` are numbers to turn.

    Raises:
        UsageError: a number that a paradigm needs is missing, or one of ``keys`` has none above 0.
        MissingPart: numpy or scipy is not installed.
    """
    values, quantities = scenario.values(), scenario.quantities
    seed = int(quantities["seed"].value) if "seed" in quantities else SEED
    draws = int(quantities["draws"].value) if "draws" in quantities else DRAWS
    every = {p.name: parts_of(scenario, p.name, values, where) for p in scenario.paradigms}
    random = drawn(quantities, seed, draws)
    turned = (*dials(scenario), *(dial_of(scenario, key) for key in keys))
    crossing = crossings(scenario, turned, random, where)
    names = [p.name for p in scenario.paradigms]
    varied = totals(scenario, names, random, where)
    outcomes = tuple(
        Outcome(
            p.name,
            p.kind,
            every[p.name],
            *bounds(scenario, p.name, where),
            drawn=intervals(total(every[p.name]), varied[p.name]),
        )
        for p in scenario.paradigms
    )
    return Simulation(
        scenario.name,
        outcomes,
        {
            name: link.said
            for name, link in scenario.links.items()
            if any(LINK_PARTS[name] in parts for parts in every.values())
        },
        {figure: shares for figure in FIGURES if (shares := least(varied, names, figure))},
        sensitivity(scenario, where),
        crossing,
        tuple(keys),
        curves(scenario, turned, crossing, where),
        scores(scenario, outcomes),
        agreements(scenario, seed, where),
        cycle_times(scenario, where),
        scenario.presences,
        measurements(scenario, where),
        assumptions(scenario, where),
        notes(scenario, outcomes, where),
        seed,
        draws,
    )
