"""One time axis for a run of several nodes: its zero is that of the node that began first, in UTC.

Each node's monotonic clock is placed by the UTC that it showed at the run's zero, which is written to the
millisecond, less how far that clock was ahead of true time where somebody told (``chronyc tracking``,
``ntpq -p``). What the nodes had in common is held against it: phases of one name, which in a synchronous
training begin and end together on all.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TypeVar

from energyprof.report.flags import Flag, flag
from energyprof.report.nodes.course import Course
from energyprof.report.nodes.rounds import round_lags
from energyprof.report.phases import counts
from energyprof.report.record import JoinedNode, Run
from energyprof.units import moment, seconds

K = TypeVar("K")

# Clocks further apart than this are named.
APART_S = 1.0
# A shift that is the clock's is the same at every edge; a node that is merely slower is not.
STEADY_S = 0.5
STEADY = 0.1
# So many nodes are named in one line.
NAMED = 5


def zeros_s(runs: Mapping[str, Run], nodes: Mapping[str, JoinedNode]) -> dict[str, float]:
    """Where each node's zero lies on the common axis, in s; one whose clock told nothing begins it."""
    utc_s = {name: moment(run.clock.utc) - (nodes[name].ahead_s or 0.0) for name, run in runs.items()}
    first_s = min((time_s for time_s in utc_s.values() if math.isfinite(time_s)), default=0.0)
    # Stamps are kept to the microsecond, as in a trace.
    return {n: round(s - first_s, 6) if math.isfinite(s) else 0.0 for n, s in utc_s.items()}


def clock_flags(
    runs: Mapping[str, Run], nodes: Mapping[str, JoinedNode], zeros: Mapping[str, float]
) -> tuple[Flag, ...]:
    """What is wrong with the nodes' clocks, each thing in a flag."""
    untold = [name for name, run in runs.items() if not math.isfinite(moment(run.clock.utc))]
    ahead = {name: nodes[name].ahead_s or 0.0 for name in runs}
    far = [f"{name}'s was {_ahead(s)}, as was told" for name, s in ahead.items() if abs(s) > APART_S]
    late = [
        f"{name}'s phases all lie {seconds(abs(s))} {'after' if s > 0 else 'before'} the others': it began"
        " apart from them, or its clock is off (--ahead)"
        for name, s in lags({n: _edges(run, zeros[n]) for n, run in runs.items()}).items()
    ]
    late += [
        f"{name}'s turns lie {seconds(abs(s))} {'after' if s > 0 else 'before'} the rounds that they are of:"
        " its clock is off (--ahead)"
        for name, s in round_lags(runs, zeros).items()
        if abs(s) > APART_S
    ]
    said = [f"{name} has no UTC, so it is taken to have begun first" for name in untold]
    return tuple(
        flag("clocks_apart", detail="; ".join(words[:NAMED]) + _more(words))
        for words in (said, far, late)
        if words
    )


def load_notes(runs: Sequence[Run], courses: Mapping[str, Sequence[Course]]) -> list[str]:
    """A line on each run in which a node's load rises and falls at other times than that of most nodes.

    ``courses``: by node the power of each of its runs. Two nodes of one synchronous training rise together,
    however long before that each was started.
    """
    notes = []
    for number, run in enumerate(runs):
        edges = {}
        for part in run.nodes:
            of_node = courses.get(part.node, ())
            found = of_node[number].edges_s() if number < len(of_node) else None
            if found is not None:
                edges[part.node] = dict(zip(("rise", "fall"), (part.zero_s + s for s in found), strict=True))
        words = [
            f"{name}'s load rises and falls about {abs(s):.0f} s {'after' if s > 0 else 'before'} the others'"
            for name, s in lags(edges).items()
        ]
        if words:
            which = f"run {number + 1}: " if len(runs) > 1 else ""
            said = "; ".join(words[:NAMED]) + _more(words)
            notes.append(f"{which}{said}: the nodes began apart, or a clock is off (--ahead)")
    return notes


def _ahead(offset_s: float) -> str:
    return f"{seconds(abs(offset_s))} {'ahead' if offset_s > 0 else 'behind'}"


def _more(words: Sequence[str]) -> str:
    return f"; and {len(words) - NAMED} more" if len(words) > NAMED else ""


def lags(edges: Mapping[str, Mapping[K, float]]) -> dict[str, float]:
    """How far a node's edges lie behind the same ones of most nodes, where that is steady and over a second.

    ``edges``: by node, when each happened on the common axis.
    """
    if len(edges) < 2:
        return {}
    times_of: dict[K, list[float]] = {}
    for found in edges.values():
        for edge, time_s in found.items():
            times_of.setdefault(edge, []).append(time_s)
    # Of two nodes neither is most: the first is taken for right.
    usual_s = {
        edge: statistics.median(times) if len(times) > 2 else times[0]
        for edge, times in times_of.items()
        if len(times) > 1
    }
    behind = {}
    for name, found in edges.items():
        behind_s = [time_s - usual_s[edge] for edge, time_s in found.items() if edge in usual_s]
        middle_s = statistics.median(behind_s) if len(behind_s) > 1 else 0.0
        # Beside an hour it is little by how much some nodes are slower than others.
        steady_s = max(STEADY_S, STEADY * abs(middle_s))
        if abs(middle_s) > APART_S and max(behind_s) - min(behind_s) <= steady_s:
            behind[name] = middle_s
    return behind


def _edges(run: Run, zero_s: float) -> dict[tuple[str, str, int, str], float]:
    """When each phase that counts began and ended: by actor, name, which one of that name, and which end."""
    seen: dict[tuple[str, str], itertools.count[int]] = {}
    edges = {}
    for phase in run.phases:
        if counts(phase.name):
            number = next(seen.setdefault((phase.actor, phase.name), itertools.count()))
            edges[(phase.actor, phase.name, number, "start")] = zero_s + phase.start_s
            edges[(phase.actor, phase.name, number, "end")] = zero_s + phase.end_s
    return edges
