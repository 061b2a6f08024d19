"""Averaging weights that make a given symmetric graph agree sooner than Metropolis weights do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from energyprof.simulate.numerics import load
from energyprof.workloads.exchange.graph import Graph
from energyprof.workloads.exchange.mixing import Rows, metropolis

STEPS = 400


def matrix(rows: Rows) -> Any:
    """Rows of shares as an array (n, n)."""
    numpy = load("numpy")
    made = numpy.zeros((len(rows), len(rows)))
    for node, row in enumerate(rows):
        for other, share in row.items():
            made[node, other] = share
    return made


def gap(weights: Any) -> float:
    """1 − ρ, ρ the second largest singular value of an array (n, n); 1 of a single node."""
    numpy = load("numpy")
    if len(weights) == 1:
        return 1.0
    return float(max(0.0, 1.0 - numpy.linalg.svd(weights, compute_uv=False)[1]))


def best_constant(graph: Graph) -> Any:
    """I − αL with α = 2 / (λ₁ + λₙ₋₁): the best weights that are the same on every edge.

    Xiao and Boyd, 2004, Systems & Control Letters 53, section 4.1.
    """
    numpy = load("numpy")
    laplacian = _laplacian(graph.nodes, {edge: 1.0 for edge in graph.edges if edge[0] < edge[1]})
    values = numpy.linalg.eigvalsh(laplacian)
    return numpy.eye(graph.nodes) - 2 / (values[-1] + values[1]) * laplacian


def optimised(graph: Graph) -> Any:
    """The symmetric weights of least ρ that a descent finds from the better of the two known ones.

    ρ is convex in the edges' weights, with subgradient v_i v_j terms of its leading eigenvector (Boyd,
    Diaconis and Xiao, 2004, SIAM Review 46(4), section 5). Never worse than Metropolis weights.
    """
    numpy = load("numpy")
    starts = [matrix(metropolis(graph)), best_constant(graph)]
    best = max(starts, key=gap)
    edges = sorted(edge for edge in graph.edges if edge[0] < edge[1])
    here, there = numpy.array(edges).T
    weights, found, most = -_laplacian_of(best)[here, there], best, gap(best)
    for step in range(1, STEPS + 1):
        made = numpy.eye(graph.nodes) - _laplacian(graph.nodes, dict(zip(edges, weights, strict=True)))
        values, vectors = numpy.linalg.eigh(made - 1 / graph.nodes)
        leading = int(numpy.argmax(numpy.abs(values)))
        if 1 - abs(values[leading]) > most:
            found, most = made, 1 - abs(values[leading])
        vector = vectors[:, leading]
        slope = -numpy.sign(values[leading]) * (vector[here] - vector[there]) ** 2
        size = numpy.linalg.norm(slope)
        if size < 1e-12:
            break
        weights = weights - 0.5 / (step * max(1, len(edges)) ** 0.5) * slope / size
    return found


def _laplacian_of(weights: Any) -> Any:
    return load("numpy").eye(len(weights)) - weights


def _laplacian(nodes: int, edges: Mapping[tuple[int, int], float]) -> Any:
    made = load("numpy").zeros((nodes, nodes))
    for (here, there), weight in edges.items():
        made[here, there] -= weight
        made[there, here] -= weight
        made[here, here] += weight
        made[there, there] += weight
    return made
