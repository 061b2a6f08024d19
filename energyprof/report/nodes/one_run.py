"""One run of several nodes, from what each of them measured of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from energyprof.report.flags import Flag, flag
from energyprof.report.nodes.added import Added, added, not_added, summed
from energyprof.report.nodes.axis import clock_flags, zeros_s
from energyprof.report.nodes.names import actor_named, flags_named
from energyprof.report.nodes.rounds import joined_rounds
from energyprof.report.phases import counts
from energyprof.report.record import (
    Clock,
    JoinedNode,
    MeterRecord,
    NodeRecord,
    NodeRun,
    Phase,
    Point,
    Profiler,
    Run,
    Status,
)

# What a run is of which several nodes say different things: the first that any of them says.
_WORST: tuple[Status, ...] = ("failed", "diverged", "interrupted", "missed", "reached", "done")
# Before and after these the node was metered, but the program did not run.
_BESIDE = ("idle", "cooldown")


def run_of_nodes(
    runs: Mapping[str, Run],
    joined: Sequence[JoinedNode],
    nodes: Sequence[NodeRecord],
    meters: Mapping[str, Sequence[MeterRecord]],
    shown: Mapping[str, Run] | None = None,
) -> Run:
    """The run of the nodes named in ``runs``, one at least; ``meters`` are those of each, named after it.

    ``shown``: the same with the phases to be listed, where they are not a node's own.

    Its energy is the sum of what each node's training took by the node's own clock, so that it knows nothing
    of how the clocks differ. Its time goes from the first node's beginning to the last one's end.
    """
    by_name = {node.node: node for node in joined}
    zeros = zeros_s(runs, by_name)
    machines = {node.name: str(node.machine.get("id") or "") for node in nodes}
    spans_s = {
        name: (
            machines[name],
            zeros[name] + min((p.start_s for p in run.phases), default=0.0),
            zeros[name] + max((p.end_s for p in run.phases), default=0.0),
        )
        for name, run in runs.items()
    }
    why = not_added(joined, runs, spans_s, meters)
    energy = Added() if why else added(runs, meters)
    parts = tuple(_part(name, run, zeros[name]) for name, run in runs.items())
    first = min(runs, key=lambda name: (zeros[name], list(runs).index(name)))
    told = _telling(runs)
    train = _span(parts)
    return Run(
        seed=_common(run.seed for run in runs.values()),
        status=_status(runs),
        samples=_common(run.samples for run in runs.values() if run.samples is not None),
        score=told[1].score,
        clock=Clock(runs[first].clock.monotonic_s, runs[first].clock.utc),
        energy_j=energy.joules,
        energy_u_j=energy.u_j,
        time_s=train[1] - train[0] if train else None,
        total_energy_j=None if why else summed(run.total_energy_j for run in runs.values()),
        total_energy_u_j=None if why else summed(run.total_energy_u_j for run in runs.values()),
        total_time_s=_total_s(runs, zeros),
        coverage=_least(run.coverage for run in runs.values()),
        exit_code=next((run.exit_code for run in runs.values() if run.exit_code), told[1].exit_code),
        phases=_phases(shown or runs, zeros, "phases"),
        history=_history(told[1], zeros[told[0]], train),
        facts=_facts(runs),
        profiler=_profiler(runs),
        flags=_flags(runs, joined, why) + clock_flags(runs, by_name, zeros),
        gain_u_j=energy.gain_u_j,
        budget_j=energy.terms_j,
        budget_by_meter_j=energy.by_meter_j,
        idle_before_w=None if why else summed(run.idle_before_w for run in runs.values()),
        idle_after_w=None if why else summed(run.idle_after_w for run in runs.values()),
        net_energy_j=None if why else summed(run.net_energy_j for run in runs.values()),
        net_energy_u_j=None if why else summed(run.net_energy_u_j for run in runs.values()),
        conditions={
            f"{n}/{device}": said for n, run in runs.items() for device, said in run.conditions.items()
        },
        cpu_s=summed(run.cpu_s for run in runs.values()),
        energy_low_j=energy.low_j,
        energy_high_j=energy.high_j,
        levers=tuple(
            dataclasses.replace(
                lever, device=f"{n}/{lever.device}".rstrip("/"), meter=lever.meter and f"{n}/{lever.meter}"
            )
            for n, run in runs.items()
            for lever in run.levers
        ),
        total_cpu_s=summed(run.total_cpu_s for run in runs.values()),
        windows=_phases(runs, zeros, "windows"),
        rounds=joined_rounds(runs, why),
        nodes=parts,
    )


def _status(runs: Mapping[str, Run]) -> Status:
    """The worst that a node says; where some evaluate, one that never did but ended well says nothing."""
    told = [run for run in runs.values() if run.history]
    silent = [run for run in runs.values() if not run.history and not (told and run.exit_code == 0)]
    return min((run.status for run in (*told, *silent)), key=_WORST.index)


def _part(name: str, run: Run, zero_s: float) -> NodeRun:
    start_s = min((phase.start_s for phase in run.phases if counts(phase.name)), default=None)
    return NodeRun(
        node=name,
        status=run.status,
        clock=run.clock,
        zero_s=zero_s,
        start_s=None if start_s is None or run.time_s is None else zero_s + start_s,
        energy_j=run.energy_j,
        energy_u_j=run.energy_u_j,
        time_s=run.time_s,
        total_energy_j=run.total_energy_j,
        total_energy_u_j=run.total_energy_u_j,
        total_time_s=run.total_time_s,
        samples=run.samples,
        exit_code=run.exit_code,
        coverage=run.coverage,
        flags=run.flags,
        node_energy=run.node,
    )


def _span(parts: Sequence[NodeRun]) -> tuple[float, float] | None:
    """When the first node began to train, and the last one ended; ``None``: none did."""
    spans = [
        (p.start_s, p.start_s + p.time_s) for p in parts if p.start_s is not None and p.time_s is not None
    ]
    return (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None


def _total_s(runs: Mapping[str, Run], zeros: Mapping[str, float]) -> float | None:
    spans = []
    for name, run in runs.items():
        own = [phase.start_s for phase in run.phases if phase.name not in _BESIDE]
        if own and run.total_time_s is not None:
            spans.append((zeros[name] + min(own), zeros[name] + min(own) + run.total_time_s))
    return max(end for _, end in spans) - min(start for start, _ in spans) if spans else None


def _telling(runs: Mapping[str, Run]) -> tuple[str, Run]:
    """The first node that evaluated, or else the first one."""
    return next(((name, run) for name, run in runs.items() if run.history), next(iter(runs.items())))


def _phases(runs: Mapping[str, Run], zeros: Mapping[str, float], kind: str) -> tuple[Phase, ...]:
    """Each node's phases or windows on the common axis, with that node's joules."""
    placed = [
        dataclasses.replace(
            phase,
            start_s=zeros[name] + phase.start_s,
            end_s=zeros[name] + phase.end_s,
            actor=actor_named(phase.actor, name),
            by_meter_j={f"{name}/{meter}": joules for meter, joules in phase.by_meter_j.items()},
            flags=flags_named(phase.flags, name),
        )
        for name, run in runs.items()
        for phase in getattr(run, kind)
    ]
    return tuple(sorted(placed, key=lambda phase: phase.start_s))


def _history(run: Run, zero_s: float, train: tuple[float, float] | None) -> tuple[Point, ...]:
    """The evaluations of the node that had them; what all nodes had used by then nobody read."""
    start_s = min((phase.start_s for phase in run.phases if counts(phase.name)), default=0.0)
    later_s = zero_s + start_s - train[0] if train else 0.0
    return tuple(
        dataclasses.replace(point, time_s=point.time_s + later_s, energy_j=None) for point in run.history
    )


def _facts(runs: Mapping[str, Run]) -> dict[str, Any]:
    """What all nodes say alike, and as ``by_node`` what each says of its own."""
    said = [run.facts for run in runs.values()]
    alike = {k: fact for k, fact in said[0].items() if all(k in of and of[k] == fact for of in said)}
    own = {name: {k: v for k, v in run.facts.items() if k not in alike} for name, run in runs.items()}
    by_node = {name: facts for name, facts in own.items() if facts}
    return {**alike, "by_node": by_node} if by_node else alike


def _profiler(runs: Mapping[str, Run]) -> Profiler | None:
    known = [run.profiler for run in runs.values() if run.profiler is not None]
    return Profiler(sum(p.cpu_s for p in known), sum(p.rss_bytes for p in known)) if known else None


def _flags(runs: Mapping[str, Run], joined: Sequence[JoinedNode], why: str) -> tuple[Flag, ...]:
    flags = [of_node for name, run in runs.items() for of_node in flags_named(run.flags, name)]
    if missing := [node.node for node in joined if node.node not in runs]:
        flags.append(flag("node_missing", detail=", ".join(missing)[:1000]))
    if why:
        flags.append(flag("not_added", detail=why[:1000]))
    return tuple(flags)


def _common(values: Any) -> Any:
    """What all of them are; ``None``: they differ, or there are none."""
    found = list(values)
    return found[0] if found and all(value == found[0] for value in found) else None


def _least(shares: Any) -> float | None:
    known = list(shares)
    return None if not known or None in known else min(known)
