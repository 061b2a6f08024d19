"""Over how long a power meter averages at most, told by the load's own steps."""

from __future__ import annotations

import math
from collections import deque

from energyprof.trace.rows import Sample

# A step: so many looks on either side that differ among themselves by less than this share of it.
LEVEL = 3
FLAT = 0.05
# A step that matters, as a share of the most that was read.
LARGE = 0.2
# So many steps tell.
LEAST = 5


class Rise:
    """Takes one meter's samples: a mean over w needs w to come from one level to the other."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, float]] = deque(maxlen=2 * LEVEL)
        self._most_w = 0.0
        self._rises: list[tuple[float, float]] = []  # the step in W and the time it took at most

    def push(self, sample: Sample) -> None:
        """Take the next look."""
        if sample.value is None:
            return
        self._looks.append(((sample.start_s + sample.end_s) / 2, sample.value))
        self._most_w = max(self._most_w, sample.value)
        if len(self._looks) < 2 * LEVEL:
            return
        before, after = list(self._looks)[:LEVEL], list(self._looks)[LEVEL:]
        lows, highs = [w for _, w in before], [w for _, w in after]
        step_w = abs(math.fsum(highs) / LEVEL - math.fsum(lows) / LEVEL)
        if max(max(lows) - min(lows), max(highs) - min(highs)) < FLAT * step_w:
            self._rises.append((step_w, after[0][0] - before[-1][0]))

    def window_s(self, assumed_s: float) -> float:
        """The longest that its large steps allow, or ``assumed_s`` where that is shorter or few are seen."""
        took_s = [span_s for step_w, span_s in self._rises if step_w >= LARGE * self._most_w]
        return assumed_s if len(took_s) < LEAST else min(assumed_s, max(took_s))
