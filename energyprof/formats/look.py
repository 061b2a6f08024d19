"""What an import sees in its files and would make of them, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from energyprof.report.importers.imported import Imported
from energyprof.report.record import Report
from energyprof.units import seconds


def look_lines(imported: Imported) -> Iterator[str]:
    """A line on what the files are, one on each meter, then the notes of the report that would be written."""
    report = imported.report
    kind = report.workload.work.split(":")[1]
    runs = len(imported.rows) or len(report.runs)
    yield f"{kind}: {report.workload.name}, {runs} run{'' if runs == 1 else 's'}"
    if report.workload.target is not None:
        target = report.workload.target
        yield f"target: {target.metric} {'≥' if target.direction == 'max' else '≤'} {target.value:g}"
    boundary = report.boundary or "no meter, so no energy"
    yield f"total: {boundary}{', an estimate' if report.origin == 'modelled' else ''}"
    yield from _meters(report)
    yield from (f"note: {note}" for note in report.notes)
    yield "nothing was written: without --look this becomes a report"


def _meters(report: Report) -> Iterator[str]:
    for meter in report.meters:
        reads = "powers" if meter.info.reads == "power_w" else "a counter"
        every = f" each {seconds(meter.info.refresh_s)}" if meter.info.refresh_s > 0 else ""
        beside = "" if meter.counted else "; beside the total"
        what = f"{meter.part}, {meter.boundary}, {reads}{every}"
        yield f"meter {meter.name}: {what} from {meter.method}{beside}"
