"""How soon the nodes of a consensus agree by theory, what their messages cost, and how long a round takes."""

from __future__ import annotations

import math

from energyprof.simulate.evaluate import parts_of
from energyprof.simulate.scenario import Inputs, Paradigm, Scenario
from energyprof.simulate.topology import contraction, overlay
from energyprof.simulate.topology.cycle_time import Exchange, cycle_time_s, delays_s, star_time_s
from energyprof.simulate.topology.weights import gap, matrix, optimised
from energyprof.storable.frozen import dataclass
from energyprof.workloads.exchange.mixing import metropolis
from energyprof.workloads.exchange.topology import Fixed, Topology

# How the contraction of a graph that changes from round to round is found.
PLAYED = "played"
# Descent over the edges of more nodes takes longer than it is worth.
MOST_OPTIMISED = 100


@dataclass(frozen=True)
class Agreement:
    """Of one paradigm's graph. Theory: how soon nodes agree, not how soon they reach the target."""

    paradigm: str
    graph: str
    nodes: int
    messages_a_round: float
    weights: str
    contraction: float  # a round shrinks the distance from agreement to this share of it
    gap_optimised: float | None  # with the best weights found; None: one-way, random or large graphs
    rounds_a_decade: float | None  # until the distance is a tenth; None: never
    messages_a_decade: float | None
    energy_a_decade_j: float | None  # of the messages alone


@dataclass(frozen=True)
class CycleTime:
    """A round over one overlay of the network."""

    overlay: str
    cycle_s: float
    messages_a_round: int


def agreements(scenario: Scenario, seed: int, where: str) -> tuple[Agreement, ...]:
    """Of each consensus paradigm whose graph is given."""
    return tuple(
        _agreement(scenario, paradigm, paradigm.topology, seed, where)
        for paradigm in scenario.paradigms
        if paradigm.topology is not None
    )


def _agreement(
    scenario: Scenario, paradigm: Paradigm, topology: Topology, seed: int, where: str
) -> Agreement:
    values = scenario.values()
    nodes = int(values["data.clients"])
    graph, best = topology.at(0, 0), None
    if not isinstance(topology, Fixed):
        weights, shrinks = f"row averages, {PLAYED}", contraction.played(topology, nodes, seed)
    elif graph.symmetric:
        weights, shrinks = "Metropolis", contraction.of_weights(matrix(metropolis(graph)))
        best = gap(optimised(graph)) if 1 < nodes <= MOST_OPTIMISED else None
    else:
        weights, shrinks = "row averages", contraction.of_weights(matrix(contraction.row_average(graph)))
    rounds: float | None = contraction.rounds_a_decade(shrinks)
    rounds = None if rounds is None or math.isinf(rounds) else rounds
    parts = parts_of(scenario, paradigm.name, values, where)
    sent_j = sum(parts[name].energy_j for name in ("uplink", "downlink", "side link") if name in parts)
    x = Inputs(values)
    trained = x[f"paradigm.{paradigm.name}.rounds"]
    each_j = sent_j / trained if trained else math.nan
    return Agreement(
        paradigm.name,
        topology.name,
        nodes,
        float(len(graph.edges)),
        weights,
        shrinks,
        best,
        rounds,
        None if rounds is None else rounds * len(graph.edges),
        None if rounds is None or math.isnan(each_j) else rounds * each_j,
    )


def cycle_times(scenario: Scenario, where: str) -> tuple[CycleTime, ...]:
    """A round of every client's computation over a star, a spanning tree and a ring of the network.

    Raises:
        UsageError: the model's size or the clients' seconds a round are missing.
    """
    under = scenario.network
    if under is None:
        return ()
    x = Inputs(scenario.values(), where)
    access = x.get(math.inf, "network.access_bit_per_s")
    each = Exchange(x["data.model_bits"], x["client.round_s"], access)
    centre = overlay.centre(under, each)
    found = [CycleTime("star", star_time_s(centre, under, each), 2 * (under.nodes - 1))]
    for name, arcs in (("tree", overlay.spanning_tree(under, each)), ("ring", overlay.ring(under, each))):
        cycle_s = cycle_time_s(delays_s(arcs, under, each), under.nodes, each.compute_s)
        found.append(CycleTime(name, cycle_s, len(arcs)))
    return tuple(found)
