"""A report from its trace. ``run`` makes every report in this way, so the numbers agree digit for digit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from energyprof.report.agreement import disagreements, ratio
from energyprof.report.cpu_time import spent
from energyprof.report.energy import Energy, Integrator, MeterEnergy, total
from energyprof.report.file import read, trace_path
from energyprof.report.flags import flag
from energyprof.report.foreign_load import at_rest, in_training
from energyprof.report.idle import idle
from energyprof.report.phases import PhaseInterval
from energyprof.report.record import Clock, MeterRecord, Phase, Point, Profiler, Report, Run
from energyprof.report.segments.cadence import Cadence
from energyprof.report.segments.renewals import as_seen
from energyprof.report.timeline import Timeline, timeline
from energyprof.trace.file import read_rows, read_run
from energyprof.trace.rows import Row


@dataclasses.dataclass(frozen=True)
class Measured:
    """One run, and how every meter fared in it (in the order of the report's meters)."""

    run: Run
    meters: tuple[MeterEnergy, ...]  # over the whole life of the training process
    life_s: float


def recompute(path: Path) -> Report:
    """The report at ``path``, rebuilt from the trace beside it.

    Raises:
        FileError: the report or its trace cannot be read.
    """
    rebuilt = Rebuild(read(path))
    rebuilt.add_all(trace_path(path))
    return rebuilt.report()


def is_given_back(stored: Report, again: Report) -> bool:
    """Whether ``again`` is ``stored`` to the last digit, as far as the version that stored it said it all.

    The first schema had no coverage of a phase: what is not there cannot differ.
    """
    runs = [_as_stored(run, before) for run, before in zip(again.runs, stored.runs, strict=False)]
    return dataclasses.replace(again, runs=(*runs, *again.runs[len(runs) :])) == stored


def _as_stored(run: Run, before: Run) -> Run:
    phases = tuple(
        dataclasses.replace(phase, coverage=None) if of.coverage is None else phase
        for phase, of in zip(run.phases, before.phases, strict=False)
    )
    return dataclasses.replace(run, phases=(*phases, *run.phases[len(phases) :]))


class Rebuild:
    """Takes a report's runs one after the other, as rows, and puts the report together."""

    def __init__(self, header: Report) -> None:
        """``header``: workload, machine and meters; its runs are ignored."""
        self._header = header
        self._cadences = [Cadence(meter.interval_s) for meter in header.meters]
        self._measured: list[Measured] = []

    def add(self, rows: Callable[[], Iterable[Row]]) -> Run:
        """Add the run whose rows ``rows()`` gives, each time it is called."""
        header = self._header
        times = timeline(rows(), header.workload.target)
        measured = measure(times, rows(), as_seen(header.meters, rows()), self._cadences)
        self._measured.append(measured)
        return measured.run

    def add_all(self, trace: Path) -> int:
        """Add every run of the file ``trace``; the number that comes after the last one's.

        Raises:
            FileError: it cannot be read, or is no trace.
        """
        # Run by run, each more than once (events, renewals, samples): a day's samples never lie in memory.
        numbers = sorted({row.run for row in read_rows(trace)})
        for number in numbers:
            self.add(partial(read_run, trace, number))
        return numbers[-1] + 1 if numbers else 0

    def report(self) -> Report:
        """The report of all runs so far."""
        meters = tuple(
            _meter_record(meter, cadence, [(m.meters[i], m.life_s) for m in self._measured])
            for i, (meter, cadence) in enumerate(zip(self._header.meters, self._cadences, strict=True))
        )
        joules = {meter.name: [m.meters[i].joules for m in self._measured] for i, meter in enumerate(meters)}
        meters = tuple(
            dataclasses.replace(m, ratio=ratio(joules[m.name], joules.get(m.info.checks, []))) for m in meters
        )
        runs, series = tuple(m.run for m in self._measured), self._header.series
        if series is not None:  # a live header has the positions that are planned
            series = dataclasses.replace(series, positions=series.positions[: len(runs)])
        return dataclasses.replace(self._header, meters=meters, runs=runs, series=series)


def measure(
    times: Timeline, rows: Iterable[Row], meters: Sequence[MeterRecord], cadences: Sequence[Cadence]
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
    integrators = {m.name: Integrator(m.info, m.interval_s, windows) for m in meters}
    cadence_of = {m.name: cadence for m, cadence in zip(meters, cadences, strict=True)}
    for cadence in cadences:
        cadence.new_run()
    for row in rows:
        if row.source in integrators:
            integrators[row.source].push(row.sample)
            cadence_of[row.source].push(row.sample)
    by_meter = {name: integrator.finish() for name, integrator in integrators.items()}
    whole, training, *rest = (
        total(by_meter[m.name][window] for m in meters if m.counted) for window in range(len(windows))
    )
    phases = tuple(
        _phase(
            interval,
            energy,
            {name: energies[2 + i].joules for name, energies in by_meter.items()},
            spent(times.cpu, interval.start_s, interval.end_s),
        )
        for i, (interval, energy) in enumerate(zip(times.phases, rest, strict=False))
    )
    lives = {m.name: by_meter[m.name][0] for m in meters}
    history = tuple(
        Point(e.samples, _number(e.score), e.time_s - start_s, energy.joules)
        for e, energy in zip(times.evaluations, rest[len(phases) :], strict=True)
    )
    energy = training if train else total([])
    looks = list(zip(times.phases, rest, strict=False))
    still, not_idle = at_rest(times.load, looks)
    resting = idle(energy, train, still, times.ended_s)
    # A model's idle power follows whatever else ran: that is not a drift of the machine.
    modelled = any(m.origin != "measured" for m in meters if m.counted)
    drifting = tuple(f for f in resting.flags if not (modelled and f.kind == "idle_drift"))
    differing = disagreements(meters, lives, life[1] - life[0])
    budgets = {m.name: by_meter[m.name][1].terms_j for m in meters if m.counted and train}
    run = dataclasses.replace(
        _run(times, energy, whole, train, life, phases, history),
        budget_j=energy.terms_j,
        budget_by_meter_j={
            name: {term: u_j for term, u_j in terms_j.items() if u_j > 0} for name, terms_j in budgets.items()
        },
        idle_before_w=resting.before_w,
        idle_after_w=resting.after_w,
        net_energy_j=resting.net_j,
        net_energy_u_j=resting.net_u_j,
        flags=times.flags
        + in_training(times.load, *(train or life))
        + energy.flags
        + not_idle
        + drifting
        + differing,
    )
    return Measured(run, tuple(lives.values()), life[1] - life[0])


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


def _meter_record(
    meter: MeterRecord, cadence: Cadence, lives: Sequence[tuple[MeterEnergy, float]]
) -> MeterRecord:
    life_s = sum(span_s for _, span_s in lives)
    covered_s = sum(energy.coverage * span_s for energy, span_s in lives)
    # A short run says so itself; of a meter it tells nothing.
    kinds = {kind: None for energy, _ in lives for kind in energy.flags if kind != "short"}
    return dataclasses.replace(
        meter,
        achieved_hz=cadence.achieved_hz,
        p99_gap_s=cadence.p99_gap_s,
        max_gap_s=cadence.max_gap_s,
        missed=cadence.missed,
        coverage=covered_s / life_s if life_s > 0 else 0.0,
        flags=tuple(flag(kind, meter.name) for kind in kinds),
    )


def _number(score: float | None) -> float | None:
    return None if score is None or not math.isfinite(score) else score
