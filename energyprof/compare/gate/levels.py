"""The levels that a figure has had over the reports of a history: where each begins, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from energyprof.compare.gate.accepted import Accepted
from energyprof.compare.statistics.steps import steps
from energyprof.storable.frozen import dataclass
from energyprof.units import moment


@dataclass(frozen=True)
class Level:
    """Reports that follow each other at one level: from ``start`` up to ``end``, which is the next one's."""

    start: int
    end: int
    mean: float  # of the logarithms of the reports' means
    accepted: str | None = None  # why it was; None: it was not, the reports themselves show it


def levels(
    means: Sequence[float], created: Sequence[str], marks: Sequence[Accepted] = ()
) -> tuple[Level, ...]:
    """The levels of the reports' ``means``, logarithms, in the order in which they were ``created``.

    A new one begins where a mark says so, and where the reports step from one to another and stay.
    """
    accepted = {
        at: mark.why
        for mark in marks
        if (at := sum(moment(one) < moment(mark.created) for one in created)) < len(means)
    }
    edges = sorted({0, *accepted, len(means)})
    starts = [start + step for start, end in pairwise(edges) for step in (0, *steps(means[start:end]))]
    ends = [*starts[1:], len(means)]
    return tuple(
        Level(start, end, math.fsum(means[start:end]) / (end - start), accepted.get(start))
        for start, end in zip(starts, ends, strict=True)
    )
