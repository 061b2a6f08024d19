"""A log of powers that lies beside a result: MLPerf's own lines, or a CSV with times and watts."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timezone
from pathlib import Path

from energyprof.errors import FileError, MeterError
from energyprof.meter import Boundary, Quantity
from energyprof.report.importers.imported import line_with
from energyprof.report.importers.mllog import MARK, MllogEvent, number, read_mllog
from energyprof.trace.table import Wanted, read_columns, rows

LoggedValue = tuple[float, float | None]  # s since 1970 (UTC), W or J; None: no usable value

# Of a log that is too short to tell. MLPerf asks for a reading a second.
PERIOD_S = 1.0

# No meter has finer steps than this.
MOST_DECIMALS = 6


@dataclass(frozen=True)
class PowerLog:
    """One meter's log."""

    path: Path
    name: str  # the file's: "node_0"
    points: tuple[LoggedValue, ...]  # in order of time, each time once
    reads: Quantity
    boundary: Boundary
    resolution: float  # in W or J
    constant_w: float | None  # the power of an estimate, which has no points
    seen: str  # what was read, in a few words
    notes: tuple[str, ...] = ()  # what must be known of it
    defects: Mapping[str, int] = field(default_factory=dict)  # what was wrong with its lines, and how often
    offset_h: float = 0.0  # what was added to its times

    @property
    def period_s(self) -> float:
        """How often it usually reads."""
        gaps = [after - before for (before, _), (after, _) in itertools.pairwise(self.points)]
        return statistics.median(gaps) if gaps else PERIOD_S

    @property
    def span_s(self) -> tuple[float, float] | None:
        """Its first and last time, in s since 1970."""
        return (self.points[0][0], self.points[-1][0]) if self.points else None


def read_power_log(path: Path, offset_h: float = 0.0) -> PowerLog:
    """The log in the file ``path``, so many hours added to its times.

    Raises:
        FileError: it cannot be read, or is neither MLPerf's nor a table of times and powers.
    """
    log = _mllog(path, offset_h * 3600) if line_with(path, MARK) else _csv(path, offset_h * 3600)
    return replace(log, offset_h=offset_h)


def _mllog(path: Path, offset_s: float) -> PowerLog:
    log = read_mllog(path)
    readings = [event for event in log.events if event.key == "power_reading"]
    points, defects = _tidy([(event.time_s + offset_s, event.number()) for event in readings])
    defects["lines that could not be read"] = log.broken
    notes = []
    boundary, about = _boundary(log.events)
    estimate = next((e.number() for e in log.events if e.key == "interconnect_power_est"), None)
    constant_w = None if points else estimate
    if constant_w is not None:
        notes.append(
            f"an estimate: {constant_w:g} W by its specification, so it stands beside the total, not in it"
        )
    elif not points:
        notes.append("it has no power_reading")
    else:
        notes += about
    return PowerLog(
        path,
        path.stem,
        tuple(points),
        "power_w",
        boundary,
        _step(point[1] for point in points),
        constant_w,
        "interconnect_power_est" if constant_w is not None else "power_reading lines",
        tuple(notes),
        defects,
    )


def _csv(path: Path, offset_s: float) -> PowerLog:
    try:
        columns = read_columns(path, Wanted())
        table = list(rows(path, columns, timezone.utc))
        naive = any(row.time_s is None and "time zone" in row.problem for row in rows(path, columns, None))
    except MeterError as error:
        raise FileError(str(error)) from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None
    timed = [(row.time_s + offset_s, columns.value_of(row)) for row in table if row.time_s is not None]
    points, defects = _tidy(timed)
    defects["rows without a readable time"] = len(table) - len(timed)
    notes = []
    if naive:
        notes.append("its times have no zone and are taken as UTC")
    notes.append("it does not say what it measures: taken as a wall meter of the whole machine")
    decimals = max((columns.decimals_of(row) for row in table), default=0)
    return PowerLog(
        path,
        path.stem,
        tuple(points),
        columns.reads,
        "wall_ac",
        10.0**-decimals * columns.factor,
        None,
        f"column {columns.title!r} in {columns.unit}",
        tuple(notes),
        defects,
    )


def _tidy(points: Sequence[LoggedValue]) -> tuple[list[LoggedValue], dict[str, int]]:
    """The points in order of time, each time once, and how many were not fit for that.

    Of readings with one stamp the last counts: a logger that asks more often than its clock moves repeats it.
    """
    by_time = dict(sorted(points, key=lambda point: point[0]))
    defects = {
        "readings that repeat the stamp of another, of which the last counts": len(points) - len(by_time),
        "readings out of order": sum(b[0] < a[0] for a, b in itertools.pairwise(points)),
        "readings without a usable value": sum(value is None for value in by_time.values()),
    }
    return list(by_time.items()), defects


def _boundary(events: Iterable[MllogEvent]) -> tuple[Boundary, list[str]]:
    """What the readings see, by the log's own word, and what must be known of it.

    MLPerf's rules (training_policies, power_measurement.adoc) measure at the power supplies' output; readings
    of their input are multiplied by `conversion_eff` for that. Here readings stay what was read.
    """
    said = next((event for event in events if event.key == "conversion_eff"), None)
    kind = str(said.metadata.get("measurement_type", "")) if said else ""
    factor = number(said.value) if said else None
    boundary: Boundary = "wall_ac" if kind == "AC" else "node_dc"
    notes = []
    if not kind:
        notes.append("it does not say AC or DC: taken as DC, which MLPerf's rules ask for")
    if factor is not None and factor != 1:
        notes.append(
            f"read as {kind or 'DC'}; the conversion_eff {factor:g} of MLPerf's score is not applied"
        )
    return boundary, notes


def _step(values: Iterable[float | None]) -> float:
    """The step of the readings by the digits that they have."""
    digits = [f"{value:.{MOST_DECIMALS}f}".rstrip("0") for value in values if value is not None]
    return 10.0 ** -max((len(text.partition(".")[2]) for text in digits), default=0)
