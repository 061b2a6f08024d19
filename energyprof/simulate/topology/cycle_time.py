"""How long a round takes between silos far apart: an overlay's maximum mean cycle.

Marfoq, Xu, Neglia, Vidal: Throughput-optimal topology design for cross-silo federated learning, NeurIPS 2020.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from energyprof.simulate.topology.underlay import Underlay
from energyprof.storable.frozen import dataclass

Arc = tuple[int, int]


@dataclass(frozen=True)
class Exchange:
    """What every node does a round."""

    model_bits: float
    compute_s: float
    access_bit_per_s: float  # of each node, up and down


def delays_s(arcs: Collection[Arc], under: Underlay, each: Exchange) -> dict[Arc, float]:
    """d(i, j) = compute + latency + max(outdeg·M/C_up, indeg·M/C_down, M/A_ij), in s, of each arc."""
    sent: dict[int, int] = {}
    heard: dict[int, int] = {}
    for here, there in arcs:
        sent[here] = sent.get(here, 0) + 1
        heard[there] = heard.get(there, 0) + 1
    found = {}
    for here, there in arcs:
        access_s = max(sent[here], heard[there]) * each.model_bits / each.access_bit_per_s
        core_s = each.model_bits / under.bit_per_s[here, there]
        found[here, there] = each.compute_s + under.latency_s[here, there] + max(access_s, core_s)
    return found


def cycle_time_s(delays: Mapping[Arc, float], nodes: int, compute_s: float) -> float:
    """The maximum mean cycle over the arcs, and over each node's own computation, in s (Karp, 1978).

    Raises:
        ValueError: ``nodes`` is 0.
    """
    if nodes < 1:
        raise ValueError("a cycle needs a node")
    into: list[list[tuple[int, float]]] = [[(node, compute_s)] for node in range(nodes)]
    for (here, there), delay in delays.items():
        into[there].append((here, delay))
    # walks[k][v]: the longest walk of k arcs that ends at v, from any node: all are sources, so no part of
    # the graph is left out.
    walks = [[0.0] * nodes]
    for _ in range(nodes):
        before = walks[-1]
        walks.append([max(before[here] + delay for here, delay in into[node]) for node in range(nodes)])
    last = walks[nodes]
    return max(
        min((last[node] - walks[k][node]) / (nodes - k) for k in range(nodes)) for node in range(nodes)
    )


def star_time_s(centre: int, under: Underlay, each: Exchange) -> float:
    """A server's round: up to the centre and down again, of which only one computes."""
    arcs = [arc for node in range(under.nodes) if node != centre for arc in ((node, centre), (centre, node))]
    there_s = cycle_time_s(delays_s(arcs, under, each), under.nodes, each.compute_s)
    return 2 * (there_s - each.compute_s) + each.compute_s
