"""Powers or a counter from a file that another logger writes, joined to a run by its times."""

from __future__ import annotations

import functools
import itertools
import statistics
from collections.abc import Mapping
from datetime import timezone, tzinfo
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters.csv_log import CsvLog
from energyprof.measure.meters.network.address import Address, parse
from energyprof.meter import BOUNDARIES, Boundary, Finding, MeterInfo, Part, Role, Source
from energyprof.trace.gains import INSTRUMENT
from energyprof.trace.logs.columns import Column
from energyprof.trace.logs.formats import GENERIC, gain_of
from energyprof.trace.logs.layout import Layout, layout_of
from energyprof.trace.logs.opening import open_table
from energyprof.trace.logs.quantities import MOST_W, UNITS, implausible, likely_unit
from energyprof.trace.logs.reader import Reader, Series
from energyprof.trace.logs.wanted import Wanted

ROLE: Role = "real"
USAGE = "csv=wall.csv"

OPTIONS = (
    *("part", "offset", "time", "power", "energy", "unit", "tz", "by", "only"),
    *("resolution", "window"),
)

# What a log of components or of a module's rails may be of.
PARTS: tuple[Part, ...] = ("cpu", "gpu", "dram", "board", "soc")

# Of a file that has no rows yet.
PERIOD_S = 1.0


def find_at(address: str, options: Mapping[str, str]) -> Finding:
    """The meters in the log ``address``; blocked if it is not there, or not one of times and values.

    Raises:
        UsageError: an option is invalid.
    """
    place = parse("csv", address, options, gain=INSTRUMENT, boundaries=BOUNDARIES, own=OPTIONS)
    wanted, path = _wanted(place), Path(address).expanduser().absolute()
    if place.number("resolution", 0.0) < 0 or place.number("window", 0.0) < 0:
        raise UsageError("csv: resolution= and window= cannot be negative")
    try:
        layout = layout_of(open_table(path, growing=True), wanted)
        found = _series(layout, wanted)
    except FileNotFoundError:
        remedy = "start the logger before the run: the file must be there, if only with its header"
        return Finding("csv", ROLE, "blocked", reason=f"{path}: no such file", remedy=remedy)
    except PermissionError:
        reason = f"{path}: it may not be read"
        return Finding("csv", ROLE, "blocked", reason=reason, remedy=f"sudo chmod a+r {path}")
    except (OSError, MeterError) as error:
        reason = f"{path}: {error.strerror}" if isinstance(error, OSError) else str(error)
        return Finding("csv", ROLE, "blocked", reason=reason)
    offset_s = place.number("offset", 0.0)
    infos = [_info(place, options, path, layout, series, len(found) > 1) for series in found]
    sources = tuple(
        Source(info, functools.partial(CsvLog, info, path, wanted, series.name, offset_s))
        for info, series in zip(infos, found, strict=True)
    )
    notes = list(layout.notes)
    if "gain" not in options and layout.format is GENERIC:
        notes.append(f"{infos[0].name}: unknown instrument: {INSTRUMENT.source}; ±5 % is assumed")
    return Finding("csv", ROLE, "found", sources, notes=tuple(notes))


def _series(layout: Layout, wanted: Wanted) -> list[Series]:
    """The meters of the log and their first readings.

    Raises:
        MeterError: none of its rows has a time, its powers are not believed, or it has no rows yet that would
            tell how many devices it holds.
        OSError: it cannot be read.
    """
    path = layout.table.path
    if layout.counts_from_start and (not layout.table.start or wanted.zone is None):
        raise MeterError(
            f"{path}: its times count from its start: {wanted.word('tz')} of the start, or log the time"
        )
    reader = Reader(layout, wanted.zone, growing=True)
    next(reader.batches(), None)
    times = [time_s for series in reader.series for time_s in series.times_s if time_s is not None]
    if reader.problem.count and not times:
        raise MeterError(f"{path}: line {reader.problem.line}: {reader.problem.what}")
    if not reader.series:
        raise MeterError(f"{path}: no rows yet that tell how many devices it holds: start the logger first")
    for series in reader.series:
        known = [value for value in series.values if value is not None]
        column = series.column
        if column.reads != "power_w" or not known or layout.stated:
            continue
        mean_w = statistics.fmean(known) * column.factor
        if reason := implausible(mean_w, column.part, column.unit):
            likely = likely_unit(mean_w, column.part, column.unit) or "…"
            raise MeterError(
                f"{path}: {column.title!r}: {reason}: give unit={likely}, or unit={column.unit} if so"
            )
    return reader.series


def _info(
    place: Address, options: Mapping[str, str], path: Path, layout: Layout, series: Series, several: bool
) -> MeterInfo:
    column, form = series.column, layout.format
    part, boundary = _sees(place, options, column)
    times = [time_s for time_s in series.times_s if time_s is not None]
    # How often it writes, so that a gap is told from its usual pace.
    gaps = [after - before for before, after in itertools.pairwise(times) if after > before]
    period_s = statistics.median(gaps) if gaps else PERIOD_S
    if form.held and gaps:
        period_s = max(gaps)
    stated, power = "window" in place.own, column.quantity == "power_w"
    window_s = place.number("window", 0.0)
    gain = place.gain if "gain" in options else gain_of(form, part).info()
    name = "".join(mark if mark.isprintable() else "?" for mark in series.name[:100])
    return MeterInfo(
        name=place.name(name) if several else place.name(),
        kind="csv",
        part=part,
        boundary=boundary,
        reads=column.quantity,
        method=f"column {column.title!r} in {column.unit}",
        resolution=(place.number("resolution", 0.0) or 10.0**-layout.decimals) * column.factor,
        refresh_s=period_s,
        max_power_w=2 * MOST_W[part],
        device=str(path),
        # A logger writes a mean since its last row, or a power of that moment.
        window_s=window_s if stated or not power else period_s,
        window_assumed=not stated and power,
        may_stand_still=form.held,
        min_interval_s=period_s,
        external=True,
        origin=form.origin,
        **gain,
    )


def _sees(place: Address, options: Mapping[str, str], column: Column) -> tuple[Part, Boundary]:
    """What the log is of, and what it sees, by the user's word or by its own.

    Raises:
        UsageError: a boundary within the machine is of a part that neither names, or a whole has a part.
    """
    boundary = place.boundary if "boundary" in options else column.boundary
    whole, named = boundary in ("node_dc", "wall_ac"), "part" in place.own
    if whole and named:
        raise UsageError(f"csv: boundary={boundary} is of the whole machine: leave out part=")
    if whole:
        return "machine", boundary
    if not named and column.part == "machine":
        raise UsageError(f"csv: boundary={boundary} needs part=: give {' or '.join(PARTS)}")
    return cast(Part, place.one_of("part", PARTS, "")) if named else column.part, boundary


def _wanted(place: Address) -> Wanted:
    """What the options say of the columns. Raises UsageError."""
    if "power" in place.own and "energy" in place.own:
        raise UsageError("csv: power= and energy= are two columns: a meter reads one of them")
    unit = place.one_of("unit", tuple(UNITS), "") if "unit" in place.own else ""
    reads = UNITS[unit][0] if unit else None
    if ("power" in place.own and reads == "energy_j") or ("energy" in place.own and reads == "power_w"):
        raise UsageError(
            f"csv: unit={unit} does not go with {'power' if 'power' in place.own else 'energy'}="
        )
    power = place.text("power")
    return Wanted(
        place.text("time"),
        (power,) if power else (),
        place.text("energy"),
        unit,
        _zone(place.text("tz")),
        place.text("by"),
        place.text("only"),
    )


def _zone(name: str) -> tzinfo | None:
    if name in ("", "UTC"):
        return timezone.utc if name else None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        message = f"csv: tz={name} is not a known time zone: give tz=UTC or one such as tz=Europe/Paris"
        raise UsageError(message) from None
