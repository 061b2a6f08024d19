"""What a node's value becomes when it hears its neighbours', and how soon all agree.

A matrix is given by its rows: for each node, who enters its next value and with which share. Rows
and columns sum to 1 (``metropolis``), or columns alone (``push``).
"""

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from energyprof.workloads.exchange import topology
from energyprof.workloads.exchange.graph import Graph

# The files that say who hears whom, and with which share. A graph from a file stands in the plan itself.
SOURCES = (__file__, *topology.SOURCES)
Rows = Tuple[Mapping[int, float], ...]


def metropolis(graph: Graph) -> Rows:
    """1 / (1 + the larger of two neighbours' degrees); a node keeps what is left of 1.

    For symmetric graphs: rows and columns sum to 1, so the nodes' mean stays what it is (Xiao and Boyd, 2004,
    Systems & Control Letters 53, 65-78).
    """
    degrees = [len(graph.out(node)) for node in range(graph.nodes)]
    rows: List[Dict[int, float]] = []
    for node in range(graph.nodes):
        row = {there: 1 / (1 + max(degrees[node], degrees[there])) for there in graph.out(node)}
        row[node] = 1 - sum(row.values())
        rows.append(dict(sorted(row.items())))
    return tuple(rows)


def push(graph: Graph) -> Rows:
    """A node's value in equal parts to itself and to whom it sends: columns sum to 1, rows need not.

    A weight that starts at 1 and goes the same ways tells by how much each value is off: the quotient of both
    is free of bias (push-sum: Kempe, Dobra and Gehrke, 2003, FOCS, 482-491).
    """
    parts = [1 / (1 + len(graph.out(node))) for node in range(graph.nodes)]
    return tuple(
        {here: parts[here] for here in sorted((node, *graph.into(node)))} for node in range(graph.nodes)
    )


def mixing(graph: Graph) -> Rows:
    """Metropolis weights where everybody hears back, else those of a push-sum."""
    return metropolis(graph) if graph.symmetric else push(graph)


def mixed(rows: Rows, weights: Sequence[float]) -> Tuple[float, ...]:
    """The push-sum weights (nodes,) after a round; under Metropolis weights they stay 1 but for rounding."""
    return tuple(sum(share * weights[here] for here, share in row.items()) for row in rows)


def spectral_gap(rows: Rows) -> float:
    """1 − ρ: by ρ, or less, each round shrinks how far the nodes are from their mean; 0: they never agree.

    ρ is the second largest singular value where rows and columns sum to 1. Where only columns do, it is the
    second largest modulus of an eigenvalue, which says the same of many rounds.
    """
    import numpy as np

    matrix = np.zeros((len(rows), len(rows)))
    for node, row in enumerate(rows):
        for here, share in row.items():
            matrix[node, here] = share
    if len(rows) == 1:
        return 1.0
    doubly = np.allclose(matrix.sum(axis=1), 1)
    sizes: Any = np.linalg.svd(matrix, compute_uv=False) if doubly else np.abs(np.linalg.eigvals(matrix))
    return float(min(1.0, max(0.0, 1 - np.sort(sizes)[-2])))
