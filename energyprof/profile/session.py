"""One report in the making: the meters opened once, every training metered and at once on the disk."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from energyprof import __version__
from energyprof.clock import utc_now
from energyprof.errors import FileError
from energyprof.measure import machine
from energyprof.measure.calibration import CalibrationRecord, calibration_of, check_applies
from energyprof.measure.meters import find_asked, sysfs_root
from energyprof.measure.meters.nvidia import nvml
from energyprof.measure.opening import opened
from energyprof.measure.selection import Selection, select
from energyprof.meter import ExternalLog, Meter, Probe
from energyprof.profile.inbox import Inbox
from energyprof.profile.record import Instruments, Watch, record
from energyprof.profile.recorder import Recorder, Training
from energyprof.report.file import trace_path, write
from energyprof.report.flags import flag
from energyprof.report.rebuild import Rebuild
from energyprof.report.record import (
    SCHEMA,
    Clock,
    MeterRecord,
    Report,
    Run,
    Series,
    WorkloadRecord,
    meter_record,
    node_record,
)
from energyprof.trace.writer import TraceWriter, new_trace


@dataclass(frozen=True)
class MeasurementSettings:
    """How to measure: which meters, how often, how long to look at the idle machine, where to write."""

    meters: tuple[str, ...]  # kinds or names; ("auto",)
    interval_s: float
    idle_s: float
    path: Path
    calibrations: tuple[CalibrationRecord, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """A profile that is over."""

    report: Report
    path: Path | None  # where the report lies; None: no disk would take it
    asked: Path  # where it was to lie
    tail: tuple[str, ...]  # the last lines of the last process
    stopped_by: int | None  # the signal that ended it early


@dataclass(frozen=True)
class OpenMeters:
    """The machine with its meters open; several reports may be made on it."""

    machine: Mapping[str, Any]
    selection: Selection
    records: tuple[MeterRecord, ...]
    instruments: Instruments


@contextlib.contextmanager
def open_meters(measuring: MeasurementSettings) -> Iterator[OpenMeters]:
    """The asked meters, open.

    Raises:
        UsageError: there are no meters of such a name.
        MissingPart: an asked meter is not here.
    """
    selection = select(find_asked(sysfs_root(), measuring.meters), measuring.meters)
    check_applies(measuring.calibrations, [source.info for source in selection.sources])
    facts = machine.describe(sysfs_root(), nvml.devices())
    with opened(selection) as (meters, probes):
        records = tuple(
            meter_record(
                meter.info,
                measuring.interval_s,
                calibration_of(meter.info, measuring.calibrations),
                counted=meter.info.name in selection.counted,
            )
            for meter in meters
        )
        yield OpenMeters(facts, selection, records, _instruments(meters, probes, measuring))


def _instruments(
    meters: Sequence[Meter | ExternalLog], probes: tuple[Probe, ...], measuring: MeasurementSettings
) -> Instruments:
    return Instruments(
        cast(tuple[Meter, ...], tuple(meter for meter in meters if not meter.info.external)),
        cast(tuple[ExternalLog, ...], tuple(meter for meter in meters if meter.info.external)),
        probes,
        measuring.interval_s,
        measuring.idle_s,
    )


class ReportSession:
    """One report: takes its trainings one by one, and is on the disk, readable, at any moment."""

    def __init__(
        self,
        on: OpenMeters,
        work: WorkloadRecord,
        path: Path,
        notes: Sequence[str] = (),
        series: Series | None = None,
    ) -> None:
        """``series``: with the positions of all the runs that are planned.

        Raises:
            FileError: the report cannot be written.
        """
        header = Report(
            schema=SCHEMA,
            created=utc_now(),
            energyprof=__version__,
            workload=work,
            nodes=(node_record(on.machine),),
            boundary=on.selection.boundary,
            origin=on.selection.origin,
            meters=on.records,
            runs=(),
            notes=(*on.selection.notes, *notes),
            series=series,
        )
        self._instruments, self._path = on.instruments, path
        self._live = [meter for meter in header.meters if not meter.info.external]
        self._notes, self._series = list(header.notes), series
        self._rebuild = Rebuild(header)
        self._runs = 0
        self._tail: tuple[str, ...] = ()
        self._stopped_by: int | None = None
        self._saved: Path | None = path
        self._failed = False
        write(self.report(), path)
        self._trace = new_trace(trace_path(path))

    @property
    def over(self) -> bool:
        """Whether no further training makes sense: one failed, a signal came, or the disk is full."""
        return self._failed or self._stopped_by is not None or self._saved != self._path

    def report(self) -> Report:
        """Everything measured so far."""
        return dataclasses.replace(self._rebuild.report(), notes=tuple(self._notes))

    def outcome(self) -> Outcome:
        """How it stands."""
        return Outcome(self.report(), self._saved, self._path, self._tail, self._stopped_by)

    def note(self, line: str) -> None:
        """A line for the reader of the report; on the disk with the next training."""
        self._notes.append(line)

    def stop(self, by: int | None) -> None:
        """A signal came between two trainings."""
        self._stopped_by = by

    def train(self, training: Training, runs: int, inbox: Inbox, watch: Watch | None) -> Run:
        """Meter the next of so many ``runs``, and write the report."""
        with contextlib.suppress(FileError):  # a disk that filled up must not stop the training
            write(self._unfinished(training.seed), self._path)
        self._trace.begin_run()
        recorder = Recorder(self._trace, self._runs, runs, training, self._live)
        self._runs += 1
        self._tail, self._stopped_by = record(recorder, self._instruments, inbox, watch)
        run = self._rebuild.add(self._trace.rows)
        self._failed = run.status == "failed"
        self._saved = _save(self.report(), self._path, self._trace)
        return run

    def close(self) -> None:
        """Let go of the trace."""
        self._trace.close()

    def _unfinished(self, seed: int | None) -> Report:
        """The report as it is found if the profiler is killed during the next run."""
        report, series = self.report(), self._series
        runs = (*report.runs, dataclasses.replace(_NOTHING, seed=seed, clock=_now()))
        if series is not None:
            series = dataclasses.replace(series, positions=series.positions[: len(runs)])
        return dataclasses.replace(report, runs=runs, series=series)


def _now() -> Clock:
    return Clock(time.monotonic(), utc_now())


_NOTHING = Run(
    seed=None,
    status="interrupted",
    samples=None,
    score=None,
    clock=Clock(0.0, ""),
    energy_j=None,
    energy_u_j=None,
    time_s=None,
    total_energy_j=None,
    total_energy_u_j=None,
    total_time_s=None,
    coverage=None,
    exit_code=None,
    phases=(),
    history=(),
    facts={},
    profiler=None,
    flags=(flag("unfinished"),),
)


def _save(report: Report, path: Path, trace: TraceWriter) -> Path | None:
    """Write the report; where its disk is full, report and trace go to a temporary folder.

    The path it got comes back, or ``None`` if there is no room anywhere.
    """
    if trace.complete:
        with contextlib.suppress(FileError):
            write(report, path)
            return path
    spare = Path(tempfile.mkdtemp(prefix="energyprof-")) / path.name
    try:
        trace.save_elsewhere(trace_path(spare))
        write(report, spare)
    except FileError:
        shutil.rmtree(spare.parent, ignore_errors=True)
        return None
    return spare
