"""A run's phases: which of them are the training, and what lay in each. Times in s from the run's zero."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, TypeVar

from energyprof.report.energy import MIN_COVERAGE
from energyprof.storable.frozen import dataclass
from energyprof.workload import AWAY

TEACHER = "teacher"
# Not training: what a run spends in these before and after it is not in its energy_j. What compiling takes
# hangs on what the compiler's cache holds (a second run of the same work finds all of it there), not on the
# work; the one step that starts it is all of the training that it hides. Warm-up steps are training like any
# other; figures.py leaves them out of the energy per sample. What a teacher is trained with (``--distil``)
# stands beside: it may teach many. All of it is in the run's total.
OUTSIDE = frozenset({"idle", "startup", "compile", TEACHER, "shutdown", "cooldown", AWAY})

# Phases of this kind follow a training (``--breakdown``) and measure a part of its steps alone: a measurement
# about the run, no part of it. The last one only says that they are over.
PART = "part:"
PARTS_END = "part:end"

# With these the program says that it is over.
OVER = ("shutdown", PARTS_END)


class PhaseStart(NamedTuple):
    """A phase began."""

    time_s: float
    name: str
    samples: int | None  # trained until then, by this actor
    actor: str = ""
    process: int = 1  # which one said it, in the order in which they first spoke


class Step(NamedTuple):
    """So many samples were trained."""

    time_s: float
    samples: int  # until then, by this actor
    score: float | None
    actor: str = ""
    process: int = 1


@dataclass(frozen=True)
class PhaseInterval:
    """One phase, before its energy is known."""

    name: str
    start_s: float
    end_s: float
    samples: int | None  # worked through within it
    actor: str = ""  # whose phase it is; "": the program's as a whole


class Timed(Protocol):
    """A phase, with its energy or before that is known."""

    @property
    def actor(self) -> str:
        """Whose phase it is."""
        ...

    @property
    def start_s(self) -> float:
        """When it began."""
        ...

    @property
    def end_s(self) -> float:
        """When it ended."""
        ...


P = TypeVar("P", bound=Timed)


def counts(name: str) -> bool:
    """Whether a phase of that name is training, its evaluations included."""
    return name not in OUTSIDE and not name.startswith(PART)


def phase_intervals(
    marks: Sequence[PhaseStart], progress: Sequence[Step], ended_s: float, last_s: float
) -> tuple[PhaseInterval, ...]:
    """The phases of a program that ended at ``ended_s``, then those of the machine until ``last_s``.

    Those of one actor follow each other; an actor other than the program ends when that says it is over.
    """
    own = [mark for mark in marks if mark.time_s < ended_s]
    over = (m.time_s for m in own if not m.actor and (m.name in OVER or m.name.startswith(PART)))
    over_s = min(over, default=ended_s)
    found: list[PhaseInterval] = []
    steps_of: dict[str, list[Step]] = {}
    for step in progress:
        steps_of.setdefault(step.actor, []).append(step)
    starts_of: dict[str, list[PhaseStart]] = {}
    for mark in own:
        starts_of.setdefault(mark.actor, []).append(mark)
    for actor, starts in starts_of.items():
        steps = steps_of.get(actor, [])
        until_s = ended_s
        if actor:  # its own last word ends it before the program's does
            starts = [mark for mark in starts if mark.time_s < over_s]
            until_s = min((start.time_s for start in starts if start.name in OVER), default=over_s)
            starts = [start for start in starts if start.time_s < until_s]
        found += _of_actor(starts, steps, until_s)
    found.sort(key=lambda phase: phase.start_s)
    later = [mark for mark in marks if mark.time_s >= ended_s]
    edges = [mark.time_s for mark in later[1:]] + [last_s]
    found += [
        PhaseInterval(mark.name, mark.time_s, end_s, None)
        for mark, end_s in zip(later, edges, strict=False)
        if not mark.actor
    ]
    return _joined(found)


def _of_actor(
    starts: Sequence[PhaseStart], progress: Sequence[Step], ended_s: float
) -> Iterator[PhaseInterval]:
    for start, following in itertools.zip_longest(starts, starts[1:]):
        end_s, after = (following.time_s, following.samples) if following else (ended_s, None)
        before = start.samples if start.samples is not None else _known(progress, start.time_s)
        after = after if after is not None else _known(progress, end_s)
        trained = after - (before or 0) if after is not None else None
        if start.name == AWAY:
            continue
        name = "shutdown" if start.name == PARTS_END else start.name
        yield PhaseInterval(
            name, start.time_s, end_s, trained if trained is None else max(0, trained), start.actor
        )


def training(phases: Sequence[PhaseInterval]) -> tuple[float, float] | None:
    """From the start of the first phase that counts to the end of the last; ``None``: none does."""
    counting = [phase for phase in phases if counts(phase.name)]
    if not counting:
        return None
    return min(phase.start_s for phase in counting), max(phase.end_s for phase in counting)


def apart(phases: Sequence[Timed]) -> bool:
    """Whether no two phases overlap, so that what was used in them adds up; those of one actor never do."""
    if len({phase.actor for phase in phases}) < 2:
        return True
    ordered = sorted(phases, key=lambda phase: phase.start_s)
    return all(before.end_s <= after.start_s for before, after in itertools.pairwise(ordered))


def told(phases: Sequence[P], amount: Callable[[P], float | None]) -> list[tuple[P, float]] | None:
    """The phases of one kind of which an amount is known, with it: a mean over those is one over all.

    ``None``: more of their time is without than a run may have that counts. One of 0.2 s between two readings
    must not take the others with it.
    """
    known = [(phase, found) for phase in phases if (found := amount(phase)) is not None]
    if len(known) == len(phases):
        return known
    if not known:
        return None
    span_s = sum(phase.end_s - phase.start_s for phase in phases)
    known_s = sum(phase.end_s - phase.start_s for phase, _ in known)
    return known if known_s >= MIN_COVERAGE * span_s > 0 else None


def summed(known: Sequence[tuple[P, float]]) -> tuple[float, float]:
    """The sum of what is known of phases, and their time in s."""
    return math.fsum(amount for _, amount in known), math.fsum(p.end_s - p.start_s for p, _ in known)


def parts_start_s(phases: Sequence[PhaseInterval]) -> float | None:
    """When the training was over and its steps began to be taken apart; ``None``: they were not."""
    trained = training(phases)
    for phase in phases:
        if phase.name.startswith(PART) and (trained is None or phase.start_s >= trained[1]):
            return phase.start_s
    return None


def _joined(phases: Sequence[PhaseInterval]) -> tuple[PhaseInterval, ...]:
    """What follows the parts and what follows the program's last word are one phase, its shutdown."""
    joined: list[PhaseInterval] = []
    for phase in phases:
        if joined and joined[-1].name == phase.name == "shutdown":
            joined[-1] = replace(phase, start_s=joined[-1].start_s)
        else:
            joined.append(phase)
    return tuple(joined)


def _known(progress: Sequence[Step], time_s: float) -> int | None:
    """How many samples were known to be trained at ``time_s``; ``None``: the program had not said."""
    told = bisect_right(progress, time_s, key=lambda step: step.time_s)
    return progress[told - 1].samples if told else None
