"""When each round of a training by several clients began and ended. Times in s from the run's zero."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from energyprof.report.phases import PhaseInterval
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Evaluation:
    """One score."""

    samples: int
    score: float
    time_s: float
    # In this run: less than ``samples`` if it was resumed from a checkpoint. None: not known.
    trained: int | None


@dataclass(frozen=True)
class Exchanged:
    """What a client had to do with a round."""

    client: str
    samples: int
    bytes_up: int
    bytes_down: int
    outcome: str


class RoundEnd(NamedTuple):
    """The program said that a round is over, but for its evaluation if it has no ``score`` yet."""

    time_s: float
    number: int
    scores: Mapping[str, float]
    exchanges: tuple[Exchanged, ...]
    score: float | None = None  # one that is not held against the target


@dataclass(frozen=True)
class RoundInterval:
    """One round, from the end of the one before, or the start of training, to its score."""

    number: int
    start_s: float
    end_s: float
    score: float | None  # None: not a number
    scores: Mapping[str, float]
    exchanges: tuple[Exchanged, ...]


def exchange(fields: Mapping[str, Any]) -> Exchanged:
    """The exchange that an event of a trace tells of."""
    names = ("samples", "bytes_up", "bytes_down", "outcome")
    return Exchanged(fields["actor"], *(fields[name] for name in names))


def round_intervals(
    ends: Sequence[RoundEnd],
    evaluations: Sequence[Evaluation],
    phases: Sequence[PhaseInterval],
    trained_s: tuple[float | None, float | None],
) -> tuple[RoundInterval, ...]:
    """The rounds that have a score. One that was cut off is in the run's joules, but in no round."""
    start_s, train_end_s = trained_s
    if start_s is None or train_end_s is None:
        return ()
    found: list[RoundInterval] = []
    for end in ends:
        scored = _scored(end, evaluations)
        if scored is None or scored[0] <= start_s:
            break
        end_s, score = scored[0], scored[1] if math.isfinite(scored[1]) else None
        found.append(RoundInterval(end.number, start_s, end_s, score, end.scores, end.exchanges))
        start_s = end_s
    # What follows the last score and belongs to no round is the last one's: then rounds sum to the run.
    if found and not any(phase.actor and start_s < phase.start_s < train_end_s for phase in phases):
        found[-1] = replace(found[-1], end_s=max(train_end_s, found[-1].start_s))
    return tuple(found)


def _scored(end: RoundEnd, evaluations: Sequence[Evaluation]) -> tuple[float, float] | None:
    """When the round was over, and its score: its own, or that of the evaluation that follows."""
    if end.score is not None:
        return end.time_s, end.score
    return next(((e.time_s, e.score) for e in evaluations if e.time_s >= end.time_s), None)
