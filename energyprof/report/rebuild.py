"""A report from its trace. ``run`` makes every report in this way, so the numbers agree digit for digit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from energyprof.report.agreement import ratio
from energyprof.report.energy import MeterEnergy
from energyprof.report.flags import flag
from energyprof.report.record import MeterRecord, Report, Run
from energyprof.report.segments.cadence import Cadence
from energyprof.report.segments.renewals import as_seen
from energyprof.report.whole_and_parts import counted_by_parts
from energyprof.trace.rows import Row

if TYPE_CHECKING:
    from energyprof.report.measured import Measured


class Rebuild:
    """Takes a report's runs one after the other, as rows, and puts the report together."""

    def __init__(self, header: Report) -> None:
        """``header``: workload, machine and meters; its runs are ignored."""
        self._header = header
        self._cadences = [Cadence(meter.interval_s) for meter in header.meters]
        self._measured: list[Measured] = []
        # Whether the counted meter is none in some run: then its joules are the total of no run.
        self._impossible = False

    def add(self, rows: Callable[[], Iterable[Row]]) -> Run:
        """Add the run whose rows ``rows()`` gives, each time it is called."""
        # What rows mean is loaded where there are some: a program that measures itself waits for our start.
        from energyprof.report.measured import measure
        from energyprof.report.timeline import timeline

        header = self._header
        times = timeline(rows(), header.workload.target)
        meters = as_seen(header.meters, rows())
        node = header.nodes[0].name if header.nodes else ""
        measured = measure(times, rows(), meters, self._cadences, header.node_map, node)
        self._measured.append(measured)
        self._impossible |= measured.impossible and measured.by_parts is not None
        return self._run(measured)

    def add_all(self, trace: Path) -> int:
        """Add every run of the file ``trace``; the number that comes after the last one's.

        Raises:
            FileError: it cannot be read, or is no trace.
        """
        from energyprof.trace.file import read_runs

        # Each run more than once (events, renewals, samples): a day's samples never lie in memory.
        following = 0
        for number, rows in read_runs(trace):
            self.add(rows)
            following = number + 1
        return following

    def report(self) -> Report:
        """The report of all runs so far."""
        meters = tuple(
            _meter_record(meter, cadence, [(m.meters[i], m.life_s) for m in self._measured])
            for i, (meter, cadence) in enumerate(zip(self._header.meters, self._cadences, strict=True))
        )
        joules = {meter.name: [m.meters[i].joules for m in self._measured] for i, meter in enumerate(meters)}
        meters = tuple(
            dataclasses.replace(m, ratio=ratio(joules[m.name], joules.get(m.info.checks, []))) for m in meters
        )
        runs, series = self._runs(), self._header.series
        if series is not None:  # a live header has the positions that are planned
            series = dataclasses.replace(series, positions=series.positions[: len(runs)])
        # Resumed and nothing added: nobody looked in between.
        resumed = tuple(count for count in self._header.resumed if count < len(runs))
        report = dataclasses.replace(self._header, meters=meters, runs=runs, series=series, resumed=resumed)
        return counted_by_parts(report) if self._impossible else report

    def _runs(self) -> tuple[Run, ...]:
        return tuple(map(self._run, self._measured))

    def _run(self, measured: Measured) -> Run:
        return (self._impossible and measured.by_parts) or measured.run


def _meter_record(
    meter: MeterRecord, cadence: Cadence, lives: Sequence[tuple[MeterEnergy, float]]
) -> MeterRecord:
    life_s = sum(span_s for _, span_s in lives)
    covered_s = sum(energy.coverage * span_s for energy, span_s in lives)
    # A short run says so itself; of a meter it tells nothing.
    kinds = {kind: None for energy, _ in lives for kind in energy.flags if kind != "short"}
    return dataclasses.replace(
        meter,
        achieved_hz=cadence.achieved_hz,
        p99_gap_s=cadence.p99_gap_s,
        max_gap_s=cadence.max_gap_s,
        missed=cadence.missed,
        coverage=covered_s / life_s if life_s > 0 else 0.0,
        flags=tuple(flag(kind, meter.name) for kind in kinds),
    )
