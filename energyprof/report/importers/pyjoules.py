"""pyJoules' CSV: a row a tagged stretch, µJ from RAPL and mJ from NVIDIA's counters.

Callbacks of training libraries write tables of their own from it, a row an epoch: columns such as "package_0
energy" in a unit that the columns of power beside them tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from energyprof.errors import FileError, UsageError
from energyprof.report.importers import pyjoules_epochs
from energyprof.report.importers.columns import Record, figure, records
from energyprof.report.importers.imported import Imported, Request, first_line, header
from energyprof.report.importers.pyjoules_epochs import DOMAINS, kind
from energyprof.report.importers.totals import (
    COVERAGE,
    UNCERTAINTY,
    WindowTotals,
    outermost,
    total_meter,
    total_run,
)

NEEDED = ("timestamp", "tag", "duration")

WITHIN = ("core", "uncore")


def recognises(path: Path) -> bool:
    """Whether its columns are pyJoules', or those of epochs with its domains."""
    line = first_line(path)
    return line.startswith(";".join(NEEDED)) or pyjoules_epochs.has(line)


def read(request: Request) -> Imported:
    """A run for each file: its rows, one after the other. Raises as `Importer`."""
    if request.power:
        raise UsageError("pyJoules' file holds totals: no power log can be joined to it")
    if any(pyjoules_epochs.has(first_line(path)) for path in request.files):
        return pyjoules_epochs.read(request)
    notes = [COVERAGE, UNCERTAINTY, "pyJoules does not correct a RAPL counter that wrapped"]
    by_file: dict[Path, list[WindowTotals]] = {}
    columns: dict[str, None] = {}
    for path in request.files:
        rows, remarks = records(path, ";", NEEDED)
        notes += [f"{path.name}: {remark}" for remark in remarks]
        domains = [title for title in rows[0] if kind(title)]
        strange = [title for title in rows[0] if title not in NEEDED and not kind(title)]
        if strange:
            notes.append(f"{path.name}: columns of unknown unit are left out: {', '.join(strange)}")
        windows = [_window(path, row, domains) for row in rows if request.only in ("", row["tag"])]
        if not windows:
            raise UsageError(f"--only {request.only}: there is no tag of that name in {path}")
        by_file[path], remarks = outermost(windows)
        notes += [f"{path.name}: {remark}" for remark in remarks]
        columns.update(dict.fromkeys(domains))
    counted = [title for title in columns if _counts(title)]
    tags = dict.fromkeys(window.name for windows in by_file.values() for window in windows)
    meters = [
        total_meter(
            title,
            "pyjoules",
            DOMAINS[kind(title)][0],
            f"pyJoules, {'NVML' if kind(title) == 'nvidia_gpu' else 'RAPL'}",
            origin="measured",
            counted=_counts(title),
        )
        for title in columns
    ]
    report = header(
        "pyjoules",
        next(iter(tags)),
        {"tags": sorted(tags)},
        machine={},
        boundary="component" if counted else None,
        meters=meters,
        notes=notes,
        runs=[total_run(windows, counted, {"log": path.name}) for path, windows in by_file.items()],
    )
    return Imported(report)


def _window(path: Path, row: Record, domains: Sequence[str]) -> WindowTotals:
    start_s, span_s = figure(row, "timestamp"), figure(row, "duration")
    if start_s is None or span_s is None or span_s < 0:
        raise FileError(f"{path}: tag {row['tag']!r} has no timestamp or duration")
    joules = {}
    for title in domains:
        value = figure(row, title)
        joules[title] = None if value is None else value * DOMAINS[kind(title)][1]
    return WindowTotals(row["tag"], start_s, span_s, joules)


def _counts(title: str) -> bool:
    return kind(title) not in WITHIN
