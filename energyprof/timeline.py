"""From a run's events to its phases, evaluations and status. Times in s from the run's zero.

Events come from the training process (``wire.py``) and from the profiler itself:

========= ================================= ========================================
run       seed, monotonic_s, utc            the run's zero
started                                     the training process was started
interrupt signal                            somebody asked to stop
hung                                        the process did not end after its last word
exit      code                              it ended; negative: by that signal
condition device, …                         what a probe read: clocks, temperature, foreign processes
profiler  cpu_s, rss_bytes, garbage, hanging what profiling cost, lines that were no events, meters that hang
========= ================================= ========================================
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from energyprof.conditions import Conditions
from energyprof.report import Status, TargetRecord
from energyprof.tracefile import Row
from energyprof.workload import Target

# Not training: what a run spends in these is not in its energy_j.
OUTSIDE = frozenset({"idle", "startup", "shutdown", "cooldown"})


@dataclass(frozen=True)
class Stretch:
    """One phase, before its energy is known."""

    name: str
    start_s: float
    end_s: float
    samples: int | None


@dataclass(frozen=True)
class Evaluation:
    """One score."""

    samples: int
    score: float
    time_s: float


@dataclass(frozen=True)
class Timeline:
    """What happened in a run, and when."""

    seed: int | None
    monotonic_s: float
    utc: str
    status: Status
    phases: tuple[Stretch, ...]
    evaluations: tuple[Evaluation, ...]
    started_s: float | None  # of the training process; None: it never was
    ended_s: float  # of the process, or of the last row
    train_start_s: float | None  # of the first phase that counts
    train_end_s: float | None  # the target, or the end of training
    samples: int | None
    score: float | None
    exit_code: int | None
    facts: dict[str, Any]
    profiler: dict[str, Any]
    flags: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]  # by device


@dataclass
class _Told:
    """The events of a run, sorted by kind."""

    run: dict[str, Any] = field(default_factory=dict)
    phases: list[tuple[float, str, int | None]] = field(default_factory=list)
    progress: list[tuple[float, int, float | None]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    profiler: dict[str, Any] = field(default_factory=dict)
    started_s: float | None = None
    end: tuple[float, str, str] | None = None
    exit: tuple[float, int] | None = None
    interrupt: str | None = None
    hung: bool = False
    last_s: float = 0.0
    conditions: Conditions = field(default_factory=Conditions)


def timeline(rows: Iterable[Row], target: TargetRecord | None) -> Timeline:
    """The timeline of one run's ``rows``; samples among them only say how long it went on."""
    told = _told(rows)
    evaluations = _until_target(_evaluations(told.progress), target)
    reached = bool(evaluations) and _reached(target, evaluations[-1].score)
    status = _status(told, evaluations, reached, target)
    ended_s = told.exit[0] if told.exit else told.last_s
    phases = _phases(told, ended_s)
    phases += _afterwards(told, ended_s)
    training = [phase for phase in phases if phase.name not in OUTSIDE]
    train_start_s = training[0].start_s if training else None
    train_end_s = None
    if train_start_s is not None:
        train_end_s = evaluations[-1].time_s if reached else training[-1].end_s
    last = [samples for _, samples, _ in told.progress]
    last += [samples for _, _, samples in told.phases if samples is not None]
    return Timeline(
        told.run.get("seed"),
        float(told.run.get("monotonic_s", 0.0)),
        str(told.run.get("utc", "")),
        status,
        phases,
        evaluations,
        told.started_s,
        ended_s,
        train_start_s,
        train_end_s,
        evaluations[-1].samples if reached else max(last, default=None),
        evaluations[-1].score if evaluations else None,
        told.exit[1] if told.exit else None,
        told.facts,
        told.profiler,
        _flags(told, reached) + told.conditions.flags(),
        told.conditions.facts(),
    )


def _told(rows: Iterable[Row]) -> _Told:
    told = _Told()
    for row in rows:
        time_s = row.sample.end_s
        told.last_s = max(told.last_s, time_s)
        if not row.source.startswith("@"):
            continue
        fields, kind = row.fields, row.source[1:]
        if kind == "run":
            told.run = fields
        elif kind == "phase":
            told.phases.append((time_s, fields["name"], fields["samples"]))
        elif kind == "progress":
            told.progress.append((time_s, fields["samples"], fields["score"]))
        elif kind == "facts":
            told.facts.update(fields["facts"])
        elif kind == "started":
            told.started_s = time_s
        elif kind == "end":
            told.end = (time_s, fields["status"], fields["message"])
        elif kind == "exit":
            told.exit = (time_s, fields["code"])
        elif kind == "interrupt":
            told.interrupt = fields["signal"]
        elif kind == "hung":
            told.hung = True
        elif kind == "condition":
            told.conditions.push(fields, training=told.started_s is not None and told.exit is None)
        elif kind == "profiler":
            told.profiler = fields
    # Several processes may speak at once: their lines arrive in any order, their stamps do not lie.
    told.phases.sort(key=lambda phase: phase[0])
    told.progress.sort(key=lambda step: step[0])
    return told


def _evaluations(progress: list[tuple[float, int, float | None]]) -> list[Evaluation]:
    return [Evaluation(samples, score, time_s) for time_s, samples, score in progress if score is not None]


def _until_target(evaluations: list[Evaluation], target: TargetRecord | None) -> tuple[Evaluation, ...]:
    for count, evaluation in enumerate(evaluations, 1):
        if _reached(target, evaluation.score):
            return tuple(evaluations[:count])
    return tuple(evaluations)


def _reached(target: TargetRecord | None, score: float) -> bool:
    if target is None:
        return False
    return Target(target.metric, target.value, target.direction).reached(score)


def _status(
    told: _Told, evaluations: tuple[Evaluation, ...], reached: bool, target: TargetRecord | None
) -> Status:
    if reached:
        return "reached"
    if told.interrupt or told.exit is None:
        return "interrupted"
    if (told.end and told.end[1] == "diverged") or any(math.isnan(e.score) for e in evaluations):
        return "diverged"
    if told.exit[1] != 0 or told.hung or (told.end and told.end[1] == "error"):
        return "failed"
    if target is None:
        return "done"
    return "missed" if told.end else "failed"


def _phases(told: _Told, ended_s: float) -> tuple[Stretch, ...]:
    marks = [mark for mark in told.phases if mark[0] < ended_s]
    if told.end and told.end[0] < ended_s:
        marks.append((told.end[0], "shutdown", None))
    if not marks:
        return ()
    edges = [mark[0] for mark in marks[1:]] + [ended_s]
    stretches = []
    for (start_s, name, samples), end_s, following in zip(
        marks, edges, [*marks[1:], (ended_s, "", None)], strict=True
    ):
        before = samples if samples is not None else _known(told.progress, start_s)
        after = following[2] if following[2] is not None else _known(told.progress, end_s)
        trained = after - (before or 0) if after is not None else None
        stretches.append(Stretch(name, start_s, end_s, trained if trained is None else max(0, trained)))
    return tuple(stretches)


def _afterwards(told: _Told, ended_s: float) -> tuple[Stretch, ...]:
    """The phases that began after the program's end: the machine calms down and idles."""
    marks = [mark for mark in told.phases if mark[0] >= ended_s]
    edges = [mark[0] for mark in marks[1:]] + [told.last_s]
    return tuple(
        Stretch(name, start_s, end_s, None) for (start_s, name, _), end_s in zip(marks, edges, strict=False)
    )


def _known(progress: list[tuple[float, int, float | None]], time_s: float) -> int | None:
    """How many samples were known to be trained at ``time_s``; ``None``: the program had not said."""
    known = None
    for stamp_s, samples, _ in progress:
        if stamp_s > time_s:
            break
        known = samples
    return known


def _flags(told: _Told, reached: bool) -> tuple[str, ...]:
    flags = []
    if told.interrupt:
        flags.append(f"interrupted:{told.interrupt}")
    if told.exit is None:
        flags.append("unfinished")
    if told.hung:
        flags.append("hung")
    if told.end and told.end[2]:
        flags.append(f"said:{told.end[2]}")
    if reached and told.exit and told.exit[1] != 0 and not told.hung and not told.interrupt:
        flags.append(f"exit_after_target:{told.exit[1]}")
    if told.profiler.get("garbage"):
        flags.append(f"wire_garbage:{told.profiler['garbage']}")
    flags += [f"hanging:{name}" for name in told.profiler.get("hanging", ())]
    return tuple(flags)
