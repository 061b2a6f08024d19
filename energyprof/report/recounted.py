"""Whether a count of samples tells what was trained: one that begins anew each epoch, say, does not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from energyprof.report.phases import PhaseStart, Step

# So many evaluations at one and the same count are of a count that is an epoch's, where no training was
# marked between them; two may be of a validation and a test.
EVALUATIONS = 3


def recounted(told: Sequence[Step], marks: Sequence[PhaseStart]) -> str:
    """Where the counts of one speaker, in the order of their times, do not grow as it trains; "": they do.

    A fall of less than any rise before is no new beginning: a batch that was counted as full is put right.
    """
    least: int | None = None
    for before, after in itertools.pairwise(told):
        step = after.samples - before.samples
        if step > 0:
            least = step if least is None else min(least, step)
        elif step < 0 and -step >= (least or 0):
            return f"from {before.samples:,} to {after.samples:,}"
    return _stands(told, marks)


def _stands(told: Sequence[Step], marks: Sequence[PhaseStart]) -> str:
    """The same where an epoch's samples are told once an epoch: the count never moves."""
    scored = [step for step in told if step.score is not None]
    said = {step.samples for step in told} - {0}
    if len(scored) < 2 or len(said) != 1 or not scored[0].samples:
        return ""
    trains = any(
        mark.name == "train" and scored[0].time_s < mark.time_s < scored[-1].time_s for mark in marks
    )
    if not trains and len(scored) < EVALUATIONS:
        return ""
    return f"still at {scored[0].samples:,} in {len(scored)} evaluations"
