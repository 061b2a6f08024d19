"""From one meter's readings to segments: stretches of time with a power that runs linearly.

What a reading may mean is decided in the two segmenters and nowhere else. They are fed sample by sample, so
that the live display and the report come out of the same rules.
"""

from __future__ import annotations

from typing import Protocol

from energyprof.meter import MeterInfo
from energyprof.report.segments.counter import CounterSegmenter
from energyprof.report.segments.power import PowerSegmenter
from energyprof.report.segments.segment import Segment
from energyprof.trace.rows import Sample


class Segmenter(Protocol):
    """Samples in, segments out, in order; ``finish`` gives what was held back."""

    def push(self, sample: Sample) -> list[Segment]:
        """Take the next sample; the segments that are certain now."""
        ...

    def finish(self) -> list[Segment]:
        """No sample follows; the segments that were held back."""
        ...


def segmenter(meter: MeterInfo, interval_s: float) -> Segmenter:
    """The segmenter for what ``meter`` reads, sampled every ``interval_s``."""
    if meter.reads == "energy_j":
        return CounterSegmenter(meter, interval_s)
    return PowerSegmenter(meter, interval_s)
