"""Brings a report and its trace to a disk that takes them."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

from energyprof.errors import FileError
from energyprof.files import temporary_folder
from energyprof.report.file import trace_path, write
from energyprof.report.record import Report
from energyprof.trace.writer import TraceWriter


def save(report: Report, path: Path, trace: TraceWriter) -> Path | None:
    """Write the report; where its disk is full, report and trace go to a temporary folder.

    The path it got comes back, or ``None`` if there is no room anywhere.
    """
    if trace.complete:
        with contextlib.suppress(FileError):
            write(report, path)
            return path
    # Its name is not one that a room has (`room.py`), which would be collected as long as it is empty.
    spare = Path(tempfile.mkdtemp(prefix="energyprof-report-", dir=temporary_folder())) / path.name
    try:
        trace.save_elsewhere(trace_path(spare))
        write(report, spare)
    except FileError:
        shutil.rmtree(spare.parent, ignore_errors=True)
        return None
    return spare
