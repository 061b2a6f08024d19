"""A log of powers that lies beside a result: MLPerf's own lines, or a CSV with times and watts."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TypeVar

from energyprof.meter import BOUNDARIES, ORIGINS, Boundary, Origin, Part, Quantity
from energyprof.report.importers.imported import ANY, holds
from energyprof.report.importers.logs import read_log
from energyprof.report.importers.mllog import MARK, MllogEvent, number, read_mllog
from energyprof.storable.frozen import dataclass
from energyprof.trace.logs.formats import GENERIC
from energyprof.trace.logs.layout import Layout
from energyprof.trace.logs.wanted import Wanted

LoggedValue = tuple[float, float | None]  # s since 1970 (UTC), W or J; None: no usable value

# A log that is joined to a run needs a time that others know, too.
JOINED = replace(ANY, any_start=False)
# Of one file; those of a longer one become blocks.
MOST_READINGS = 1_000_000

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
    part: Part = "machine"
    origin: Origin = "measured"

    @property
    def period_s(self) -> float:
        """How often it usually reads."""
        gaps = [after - before for (before, _), (after, _) in itertools.pairwise(self.points)]
        return statistics.median(gaps) if gaps else PERIOD_S

    @property
    def span_s(self) -> tuple[float, float] | None:
        """Its first and last time, in s since 1970."""
        return (self.points[0][0], self.points[-1][0]) if self.points else None


def read_power_logs(path: Path, offset_h: float = 0.0, wanted: Wanted = JOINED) -> list[PowerLog]:
    """The logs in the file ``path``, one a meter, so many hours added to their times.

    Raises:
        FileError: it cannot be read, or is neither MLPerf's nor a table of times and powers.
    """
    found = [_mllog(path, offset_h * 3600)] if holds(path, MARK) else _table(path, offset_h * 3600, wanted)
    return [replace(log, offset_h=offset_h) for log in found]


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
        origin=_own_word(log.events, "origin", ORIGINS) or "measured",
    )


def _table(path: Path, offset_s: float, wanted: Wanted) -> list[PowerLog]:
    log = read_log(path, wanted, MOST_READINGS)
    found = []
    for meter in log.meters:
        column, several = meter.column, len(log.meters) > 1
        points = tuple((time_s + offset_s, value) for time_s, value in meter.readings.points())
        found.append(
            PowerLog(
                path,
                f"{path.stem}:{meter.name.partition(':')[2]}" if several else path.stem,
                points,
                column.quantity,
                column.boundary,
                10.0**-log.layout.decimals * column.factor,
                None,
                f"column {column.title!r} in {column.unit}",
                (*log.notes, *_unsaid(log.layout, column.boundary)),
                part=column.part,
            )
        )
    return found


def _unsaid(layout: Layout, boundary: Boundary) -> list[str]:
    """What a table that nobody knows leaves open."""
    if layout.format is not GENERIC or boundary != "wall_ac":
        return []
    return ["it does not say what it measures: taken as a wall meter of the whole machine"]


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


_Word = TypeVar("_Word", bound=str)


def _own_word(events: Iterable[MllogEvent], key: str, words: Sequence[_Word]) -> _Word | None:
    """What a log that our export wrote says of its readings, which MLPerf has no word for."""
    start = next((event for event in events if event.key == "power_measurement_start"), None)
    return next((word for word in words if start and start.metadata.get(key) == word), None)


def _boundary(events: Sequence[MllogEvent]) -> tuple[Boundary, list[str]]:
    """What the readings see, by the log's own word, and what must be known of it.

    MLPerf's rules (training_policies, power_measurement.adoc) measure at the power supplies' output; readings
    of their input are multiplied by `conversion_eff` for that. Here readings stay what was read.
    """
    said = next((event for event in events if event.key == "conversion_eff"), None)
    kind = str(said.metadata.get("measurement_type", "")) if said else ""
    factor = number(said.value) if said else None
    own = _own_word(events, "boundary", BOUNDARIES)
    boundary: Boundary = own or ("wall_ac" if kind == "AC" else "node_dc")
    notes = []
    if not kind and own is None:
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
