"""A power log that some program kept: its meters with all their readings, and what must be known of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timezone
from pathlib import Path

from energyprof.errors import FileError, MeterError
from energyprof.report.importers.imported import SeveralInOne, meter_name
from energyprof.report.importers.readings import Readings
from energyprof.storable.frozen import dataclass
from energyprof.trace.logs.columns import NAMED, Column
from energyprof.trace.logs.formats import GENERIC
from energyprof.trace.logs.layout import Layout, layout_of
from energyprof.trace.logs.opening import open_table
from energyprof.trace.logs.quantities import implausible, likely_unit
from energyprof.trace.logs.reader import Reader
from energyprof.trace.logs.wanted import Several, Wanted
from energyprof.units import seconds, utc

# Thirty years.
LONGEST_S = 1e9
# Clocks are put back by half an hour (Lord Howe) to two hours (Troll), less the time between two rows.
PUT_BACK_S = (1200.0, 7200.0)
# So many rows with the times of others are no logger that reads its clock too seldom.
CLASHING = 0.1
# A report's trace holds so many readings of one log at most: a day at one a second, all of them as they were.
MOST_READINGS = 100_000


@dataclass(frozen=True)
class LoggedMeter:
    """One meter of a log: its column, and its readings in W or J."""

    name: str  # "nvidia-smi:0"
    series: str  # as the log tells its devices apart: "0"
    column: Column
    readings: Readings


@dataclass(frozen=True)
class Log:
    """What one file holds."""

    path: Path
    layout: Layout
    meters: tuple[LoggedMeter, ...]
    notes: tuple[str, ...]

    @property
    def span_s(self) -> tuple[float, float]:
        """Its first and last reading, of all its meters where their ends are as near as rows come.

        A log that ends between the rows of one time is no meter's gap.
        """
        inner, outer = self._spans
        near_s = min(meter.readings.longest_s for meter in self.meters)
        near = max(inner[0] - outer[0], outer[1] - inner[1]) <= near_s
        return inner if near and inner[1] > inner[0] else outer

    @property
    def ragged(self) -> bool:
        """Whether some meter has whole rows before or after its span."""
        outer, span_s = self._spans[1], self.span_s
        row_s = min(meter.readings.period_s for meter in self.meters) / 2
        return max(span_s[0] - outer[0], outer[1] - span_s[1]) > row_s

    @property
    def _spans(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """What all its meters span, and what any does."""
        spans = [span for meter in self.meters if (span := meter.readings.span_s) is not None]
        starts, ends = [start for start, _ in spans], [end for _, end in spans]
        return (max(starts), min(ends)), (min(starts), max(ends))


def read_log(path: Path, wanted: Wanted, most: int = MOST_READINGS) -> Log:
    """The log in the file ``path``, in one pass.

    Raises:
        FileError: it cannot be read, has no two readings, or its powers are not believed.
    """
    try:
        layout = layout_of(open_table(path), wanted)
        reader = Reader(layout, wanted.zone, opening="first")
        readings = _pass(reader, most)
        if reader.stamps.late:
            reader = Reader(layout, wanted.zone, opening="second")
            readings = _pass(reader, most)
    except Several as error:
        raise SeveralInOne(error) from None
    except MeterError as error:
        raise FileError(str(error)) from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None
    except FileError as error:
        raise FileError(f"{path}: {error}") from None
    meters: list[LoggedMeter] = []
    lost: list[str] = []
    for series, own in zip(reader.series, readings, strict=True):
        own.finish()
        if own.span_s is not None and own.taken > own.valueless:
            name = meter_name(":".join(filter(None, [_kind_name(layout, path), series.name])))
            # Two names may differ in what cannot be printed.
            taken = sum(name == meter.name.partition("#")[0] for meter in meters)
            meters.append(
                LoggedMeter(f"{name}#{taken + 1}" if taken else name, series.name, series.column, own)
            )
        else:
            lost.append(series.name or series.column.title)
    if not meters:
        problem = reader.problem
        problem = problem if problem.count else reader.unread
        what = f"line {problem.line}: {problem.what}" if problem.count else "no readings below its header"
        raise FileError(f"{path}: {what}")
    named = ", ".join(lost[:NAMED]) + (f" and {len(lost) - NAMED} more" if len(lost) > NAMED else "")
    left_out = (f"{named}: without a reading in the log, so not in its total",)
    notes = (*_notes(layout, reader, meters, wanted), *(left_out if lost else ()))
    log = Log(path, layout, tuple(meters), notes)
    if log.ragged:
        log = replace(log, notes=(*notes, "not all of its meters have its first or last rows: left out"))
    span_s = log.span_s[1] - log.span_s[0]
    if span_s <= 0:
        raise FileError(f"{path}: readings of one moment alone tell no energy")
    if span_s > LONGEST_S:
        raise FileError(
            f"{path}: its times span {span_s / 31557600:.0f} years: they are of several logs, or broken"
        )
    _check(log)
    _check_zone(log, wanted)
    _check_order(log, wanted)
    return log


def _check_order(log: Log, wanted: Wanted) -> None:
    """Refuse rows of which many have the times of others: one series would stand for several."""
    for meter in log.meters:
        own = meter.readings
        if own.clashes > CLASHING * own.taken:
            raise FileError(
                f"{log.path}: {own.clashes} of {own.taken} rows have the time of another row and another "
                f"value: several series; {wanted.word('by')} names the column that tells them apart; "
                f"{log.layout.table.there_are}"
            )
        # Who said that the times are UTC has seen that they go back: see `_check_zone`.
        seen = log.layout.zoneless and wanted.zone == timezone.utc and wanted.zone is not timezone.utc
        if own.anew > CLASHING * own.taken and not seen:
            raise FileError(
                f"{log.path}: it begins anew within its own time, with {own.anew} of {own.taken} rows: "
                f"several series or logs, one below the other; {wanted.word('by')} names the column that "
                f"tells them apart; {log.layout.table.there_are}"
            )
        if own.lost > CLASHING * own.taken:
            raise FileError(
                f"{log.path}: {own.lost} of {own.taken} rows go back in time: sort them, or name the column "
                f"that tells several series apart with {wanted.word('by')}; {log.layout.table.there_are}"
            )


def _check_zone(log: Log, wanted: Wanted) -> None:
    """Refuse times of no zone that go back as where clocks are put back: what was read in them came twice."""
    if not log.layout.zoneless or wanted.zone is not timezone.utc:
        return
    for meter in log.meters:
        from_s, to_s = meter.readings.back_s
        if PUT_BACK_S[0] <= from_s - to_s <= PUT_BACK_S[1]:
            after, before = (utc(time_s)[:19].replace("T", " ") for time_s in (to_s, from_s))
            raise FileError(
                f"{log.path}: its times have no zone and go back from {before} to {after}, as where clocks "
                f"are put back: give their zone, such as {wanted.word('tz', 'Europe/Paris')}, or "
                f"{wanted.word('tz', 'UTC')} if they are rows out of order"
            )


def _pass(reader: Reader, most: int) -> list[Readings]:
    found: list[Readings] = []
    form = reader.layout.format
    for _ in reader.batches():
        each = max(1000, most // max(1, len(reader.series)))
        for series in reader.series[len(found) :]:
            found.append(Readings(series.column.reads, each, at_start=form.at_start, held=form.held))
        for series, own in zip(reader.series, found, strict=True):
            own.take(series.times_s, series.values, series.column.factor)
            series.times_s.clear()
            series.values.clear()
    return found


def _kind_name(layout: Layout, path: Path) -> str:
    return path.name.partition(".")[0] if layout.format is GENERIC else layout.format.name


def _check(log: Log) -> None:
    """Refuse powers that no such part draws: their unit is another."""
    if log.layout.stated:
        return
    for meter in log.meters:
        span_s = meter.readings.span_s
        if meter.column.quantity == "energy_j":
            assert span_s is not None  # one without readings is not a meter
            points = list(meter.readings.points())
            known = [value for _, value in points if value is not None]
            mean_w = (known[-1] - known[0]) / (span_s[1] - span_s[0]) if span_s[1] > span_s[0] else 0.0
        else:
            mean_w = meter.readings.mean
        unit = meter.column.unit
        if reason := implausible(mean_w, meter.column.part, unit, assumed=meter.column.assumed):
            likely = likely_unit(mean_w, meter.column.part, unit) or "UNIT"
            raise FileError(
                f"{log.path}: {meter.column.title!r}: {reason}: give --unit {likely}, or --unit {unit} "
                f"if it is"
                " right"
            )


def _notes(layout: Layout, reader: Reader, meters: Sequence[LoggedMeter], wanted: Wanted) -> Iterator[str]:
    form = layout.format
    if form is not GENERIC:
        yield f"a log of {form.maker}"
    yield from layout.notes
    if not layout.time:
        yield f"its rows have no times: one every {seconds(layout.every_s)}, as --every says"
    elif layout.counts_from_start and not layout.table.start:
        yield "its times count from its start: the date is not known"
    if layout.zoneless and wanted.zone is timezone.utc:
        yield "its times have no zone and are taken as UTC"
    if reader.stamps.opened:
        yield f"it begins in the hour that came twice, taken as the {reader.stamps.opened} of the two"
    if reader.problem.count:
        problem = reader.problem
        first = f"the first is line {problem.line}: {problem.what}"
        yield f"{problem.count} rows without a readable time; {first}"
    if reader.uneven:
        yield f"{reader.uneven} rows came together in another number than usual: left out"
    for what, count in (
        ("readings without a usable value", sum(m.readings.valueless for m in meters)),
        (
            "readings that repeat the stamp of another, which count once",
            sum(m.readings.repeats for m in meters),
        ),
        ("readings out of order", sum(m.readings.disordered for m in meters)),
    ):
        if count:
            yield f"{count} {what}"
    if form.held:
        yield "a row comes only with a new value: each stands until the next"
    condensed = max(meter.readings.condensed for meter in meters)
    if condensed > 1:
        taken = sum(meter.readings.taken for meter in meters)
        yield f"{taken} readings are kept as blocks of {condensed}: their energy is the same"
