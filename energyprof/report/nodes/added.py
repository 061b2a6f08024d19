"""Joules of several nodes as one number, where they may be added: of one boundary, each joule once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from energyprof.report.energy import summed_terms
from energyprof.report.record import JoinedNode, MeterRecord, Run
from energyprof.report.uncertainty import SCALE, above, below, combined, stored, wider
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Added:
    """The sum of the nodes' energies, with the interval that the meters' terms give."""

    joules: float | None = None
    u_j: float | None = None  # k = 2
    low_j: float | None = None
    high_j: float | None = None
    gain_u_j: float | None = None
    terms_j: Mapping[str, float] = field(default_factory=dict)  # standard (k = 1)
    by_meter_j: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def not_added(
    nodes: Sequence[JoinedNode],
    runs: Mapping[str, Run],
    spans_s: Mapping[str, tuple[str, float, float]],
    meters: Mapping[str, Sequence[MeterRecord]],
) -> str:
    """Why there is no sum of these nodes' joules; "": there is one.

    ``spans_s``: each node's machine, and from when to when it was metered, on the run's axis.
    """
    missing = [node.node for node in nodes if node.node not in runs]
    if missing:
        return f"{_listed(missing)} has no such run"
    without = [name for name, run in runs.items() if run.energy_j is None]
    if without:
        return f"{_listed(without)} was not measured"
    boundaries: dict[str, list[str]] = {}
    for node in nodes:
        boundaries.setdefault(str(node.boundary), []).append(node.node)
    if len(boundaries) > 1:
        seen = ", ".join(f"{_listed(names)} by {boundary}" for boundary, names in boundaries.items())
        return f"they are of different boundaries ({seen})"
    return _twice(spans_s, meters)


def _twice(
    spans_s: Mapping[str, tuple[str, float, float]], meters: Mapping[str, Sequence[MeterRecord]]
) -> str:
    """Which two read the same meters of one machine at the same time; "": none do."""
    by_machine: dict[str, list[str]] = {}
    for name, (machine, _, _) in spans_s.items():
        if machine:
            by_machine.setdefault(machine, []).append(name)
    counted = {name: _counted(meters[name], name) for name in spans_s}
    for names in by_machine.values():
        for i, one in enumerate(names):
            for other in names[i + 1 :]:
                same = counted[one] & counted[other]
                (_, start_s, end_s), (_, from_s, to_s) = spans_s[one], spans_s[other]
                if same and start_s < to_s and from_s < end_s:
                    return f"{one} and {other} read {min(same)} of one machine at the same time"
    return ""


def _counted(meters: Sequence[MeterRecord], node: str) -> set[str]:
    return {meter.name.removeprefix(f"{node}/") for meter in meters if meter.counted}


def added(runs: Mapping[str, Run], meters: Mapping[str, Sequence[MeterRecord]]) -> Added:
    """The sum of the runs' ``energy_j``, all of which are known; ``meters`` are named after their nodes.

    What meters of one kind share adds linearly, all else in quadrature, as within a node. Where a report does
    not split its uncertainty up, the nodes' are added up, which none can exceed.
    """
    joules = math.fsum(run.energy_j or 0.0 for run in runs.values())
    by_meter = {
        f"{node}/{name}": terms for node, run in runs.items() for name, terms in run.budget_by_meter_j.items()
    }
    infos = {meter.name: meter.info for of_node in meters.values() for meter in of_node}
    split = all(run.budget_by_meter_j for run in runs.values())
    if not split or not all(name in infos for name in by_meter):
        u_j = summed(run.energy_u_j for run in runs.values())
        if u_j is None:
            return Added(joules)
        return Added(joules, u_j, joules - u_j, joules + u_j)
    terms_j = summed_terms([(infos[name], terms) for name, terms in by_meter.items()])
    one_way_j = wider(terms_j)
    gain_j = combined({term: one_way_j[term] for term in SCALE if term in one_way_j})
    down_j, up_j = 2 * combined(below(terms_j)), 2 * combined(above(terms_j))
    return Added(
        joules,
        2 * combined(one_way_j),
        joules - down_j,
        joules + up_j,
        2 * gain_j,
        stored(terms_j),
        by_meter,
    )


def summed(values: Iterable[float | None]) -> float | None:
    """Their sum; ``None`` if one of them is."""
    amounts = list(values)
    known = [amount for amount in amounts if amount is not None]
    return math.fsum(known) if len(known) == len(amounts) else None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
