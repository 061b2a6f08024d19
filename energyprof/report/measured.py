"""One run's numbers: its energies, phase by phase, from every meter's, and what is odd about them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

from energyprof.report.agreement import disagreements
from energyprof.report.calibrated import mean_temperature, node_of_run, slices, transferred
from energyprof.report.cpu_time import spent
from energyprof.report.energy import Energy, MeterEnergy, Window, total
from energyprof.report.flags import Flag
from energyprof.report.foreign_load import at_rest, in_training
from energyprof.report.idle import idle
from energyprof.report.integrator import Integrator
from energyprof.report.node_map import NodeEnergy, NodeMap
from energyprof.report.phases import PhaseInterval
from energyprof.report.record import Clock, MeterRecord, Phase, Point, Profiler, Run
from energyprof.report.rounds import round_records
from energyprof.report.segments.cadence import Cadence
from energyprof.report.timeline import Timeline
from energyprof.report.uncertainty import stored
from energyprof.report.whole_and_parts import below_parts, parts
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Row


@dataclass(frozen=True)
class Measured:
    """One run, and how every meter fared in it (in the order of the report's meters)."""

    run: Run
    meters: tuple[MeterEnergy, ...]  # over the whole life of the training process
    life_s: float
    # What the run is by its parts, where the counted meter is of the whole node; None: there are no parts.
    by_parts: Run | None = None
    impossible: bool = False  # the whole reads less than its parts


def measure(
    times: Timeline,
    rows: Iterable[Row],
    meters: Sequence[MeterRecord],
    cadences: Sequence[Cadence],
    node_map: NodeMap | None = None,
    node: str = "",
) -> Measured:
    """The run of ``times`` with the energy that ``rows`` hold; ``cadences`` take note of every reading."""
    life = (times.started_s if times.started_s is not None else times.life_end_s, times.life_end_s)
    train = (
        None
        if times.train_start_s is None or times.train_end_s is None
        else (times.train_start_s, times.train_end_s)
    )
    start_s = (train or life)[0]
    windows = [life, train or life]
    windows += [(phase.start_s, phase.end_s) for phase in times.phases]
    windows += [(start_s, evaluation.time_s) for evaluation in times.evaluations]
    windows += [(interval.start_s, interval.end_s) for interval in times.rounds]
    windows += [(window.start_s, window.end_s) for window in times.windows]
    # A node's map is doubted less over a run that was at several levels of load.
    parts_of = [part for window in windows[:2] for part in slices(window)] if node_map is not None else []
    wanted = [*windows, *parts_of]
    integrators = {m.name: Integrator(m.info, m.interval_s, wanted, times.asleep) for m in meters}
    cadence_of = {m.name: cadence for m, cadence in zip(meters, cadences, strict=True)}
    for cadence in cadences:
        cadence.new_run()
    for row in rows:
        if row.source in integrators:
            integrators[row.source].push(row.sample)
            cadence_of[row.source].push(row.sample)
    found = {name: integrator.finish() for name, integrator in integrators.items()}
    sliced = {name: energies[len(windows) :] for name, energies in found.items()}
    by_meter = {
        name: [
            transferred(energy, window, times.utc, mean_temperature(times.conditions, [name]))
            for energy, window in zip(energies, windows, strict=False)
        ]
        for name, energies in found.items()
    }
    lives = {m.name: by_meter[m.name][0] for m in meters}
    life_s = life[1] - life[0]
    impossible = below_parts(meters, lives, life_s)

    def run(counted: Sequence[MeterRecord]) -> Run:
        made = _energies(times, windows, train, life, by_meter, sliced, counted, node_map, node)
        differing = disagreements(meters, lives, life_s)
        return dataclasses.replace(made, flags=made.flags + differing + impossible)

    counted = [meter for meter in meters if meter.counted]
    within = parts(meters) if any(meter.boundary != "component" for meter in counted) else ()
    named = {flag.meter for flag in impossible}
    return Measured(
        run(counted),
        tuple(lives.values()),
        life_s,
        run(within) if within else None,
        any(meter.name in named for meter in counted),
    )


def _energies(
    times: Timeline,
    windows: Sequence[Window],
    train: Window | None,
    life: Window,
    by_meter: Mapping[str, Sequence[MeterEnergy]],
    sliced: Mapping[str, Sequence[MeterEnergy]],
    counted: Sequence[MeterRecord],
    node_map: NodeMap | None,
    node: str,
) -> Run:
    """The run by the meters ``counted``; of the ``windows`` the first two are its life and its training.

    ``sliced``: those two in equal parts, if there is a ``node_map``.
    """
    start_s = windows[1][0]
    whole, training, *rest = (
        total(by_meter[m.name][window] for m in counted) for window in range(len(windows))
    )
    first_window = len(windows) - len(times.windows)
    phases = _phases(times.phases, rest, times, by_meter, 2)
    history = tuple(
        Point(e.samples, _number(e.score), e.time_s - start_s, energy.joules)
        for e, energy in zip(times.evaluations, rest[len(phases) :], strict=False)
    )
    after = len(phases) + len(times.evaluations)
    rounds = rest[after : after + len(times.rounds)]
    energy = training if train else total([])
    looks = list(zip(times.phases, rest, strict=False))
    still, not_idle = at_rest(times.load, looks)
    resting = idle(energy, train, still, times.ended_s)
    # A model's idle power follows whatever else ran: that is not a drift of the machine.
    modelled = any(m.origin != "measured" for m in counted)
    drifting = tuple(f for f in resting.flags if not (modelled and f.kind == "idle_drift"))
    whole_of_node: NodeEnergy | None = None
    node_flags: tuple[Flag, ...] = ()
    if node_map is not None:
        whole_of_node, node_flags = node_of_run(
            node_map, by_meter, sliced, windows[:2], times.utc, times.conditions
        )
    budgets = {m.name: by_meter[m.name][1].terms_j for m in counted if train}
    return dataclasses.replace(
        _run(times, energy, whole, train, life, phases, history),
        budget_j=energy.terms_j,
        budget_by_meter_j={name: stored(terms_j) for name, terms_j in budgets.items()},
        idle_before_w=resting.before_w,
        idle_after_w=resting.after_w,
        net_energy_j=resting.net_j,
        net_energy_u_j=resting.net_u_j,
        windows=_phases(times.windows, rest[first_window - 2 :], times, by_meter, first_window),
        node=whole_of_node,
        rounds=round_records(times.rounds, rounds, phases, node),
        flags=times.flags
        + in_training(times.load, *(train or life))
        + energy.flags
        + not_idle
        + drifting
        + node_flags,
    )


def _run(
    times: Timeline,
    training: Energy,
    whole: Energy,
    train: tuple[float, float] | None,
    life: tuple[float, float],
    phases: tuple[Phase, ...],
    history: tuple[Point, ...],
) -> Run:
    profiler = times.profiler
    return Run(
        seed=times.seed,
        status=times.status,
        samples=times.samples,
        score=_number(times.score),
        clock=Clock(times.monotonic_s, times.utc),
        energy_j=training.joules,
        energy_u_j=training.u_j,
        energy_low_j=training.interval_j[0],
        energy_high_j=training.interval_j[1],
        time_s=train[1] - train[0] if train else None,
        total_energy_j=whole.joules,
        total_energy_u_j=whole.u_j,
        total_time_s=life[1] - life[0],
        coverage=training.coverage,
        exit_code=times.exit_code,
        phases=phases,
        history=history,
        facts=times.facts,
        profiler=Profiler(profiler["cpu_s"], profiler["rss_bytes"]) if profiler else None,
        flags=(),
        gain_u_j=training.gain_u_j,
        conditions=times.conditions,
        cpu_s=spent(times.cpu, *train) if train else None,
        levers=times.levers,
        total_cpu_s=spent(times.cpu, *life),
    )


def _phases(
    intervals: Sequence[PhaseInterval],
    energies: Sequence[Energy],
    times: Timeline,
    by_meter: Mapping[str, Sequence[MeterEnergy]],
    first: int,
) -> tuple[Phase, ...]:
    """The intervals with their ``energies``; ``first``: where theirs begin among each meter's."""
    return tuple(
        _phase(
            interval,
            energy,
            {name: of_meter[first + i].joules for name, of_meter in by_meter.items()},
            spent(times.cpu, interval.start_s, interval.end_s),
        )
        for i, (interval, energy) in enumerate(zip(intervals, energies, strict=False))
    )


def _phase(
    phase: PhaseInterval, energy: Energy, joules: dict[str, float | None], cpu_s: float | None
) -> Phase:
    return Phase(
        phase.name,
        phase.start_s,
        phase.end_s,
        phase.samples,
        energy.joules,
        energy.u_j,
        {name: value for name, value in joules.items() if value is not None},
        budget_j=energy.terms_j,
        cpu_s=cpu_s,
        coverage=energy.coverage,
        energy_low_j=energy.interval_j[0],
        energy_high_j=energy.interval_j[1],
        actor=phase.actor,
    )


def _number(score: float | None) -> float | None:
    return None if score is None or not math.isfinite(score) else score
