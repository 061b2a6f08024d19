"""Meters side by side over one or more runs: a report with its trace, or others' logs; both are rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from energyprof.report.file import read, trace_path
from energyprof.report.record import MeterRecord
from energyprof.storable.frozen import dataclass
from energyprof.trace.file import read_rows
from energyprof.trace.rows import Row
from energyprof.trace.stamps import seconds

# Farther apart than any meter's readings, so that no step lies between two runs.
RUNS_APART_S = 1e6


@dataclass(frozen=True)
class Recording:
    """What was recorded, and of which machine."""

    where: str  # for errors: the report, or the logs
    machine: str  # its id; "": not known
    meters: tuple[MeterRecord, ...]
    rows: Callable[[], Iterable[Row]]  # run by run, each time it is called; a run's in order of time a source


@dataclass(frozen=True)
class Circumstances:
    """When a recording was made, and how warm its devices were."""

    zeros_s: dict[int, float]  # of each run, in s since 1970 (UTC); a run without a time has none
    temperatures_c: dict[str, tuple[float, float]]  # by device, the least and the largest


def recorded(path: Path) -> Recording:
    """The recording of the report at ``path`` and the trace beside it.

    Raises:
        FileError: the report cannot be read.
    """
    report = read(path)
    machine = str(report.nodes[0].machine.get("id", "")) if len(report.nodes) == 1 else ""
    return Recording(str(path), machine, report.meters, partial(read_rows, trace_path(path)))


def powers_over_time(recording: Recording, meter: MeterRecord) -> list[tuple[float, float]]:
    """A meter's powers as it read them, of a counter those between two readings, each at its end.

    Times in s from its run's zero, each run ``RUNS_APART_S`` after the one before. Raises FileError.
    """
    found: list[tuple[float, float]] = []
    last: tuple[int, float, float] | None = None
    for row in recording.rows():
        if row.source != meter.name or row.sample.value is None:
            continue
        at_s = row.run * RUNS_APART_S + (row.sample.start_s + row.sample.end_s) / 2
        if meter.info.reads == "power_w":
            found.append((at_s, row.sample.value))
            continue
        before = last if last is not None and last[0] == row.run else None
        if before is None or row.sample.value > before[2]:
            if before is not None and at_s > before[1]:
                found.append((at_s, (row.sample.value - before[2]) / (at_s - before[1])))
            last = (row.run, at_s, row.sample.value)
    return found


def circumstances(recording: Recording) -> Circumstances:
    """What its events tell. Raises FileError."""
    zeros_s: dict[int, float] = {}
    warm: dict[str, tuple[float, float]] = {}
    for row in recording.rows():
        if row.source == "@run":
            try:
                zeros_s[row.run] = seconds(str(row.fields.get("utc", "")), None)
            except ValueError:
                continue
        elif row.source == "@condition" and isinstance(
            found := row.fields.get("temperature_c"), (int, float)
        ):
            device = str(row.fields.get("device", ""))
            low_c, high_c = warm.get(device, (found, found))
            warm[device] = min(low_c, found), max(high_c, found)
    return Circumstances(zeros_s, warm)
