"""A lever scanned within every training of a study: what each value takes, setting by setting."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from energyprof.compare.scan import Scanned, scanned_windows
from energyprof.compare.tuning import Bound, Tuned, tuned
from energyprof.errors import UsageError
from energyprof.profile.job import Job
from energyprof.profile.open_meters import OpenMeters
from energyprof.profile.scan_plan import ScanPlan, planned_values
from energyprof.profile.training import Training
from energyprof.report.file import read, trace_path
from energyprof.storable.frozen import dataclass
from energyprof.study.folder import Trained, path_of
from energyprof.study.plan import Plan, settings
from energyprof.trace.file import read_rows

WINDOW_S, SETTLE_S = 3.0, 1.0
# As many as a training has time for.
BLOCKS = 10_000


@dataclass(frozen=True)
class SettingScan:
    """What the values of the lever took in the trainings of one setting."""

    label: str
    tuned: Tuned


def with_scan(job: Job, word: str) -> Job:
    """The job with the lever of "cpu.max_freq=1GHz,2GHz" scanned in each of its trainings, if it can be."""

    def check() -> None:
        planned_values(word)
        job.check()

    def training(seed: int) -> Training:
        scan = ScanPlan(*planned_values(word), BLOCKS, WINDOW_S, SETTLE_S)
        return dataclasses.replace(job.training(seed), scan=scan)

    return dataclasses.replace(job, training=training, check=check)


def settled(training: Training, on: OpenMeters) -> Training:
    """The training whose scan waits for as long as the slowest counted meter still shows what was before."""
    if training.scan is None:
        return training
    infos = [meter.info for meter in on.records if meter.counted]
    lag_s = max((2 * info.refresh_s + info.window_s for info in infos), default=0.0)
    scan = dataclasses.replace(training.scan, settle_s=max(training.scan.settle_s, lag_s))
    return dataclasses.replace(training, scan=scan)


def scanned(path: Path) -> Scanned:
    """The windows of the report at ``path``.

    Raises:
        FileError: it or its trace cannot be read.
        UsageError: no lever was scanned in its runs.
    """
    rows = functools.partial(read_rows, trace_path(path))
    return scanned_windows(rows(), rows(), read(path).meters, str(path))


def setting_scans(plan: Plan, folder: Path, done: Sequence[Trained]) -> tuple[SettingScan, ...]:
    """What was scanned in each setting's trainings, the windows of all its blocks together.

    Raises:
        FileError: a trace cannot be read.
    """
    base = settings(plan)[0]
    found = []
    for setting in settings(plan):
        cells = [cell for cell in done if cell.cell.setting == setting and cell.report is not None]
        parts = [part for cell in cells if (part := _windows(folder, cell)) is not None]
        told = tuned(_joined(parts), Bound(), _samples(cells), _origin(cells)) if parts else None
        if told is not None:
            found.append(SettingScan(setting.label(base), told))
    return tuple(found)


def _windows(folder: Path, cell: Trained) -> Scanned | None:
    """The cell's windows; ``None``: its training ended before the first."""
    try:
        part = scanned(path_of(folder, cell.cell))
    except UsageError:
        return None
    # A block of windows is within one training: those of others have other numbers.
    first = cell.cell.block * BLOCKS
    windows = tuple(dataclasses.replace(w, block=first + w.block) for w in part.windows)
    return dataclasses.replace(part, windows=windows)


def _joined(parts: Sequence[Scanned]) -> Scanned:
    windows = tuple(window for part in parts for window in part.windows)
    return dataclasses.replace(parts[0], windows=windows, unmeasured=sum(part.unmeasured for part in parts))


def _samples(cells: Sequence[Trained]) -> float | None:
    runs = [run for cell in cells if cell.report is not None for run in cell.report.runs]
    counts = [run.samples for run in runs if run.status == "reached" and run.samples]
    return fmean(counts) if counts else None


def _origin(cells: Sequence[Trained]) -> str:
    return next((cell.report.origin for cell in cells if cell.report is not None), "measured")
