"""What a node whose program marked nothing used in the phases of one that did.

Under torchrun or MPI often only rank 0's program says what it does. Its phases are laid on the other nodes'
meters, by how their clocks stood to each other, and that offset's uncertainty is part of the joules': a
phase that begins or ends as much too late or too early holds so much more or less. Where nobody told how the
clocks stood (``--ahead``) the joules have no ±.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from energyprof.report.calibrated import mean_temperature, transferred
from energyprof.report.energy import Energy, total
from energyprof.report.integrator import Integrator
from energyprof.report.nodes.axis import zeros_s
from energyprof.report.nodes.trace import node_runs, pieces
from energyprof.report.phases import counts
from energyprof.report.record import JoinedNode, MeterRecord, Phase, Report, Run
from energyprof.report.segments.renewals import as_seen
from energyprof.report.timeline import timeline
from energyprof.report.uncertainty import combined
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Row

CLOCK = "clock"
# A run's zero is written to the millisecond: a rectangle of half of that (GUM 4.3.7).
WRITTEN_U_S = 0.0005 / math.sqrt(3)


@dataclass(frozen=True)
class _Wanted:
    """A run of a node that marked nothing: the phases to be laid on it, in its own time."""

    run: Run
    phases: tuple[Phase, ...]
    u_s: float | None  # of the offset between the two clocks


def borrowed(
    header: Report, reports: Sequence[Report], trace: Path
) -> dict[tuple[int, int], tuple[Phase, ...]]:
    """By node and run the phases of each node that marked none where another did; with none, nothing is read.

    Raises:
        FileError: the joined ``trace`` cannot be read.
    """
    wanted: dict[tuple[int, int], _Wanted] = {}
    for number in range(max(len(report.runs) for report in reports)):
        runs = {node: of.runs[number] for node, of in enumerate(reports) if number < len(of.runs)}
        wanted |= {(node, number): found for node, found in _wanted(runs, header.joined).items()}
    if not wanted:
        return {}
    found = {}
    for (node, rows), owner in zip(node_runs(trace, header), pieces(header), strict=True):
        if owner in wanted:
            found[owner] = _measured(rows, reports[node].meters, wanted[owner])
    return found


def _wanted(runs: Mapping[int, Run], joined: Sequence[JoinedNode]) -> dict[int, _Wanted]:
    silent = [node for node, run in runs.items() if any(flag.kind == "unmarked" for flag in run.flags)]
    lender = next((n for n in runs if n not in silent and any(counts(p.name) for p in runs[n].phases)), None)
    if lender is None or not silent:
        return {}
    zeros = zeros_s({joined[n].node: run for n, run in runs.items()}, {node.node: node for node in joined})
    found = {}
    for node in silent:
        by_s = zeros[joined[lender].node] - zeros[joined[node].node]
        phases = tuple(
            dataclasses.replace(phase, start_s=phase.start_s + by_s, end_s=phase.end_s + by_s)
            for phase in runs[lender].phases
            if counts(phase.name)
        )
        found[node] = _Wanted(runs[node], phases, _offset_u_s(joined[lender], joined[node]))
    return found


def _offset_u_s(one: JoinedNode, other: JoinedNode) -> float | None:
    """The standard uncertainty of how two clocks stood to each other; ``None``: nobody told."""
    if one.ahead_u_s is None or other.ahead_u_s is None:
        return None
    return math.hypot(one.ahead_u_s, other.ahead_u_s, WRITTEN_U_S, WRITTEN_U_S)


def _measured(
    rows: Callable[[], Iterable[Row]], meters: Sequence[MeterRecord], wanted: _Wanted
) -> tuple[Phase, ...]:
    """The node's own phases that are no training, and the others' with its joules."""
    times = timeline(rows(), None)
    shift_s = wanted.u_s or 0.0
    windows = [
        (phase.start_s + by_s, phase.end_s + by_s)
        for by_s in (0.0, -shift_s, shift_s)
        for phase in wanted.phases
    ]
    integrators = {
        meter.name: Integrator(meter.info, meter.interval_s, windows, times.asleep)
        for meter in as_seen(meters, rows())
    }
    for row in rows():
        if row.source in integrators:
            integrators[row.source].push(row.sample)
    by_meter = {
        name: [
            transferred(energy, window, times.utc, mean_temperature(times.conditions, [name]))
            for energy, window in zip(integrator.finish(), windows, strict=True)
        ]
        for name, integrator in integrators.items()
    }
    energies = [total(by_meter[m.name][i] for m in meters if m.counted) for i in range(len(windows))]
    count = len(wanted.phases)
    laid = [
        _phase(
            phase,
            [energies[i], energies[count + i], energies[2 * count + i]],
            {name: j for name, of in by_meter.items() if (j := of[i].joules) is not None},
            wanted.u_s,
        )
        for i, phase in enumerate(wanted.phases)
    ]
    return (*(phase for phase in wanted.run.phases if not counts(phase.name)), *laid)


def _phase(
    phase: Phase, energies: Sequence[Energy], by_meter_j: Mapping[str, float], u_s: float | None
) -> Phase:
    """``energies``: as the clocks stood, and with the phase earlier and later by ``u_s``."""
    energy, *moved = energies
    clock_j = max((abs((e.joules or 0.0) - (energy.joules or 0.0)) for e in moved), default=0.0)
    u_j = low_j = high_j = None
    budget_j = dict(energy.terms_j)
    if u_s is not None and energy.joules is not None and energy.u_j is not None:
        below_j, above_j = energy.interval_j
        u_j = 2 * combined({"meters": energy.u_j / 2, CLOCK: clock_j})
        low_j = energy.joules - math.hypot(energy.joules - (below_j or 0.0), 2 * clock_j)
        high_j = energy.joules + math.hypot((above_j or 0.0) - energy.joules, 2 * clock_j)
        budget_j[CLOCK] = clock_j
    return dataclasses.replace(
        phase,
        samples=None,
        energy_j=energy.joules,
        energy_u_j=u_j,
        by_meter_j=dict(by_meter_j),
        flags=energy.flags,
        budget_j=budget_j,
        cpu_s=None,
        coverage=energy.coverage,
        energy_low_j=low_j,
        energy_high_j=high_j,
    )
