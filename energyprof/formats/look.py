"""What an import sees in its files and would make of them, in lines for people."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from energyprof.report.importers.imported import Imported
from energyprof.report.rebuild import Rebuild
from energyprof.report.record import MeterRecord, Report
from energyprof.storable.frozen import dataclass
from energyprof.trace.logs.wanted import Several
from energyprof.trace.rows import Row
from energyprof.units import joules, seconds, watts

# So many runs are named.
SHOWN = 3


@dataclass
class Seen:
    """The readings of one meter in all runs."""

    count: int = 0
    span_s: float = 0.0
    energy_j: float = 0.0  # in the runs' phases …
    phases_s: float = 0.0  # … which last so long


def look_lines(found: Sequence[Imported], several: Several | None, files: Sequence[Path]) -> Iterator[str]:
    """A line on what the files are, one on each meter, then notes, and what to say where it must be said."""
    report = found[0].report
    kind = report.workload.work.split(":")[1]
    runs = len(found[0].rows) or len(report.runs)
    yield f"{kind}: {report.workload.name}, {runs} run{'' if runs == 1 else 's'}"
    if report.workload.target is not None:
        target = report.workload.target
        yield f"target: {target.metric} {'≥' if target.direction == 'max' else '≤'} {target.value:g}"
    if several is None:
        boundary = report.boundary or "no meter, so no energy"
        yield f"total: {boundary}{', an estimate' if report.origin == 'modelled' else ''}"
    else:
        yield f"no total yet: {several.told}"
    for one in found:
        rows = [list(run) for run in one.rows]
        yield from _begun(rows)
        yield from _meters(one.report, rows)
    yield from (f"note: {note}" for note in report.notes)
    if several is None:
        yield "nothing was written: without --look this becomes a report"
        return
    yield "nothing was written, and nothing would be: say which it is"
    named = shlex.join(map(str, files))
    yield from (f"  energyprof import {named} {words}    # {does}" for words, does in several.advice)
    meter = report.meters[0].name
    yield f"and where one sees something else, for instance --meter {shlex.quote(meter)}=node_dc"


def _begun(runs: Sequence[Sequence[Row]]) -> Iterator[str]:
    """When the runs began, as far as the files say."""
    begun = [
        str(row.fields["utc"]) for rows in runs for row in rows if row.source == "@run" and row.fields["utc"]
    ]
    if begun:
        shown = ", ".join(begun[:SHOWN]) + (f" and {len(begun) - SHOWN} more" if len(begun) > SHOWN else "")
        yield f"from {shown}"


def _meters(report: Report, rows: Sequence[Sequence[Row]]) -> Iterator[str]:
    seen = _seen(report, rows)
    for meter in report.meters:
        reads = "powers" if meter.info.reads == "power_w" else "a counter"
        every = f" each {seconds(meter.info.refresh_s)}" if meter.info.refresh_s > 0 else ""
        beside = "" if meter.counted else "; beside the total"
        what = f"{meter.part}, {meter.boundary}, {reads}{every}"
        yield f"meter {meter.name}: {what} from {meter.method}{_amount(meter, seen)}{beside}"


def _amount(meter: MeterRecord, seen: dict[str, Seen]) -> str:
    own = seen.get(meter.name)
    if own is None or not own.count:
        return ""
    much = f", mean {watts(own.energy_j / own.phases_s)}" if own.phases_s > 0 else ""
    # What stands until its next value was written anew between them.
    count = "values" if meter.info.may_stand_still else f"{own.count:,} readings"
    return f"; {count} over {seconds(own.span_s)}, {joules(own.energy_j)}{much}"


def _seen(report: Report, runs: Sequence[Sequence[Row]]) -> dict[str, Seen]:
    """How many readings each meter has, over which time, and the joules that the report would have of it."""
    found = {meter.name: Seen() for meter in report.meters}
    rebuild = Rebuild(report)
    for rows in runs:
        rebuild.add(partial(iter, rows))
        first: dict[str, float] = {}
        last: dict[str, float] = {}
        for row in rows:
            if row.source in found and row.sample.value is not None:
                found[row.source].count += 1
                last[row.source] = row.sample.end_s
                first.setdefault(row.source, row.sample.end_s)
        for name, end_s in last.items():
            found[name].span_s += end_s - first[name]
    for run in rebuild.report().runs if runs else ():
        for phase in run.phases:
            for name, energy_j in phase.by_meter_j.items() if not phase.actor else ():
                found[name].energy_j += energy_j
                found[name].phases_s += phase.end_s - phase.start_s
    return found
