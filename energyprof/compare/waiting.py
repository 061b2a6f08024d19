"""Who waits for whom in a training of several processes: seconds a step by rank, joules by node.

Two sources say it. A program marks its waiting as a phase (``energyprof.mark("wait")``): the joules are then
those that the meters read in it. Or the processes told how long each step's exchange of gradients blocked
them (``workloads/waiting.py``): the rank that is blocked least waits for nobody, so what the others are
blocked longer than it is waiting. Which power they drew meanwhile no meter says, as these stretches are
shorter than its intervals: it lies between that of the idle node and the mean of its training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from energyprof.compare.nodes import SLOWER
from energyprof.decode import Count, Misfit, NonNegative, decode
from energyprof.report.record import NodeRun, Phase, Report, Run
from energyprof.storable.frozen import dataclass

WAITS = ("wait", "waiting", "barrier")
# One of them, and what for: "wait: all-reduce".
_WHAT_FOR = tuple(f"{name}:" for name in WAITS)


@dataclass(frozen=True)
class Told:
    """What a process told of its steps."""

    rank: Count
    steps: Count
    step_s: NonNegative
    blocked_s: NonNegative  # of it
    blocked_u_s: NonNegative  # k = 1


@dataclass(frozen=True)
class _Ranks:
    ranks: tuple[Told, ...]


@dataclass(frozen=True)
class RankTime:
    """A process's mean step, beside those of the others."""

    node: str
    rank: int
    steps: int
    step_s: float
    blocked_s: float
    waits_s: float  # for others
    waits_u_s: float  # k = 2
    usual_s: float  # what a step takes most of them without being blocked
    usual_u_s: float  # k = 2, of how much longer this one takes

    @property
    def own_s(self) -> float:
        """What it takes itself."""
        return self.step_s - self.blocked_s

    @property
    def longer_s(self) -> float:
        """By how much longer than most."""
        return self.own_s - self.usual_s

    @property
    def straggles(self) -> bool:
        """Whether that is more than how steps happen to go."""
        return self.longer_s > max(SLOWER * self.usual_s, self.usual_u_s)


@dataclass(frozen=True)
class NodeWaiting:
    """What a node spent on waiting."""

    node: str
    time_s: float  # of one rank, on the mean
    energy_j: float | None
    energy_u_j: float | None  # k = 2
    share: float | None  # of the node's energy
    marked: bool  # by the program, as a phase
    reason: str = ""  # why there are no joules


def rank_times(report: Report, run: Run) -> tuple[RankTime, ...]:
    """The processes that told of their steps, by rank; empty: none did, or one alone."""
    told = [(node, one) for node, ranks in _told(report, run).items() for one in ranks]
    if len(told) < 2:
        return ()
    least = min((one for _, one in told), key=lambda one: one.blocked_s)
    usual = sorted((one for _, one in told), key=_own_s)[(len(told) - 1) // 2]
    found = [
        RankTime(
            node,
            one.rank,
            one.steps,
            one.step_s,
            one.blocked_s,
            one.blocked_s - least.blocked_s,
            0.0 if one is least else 2 * math.hypot(one.blocked_u_s, least.blocked_u_s),
            _own_s(usual),
            2 * math.hypot(one.blocked_u_s, usual.blocked_u_s),
        )
        for node, one in told
    ]
    return tuple(sorted(found, key=lambda of: of.rank))


def node_waiting(report: Report, run: Run) -> tuple[NodeWaiting, ...]:
    """Each node's waiting, where something says it: a phase that was marked, or the ranks."""
    ranks: dict[str, list[RankTime]] = {}
    for of in rank_times(report, run):
        ranks.setdefault(of.node, []).append(of)
    found = []
    for node, part in _nodes(report, run).items():
        phases = [phase for phase in _phases(run, node) if is_wait(phase.name)]
        if phases:
            found.append(_marked(node, part, phases))
        elif node in ranks:
            found.append(_blocked(node, part, run, ranks[node]))
    return tuple(found)


def _own_s(one: Told) -> float:
    return one.step_s - one.blocked_s


def is_wait(name: str) -> bool:
    """Whether a phase of this name is waiting."""
    return name in WAITS or name.startswith(_WHAT_FOR)


def _told(report: Report, run: Run) -> dict[str, tuple[Told, ...]]:
    """By node what its processes told; facts that look otherwise are not ours."""
    names = [part.node for part in run.nodes] or [node.name for node in report.nodes[:1]]
    by_node: Any = run.facts.get("by_node") if run.nodes else {names[0]: run.facts} if names else {}
    found = {}
    for node in names:
        facts: Any = by_node.get(node) if isinstance(by_node, Mapping) else None
        if isinstance(facts, Mapping) and "ranks" in facts:
            try:
                found[node] = decode(_Ranks, dict(facts), "ranks").ranks
            except Misfit:
                continue
    return found


def _nodes(report: Report, run: Run) -> dict[str, Run | NodeRun]:
    """What each node had of the run: its energy and its time."""
    if run.nodes:
        return {part.node: part for part in run.nodes}
    return {report.nodes[0].name: run} if report.nodes else {}


def _phases(run: Run, node: str) -> list[Phase]:
    """A node's own phases, not those of actors on it."""
    actor = node if run.nodes else ""
    return [phase for phase in run.phases if phase.actor == actor]


def _marked(node: str, part: Run | NodeRun, phases: Sequence[Phase]) -> NodeWaiting:
    time_s = math.fsum(phase.end_s - phase.start_s for phase in phases)
    energies = [phase.energy_j for phase in phases]
    known = [energy_j for energy_j in energies if energy_j is not None]
    if len(known) < len(energies):
        return NodeWaiting(node, time_s, None, None, None, True, "its waiting was not measured")
    joules = math.fsum(known)
    # Their errors may have one cause, so they are added up, which none can exceed.
    doubts = [phase.energy_u_j for phase in phases]
    sure = [u_j for u_j in doubts if u_j is not None]
    u_j = math.fsum(sure) if len(sure) == len(doubts) else None
    return NodeWaiting(node, time_s, joules, u_j, _share(joules, part), True)


def _blocked(node: str, part: Run | NodeRun, run: Run, ranks: Sequence[RankTime]) -> NodeWaiting:
    time_s = math.fsum(of.waits_s * of.steps for of in ranks) / len(ranks)
    if len(ranks) > 1:
        why = f"{len(ranks)} ranks share its meters"
        return NodeWaiting(node, time_s, None, None, None, False, why)
    if part.energy_j is None or not part.time_s:
        return NodeWaiting(node, time_s, None, None, None, False, "it was not measured")
    idle_w = _idle_w(run, node)
    if idle_w is None:
        return NodeWaiting(node, time_s, None, None, None, False, "its idle power is not known (--idle)")
    mean_w = part.energy_j / part.time_s
    middle_w, half_w = (idle_w + mean_w) / 2, abs(mean_w - idle_w) / 2
    joules = middle_w * time_s
    # Anywhere between the two powers with the same probability (GUM, 4.3.7).
    terms_j = [half_w * time_s / math.sqrt(3), middle_w * ranks[0].waits_u_s / 2 * ranks[0].steps]
    if part.energy_u_j is not None and part.energy_j > 0:
        terms_j.append(joules * part.energy_u_j / 2 / part.energy_j)
    return NodeWaiting(node, time_s, joules, 2 * math.hypot(*terms_j), _share(joules, part), False)


def _idle_w(run: Run, node: str) -> float | None:
    """The node's power before its program ran; ``None``: not measured."""
    for phase in _phases(run, node):
        if phase.name == "idle" and phase.energy_j is not None and phase.end_s > phase.start_s:
            return phase.energy_j / (phase.end_s - phase.start_s)
    return None


def _share(joules: float, part: Run | NodeRun) -> float | None:
    return joules / part.energy_j if part.energy_j else None
