"""A log of powers that others wrote, and what the user said of it."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import timezone, tzinfo
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

from energyprof.errors import UsageError
from energyprof.meter import BOUNDARIES, Boundary, Part
from energyprof.report import importers
from energyprof.report.importers.imported import Request
from energyprof.report.record import MeterRecord
from energyprof.storable.frozen import dataclass
from energyprof.trace.logs.quantities import UNITS
from energyprof.trace.logs.wanted import Wanted
from energyprof.trace.stamps import seconds

# Nearer than this the end of one block and the start of the next are one moment.
_TOUCH_S = 1e-4
# No log has its rows further apart.
_LONGEST_S = 1e6

Points = list[tuple[float, float]]
# What a log says of itself, where the user does not: times without a zone are UTC, as `import` takes them.
ITS_OWN = Wanted(zone=timezone.utc, any_start=True)


@dataclass(frozen=True)
class LogSpec:
    """A log and what the user said of it."""

    path: Path
    columns: tuple[str, ...] = ()  # of powers; empty: what the file's kind says
    boundary: Boundary | None = None  # what its meters see; None: what the file says
    part: Part | None = None
    gain_a: float | None = None  # how far they may be off, the half-width of a rectangle; None: as is known
    wanted: Wanted = ITS_OWN  # its columns, units and times


@dataclass(frozen=True)
class LogMeters:
    """What one file holds: its meters, their readings, and whether its times are those of the day."""

    path: Path
    meters: tuple[MeterRecord, ...]
    points: dict[str, Points]
    dated: bool


def parse_log(text: str) -> LogSpec:
    """What ``PATH?power=COLUMN,…&boundary=component&part=gpu`` says; only the path must be there.

    Raises:
        UsageError: an option that a log does not have, or a value that it cannot be.
    """
    place, _, rest = text.partition("?")
    said: dict[str, Any] = {}
    columns: dict[str, Any] = {}
    for option in filter(None, rest.split("&")):
        key, _, value = option.partition("=")
        if key == "power" and value:
            said["columns"] = tuple(value.split(","))
        elif key == "boundary" and value in BOUNDARIES:
            said["boundary"] = value
        elif key == "part" and value in get_args(Part):
            said["part"] = value
        elif key == "gain" and 0 < (given := _share(value)) < 1:
            said["gain_a"] = given
        elif (key in ("time", "energy", "by") and value) or (key == "unit" and value in UNITS):
            columns[key] = value
        elif key == "every" and 0 < (every_s := _share(value)) < _LONGEST_S:
            columns["every_s"] = every_s
        elif key == "tz" and (zone := zone_of(value)) is not None:
            columns["zone"] = zone
        else:
            raise UsageError(
                f"{text}: {option} is invalid: give power=COLUMN,…, energy=COLUMN, time=COLUMN, by=COLUMN,"
                f" unit={'|'.join(UNITS)}, tz=UTC, every=1, gain=1%, boundary={'|'.join(BOUNDARIES)}"
                f" or part={'|'.join(get_args(Part))}"
            )
    return LogSpec(Path(place), **said, wanted=replace(ITS_OWN, **columns))


def zone_of(name: str) -> tzinfo | None:
    """The time zone of that name, such as Europe/Paris; ``None``: there is none."""
    try:
        return timezone.utc if name == "UTC" else ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None


def _share(text: str) -> float:
    """Such as ``1%`` or ``0.01``; nan: it is none."""
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return math.nan


def read_meters(spec: LogSpec) -> LogMeters:
    """What the log holds.

    Raises:
        FileError: it cannot be read, or is no log.
        UsageError: it holds no powers over time.
    """
    path = spec.path
    request = Request((path,), power=spec.columns, boundary=spec.boundary, wanted=spec.wanted)
    imported = importers.read(request)
    points: dict[str, Points] = {meter.name: [] for meter in imported.report.meters}
    dated, zero_s = True, 0.0
    for rows in imported.rows:
        for row in rows:
            if row.source == "@run":
                try:
                    zero_s = seconds(str(row.fields.get("utc", "")), None)
                except ValueError:
                    dated = False
            elif row.source in points and row.sample.value is not None:
                points[row.source].append((zero_s + row.sample.start_s, row.sample.value))
    meters = tuple(_as_said(meter, spec) for meter in imported.report.meters if points[meter.name])
    if not meters:
        raise UsageError(f"{path}: it holds totals, no powers over time: nothing to calibrate by")
    for found in points.values():
        found.sort()
    return LogMeters(path, meters, points, dated)


def _as_said(meter: MeterRecord, spec: LogSpec) -> MeterRecord:
    part = meter.info.part if spec.part is None else spec.part
    changes: dict[str, Any] = {"part": part}
    if spec.gain_a is not None:
        changes |= {"gain_a": spec.gain_a, "gain_source": f"the user: gain={100 * spec.gain_a:g}%"}
        changes |= {"gain_below": None, "gain_above": None}
    return replace(meter, part=part, info=replace(meter.info, **changes))


def powers_of(log: LogMeters, meter: MeterRecord) -> Points:
    """The meter's powers; of a counter those between its readings, of blocks their means, each at its end."""
    points = log.points[meter.name]
    if meter.info.reads == "power_w":
        return _of_blocks(points)
    return [
        (b[0], (b[1] - a[1]) / (b[0] - a[0]))
        for a, b in itertools.pairwise(points)
        if b[0] > a[0] and b[1] >= a[1]
    ]


def _of_blocks(points: Points) -> Points:
    """The powers with those blocks of a long log that two points stand for as one mean."""
    if sum(b[0] - a[0] < _TOUCH_S for a, b in itertools.pairwise(points)) < len(points) / 4:
        return points
    found, at = [], 0
    while at + 1 < len(points):
        (_, start_w), (end_s, end_w) = points[at], points[at + 1]
        found.append((end_s, (start_w + end_w) / 2))
        at += 2
    return found
