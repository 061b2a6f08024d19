"""A report that exists, gone on with: of the same work, on the same machine, with the same meters."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from energyprof.errors import FileError, NotComparable
from energyprof.profile.open_meters import OpenMeters
from energyprof.profile.session import ReportSession, new_header
from energyprof.report.facts import flat
from energyprof.report.file import read, trace_path, write
from energyprof.report.machines import likeness
from energyprof.report.rebuild import Rebuild
from energyprof.report.record import Report, Series, Status, WorkloadRecord
from energyprof.trace.writer import resumed_trace

# A run that ended like this has said what it can: its seed need not be trained again.
FINISHED: tuple[Status, ...] = ("reached", "missed", "diverged", "done")
# The tick that an opened meter was found to have may differ by so much from one session to the next.
TICK_TOLERANCE = 0.25


def resumed_session(
    on: OpenMeters,
    work: WorkloadRecord,
    path: Path,
    notes: Sequence[str] = (),
    series: Series | None = None,
) -> ReportSession:
    """The report at ``path``, to append runs to; a run that was cut off stays, as far as its rows go.

    The report is rebuilt from all its rows, so that it is the one that a single session would have made.

    Raises:
        NotComparable: it is of other work, of another machine, of other meters, or of another series.
        FileError: the report or its trace cannot be read or written, or the trace lacks one of its runs.
    """
    found, asked = read(path), new_header(on, work, notes, series)
    if problem := _difference(found, asked):
        raise NotComparable(f"{path}: cannot be resumed: {problem}; write another report with --output")
    header = dataclasses.replace(
        found,
        energyprof=asked.energyprof,
        runs=(),
        notes=tuple(dict.fromkeys((*found.notes, *asked.notes))),
        series=series,
    )
    if series is None and _complete(found):
        header = dataclasses.replace(header, resumed=(*found.resumed, len(found.runs)))
    trace, rebuild = resumed_trace(trace_path(path)), Rebuild(header)
    with contextlib.ExitStack() as undo:
        undo.callback(trace.close)
        runs = rebuild.add_all(trace.path)
        report = rebuild.report()
        _check_whole(found, report, trace.path)
        write(report, path)
        undo.pop_all()
    return ReportSession(on, path, header, rebuild, trace, runs)


def unmeasured(seeds: Sequence[int], report: Report) -> list[int]:
    """Those of the ``seeds`` that no finished run of the report was trained from."""
    there = {run.seed for run in report.runs if run.status in FINISHED}
    return [seed for seed in seeds if seed not in there]


def _complete(report: Report) -> bool:
    """Whether it ended by itself: what was cut off is only gone on with."""
    return bool(report.runs) and report.runs[-1].status in FINISHED


def _check_whole(found: Report, rebuilt: Report, trace: Path) -> None:
    clocks = {run.clock for run in rebuilt.runs}
    for number, run in enumerate(found.runs, 1):
        # What stands there of a run before its end need not have a row.
        if run.clock not in clocks and all(flag.kind != "unfinished" for flag in run.flags):
            raise FileError(f"{trace}: lacks run {number} of its report, which therefore cannot be resumed")


def _difference(found: Report, asked: Report) -> str:
    """What must agree and does not, the first of it; empty: nothing."""
    if (found.series and found.series.id) != (asked.series and asked.series.id):
        return "it is one side of a series" if found.series else "it belongs to no series"
    before, now = _facts(found), _facts(asked)
    standing, names = likeness(found.nodes, asked.nodes).standing, [n.name for n in asked.nodes]
    if standing == "other" or (standing == "unknown" and names != [n.name for n in found.nodes]):
        return "it is of another machine"
    differing = [key for key in dict.fromkeys((*before, *now)) if before.get(key) != now.get(key)]
    differing.sort(key=lambda key: _is_digest(before.get(key)))  # what made a digest differ says more
    if differing:
        key = differing[0]
        if key.startswith("workload.") and _is_digest(before.get(key)):
            return "the code or the data of its work has changed"
        return f"{key} is {json.dumps(before.get(key))} in it, {json.dumps(now.get(key))} here"
    for old, new in zip(found.meters, asked.meters, strict=True):
        if abs(new.info.refresh_s - old.info.refresh_s) > TICK_TOLERANCE * old.info.refresh_s:
            return f"{old.name} ticked every {old.info.refresh_s:g} s, now every {new.info.refresh_s:g} s"
    return ""


def _facts(report: Report) -> dict[str, Any]:
    """What is the same in every session of a report, flat, in words of the report's file."""
    facts = {
        "workload": dataclasses.asdict(report.workload),
        # Which machine it is does not depend on its name (`report/machines.py`), nor on the bytes of its
        # memory, which move with the firmware.
        "machine": {
            str(i): {key: fact for key, fact in node.machine.items() if key not in _NAMES}
            for i, node in enumerate(report.nodes)
        },
        "boundary": report.boundary,
        "node_map": None if report.node_map is None else dataclasses.asdict(report.node_map),
        "meters": [meter.name for meter in report.meters],
        "counted": [meter.name for meter in report.meters if meter.counted],
        "meter": {
            meter.name: {
                "interval_s": meter.interval_s,
                **dataclasses.asdict(dataclasses.replace(meter.info, refresh_s=0.0)),
            }
            for meter in report.meters
        },
    }
    plain: dict[str, Any] = json.loads(json.dumps(facts))
    return flat(plain)


_NAMES = ("id", "named", "hardware", "host", "memory_bytes", "container")


def _is_digest(fact: Any) -> bool:
    return isinstance(fact, str) and fact.startswith("sha256:")
