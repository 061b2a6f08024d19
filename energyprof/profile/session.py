"""One report in the making: every training metered, and at once on the disk."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from energyprof import __version__
from energyprof.clock import utc_now
from energyprof.errors import FileError
from energyprof.measure.meters import sysfs_root
from energyprof.profile.clock_source import clock_source
from energyprof.profile.inbox import Inbox
from energyprof.profile.job_share import JobShare
from energyprof.profile.open_meters import OpenMeters
from energyprof.profile.provenance import batch_job
from energyprof.profile.record import record
from energyprof.profile.recorder import Recorder
from energyprof.profile.save import save
from energyprof.profile.training import Training
from energyprof.profile.unfinished import unfinished
from energyprof.profile.unwinding import unbroken
from energyprof.profile.watchers import Watcher, Watchers
from energyprof.report.file import Taken, claimed, write
from energyprof.report.rebuild import Rebuild
from energyprof.report.record import SCHEMA, CommitRecord, Report, Run, Series, WorkloadRecord, node_record
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Row
from energyprof.trace.writer import TraceWriter

if TYPE_CHECKING:
    from energyprof.profile.levers import TurnedLevers
    from energyprof.profile.scan import Scan
    from energyprof.profile.scan_plan import ScanPlan


@dataclass(frozen=True)
class SessionResult:
    """A report and how it stands."""

    report: Report
    path: Path | None  # where the report lies; None: no disk would take it
    asked: Path  # where it was to lie
    tail: tuple[str, ...]  # the last lines of the last process
    stopped_by: int | None  # the signal that ended it early
    lost: tuple[str, ...]  # a line on each watcher that could not follow, and on each lever not put back
    untrained: int = 0  # runs that were asked for, and that other nodes let not begin


def new_session(
    on: OpenMeters,
    work: WorkloadRecord,
    path: Path,
    notes: Sequence[str] = (),
    series: Series | None = None,
    commit: CommitRecord | None = None,
    taken: Taken = "refused",
) -> ReportSession:
    """A new report, empty and already on the disk. ``series``: with the positions of all planned runs.

    Raises:
        FileError: its name is taken, it cannot be written, or another energyprof is writing it.
    """
    header = new_header(on, work, notes, series, commit)
    session = None
    try:
        with unbroken():
            session = ReportSession(on, path, header, Rebuild(header), claimed(header, path, taken), 0)
    except BaseException:
        if session is not None:  # a signal came meanwhile
            session.withdraw()
        raise
    return session


def new_header(
    on: OpenMeters,
    work: WorkloadRecord,
    notes: Sequence[str],
    series: Series | None = None,
    commit: CommitRecord | None = None,
) -> Report:
    """What is known of a report before its first run."""
    return Report(
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
        job=batch_job(os.environ),
        commit=commit,
        node_map=on.node_map,
    )


class ReportSession:
    """One report: takes its trainings one by one, and is on the disk, readable, at any moment."""

    def __init__(
        self, on: OpenMeters, path: Path, header: Report, rebuild: Rebuild, trace: TraceWriter, runs: int
    ) -> None:
        """``rebuild`` and ``trace`` hold the first ``runs`` runs of the report ``header``."""
        self._on, self._path = on, path
        # As the sampler numbers them; the logs, which it does not read, after them.
        self._meters = sorted(header.meters, key=lambda meter: meter.info.external)
        self._job = header.job
        self._notes, self._series = list(header.notes), header.series
        self._rebuild, self._trace, self._runs = rebuild, trace, runs
        self._tail: tuple[str, ...] = ()
        self._stopped_by: int | None = None
        self._saved: Path | None = path
        self._failed = False
        self._lost: dict[Watcher, str] = {}
        self._problems: list[str] = []

    @property
    def over(self) -> bool:
        """Whether no further training makes sense: one failed, a signal came, or the disk is full."""
        return self._failed or self._stopped_by is not None or self._saved != self._path

    def report(self) -> Report:
        """Everything measured so far."""
        return dataclasses.replace(self._rebuild.report(), notes=tuple(self._notes))

    def result(self) -> SessionResult:
        """How it stands."""
        lost = [f"{watcher.name} was left behind: {problem}" for watcher, problem in self._lost.items()]
        lost += self._problems
        return SessionResult(
            self.report(), self._saved, self._path, self._tail, self._stopped_by, tuple(lost)
        )

    def note(self, line: str) -> None:
        """A line for the reader of the report; on the disk with the next training."""
        self._notes.append(line)

    def stop(self, by: int | None) -> None:
        """A signal came between two trainings."""
        self._stopped_by = by

    def train(self, training: Training, runs: int, inbox: Inbox, watchers: Sequence[Watcher] = ()) -> Run:
        """Meter the next of so many ``runs``, rebuild it from its rows, and write the report."""
        with contextlib.suppress(FileError):  # a disk that filled up must not stop the training
            write(self._with_unfinished(training.seed), self._path)
        following = Watchers([watcher for watcher in watchers if watcher not in self._lost])
        with _turned(training.levers) as levers, _scanned(training.scan) as scan:
            self._trace.begin_run()
            recorder = Recorder(self._trace, self._runs, runs, training, self._meters)
            self._runs += 1
            if (clock := clock_source()) is not None:
                recorder.event("facts", {"facts": {"clock": clock._asdict()}})
            share = None if self._job is None else JobShare(self._job, sysfs_root())
            if share is not None:
                recorder.last_facts = share.facts
            for turn in (levers, scan):
                for lever in turn.records if turn is not None else ():
                    recorder.event("lever", dataclasses.asdict(lever))
            try:
                self._tail, self._stopped_by = record(
                    recorder, self._on, inbox, following, self._so_far, scan
                )
            finally:
                self._lost |= following.close()
        self._problems += [line for turn in (levers, scan) if turn is not None for line in turn.problems]
        run = self._rebuild.add(self._trace.rows)
        if share is not None and (line := share.line(run.facts)):
            self.note(f"run {self._runs}: {line}")
        self._failed = run.status == "failed"
        self._saved = save(self.report(), self._path, self._trace)
        return run

    def _so_far(self, rows: Callable[[], Iterable[Row]]) -> Path | None:
        """Write the report with the run that goes on, of which there are these rows."""
        report = self.report()
        run = Rebuild(report).add(rows)
        try:
            write(dataclasses.replace(report, runs=(*report.runs, run)), self._path)
        except FileError:
            return None
        return self._path

    def seal(self) -> None:
        """Write the report once more when no program can reach it any longer, after its trace was checked.

        Raises:
            Tampered: the trace is not the one that was written.
            FileError: the report cannot be written.
        """
        if self._saved == self._path:
            self._trace.verify()
            write(self.report(), self._path)

    def withdraw(self) -> None:
        """Remove the report, which has no run, and its trace: what it belongs to cannot be."""
        self._path.unlink(missing_ok=True)
        self._trace.withdraw()

    def close(self) -> None:
        """Let go of the trace."""
        self._trace.close()

    def _with_unfinished(self, seed: int | None) -> Report:
        """The report as it is found if the profiler is killed during the next run."""
        report, series = self.report(), self._series
        runs = (*report.runs, unfinished(seed))
        if series is not None:
            series = dataclasses.replace(series, positions=series.positions[: len(runs)])
        return dataclasses.replace(report, runs=runs, series=series)


def _turned(words: Sequence[str]) -> contextlib.AbstractContextManager[TurnedLevers | None]:
    """The levers, turned; few trainings have one."""
    if not words:
        return contextlib.nullcontext()
    from energyprof.profile.levers import turned

    return turned(words)


def _scanned(plan: ScanPlan | None) -> contextlib.AbstractContextManager[Scan | None]:
    """What takes the values of a lever in turn; few trainings have one."""
    if plan is None:
        return contextlib.nullcontext()
    from energyprof.profile.scan import scanned

    return scanned(plan)
