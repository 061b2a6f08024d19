"""Power over time in bins: mean, minimum and maximum of each, so that no peak is lost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

from energyprof.report.integrator import Integrator
from energyprof.report.record import MeterRecord
from energyprof.report.segments.segment import Segment
from energyprof.report.segments.segmenter import segmenter
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Row

# Bins of a curve: three numbers each, so at most 1500 points per meter; screens have no more columns.
MOST_BINS = 500
LEAST_BINS = 20


@dataclass(frozen=True)
class PowerCurve:
    """One meter's power in W, bin after bin; ``None`` where no reading covers any of the bin."""

    meter: str
    start_s: float  # of the first bin, from the run's zero
    step_s: float
    mean_w: tuple[float | None, ...]
    least_w: tuple[float | None, ...]
    most_w: tuple[float | None, ...]

    @property
    def peak_w(self) -> float:
        """The maximum over all bins; 0 without a reading."""
        return max((power for power in self.most_w if power is not None), default=0.0)


def power_curves(
    meters: Sequence[MeterRecord], rows: Iterable[Row], start_s: float, end_s: float
) -> list[PowerCurve]:
    """The power of each of ``meters`` from ``start_s`` to ``end_s`` in one run's ``rows``, in that order.

    Meters without any reading there are left out.
    """
    if end_s <= start_s:
        return []
    drawn = {meter.name: _Bins(meter, start_s, end_s) for meter in meters}
    for row in rows:
        if row.source in drawn:
            drawn[row.source].push(row)
    curves = [bins.finish() for bins in drawn.values()]
    return [curve for curve in curves if any(power is not None for power in curve.mean_w)]


class _Bins:
    """One pass over a meter's samples, with memory for the bins only."""

    def __init__(self, meter: MeterRecord, start_s: float, end_s: float) -> None:
        # Bins shorter than the time between two readings would show steps that were not measured.
        count = max(LEAST_BINS, min(MOST_BINS, int((end_s - start_s) / meter.interval_s)))
        self._meter, self._start_s, self._step_s = meter, start_s, (end_s - start_s) / count
        edges = [start_s + i * self._step_s for i in range(count)] + [end_s]
        self._integrator = Integrator(meter.info, meter.interval_s, list(itertools.pairwise(edges)))
        self._segmenter = segmenter(meter.info, meter.interval_s)
        self._least, self._most = [math.inf] * count, [-math.inf] * count

    def push(self, row: Row) -> None:
        self._integrator.push(row.sample)
        for segment in self._segmenter.push(row.sample):
            self._reach(segment)

    def finish(self) -> PowerCurve:
        for segment in self._segmenter.finish():
            self._reach(segment)
        mean, least, most = [], [], []
        for i, energy in enumerate(self._integrator.finish()):
            if energy.joules is None or energy.coverage == 0:
                power = None
            else:
                power = energy.joules / self._step_s / (energy.coverage if self._at_an_end(i) else 1.0)
            mean.append(power)
            # A counter's segment that is split at a step (`energy.py`) can leave more in a bin than its mean.
            least.append(None if power is None else min(power, self._corrected(self._least[i], power)))
            most.append(None if power is None else max(power, self._corrected(self._most[i], power)))
        name = self._meter.name
        return PowerCurve(name, self._start_s, self._step_s, tuple(mean), tuple(least), tuple(most))

    def _at_an_end(self, i: int) -> bool:
        """If readings begin or end within the bin, its mean is over the part that they cover."""
        return i in (0, len(self._least) - 1)

    def _corrected(self, power_w: float, mean_w: float) -> float:
        return self._meter.info.corrected_j(power_w, 1.0) if math.isfinite(power_w) else mean_w

    def _reach(self, segment: Segment) -> None:
        """Widen the bins that the segment touches by its power; a bridged gap is not a reading."""
        if not segment.covered:
            return
        count = len(self._least)
        first = max(0, int((segment.start_s - self._start_s) / self._step_s))
        last = min(count - 1, int((segment.end_s - self._start_s) / self._step_s))
        for i in range(first, last + 1):
            start_s = self._start_s + i * self._step_s
            low_s, high_s = max(segment.start_s, start_s), min(segment.end_s, start_s + self._step_s)
            if high_s <= low_s:
                continue
            for power in (segment.power_at(low_s), segment.power_at(high_s)):
                self._least[i] = min(self._least[i], power)
                self._most[i] = max(self._most[i], power)
