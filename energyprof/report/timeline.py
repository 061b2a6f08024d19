"""From a run's events to its phases, evaluations and status. Times in s from the run's zero.

Events come from the training process (``wire/``) and from the profiler itself:

========= ================================= ========================================
run       seed, monotonic_s, utc            the run's zero
clock     utc_s, asleep_s, doubt_s          the wall clock then, how long the machine has slept since it was
                                            started, and how far the clocks may have been read apart
started                                     the training process was started
speaker   process, role                     who a process on the wire is (``speakers.py``); 1: the first
left      names                             processes that ran on after the program's end
exchange  actor, samples, bytes_up, …       what a client had to do with the round that goes on
round     round, scores, score (or null)    a round is over, or will be with the evaluation that follows
interrupt signal                            it was asked to stop
warning signal                              a signal came that does not mean its end
hung                                        the process did not exit after its end
exit      code                              it ended; negative: by that signal
cpu       cpu_s, busy_s, profiler_s, cpus   processor time of the training's processes until then; of all
                                            on the machine, of the profiler, and how many processors
load      as cpu                            the same while no training runs
lever     name, device, before, asked, got  a control of the machine was turned
condition device, …                         what a probe read: clocks, temperature, foreign processes
profiler  cpu_s, rss_bytes, garbage, hanging what profiling cost, lines that were no events, meters that hang
========= ================================= ========================================
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from energyprof.report.clock_flags import clock_flags
from energyprof.report.cpu_time import CpuReading
from energyprof.report.flags import Flag, flag
from energyprof.report.foreign_load import LoadReading, reading
from energyprof.report.phases import (
    PART,
    PhaseInterval,
    PhaseStart,
    Step,
    parts_start_s,
    phase_intervals,
    training,
)
from energyprof.report.record import LeverRecord, Status, lever_record
from energyprof.report.round_intervals import (
    Evaluation,
    Exchanged,
    RoundEnd,
    RoundInterval,
    exchange,
    round_intervals,
)
from energyprof.report.segments.conditions import Conditions
from energyprof.report.speakers import Score, heard, programs
from energyprof.report.windows import Windows
from energyprof.storable.frozen import dataclass
from energyprof.storable.values import MAX_INT
from energyprof.trace.rows import Row
from energyprof.trace.wall_clock import Look, changes, look
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


@dataclass
class _EventLog:
    """The events of a run, sorted by kind."""

    run: Mapping[str, Any] = field(default_factory=dict)
    phases: list[PhaseStart] = field(default_factory=list)
    progress: list[Step] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    profiler: Mapping[str, Any] = field(default_factory=dict)
    started_s: float | None = None
    end: tuple[float, str, str] | None = None
    exit: tuple[float, int | None] | None = None
    interrupt: str | None = None
    warnings: dict[str, None] = field(default_factory=dict)  # names of signals, each once
    hung: bool = False
    provisional: tuple[PhaseStart, PhaseStart] | None = (
        None  # the first phase, and what it is if none follows
    )
    unmarked: bool = False  # none did
    last_s: float = 0.0
    roles: dict[int, str] = field(default_factory=dict)  # of the processes that spoke
    ends: list[tuple[int, tuple[float, str, str]]] = field(default_factory=list)  # their last words
    left: tuple[str, ...] = ()  # what ran on after the program's end
    scores: list[Score] = field(default_factory=list)
    doubts: tuple[Flag, ...] = ()  # about who spoke
    cpu: list[CpuReading] = field(default_factory=list)
    load: list[LoadReading] = field(default_factory=list)
    conditions: Conditions = field(default_factory=Conditions)
    levers: list[LeverRecord] = field(default_factory=list)
    clock: list[Look] = field(default_factory=list)
    windows: Windows = field(default_factory=Windows)
    rounds: list[RoundEnd] = field(default_factory=list)

    def name_unmarked(self) -> None:
        """Call the program's first phase what it is if the program marked none: all of its time counts then.

        From its first ``progress`` on would not do: that may come when a whole epoch is over.
        """
        ended_s = self.exit[0] if self.exit else math.inf
        own = [mark for mark in self.phases if mark.time_s < ended_s and mark.name != "shutdown"]
        if self.provisional and own[-1:] == [self.provisional[0]]:
            self.phases[self.phases.index(own[-1])] = self.provisional[1]
            self.unmarked = True

    def choose(self) -> None:
        """Keep what counts of what several processes said."""
        program_s = self.started_s or 0.0, self.exit[0] if self.exit else math.inf
        counted = heard(self.phases, self.progress, self.roles, program_s)
        self.phases, self.progress = counted.phases, counted.progress
        self.scores, self.doubts = counted.scores, counted.flags
        spoke = programs(self.roles)
        self.end = next((end for process, end in reversed(self.ends) if process in spoke), None)

    def trains(self) -> bool:
        """Whether, after what was told so far, the program runs and is not taking its steps apart."""
        apart = bool(self.phases) and self.phases[-1].name.startswith(PART)
        return self.started_s is not None and self.exit is None and not apart


def timeline(rows: Iterable[Row], target: Target | None) -> Timeline:
    """The timeline of one run's ``rows``; samples among them only say how long it went on."""
    told = _told(rows)
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


def _told(rows: Iterable[Row]) -> _EventLog:
    told = _EventLog()
    exchanges: list[Exchanged] = []
    for row in rows:
        time_s = row.sample.end_s
        if not told.profiler:  # what comes later is of logs, which go on after the run
            told.last_s = max(told.last_s, time_s)
        if not row.source.startswith("@"):
            continue
        fields, kind = row.fields, row.source[1:]
        if kind in ("cpu", "load") and (seen := reading(time_s, fields)) is not None:
            told.load.append(seen)
        if kind == "run":
            told.run = fields
        elif kind == "phase":
            actor, process = fields.get("actor", ""), fields.get("process", 1)
            told.phases.append(PhaseStart(time_s, fields["name"], fields["samples"], actor, process))
            if "unmarked" in fields:
                start = told.phases[-1]
                told.provisional = start, start._replace(name=fields["unmarked"])
        elif kind == "progress":
            actor, process = fields.get("actor", ""), fields.get("process", 1)
            told.progress.append(Step(time_s, fields["samples"], fields["score"], actor, process))
        elif kind == "exchange":
            exchanges.append(exchange(fields))
        elif kind == "round":
            told.rounds.append(
                RoundEnd(time_s, fields["round"], fields["scores"], tuple(exchanges), fields.get("score"))
            )
            exchanges.clear()
        elif kind == "speaker":
            told.roles[fields["process"]] = fields["role"]
        elif kind == "left":
            told.left = tuple(fields["names"])
        elif kind in ("window", "close"):
            told.windows.push(time_s, kind, fields)
        elif kind == "facts":
            spoke = fields.get("process", 1) in programs(told.roles)
            known = () if spoke else told.facts.keys()
            told.facts.update({name: fact for name, fact in fields["facts"].items() if name not in known})
        elif kind == "started":
            told.started_s = time_s
        elif kind == "end":
            told.ends.append((fields.get("process", 1), (time_s, fields["status"], fields["message"])))
        elif kind == "exit":
            told.exit = (time_s, fields["code"])
        elif kind == "interrupt":
            told.interrupt = fields["signal"]
        elif kind == "warning":
            told.warnings[fields["signal"]] = None
        elif kind == "hung":
            told.hung = True
        elif kind == "lever":
            told.levers.append(lever_record(fields))
        elif kind == "cpu":
            told.cpu.append((time_s, fields["cpu_s"]))
        elif kind == "condition":
            told.conditions.push(fields, training=told.trains())
        elif kind == "profiler":
            told.profiler = fields
        elif kind == "clock":
            told.clock.append(look(time_s, fields))
    # Several processes may speak at once: their lines arrive in any order, their stamps do not lie.
    told.phases.sort(key=lambda start: start.time_s)
    told.progress.sort(key=lambda step: step.time_s)
    told.cpu.sort()
    told.load.sort()
    told.clock.sort(key=lambda seen: seen.time_s)
    told.choose()
    told.name_unmarked()
    return told


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


def _samples(told: _EventLog) -> int | None:
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
    told: _EventLog, evaluations: tuple[Evaluation, ...], reached: bool, target: Target | None
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


def _phases(told: _EventLog, ended_s: float) -> tuple[PhaseInterval, ...]:
    marks = told.phases
    if told.end and told.end[0] < ended_s:
        marks = sorted([*marks, PhaseStart(told.end[0], "shutdown", None)], key=lambda mark: mark.time_s)
    return phase_intervals(marks, told.progress, ended_s, told.last_s)


def _flags(told: _EventLog, reached: bool) -> tuple[Flag, ...]:
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
