"""Who sends to whom in one round."""

from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterable, List, Tuple

Edge = Tuple[int, int]


@dataclass(frozen=True)
class Graph:
    """Nodes 0 … nodes − 1 and the pairs (from, to) along which they send; none sends to itself."""

    nodes: int
    edges: FrozenSet[Edge]

    @property
    def symmetric(self) -> bool:
        """Whether whoever sends to a node also hears from it."""
        return all((there, here) in self.edges for here, there in self.edges)

    def out(self, node: int) -> Tuple[int, ...]:
        """To whom ``node`` sends, in order."""
        return tuple(sorted(there for here, there in self.edges if here == node))

    def into(self, node: int) -> Tuple[int, ...]:
        """Who sends to ``node``, in order."""
        return tuple(sorted(here for here, there in self.edges if there == node))

    def among(self, present: Iterable[int]) -> "Graph":
        """What is left while only those nodes are ``present``; the others neither send nor hear."""
        there = set(present)
        return Graph(self.nodes, frozenset(e for e in self.edges if e[0] in there and e[1] in there))

    def connected(self) -> bool:
        """Whether what any node knows reaches every other in the end."""
        backwards = frozenset((there, here) for here, there in self.edges)
        return all(_reached(edges) >= self.nodes - 1 for edges in (self.edges, backwards)) or self.nodes == 1


def _reached(edges: FrozenSet[Edge]) -> int:
    """How many nodes beside node 0 can be reached from it."""
    following: Dict[int, List[int]] = {}
    for here, there in edges:
        following.setdefault(here, []).append(there)
    seen, left = {0}, [0]
    while left:
        for there in following.get(left.pop(), ()):
            if there not in seen:
                seen.add(there)
                left.append(there)
    return len(seen) - 1
