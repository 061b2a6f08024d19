"""The power of a node over one run, in coarse steps: only to tell when its load rose and fell."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from energyprof.report.record import MeterRecord

# A second is what clocks may be apart: four steps of it.
STEP_S = 0.25
STEADY_STEPS = 4
# A load that moves less than this share of its most has no rise that could be told from noise.
LEAST_SWING = 0.2
# A reading as it stands in a trace: meter, time, value. A name with a comma in it is in no such row.
_READING = re.compile(rb'^[0-9]+,"?([^@",\n][^",\n]*)"?,(-?[0-9.]+),[^,\n]*,([0-9.eE+-]+),', re.MULTILINE)


class Course:
    """Takes a run's rows as lines; the sum of the counted meters, a mean in each step."""

    def __init__(self, meters: Sequence[MeterRecord]) -> None:
        self._counters = {m.name.encode(): m.info.reads == "energy_j" for m in meters if m.counted}
        self._sums: dict[bytes, dict[int, list[float]]] = {name: {} for name in self._counters}
        self._last: dict[bytes, tuple[float, float]] = {}

    def push(self, lines: bytes) -> None:
        """Take whole lines of the run's trace."""
        counters = self._counters
        for name, at, reading in _READING.findall(lines):
            counts = counters.get(name)
            if counts is None:
                continue
            time_s, value = float(at), float(reading)
            if counts:
                before_s, before_j = self._last.get(name, (time_s, value))
                self._last[name] = time_s, value
                if time_s <= before_s or value < before_j:
                    continue
                value = (value - before_j) / (time_s - before_s)
            found = self._sums[name].setdefault(int(time_s // STEP_S), [0.0, 0.0])
            found[0] += value
            found[1] += 1

    def edges_s(self) -> tuple[float, float] | None:
        """When its load rose for the first time and fell for the last, by the run's clock; ``None``: neither.

        Both are where the power passes the middle between its least and its usual most, for a second.
        """
        powers = self._powers()
        if len(powers) < 2 * STEADY_STEPS:
            return None
        until = [0.0, *itertools.accumulate(power for _, power in powers)]
        means = [
            (step, (after - before) / STEADY_STEPS)
            for (step, _), before, after in zip(powers, until, until[STEADY_STEPS:], strict=False)
        ]
        ordered = sorted(power for _, power in means)
        least, most = ordered[0], ordered[int(0.9 * (len(ordered) - 1))]
        if most - least < LEAST_SWING * most:
            return None
        high = [step for step, power in means if power > (least + most) / 2]
        return high[0] * STEP_S, high[-1] * STEP_S

    def _powers(self) -> list[tuple[int, float]]:
        """By step the sum of all meters; steps in which one was not read are left out."""
        if not self._sums:
            return []
        steps = sorted(set.intersection(*(set(of_meter) for of_meter in self._sums.values())))
        totals = [0.0] * len(steps)
        for of_meter in self._sums.values():
            seen = map(of_meter.__getitem__, steps)
            totals = [total + power / count for total, (power, count) in zip(totals, seen, strict=True)]
        return list(zip(steps, totals, strict=True))
