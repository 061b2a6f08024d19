"""What each node had of a joined report: joules, time, power, and how long it waited for the slowest."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from energyprof.report.record import Phase, Run
from energyprof.storable.frozen import dataclass

# A node whose phases of one name take longer than those of most by this share is a straggler, as far as it is
# more than two of the meters' intervals: less is how phases happen to end.
SLOWER = 0.05
LEAST_S = 0.25
# In these the nodes only wait for their meters.
BESIDE = ("idle", "cooldown")


@dataclass(frozen=True)
class NodePhase:
    """All phases of one name that a node had in a run."""

    node: str
    phase: str
    time_s: float
    energy_j: float | None
    usual_s: float  # the median over the nodes that had it

    @property
    def straggles(self) -> bool:
        """Whether it took longer than on most nodes."""
        return self.time_s - self.usual_s > max(LEAST_S, SLOWER * self.usual_s)

    @property
    def power_w(self) -> float | None:
        """Its mean power."""
        return None if self.energy_j is None or self.time_s <= 0 else self.energy_j / self.time_s


def early_s(run: Run) -> dict[str, float]:
    """By node how long before the last node its training ended; one that had none is left out."""
    ends = {
        part.node: part.start_s + part.time_s
        for part in run.nodes
        if part.start_s is not None and part.time_s is not None
    }
    last_s = max(ends.values(), default=0.0)
    return {node: last_s - end_s for node, end_s in ends.items()}


def node_phases(run: Run) -> tuple[NodePhase, ...]:
    """The run's phases by name and node, those of one name together, in the order in which they began."""
    of: dict[str, dict[str, list[Phase]]] = {}
    known = [part.node for part in run.nodes]
    for phase in run.phases:
        node = phase.actor.partition("/")[0]
        if phase.name not in BESIDE and node in known:
            of.setdefault(phase.name, {}).setdefault(node, []).append(phase)
    found = []
    for name, by_node in of.items():
        times_s = {node: _time_s(phases) for node, phases in by_node.items()}
        usual_s = statistics.median_low(list(times_s.values()))
        found += [
            NodePhase(node, name, times_s[node], _energy_j(by_node[node]), usual_s)
            for node in known
            if node in by_node
        ]
    return tuple(found)


def _time_s(phases: Sequence[Phase]) -> float:
    return math.fsum(phase.end_s - phase.start_s for phase in phases)


def _energy_j(phases: Sequence[Phase]) -> float | None:
    """Their sum; ``None``: not known of one, or they overlap, as those of several clients do."""
    known = [phase.energy_j for phase in phases if phase.energy_j is not None]
    if len(known) < len(phases) or len({phase.actor for phase in phases}) > 1:
        return None
    return math.fsum(known)
