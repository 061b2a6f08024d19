"""A run's phases: which of them are the training, and what lay in each. Times in s from the run's zero."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

# Not training: what a run spends in these before and after it is not in its energy_j. What compiling takes
# hangs on what the compiler's cache holds (a second run of the same work finds all of it there), not on the
# work; the one step that starts it is all of the training that it hides. Warm-up steps are training like any
# other; figures.py leaves them out of the energy per sample. All of it is in the run's total.
OUTSIDE = frozenset({"idle", "startup", "compile", "shutdown", "cooldown"})

# Phases of this kind follow a training (``--breakdown``) and measure a part of its steps alone: a measurement
# about the run, no part of it. The last one only says that they are over.
PART = "part:"
PARTS_END = "part:end"

PhaseStart = tuple[float, str, int | None]  # when a phase began, its name, the samples trained until then
Step = tuple[float, int, float | None]  # when so many samples were trained, and their score


@dataclass(frozen=True)
class PhaseInterval:
    """One phase, before its energy is known."""

    name: str
    start_s: float
    end_s: float
    samples: int | None  # worked through within it


def counts(name: str) -> bool:
    """Whether a phase of that name is training, its evaluations included."""
    return name not in OUTSIDE and not name.startswith(PART)


def phase_intervals(
    marks: Sequence[PhaseStart], progress: Sequence[Step], ended_s: float, last_s: float
) -> tuple[PhaseInterval, ...]:
    """The phases of a program that ended at ``ended_s``, then those of the machine until ``last_s``."""
    own = [("shutdown" if name == PARTS_END else name, s, n) for s, name, n in marks if s < ended_s]
    found = []
    for (name, start_s, samples), following in itertools.zip_longest(own, own[1:]):
        _, end_s, after = following or ("", ended_s, None)
        before = samples if samples is not None else _known(progress, start_s)
        after = after if after is not None else _known(progress, end_s)
        trained = after - (before or 0) if after is not None else None
        found.append(PhaseInterval(name, start_s, end_s, trained if trained is None else max(0, trained)))
    later = [(name, s) for s, name, _ in marks if s >= ended_s]
    edges = [s for _, s in later[1:]] + [last_s]
    found += [PhaseInterval(name, s, end_s, None) for (name, s), end_s in zip(later, edges, strict=False)]
    return _joined(found)


def training(phases: Sequence[PhaseInterval]) -> tuple[float, float] | None:
    """From the first phase that counts to the end of the last; ``None``: there is none."""
    counting = [phase for phase in phases if counts(phase.name)]
    return (counting[0].start_s, counting[-1].end_s) if counting else None


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
            joined[-1] = PhaseInterval(phase.name, joined[-1].start_s, phase.end_s, phase.samples)
        else:
            joined.append(phase)
    return tuple(joined)


def _known(progress: Sequence[Step], time_s: float) -> int | None:
    """How many samples were known to be trained at ``time_s``; ``None``: the program had not said."""
    known = None
    for stamp_s, samples, _ in progress:
        if stamp_s > time_s:
            break
        known = samples
    return known
