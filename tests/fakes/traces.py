"""One meter's samples over one run, and what the arithmetic of a report makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from energyprof.meter import MeterInfo
from energyprof.report.energy import Energy, MeterEnergy, Window, total
from energyprof.report.integrator import Integrator
from energyprof.report.segments.segment import Segment
from energyprof.report.segments.segmenter import segmenter
from energyprof.trace.rows import Sample


@dataclass(frozen=True)
class Trace:
    """The samples in order of time; ``interval_s`` is the asked time between two reads."""

    meter: MeterInfo
    interval_s: float
    samples: Iterable[Sample]


def segments(trace: Trace) -> Iterator[Segment]:
    """All segments of a trace, as a stream."""
    state = segmenter(trace.meter, trace.interval_s)
    for sample in trace.samples:
        yield from state.push(sample)
    yield from state.finish()


def integrate(trace: Trace, windows: Sequence[Window], asleep: Sequence[Window] = ()) -> list[MeterEnergy]:
    """One meter's energy in each window, in the order of ``windows``; the machine slept within ``asleep``."""
    integrator = Integrator(trace.meter, trace.interval_s, windows, asleep)
    for sample in trace.samples:
        integrator.push(sample)
    return integrator.finish()


def energy_between(traces: Sequence[Trace], start_s: float, end_s: float) -> Energy:
    """The energy of all ``traces`` between two times."""
    return total([integrate(trace, [(start_s, end_s)])[0] for trace in traces])
