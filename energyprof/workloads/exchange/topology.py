"""The shapes in which nodes without a server stand to each other, and the graph of each round."""

import random
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, Protocol

from energyprof.workload import WorkloadError
from energyprof.workloads.exchange import graph, graph_file
from energyprof.workloads.exchange.graph import Edge, Graph

SOURCES = (__file__, graph.__file__)
TOPOLOGIES = "ring, torus, exponential, star, full, random:K, or a .json or .gml file"
LEAST_SIDE = 3  # of a torus: on a shorter one the ways round meet at the same neighbour


class Topology(Protocol):
    """A graph for each round."""

    @property
    def name(self) -> str:
        """As it is called on the command line."""
        ...

    def at(self, round: int, seed: int) -> Graph:
        """The graph of that ``round``, from 0: the same for the same seed."""
        ...


@dataclass(frozen=True)
class Fixed:
    """The same graph in every round."""

    name: str
    graph: Graph

    def at(self, round: int, seed: int) -> Graph:
        """That graph."""
        return self.graph


@dataclass(frozen=True)
class RandomPush:
    """In every round each node sends to ``targets`` of the others, drawn anew."""

    name: str
    nodes: int
    targets: int

    def at(self, round: int, seed: int) -> Graph:
        """What is drawn in that ``round``."""
        rng = random.Random(f"{seed} random push {round}")
        drawn = (
            (node, other if other < node else other + 1)
            for node in range(self.nodes)
            for other in rng.sample(range(self.nodes - 1), self.targets)
        )
        return Graph(self.nodes, frozenset(drawn))


def topology_of(name: str, nodes: int) -> Topology:
    """The topology that ``--topology`` calls so, over that many ``nodes``.

    Raises:
        WorkloadError: there is none, or none of that many nodes.
    """
    if name in SHAPES:
        return Fixed(name, Graph(nodes, frozenset(_both_or_one(name, SHAPES[name](nodes)))))
    kind, colon, count = name.partition(":")
    if kind == "random" and colon:
        return RandomPush(name, nodes, _targets(name, count, nodes))
    if name.lower().endswith(graph_file.ENDINGS):
        return Fixed(name, graph_file.read(name, nodes))
    raise WorkloadError(f"unknown topology {name!r}: use {TOPOLOGIES}")


def ring(nodes: int) -> Iterable[Edge]:
    """Each node and the next; the last and the first."""
    return ((node, (node + 1) % nodes) for node in range(nodes) if nodes > 1)


def torus(nodes: int) -> Iterable[Edge]:
    """A grid as square as it can be, closed at its sides: four neighbours each.

    Raises:
        WorkloadError: there is no such grid.
    """
    rows = next((side for side in range(int(nodes**0.5), LEAST_SIDE - 1, -1) if nodes % side == 0), None)
    if rows is None:
        wide = next(n for n in range(nodes + 1, 2 * nodes + 10) if _is_torus(n))
        raise WorkloadError(
            f"no torus has {nodes} nodes, with sides of {LEAST_SIDE} or more: use --clients {wide}, or a ring"
        )
    columns = nodes // rows
    for node in range(nodes):
        row, column = divmod(node, columns)
        yield node, row * columns + (column + 1) % columns
        yield node, (row + 1) % rows * columns + column


def exponential(nodes: int) -> Iterable[Edge]:
    """From each node to those 1, 2, 4 … further on (Assran et al., 2019, arXiv:1811.10792)."""
    for node in range(nodes):
        step = 1
        while step < nodes:
            yield node, (node + step) % nodes
            step *= 2


def star(nodes: int) -> Iterable[Edge]:
    """Node 0 and each of the others."""
    return ((0, node) for node in range(1, nodes))


def full(nodes: int) -> Iterable[Edge]:
    """Each node and every other."""
    return ((node, other) for node in range(nodes) for other in range(node))


SHAPES: Dict[str, Callable[[int], Iterable[Edge]]] = {
    "ring": ring,
    "torus": torus,
    "exponential": exponential,
    "star": star,
    "full": full,
}
ONE_WAY = ("exponential",)


def _both_or_one(name: str, edges: Iterable[Edge]) -> Iterable[Edge]:
    for here, there in edges:
        yield here, there
        if name not in ONE_WAY:
            yield there, here


def _is_torus(nodes: int) -> bool:
    return any(nodes % side == 0 for side in range(LEAST_SIDE, int(nodes**0.5) + 1))


def _targets(name: str, text: str, nodes: int) -> int:
    count = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= count < nodes:
        raise WorkloadError(
            f"topology {name!r}: each of {nodes} nodes can send to 1 to {nodes - 1} others: use random:1"
            if nodes > 1
            else f"topology {name!r}: one node has nobody to send to: use --clients 2 or more"
        )
    return count
