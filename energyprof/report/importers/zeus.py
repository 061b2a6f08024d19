"""The log file of a ZeusMonitor: a row a window, with the joules of each GPU."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from energyprof.errors import FileError, UsageError
from energyprof.report.importers.columns import Record, figure, records
from energyprof.report.importers.imported import Imported, Request, first_line, header
from energyprof.report.importers.totals import (
    COVERAGE,
    UNCERTAINTY,
    WindowTotals,
    outermost,
    total_meter,
    total_run,
)

NEEDED = ("start_time", "window_name", "elapsed_time")


def recognises(path: Path) -> bool:
    """Whether its columns are those of Zeus."""
    return first_line(path).startswith(",".join(NEEDED))


def read(request: Request) -> Imported:
    """A run for each file: its outermost windows, one after the other. Raises as `Importer`."""
    if request.power:
        raise UsageError("a Zeus log holds totals: no power log can be joined to it")
    notes = [COVERAGE, UNCERTAINTY]
    notes.append("its log has only GPUs: CPU and memory are not in the total, though Zeus may have read them")
    by_file: dict[Path, list[WindowTotals]] = {}
    names: dict[str, None] = {}
    for path in request.files:
        rows, remarks = records(path, ",", NEEDED)
        notes += [f"{path.name}: {remark}" for remark in remarks]
        gpus = [title for title in rows[0] if re.fullmatch(r"gpu\d+_energy", title)]
        if not gpus:
            raise FileError(f"{path}: it has no column such as gpu0_energy")
        names.update(dict.fromkeys(_meter(title) for title in gpus))
        windows = [_window(path, row, gpus) for row in rows if request.only in ("", row["window_name"])]
        if not windows:
            raise UsageError(f"--only {request.only}: there is no window of that name in {path}")
        by_file[path], remarks = outermost(windows)
        notes += [f"{path.name}: {remark}" for remark in remarks]
    runs = [total_run(windows, list(names), {"log": path.name}) for path, windows in by_file.items()]
    found = dict.fromkeys(window.name for windows in by_file.values() for window in windows)
    meters = [
        total_meter(name, "zeus", "gpu", "ZeusMonitor", origin="measured", counted=True) for name in names
    ]
    report = header(
        "zeus",
        next(iter(found)),
        {"windows": sorted(found)},
        machine={},
        boundary="component",
        meters=meters,
        notes=notes,
        runs=runs,
    )
    return Imported(report)


def _window(path: Path, row: Record, gpus: Sequence[str]) -> WindowTotals:
    start_s, span_s = figure(row, "start_time"), figure(row, "elapsed_time")
    if start_s is None or span_s is None or span_s < 0:
        raise FileError(f"{path}: window {row['window_name']!r} has no start_time or elapsed_time")
    return WindowTotals(
        row["window_name"], start_s, span_s, {_meter(title): figure(row, title) for title in gpus}
    )


def _meter(title: str) -> str:
    return "zeus:" + title.removesuffix("_energy")
