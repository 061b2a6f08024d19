"""Recorded powers as a trace: rows that report/ turns into joules, as it does with those of a live meter."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from energyprof.meter import Boundary, MeterInfo, Part
from energyprof.report.energy import MeterEnergy, Window
from energyprof.report.integrator import Integrator
from energyprof.report.record import MeterRecord, meter_record
from energyprof.report.segments.renewals import as_seen
from energyprof.trace.gains import Gain
from energyprof.trace.rows import Row, Sample

EXACT = Gain("the truth", "the data set's own reference", "1", 0.0)


@dataclass(frozen=True)
class Log:
    """Columns of numbers over time, as one of the data sets has them."""

    times_s: tuple[float, ...]
    columns: dict[str, tuple[float, ...]]  # nan: there is no number

    @property
    def span_s(self) -> Window:
        """From the first to the last time."""
        return self.times_s[0], self.times_s[-1]

    def pieces(self, gap_s: float) -> list[tuple[int, int]]:
        """First row and the one after the last of each stretch without a gap of ``gap_s``."""
        edges = [i for i in range(1, len(self.times_s)) if self.times_s[i] - self.times_s[i - 1] > gap_s]
        return list(zip([0, *edges], [*edges, len(self.times_s)], strict=True))


def read_log(path: Path) -> Log:
    """The columns of a file whose first one is the time in s."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        head, *lines = list(csv.reader(file))
    numbers = [[float(cell) if cell else math.nan for cell in line] for line in lines]
    times, *columns = zip(*sorted(numbers), strict=True)
    return Log(times, dict(zip(head[1:], columns, strict=True)))


def gauge(
    name: str,
    gain: Gain,
    refresh_s: float,
    *,
    part: Part = "gpu",
    boundary: Boundary = "component",
    most_w: float = 0.0,
    window_s: float = 0.0,
    window_assumed: bool = False,
) -> MeterRecord:
    """The record of a power meter that is read at every renewal, of a device that may draw ``most_w``."""
    info = MeterInfo(
        name=name,
        kind=name.partition(":")[0],
        part=part,
        boundary=boundary,
        reads="power_w",
        method="a recorded power",
        resolution=0.01,
        refresh_s=refresh_s,
        max_power_w=20_000.0,
        offset_a_w=gain.zero_a_w(most_w),
        window_s=window_s,
        window_assumed=window_assumed,
        may_stand_still=True,
        external=True,
        **gain.info(),
    )
    return meter_record(info, refresh_s, counted=True)


def rows(
    meter: str, log: Log, column: str, first: int = 0, last: int | None = None, run: int = 0
) -> list[Row]:
    """The column's numbers as readings of ``meter``."""
    pairs = zip(log.times_s[first:last], log.columns[column][first:last], strict=True)
    return [Row(run, meter, Sample(t, t, w), "") for t, w in pairs if not math.isnan(w)]


def energies(meter: MeterRecord, readings: Sequence[Row], windows: Sequence[Window]) -> list[MeterEnergy]:
    """What the meter says of each window."""
    (seen,) = as_seen([meter], readings)
    integrator = Integrator(seen.info, seen.interval_s, windows)
    for row in readings:
        integrator.push(row.sample)
    return integrator.finish()


def blocks(span_s: Window, length_s: float) -> Iterator[Window]:
    """Windows of ``length_s`` that follow each other within ``span_s``."""
    start_s = span_s[0]
    while start_s + length_s <= span_s[1]:
        yield start_s, start_s + length_s
        start_s += length_s
