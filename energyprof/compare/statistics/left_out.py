"""How far off an unknown device may be, from the errors of known ones: each of those left out in turn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from energyprof.compare.statistics.intervals import CONFIDENCE
from energyprof.compare.statistics.student import t_quantile


def limit(errors: Sequence[float]) -> float:
    """The half-width around 0 that holds another one's error at 95 %, if errors are normal around 0.

    Student's t times the root mean square, with as many degrees of freedom as there are errors: their mean is
    not taken off, since nobody knows which way another make is off.
    """
    rms = math.sqrt(math.fsum(error**2 for error in errors) / len(errors))
    return t_quantile((1 + CONFIDENCE) / 2, len(errors)) * rms


def left_out(errors: Sequence[float]) -> Iterator[tuple[Sequence[float], float]]:
    """Each error, after those of all the others."""
    for i, error in enumerate(errors):
        yield [*errors[:i], *errors[i + 1 :]], error
