"""Where a log has its times and values, and which of its rows belong to which meter."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from energyprof.errors import MeterError
from energyprof.storable.frozen import dataclass
from energyprof.trace.logs import devices, generic
from energyprof.trace.logs.columns import NAMED, Column, named_column, never_zero, of_intervals, value_columns
from energyprof.trace.logs.delimited import widest
from energyprof.trace.logs.format import Format, Value, place
from energyprof.trace.logs.formats import FORMATS, GENERIC
from energyprof.trace.logs.generic import slug
from energyprof.trace.logs.metrics import column_of, metric_columns, metric_of, metrics_of, value_index
from energyprof.trace.logs.quantities import decimals
from energyprof.trace.logs.table import Row, Table
from energyprof.trace.logs.times import all_of_day, date_order, time_columns, zoneless
from energyprof.trace.logs.units import unit_column
from energyprof.trace.logs.wanted import Several, Wanted
from energyprof.trace.stamps import DateOrder, DayAfterDay, Stamps, elapsed, unit_of_title

# So many rows show what a log is.
LOOKED_AT = 1000


@dataclass(frozen=True)
class Layout:
    """Everything that is needed to read a log's rows."""

    table: Table
    format: Format
    time: tuple[int, ...]  # one column, or a date and a time; none: rows come every ``every_s``
    counts_from_start: bool  # its times are seconds since some start
    of_day: bool  # they are times of day
    order: DateOrder
    columns: tuple[Column, ...]  # in each row, unless it names what its value is
    metric: tuple[int, ...]  # columns that name that
    metrics: tuple[Value, ...]  # and what those names stand for
    key: tuple[int, ...]  # columns that together tell devices apart
    places: devices.Bursts  # devices without such a column, by the order of rows that come together
    only_rows: tuple[int, str] | None
    every_s: float
    only: str
    adds: bool  # whether several devices may be added up
    unit_at: int | None  # the column that names each row's unit
    width: int  # cells of a row that is whole
    decimals: int  # the most digits after the point that were seen
    stated: bool  # whether the user said the unit
    zoneless: bool  # whether its times have no zone
    notes: tuple[str, ...]
    wanted: Wanted

    def since_start(self) -> Callable[[str], float]:
        """What turns its times, in their order, into seconds since some start."""
        return DayAfterDay() if self.of_day else partial(elapsed, unit_s=self.unit_s)

    @property
    def unit_s(self) -> float:
        """The unit of times that count from a start, in s."""
        return unit_of_title(self.table.titles[self.time[0]]) if self.time else 1.0

    def key_of(self, cells: Sequence[str]) -> str:
        """What a row's device is called; of one that lacks such a cell ""."""
        if any(i >= len(cells) for i in self.key):
            return ""
        parts = [cells[i].strip() for i in self.key]
        return ":".join(filter(None, parts) if len(parts) > 1 else parts)

    @property
    def comma(self) -> bool:
        """Whether a comma may be a decimal one."""
        return self.table.comma

    def column_of(self, metric: str) -> Column | None:
        """What a row's name of its value stands for; ``None``: nothing that is read."""
        found = column_of(metric, self.metrics, self.table, self.format)
        unsaid = not self.format.tells_unit and self.unit_at is None and not self.stated
        return replace(found, assumed=True) if found is not None and unsaid else found


def layout_of(table: Table, wanted: Wanted) -> Layout:
    """How to read ``table``.

    Raises:
        MeterError: it is not clear what it holds; the message says what would make it so.
    """
    head = list(itertools.islice(table.rows(), LOOKED_AT))
    form = next((f for f in FORMATS if f.recognises(table.titles)), GENERIC)
    asked = bool(wanted.power or wanted.energy)
    untitled = form is GENERIC and table.titles[:1] == ("column 1",) and not table.line
    if untitled and not asked:
        raise MeterError(
            f"{table.path}: line {head[0].line if head else 1}: this is not a header: it must name the "
            f"columns, such as timestamp,power_w; or say {wanted.word('time', 'column 1')}, "
            f"{wanted.word('power', 'column 2')} and {wanted.word('unit', 'W')}"
        )
    time, from_start = time_columns(table, form, wanted, head)
    for row in head:
        table.reject_header(row, time)
    metric = () if asked else metric_columns(table, form)
    notes = [*table.notes, *form.notes]
    width = widest(table, head)
    unit_at = None if wanted.unit else unit_column(table, head)
    columns: list[Column] = []
    metrics: tuple[Value, ...] = ()
    if metric:
        metrics = metrics_of(table, form, metric, head, wanted, unit_at)
        if not form.tells_unit and unit_at is None and not wanted.unit:
            taken = " and ".join(sorted({fit.unit for fit in metrics}))
            notes.append(f"it names no unit: taken as {taken}; {wanted.word('unit')} says another")
    else:
        columns = value_columns(table, form, wanted, head, unit_at)
        notes += [
            f"{own.title!r} names no unit: taken as {own.unit}; {wanted.word('unit')} says another"
            for own in columns
            if own.assumed
        ]
        columns, dropped = never_zero(columns, head, table)
        columns, added = of_intervals(columns, head, table)
        notes += [*dropped, *added]
    order, about_order = date_order(form, time, from_start, head, wanted)
    notes += about_order
    layout = Layout(
        table,
        form,
        time,
        from_start,
        bool(time) and from_start and all_of_day(time[0], head),
        order,
        tuple(columns),
        metric,
        metrics,
        (),
        devices.ALONE,
        _only_rows(table, form, head),
        wanted.every_s,
        wanted.only,
        form.adds or bool(wanted.by or wanted.only),
        unit_at,
        width,
        _decimals(table, columns, metric, head),
        bool(wanted.unit),
        bool(time) and not from_start and zoneless(time, order, head),
        tuple(notes),
        wanted,
    )
    return _told_apart(layout, head)


def _only_rows(table: Table, form: Format, head: Sequence[Row]) -> tuple[int, str] | None:
    pattern, cell = form.only_rows
    index = place(pattern, table.titles) if pattern else None
    if index is None or not any(index < len(row.cells) and row.cells[index].strip() == cell for row in head):
        return None
    return index, cell


def _decimals(table: Table, columns: Sequence[Column], metric: Sequence[int], head: Sequence[Row]) -> int:
    indices = [column.index for column in columns] or ([value_index(table)] if metric else [])
    return max((decimals(row.cells[i]) for row in head for i in indices if i < len(row.cells)), default=0)


def _told_apart(layout: Layout, head: Sequence[Row]) -> Layout:
    """The layout with what tells its devices apart.

    Raises:
        MeterError: it holds several, and it is not known whether they may be added.
    """
    table, form, wanted = layout.table, layout.format, layout.wanted
    timed = _timed([row for row in head if _wanted_row(row, layout)], layout, wanted)
    if wanted.by:
        names = [wanted.by] if wanted.by in table.titles else wanted.by.split(",")
        keyed = replace(layout, key=tuple(named_column(table, name.strip(), "by", wanted) for name in names))
        if _shared(keyed, timed) and (other := _further_key(keyed, timed)) is not None:
            both = f"{wanted.by},{table.titles[other]}"
            raise MeterError(
                f"{table.path}: rows of one {wanted.by!r} and one time differ in "
                f"{table.titles[other]!r}, too: {wanted.word('by', both)} adds up all of them"
            )
        return keyed
    key = next((i for pattern in form.keys if (i := place(pattern, table.titles)) is not None), None)
    if key is not None:
        keyed = replace(layout, key=(key,))
        measured = {metric_of(row.cells, layout.metric) for _, row in timed}
        if not form.adds and len(measured) > 1 and key not in layout.metric:
            keyed = replace(layout, key=(*layout.metric, key))
        if _shared(keyed, timed) and (other := _further_key(keyed, timed)) is not None:
            keyed = replace(layout, key=(other, *keyed.key))
        distinct = [*dict.fromkeys(keyed.key_of(row.cells) for _, row in timed)]
        if len(distinct) > 1 and not layout.adds:
            raise unasked(keyed, distinct)
        return keyed
    if form is GENERIC and wanted.any_start and (host := _host(layout)) is not None:
        keyed = replace(layout, key=(host,))
        machines = [*dict.fromkeys(keyed.key_of(row.cells) for _, row in timed)]
        if len(machines) > 1 and not layout.adds:
            raise unasked(keyed, machines)
        return keyed
    rows, times_s = [row for _, row in timed], [time_s for time_s, _ in timed]
    found = devices.bursts(times_s)
    values = {column.index for column in layout.columns} | set(layout.time) | set(layout.metric)
    for i, title in enumerate(table.titles):
        if i in values:
            continue
        cells = [row.cells[i].strip() for row in rows if i < len(row.cells)]
        named = generic.DEVICE.search(slug(title)) is not None
        turns = devices.takes_turns(cells) or (devices.alternates(cells) if named else [])
        told = turns and (named or found.size == len(turns) or devices.repeated(times_s))
        blocks = devices.side_by_side(cells, times_s) if len(cells) == len(times_s) else []
        if told or blocks:
            keyed = replace(layout, key=(i,))
            if not layout.adds:
                raise unasked(keyed, turns or blocks)
            return keyed
    if form.by_place and found.size > 1:
        note = (
            f"{found.size} rows come together each time and no column tells them apart: taken as one of each"
            " device, in the order of the rows"
        )
        return replace(layout, places=found, notes=(*layout.notes, note))
    distinct_rows = {tuple(row.cells) for row in rows}
    if devices.repeated(times_s) and len(distinct_rows) > 0.6 * len(rows):
        raise MeterError(
            f"{table.path}: its times repeat ({found.size if found.size > 1 else 'several'} rows each), and"
            " no column tells devices apart: log one that does, or times with fractions of a second"
        )
    return layout


def _host(layout: Layout) -> int | None:
    """The column that names each row's machine: rows of two are never one series, at whatever times."""
    values = {column.index for column in layout.columns}
    titles = [slug(title) for title in layout.table.titles]
    return next((i for i, own in enumerate(titles) if i not in values and generic.HOST.fullmatch(own)), None)


def unasked(layout: Layout, names: Sequence[str]) -> Several:
    """The refusal of a log that holds several devices, of which nobody said that they may be added."""
    wanted = layout.wanted
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    title = ",".join(layout.table.titles[i] for i in layout.key)
    return Several(
        f"{layout.table.path}: {len(names)} series in one column, told apart by {title!r} ({shown}): "
        f"{wanted.word('by', title)} adds them up, {wanted.word('only', 'NAME')} takes one",
        f"{len(names)} series in one column, told apart by {title!r}",
        (replace(wanted, by=title),),
        ((wanted.word("by", title), "adds them up"), (wanted.word("only", names[0]), "takes this one")),
    )


def _shared(layout: Layout, timed: Sequence[tuple[float, Row]]) -> bool:
    """Whether most rows of one device have the time of another row of it that says something else."""
    together: dict[tuple[str, float], set[tuple[str, ...]]] = {}
    for time_s, row in timed:
        together.setdefault((layout.key_of(row.cells), time_s), set()).add(tuple(row.cells))
    return sum(len(rows) for rows in together.values() if len(rows) > 1) > len(timed) / 2


def _further_key(layout: Layout, timed: Sequence[tuple[float, Row]]) -> int | None:
    """A column of few values by which the rows of one device and time are told apart, too."""
    values = {column.index for column in layout.columns} | {*layout.time, *layout.metric, *layout.key}
    if layout.metric:
        values.add(value_index(layout.table))
    titles = layout.table.titles
    others = [i for i in range(len(titles)) if i not in values]
    for i in sorted(others, key=lambda i: generic.DEVICE.search(slug(titles[i])) is None):
        cells = [row.cells[i].strip() if i < len(row.cells) else "" for _, row in timed]
        together = {
            (layout.key_of(row.cells), time_s, cell) for (time_s, row), cell in zip(timed, cells, strict=True)
        }
        if 2 <= len({*cells}) <= min(devices.MOST_DEVICES, len(timed) // 3) and len(together) == len(timed):
            return i
    return None


def _wanted_row(row: Row, layout: Layout) -> bool:
    if layout.only_rows is not None:
        index, cell = layout.only_rows
        if index >= len(row.cells) or row.cells[index].strip() != cell:
            return False
    return not layout.metric or layout.column_of(metric_of(row.cells, layout.metric)) is not None


def _timed(rows: Sequence[Row], layout: Layout, wanted: Wanted) -> list[tuple[float, Row]]:
    """The rows whose times can be read, with those; of a log without times their numbers."""
    if not layout.time:
        return [(float(i), row) for i, row in enumerate(rows)]
    counted = layout.counts_from_start
    stamp = layout.since_start() if counted else Stamps(wanted.zone, layout.order, "first")
    found: list[tuple[float, Row]] = []
    for row in rows:
        if max(layout.time) < len(row.cells):
            text = " ".join(row.cells[i].strip() for i in layout.time)
            try:
                found.append((stamp(text), row))
            except ValueError:
                continue
    return found
