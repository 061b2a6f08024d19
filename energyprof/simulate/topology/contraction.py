"""By how much a round shrinks the nodes' distance from agreement: by a graph's gap, or by playing it."""

from __future__ import annotations

import math
from typing import Any

from energyprof.simulate.numerics import load
from energyprof.simulate.topology.weights import gap, matrix
from energyprof.workloads.exchange.graph import Graph
from energyprof.workloads.exchange.mixing import Rows
from energyprof.workloads.exchange.topology import Topology

# Long enough for the geometric mean of a round to settle to 0.01, short enough to stay above rounding.
# Large graphs average over their own nodes, so fewer starts do.
ROUNDS, STARTS, LEAST_STARTS, NODES = 40, 20, 4, 640


def row_average(graph: Graph) -> Rows:
    """Each node averages what it hears with its own, in equal parts: rows sum to 1, columns need not.

    Plain row averaging is biased where columns do not: push-sum or symmetric pairs keep the mean.
    """
    heard: list[list[int]] = [[node] for node in range(graph.nodes)]
    for here, there in graph.edges:
        heard[there].append(here)
    return tuple({other: 1 / len(row) for other in sorted(row)} for row in heard)


def played(topology: Topology, nodes: int, seed: int) -> float:
    """The mean contraction a round of row averaging over graphs that change from round to round.

    The distance is from the nodes' own mean, so the drift of that mean does not count.
    """
    numpy = load("numpy")
    logs = []
    for start in range(min(STARTS, max(LEAST_STARTS, NODES // nodes))):
        # Different columns are different starting points of the same graphs.
        state: Any = numpy.eye(nodes)
        first = _distance(state)
        for round_ in range(ROUNDS):
            state = matrix(row_average(topology.at(round_, seed * STARTS + start))) @ state
            scale = _distance(state)
            if scale < 1e-9 * first:
                break
        logs.append(math.log(scale / first) / (round_ + 1))
    return math.exp(sum(logs) / len(logs))


def _distance(state: Any) -> float:
    numpy = load("numpy")
    return float(numpy.linalg.norm(state - state.mean(axis=0)))


def rounds_a_decade(contraction: float) -> float:
    """How many rounds shrink the distance tenfold; infinite where they never agree."""
    if contraction >= 1:
        return math.inf
    return 1.0 if contraction <= 0.1 else math.log(10) / -math.log(contraction)


def of_weights(weights: Any) -> float:
    """The contraction a round of fixed weights: ρ."""
    return 1 - gap(weights)
