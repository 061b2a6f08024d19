"""Writes what was imported: the trace, and the report that is made from it as `run` makes its own."""

from __future__ import annotations

import contextlib
from pathlib import Path

from energyprof.errors import FileError
from energyprof.report.file import Taken, claimed, write
from energyprof.report.importers.imported import Imported
from energyprof.report.rebuild import Rebuild
from energyprof.report.record import Report


def save(imported: Imported, path: Path, taken: Taken) -> Report:
    """The report as it now lies at ``path``; beside it its trace, if there are samples or events.

    Raises:
        FileError: its name is taken, the disk is full, or the folder cannot be written.
    """
    writer = claimed(imported.report, path, taken)
    if not imported.rows:
        # A trace that an overwritten report left there would be drawn as this one's power.
        writer.withdraw()
        return imported.report
    rebuild = Rebuild(imported.report)
    with contextlib.closing(writer):
        for number, rows in enumerate(imported.rows):
            writer.begin_run()
            for row in rows:
                if row.source.startswith("@"):
                    writer.event(number, row.source[1:], row.sample.start_s, row.fields)
                else:
                    writer.sample(number, row.source, *row.sample, row.note)
            writer.flush()
            rebuild.add(writer.rows)
            writer.end_run()
        if not writer.complete:
            raise FileError(f"{writer.path}: cannot be written: no space left")
    report = rebuild.report()
    write(report, path)
    return report
