"""Overlays on a network: the star, the minimum spanning tree, and a ring through all nodes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from energyprof.simulate.topology.cycle_time import Arc, Exchange
from energyprof.simulate.topology.underlay import Underlay


def _alone_s(under: Underlay, each: Exchange, here: int, there: int) -> float:
    """What the arc takes if nothing else shares its ends."""
    return each.compute_s + under.latency_s[here, there] + each.model_bits / under.bit_per_s[here, there]


def centre(under: Underlay, each: Exchange) -> int:
    """The node from which the furthest of the others is nearest."""
    nodes = range(under.nodes)
    return min(nodes, key=lambda c: max(_alone_s(under, each, c, n) for n in nodes if n != c))


def spanning_tree(under: Underlay, each: Exchange) -> set[Arc]:
    """Prim's minimum spanning tree by the arcs' delays, both directions of each edge."""
    inside, arcs = {0}, set[Arc]()
    while len(inside) < under.nodes:
        here, there = min(
            ((a, b) for a in inside for b in range(under.nodes) if b not in inside),
            key=lambda arc: (_alone_s(under, each, *arc), arc),
        )
        inside.add(there)
        arcs |= {(here, there), (there, here)}
    return arcs


def ring(under: Underlay, each: Exchange) -> set[Arc]:
    """One way round the shortest tour that is found: from every start to the nearest left, then 2-opt."""
    alone = {
        (a, b): _alone_s(under, each, a, b) for a in range(under.nodes) for b in range(under.nodes) if a != b
    }
    tours = (_improved(_greedy(start, under.nodes, alone), alone) for start in range(under.nodes))
    tour = min(tours, key=lambda found: (_length(found, alone), found))
    return set(zip(tour, (*tour[1:], tour[0]), strict=True))


def _length(tour: list[int], alone: Mapping[Arc, float]) -> float:
    return sum(alone[arc] for arc in zip(tour, (*tour[1:], tour[0]), strict=True))


def _greedy(start: int, nodes: int, alone: Mapping[Arc, float]) -> list[int]:
    tour, left = [start], set(range(nodes)) - {start}
    while left:
        here = tour[-1]
        tour.append(min(left, key=lambda there: (alone[here, there], there)))
        left.remove(tour[-1])
    return tour


def _improved(tour: list[int], alone: Mapping[Arc, float]) -> list[int]:
    """No reversal of a part of it makes it shorter (2-opt, Croes 1958)."""
    nodes, improved = len(tour), True
    while improved:
        improved = False
        for i, j in itertools.combinations(range(1, nodes + 1), 2):
            if j - i < 2:
                continue
            a, b, c, d = tour[i - 1], tour[i], tour[j - 1], tour[j % nodes]
            if a == d:
                continue
            if alone[a, c] + alone[b, d] < alone[a, b] + alone[c, d] - 1e-12:
                tour[i:j] = reversed(tour[i:j])
                improved = True
    return tour
