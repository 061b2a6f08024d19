"""A power log on its own: a run from its first reading to its last, a meter for each device in it."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from energyprof.errors import MeterError, UsageError
from energyprof.meter import MeterInfo
from energyprof.report.importers.imported import Imported, Request, event, header, holds, reading
from energyprof.report.importers.logs import Log, read_log
from energyprof.report.importers.readings import Readings
from energyprof.report.record import MeterRecord, meter_record
from energyprof.report.segments.segment import GAP_INTERVALS
from energyprof.trace.logs import generic
from energyprof.trace.logs.format import Format
from energyprof.trace.logs.formats import FORMATS, GENERIC, gain_of
from energyprof.trace.logs.opening import open_table
from energyprof.trace.logs.quantities import MOST_W, number
from energyprof.trace.rows import Row
from energyprof.units import utc

# Of a log whose unit the user states, whatever it holds is believed.
ANY_W = 1e9


def recognises(path: Path) -> bool:
    """Whether it is a log of a known kind, or a table with times, powers or energies."""
    try:
        table = open_table(path)
    except (MeterError, OSError):
        # powermetrics' and perf's, whose own line says what is wrong.
        return holds(path, "<plist") or holds(path, "power/energy-")
    titles = table.titles
    if any(form.recognises(titles) for form in FORMATS):
        return True
    slugs = [generic.slug(title) for title in titles]
    timed = any(name in slugs for name in generic.TIMES)
    powered = bool(generic.powers(titles) or generic.energies(titles))
    if timed and powered:
        return True
    # Of a table that lacks one of the two, or its titles, the message says how to name them.
    try:
        row = next(table.rows(), None)
    except (MeterError, OSError):
        return False
    numbers = row is not None and any(number(cell, comma=True) is not None for cell in row.cells)
    fits = row is not None and len(row.cells) == len(titles)
    return numbers and fits and (powered or (len(titles) > 1 and (timed or not table.line)))


def why_none(path: Path) -> str:
    """Why a file that is of no known kind is no power log; "" where nothing but its titles says so."""
    try:
        if path.stat().st_size == 0:
            return f"{path}: it is empty"
        open_table(path)
    except MeterError as error:
        return str(error)
    except OSError:
        return ""
    return ""


def read(request: Request) -> Imported:
    """A run for each file, the earliest first. Raises as `Importer`."""
    wanted = dataclasses.replace(request.wanted, power=tuple(map(str, request.power)), only=request.only)
    unknown = set(request.offsets_h) - {"", *(path.stem for path in request.files)}
    if unknown:
        raise UsageError(f"--offset {min(unknown)}=…: there is no log of that name")
    logs = sorted((read_log(path, wanted) for path in request.files), key=lambda log: log.span_s)
    for before, after in itertools.pairwise(logs):
        if after.span_s[0] < before.span_s[1]:
            raise UsageError(
                f"{before.path.name} and {after.path.name} are of one time: import each alone, or lay "
                f"them side "
                "by side in one table"
            )
    names = [meter.name for meter in logs[0].meters]
    series = [meter.series for meter in logs[0].meters]
    for log in logs[1:]:
        if log.layout.format is not logs[0].layout.format or [m.series for m in log.meters] != series:
            raise UsageError(f"{logs[0].path.name} and {log.path.name} have other meters: import each alone")
    if lost := set(request.boundaries) - set(names):
        raise UsageError(f"--meter {min(lost)}=…: there is no such meter: there are {', '.join(names)}")
    meters = _meters(logs, request)
    boundary = next(meter.boundary for meter in meters if meter.counted)
    form = logs[0].layout.format
    notes = [f"{log.path.name}: {note}" if len(logs) > 1 else note for log in logs for note in log.notes]
    said = request.boundary or generic.boundary_of(logs[0].meters[0].column.title)
    if said is None and boundary == "wall_ac" and form is GENERIC:
        notes.append(
            "it does not say what it measures: taken as a wall meter of the whole machine; --boundary says it"
        )
    if said is None and boundary == "wall_ac":
        notes += _unsure(logs[0], form)
    notes += [f"{m.name}: {m.boundary}, the total is {boundary}: beside it" for m in meters if not m.counted]
    report = header(
        "power",
        logs[0].path.name.partition(".")[0] or "power",
        {"log": form.name, "meters": names},
        machine={},
        boundary=boundary,
        meters=meters,
        notes=notes,
    )
    offset_h = request.offsets_h
    return Imported(
        report,
        tuple(_rows(log, names, 3600 * offset_h.get(log.path.stem, offset_h.get("", 0.0))) for log in logs),
    )


def _unsure(log: Log, form: Format) -> list[str]:
    """Which of a management controller's sensors do not say on which side of the supplies they are."""
    unsure = [
        meter.column.title
        for meter in log.meters
        if form.says_ac and not re.fullmatch(form.says_ac, meter.column.title, re.IGNORECASE)
    ]
    return [
        f"{name!r} does not say AC or DC: taken as what the supplies draw, as servers are asked to report; "
        "--boundary node_dc if it is what they give"
        for name in unsure
    ]


def _meters(logs: Sequence[Log], request: Request) -> list[MeterRecord]:
    """The meters, of which those count that see what the first one does."""
    form = logs[0].layout.format
    found: list[MeterRecord] = []
    for i, meter in enumerate(logs[0].meters):
        column = meter.column
        own = [log.meters[i].readings for log in logs]
        period_s = max(readings.period_s for readings in own)
        power = column.quantity == "power_w"
        gain = gain_of(form, column.part)
        info = MeterInfo(
            name=meter.name,
            kind=form.name,
            part=column.part,
            boundary=request.boundary_of(meter.name, column.boundary),
            reads=column.quantity,
            method=f"column {column.title!r} in {column.unit}",
            resolution=10.0 ** -max(log.layout.decimals for log in logs) * column.factor,
            refresh_s=period_s,
            offset_a_w=gain.zero_a_w(max(readings.most for readings in own)),
            **gain.info(),
            max_power_w=ANY_W if logs[0].layout.stated else 2 * MOST_W[column.part],
            # A logger writes a mean since its last row, or a power of that moment.
            window_s=period_s if power and not form.held and _as_they_were(own) else 0.0,
            window_assumed=power and not form.held and _as_they_were(own),
            may_stand_still=form.held,
            min_interval_s=period_s,
            origin=form.origin,
            external=True,
        )
        found.append(_record(info, max(readings.longest_s for readings in own), found))
    return found


def _as_they_were(readings: Sequence[Readings]) -> bool:
    return all(own.condensed == 1 for own in readings)


def _record(info: MeterInfo, longest_s: float, before: Sequence[MeterRecord]) -> MeterRecord:
    counted = not before or info.boundary == before[0].boundary
    record = meter_record(info, 0.0, counted=counted)
    # So much lies between two of its readings without a gap, and rounding.
    return dataclasses.replace(record, interval_s=1.001 * longest_s / GAP_INTERVALS)


def _rows(log: Log, names: Sequence[str], offset_s: float) -> Iterator[Row]:
    start_s, end_s = log.span_s
    zone_known = not log.layout.counts_from_start or bool(log.layout.table.start)
    yield event(0.0, "run", seed=None, monotonic_s=0.0, utc=utc(start_s + offset_s) if zone_known else "")
    yield event(0.0, "started")
    yield event(0.0, "phase", name="log", samples=None)
    facts = {"log": log.path.name, "readings": sum(meter.readings.taken for meter in log.meters)}
    yield event(0.0, "facts", facts=facts)
    yield event(end_s - start_s, "exit", code=0)
    for name, meter in zip(names, log.meters, strict=True):
        for time_s, value in meter.readings.points():
            yield reading(time_s - start_s, name, value)
