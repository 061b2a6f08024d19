"""From a run's events to its phases, evaluations and status. Times in s from the run's zero."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from energyprof.report.clock_flags import clock_flags
from energyprof.report.cpu_time import CpuReading
from energyprof.report.event_log import EventLog, event_log
from energyprof.report.flags import Flag, flag
from energyprof.report.foreign_load import LoadReading
from energyprof.report.phases import (
    PART,
    PhaseInterval,
    PhaseStart,
    parts_start_s,
    phase_intervals,
    training,
)
from energyprof.report.record import LeverRecord, Status
from energyprof.report.round_intervals import (
    Evaluation,
    RoundEnd,
    RoundInterval,
    round_intervals,
)
from energyprof.report.speakers import Score
from energyprof.storable.frozen import dataclass
from energyprof.storable.values import MAX_INT
from energyprof.trace.rows import Row
from energyprof.trace.wall_clock import changes
from energyprof.workload import Target

# Exit codes of a program that ended well, or of one that was not ours to wait for.
_WELL = (0, None)


@dataclass(frozen=True)
class Timeline:
    """What happened in a run, and when."""

    seed: int | None
    monotonic_s: float
    utc: str
    status: Status
    phases: tuple[PhaseInterval, ...]
    evaluations: tuple[Evaluation, ...]
    started_s: float | None  # of the training process; None: it never was
    ended_s: float  # of the process, or of the last row
    life_end_s: float  # the same, but for what followed the training to take its steps apart
    train_start_s: float | None  # of the first phase that counts
    train_end_s: float | None  # the target, or the end of training
    samples: int | None
    score: float | None
    exit_code: int | None
    facts: dict[str, Any]
    profiler: Mapping[str, Any]
    flags: tuple[Flag, ...]
    conditions: Mapping[str, Mapping[str, Any]]  # by device
    cpu: tuple[CpuReading, ...] = ()  # processor time of the training's processes, in the order of the times
    load: tuple[LoadReading, ...] = ()  # and of everything on the machine; empty: not read
    levers: tuple[LeverRecord, ...] = ()
    asleep: tuple[tuple[float, float], ...] = ()  # the machine slept some time between these
    windows: tuple[PhaseInterval, ...] = ()  # that the program measured itself, in the order of their starts
    rounds: tuple[RoundInterval, ...] = ()  # that were finished, in their order


def timeline(rows: Iterable[Row], target: Target | None) -> Timeline:
    """The timeline of one run's ``rows``; samples among them only say how long it went on."""
    told = event_log(rows)
    evaluations = _until_target(_evaluations(told.scores), target)
    reached = bool(evaluations) and _reached(target, evaluations[-1].score)
    status = _status(told, evaluations, reached, target)
    ended_s = told.exit[0] if told.exit else told.last_s
    phases = _phases(told, ended_s)
    train_start_s, train_end_s = training(phases) or (None, None)
    if train_start_s is not None and reached:
        train_end_s = evaluations[-1].time_s
    parts_s = parts_start_s(phases)
    clock = [change for change in changes(told.clock) if change.after_s < told.last_s]
    return Timeline(
        told.run.get("seed"),
        float(told.run.get("monotonic_s", 0.0)),
        str(told.run.get("utc", "")),
        status,
        phases,
        evaluations,
        told.started_s,
        ended_s,
        ended_s if parts_s is None else parts_s,
        train_start_s,
        train_end_s,
        evaluations[-1].trained if reached else _samples(told),
        evaluations[-1].score if evaluations else None,
        told.exit[1] if told.exit else None,
        told.facts,
        told.profiler,
        _flags(told, reached) + told.conditions.flags() + clock_flags(clock),
        told.conditions.facts(),
        tuple(told.cpu),
        tuple(told.load),
        tuple(told.levers),
        tuple((change.after_s, change.before_s) for change in clock if change.slept_s),
        told.windows.intervals(ended_s),
        round_intervals(told.rounds, evaluations, phases, (train_start_s, train_end_s)),
    )


def _evaluations(scores: list[Score]) -> list[Evaluation]:
    return [
        Evaluation(step.samples, step.score, step.time_s, trained)
        for step, trained in scores
        if step.score is not None
    ]


def _until_target(evaluations: list[Evaluation], target: Target | None) -> tuple[Evaluation, ...]:
    for count, evaluation in enumerate(evaluations, 1):
        if _reached(target, evaluation.score):
            return tuple(evaluations[:count])
    return tuple(evaluations)


def _reached(target: Target | None, score: float) -> bool:
    return target is not None and target.reached(score)


def _samples(told: EventLog) -> int | None:
    """How many samples were trained: the program's count, or that of all actors; ``None``: not reported."""
    last: dict[str, int] = {}
    counts = [(step.actor, step.samples) for step in told.progress]
    counts += [
        (start.actor, start.samples)
        for start in told.phases
        if start.samples is not None and not start.name.startswith(PART)
    ]
    for actor, samples in counts:
        last[actor] = max(samples, last.get(actor, 0))
    return last.get("", min(sum(last.values()), MAX_INT) if last else None)


def _status(
    told: EventLog, evaluations: tuple[Evaluation, ...], reached: bool, target: Target | None
) -> Status:
    if reached:
        return "reached"
    if told.interrupt or told.exit is None:
        return "interrupted"
    if (told.end and told.end[1] == "diverged") or any(not math.isfinite(e.score) for e in evaluations):
        return "diverged"
    if told.exit[1] not in _WELL or told.hung or (told.end and told.end[1] == "error"):
        return "failed"
    if target is None:
        return "done"
    return "missed" if told.end else "failed"


def _phases(told: EventLog, ended_s: float) -> tuple[PhaseInterval, ...]:
    marks = told.phases
    if told.end and told.end[0] < ended_s:
        marks = sorted([*marks, PhaseStart(told.end[0], "shutdown", None)], key=lambda mark: mark.time_s)
    return phase_intervals(marks, told.progress, ended_s, told.last_s)


def _flags(told: EventLog, reached: bool) -> tuple[Flag, ...]:
    flags = []
    if told.interrupt:
        flags.append(flag("interrupted", detail=told.interrupt))
    if told.warnings:
        flags.append(flag("warned", detail=", ".join(told.warnings)))
    if told.exit is None:
        flags.append(flag("unfinished"))
    if told.hung:
        flags.append(flag("hung"))
    if told.unmarked and (reached or (told.exit and told.exit[1] in _WELL)):
        flags.append(flag("unmarked"))
    if told.end and told.end[2]:
        flags.append(flag("said", detail=told.end[2]))
    if reached and told.exit and told.exit[1] not in _WELL and not told.hung and not told.interrupt:
        flags.append(flag("exit_after_target", detail=str(told.exit[1])))
    if told.profiler.get("garbage"):
        flags.append(flag("wire_garbage", detail=str(told.profiler["garbage"])))
    flags += [flag("hanging", name) for name in told.profiler.get("hanging", ())]
    if told.left:
        flags.append(flag("left", detail=", ".join(told.left)))
    if lost := _lost(told.rounds):
        flags.append(flag("client_lost", detail=lost))
    return (*flags, *told.doubts)


def _lost(rounds: Sequence[RoundEnd]) -> str:
    """Which clients took no part in rounds that they were wanted for; "": none.

    One whose work is lost on its way by lot has trained all the same.
    """
    found: dict[str, list[int]] = {}
    for one in rounds:
        for part in one.exchanges:
            if part.outcome == "dropped" and not part.samples:
                found.setdefault(part.client, []).append(one.number)
    said = [
        f"{client} in {len(numbers)} of {len(rounds)} rounds, first in round {numbers[0]}"
        for client, numbers in found.items()
    ]
    return "; ".join(said)[:1000]
