"""A log's rows as times and values of its meters, some thousand at a time, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from datetime import tzinfo

from energyprof.errors import MeterError
from energyprof.storable.frozen import dataclass
from energyprof.trace.logs.columns import Column
from energyprof.trace.logs.delimited import BLANKS, COMMENT
from energyprof.trace.logs.devices import MOST_DEVICES
from energyprof.trace.logs.formats import GENERIC
from energyprof.trace.logs.layout import Layout, unasked
from energyprof.trace.logs.metrics import metric_of
from energyprof.trace.logs.table import Row
from energyprof.trace.logs.text import cells_of, chunks
from energyprof.trace.logs.units import with_unit
from energyprof.trace.stamps import Opening, Stamps, seconds

# So much is said of what is wrong with a line.
LONGEST = 200
# So many rows that are no plain lines make up a batch.
BATCH_ROWS = 4096


@dataclass
class Series:
    """The readings of one meter since they were last taken away. Times in s, values in the column's unit.

    A row without a readable time stands with the time ``None``; ``flawed`` says whether there is such a
    row, or
    one without a value.
    """

    name: str  # "0", "cpu"; "" of a log that has one
    column: Column
    times_s: list[float | None] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    flawed: bool = False
    rows: int = 0  # so far, of those that were not read the fast way


@dataclass
class Problem:
    """Lines that could not be read."""

    count: int = 0
    line: int = 0  # the first of them …
    what: str = ""  # … and what is wrong with it

    def add(self, line: int, what: str) -> None:
        """Count one more."""
        self.count += 1
        if self.count == 1:
            self.line, self.what = line, what if len(what) <= LONGEST else f"{what[:LONGEST]}…"


class Reader:
    """Reads a log once. After each batch its series hold what that brought; the caller empties them."""

    def __init__(
        self,
        layout: Layout,
        zone: tzinfo | None,
        *,
        growing: bool = False,
        opening: Opening | None = None,
    ) -> None:
        self.layout = layout
        self.series: list[Series] = []
        self.problem = Problem()  # rows without a readable time
        self.unread = Problem()  # cells that should be numbers and are none that is clear
        self.uneven = 0  # rows that came together in another number than usual
        self._growing = growing
        self.stamps = Stamps(zone, layout.order, opening)
        self._stamp: Callable[[str], float] = (
            layout.since_start() if layout.counts_from_start else self.stamps
        )
        self._start_s = seconds(layout.table.start, zone) if layout.table.start and zone else 0.0
        self._by_key: dict[tuple[str, str], list[Series]] = {}  # by what tells its rows apart
        self._by_cell: dict[str, list[Series]] = {}  # the same as a plain row writes it
        self._group: list[tuple[float, list[float | None]]] = []
        self._names: dict[str, None] = {}

    def batches(self) -> Iterator[None]:
        """One after the other, until the log ends.

        Raises:
            MeterError: it holds more devices than can be told apart, or none of the wanted name.
            OSError: it cannot be read.
        """
        layout = self.layout
        plain = layout.table.delimiter not in ("", BLANKS) and layout.only_rows is None and not layout.metric
        plain = plain and len(layout.key) < 2 and layout.unit_at is None
        each_column = not (layout.only and len(layout.columns) > 1)
        if plain and each_column and len(layout.time) == 1 and layout.places.size == 1:
            yield from self._fast()
        else:
            for count, row in enumerate(layout.table.rows(), 1):
                self._take(row)
                if count % BATCH_ROWS == 0:
                    yield
            self._end_group()
            yield
        names = [name for (name, _), series in self._by_key.items() if name and series]
        if layout.key and not layout.adds and len(set(names)) > 1:
            raise unasked(layout, [*dict.fromkeys(names)])
        if layout.only and not self.series:
            shown = ", ".join(list(self._names)[:5]) or "none"
            raise MeterError(f"{layout.table.path}: there is no series {layout.only!r}: there are {shown}")

    def _fast(self) -> Iterator[None]:
        """Lines of plain cells: what takes the time of ten million of them."""
        layout = self.layout
        table, stamp, delimiter = layout.table, self._stamp, layout.table.delimiter
        (at,) = layout.time
        key, by_key = layout.key[0] if layout.key else None, self._by_cell
        indices = [column.index for column in layout.columns]
        alone = indices[0] if len(indices) == 1 else -1
        suffix = layout.columns[0].suffix
        cut, width = len(suffix), layout.width
        # Without a key every row is of the same ones.
        same = self._series_of("", "") if key is None else []
        for first, lines in chunks(table.path, growing=self._growing or table.cut_off):
            if table.line >= first:
                first, lines = table.line + 1, lines[table.line + 1 - first :]
            last, time_s = "", 0.0
            for number, line in enumerate(lines, first):
                cells = line.split(delimiter)
                try:
                    if '"' in line or len(cells) > width:
                        raise ValueError
                    text = cells[at]
                    if text != last:
                        time_s = stamp(text)
                        last = text
                    to = same if key is None else by_key[cells[key]]
                    if alone >= 0:
                        cell = cells[alone]
                        if cut:
                            if cell[-cut:] != suffix:
                                raise ValueError
                            cell = cell[:-cut]
                        if "_" in cell:
                            raise ValueError
                        value = float(cell)
                        if not -1e30 < value < 1e30:
                            raise ValueError
                        for one in to:
                            one.times_s.append(time_s)
                            one.values.append(value)
                        continue
                    found = [float(cells[i]) for i in indices]
                    if not -1e30 < min(found) <= max(found) < 1e30:
                        raise ValueError
                    for one, value in zip(to, found, strict=False):  # a device that is not wanted has none
                        one.times_s.append(time_s)
                        one.values.append(value)
                except (ValueError, KeyError, IndexError):
                    self._slow(number, line)
                    last = ""
            yield

    def _slow(self, number: int, line: str) -> None:
        """A line that is not as most are."""
        line = line.replace("\0", "")
        if line.strip() and not line.startswith(COMMENT):
            cells = cells_of(line, self.layout.table.delimiter)
            if tuple(cell.strip() for cell in cells) != self.layout.table.titles:
                self._take(Row(number, cells))

    def _take(self, row: Row) -> None:
        layout, cells = self.layout, row.cells
        if layout.only_rows is not None:
            index, cell = layout.only_rows
            if index >= len(cells) or cells[index].strip() != cell:
                return
        if layout.places.size > 1:
            if (time_s := self._time_of(row)) is not None:
                self._place(time_s, [self._value(column, cells) for column in layout.columns])
            return
        if layout.table.delimiter not in ("", BLANKS) and any(map(str.strip, cells[layout.width :])):
            layout.table.reject_header(row, layout.time)
            self.problem.add(row.line, f"{len(cells)} cells, where the others have {layout.width}")
            return
        known = all(i < len(cells) for i in layout.key)
        to = self._series_of(layout.key_of(cells), metric_of(cells, layout.metric))
        if known:
            self._by_cell[cells[layout.key[0]] if layout.key else ""] = to
        time_s = self._time_of(row, to)
        if time_s is not None and to and layout.format is GENERIC and not self._has_value(cells, to):
            self.problem.add(row.line, f"{len(cells)} columns, where the header has more")
            time_s = None
        values = [self._value(one.column, cells) for one in to]
        if time_s is None and not known:
            return  # nobody knows of which meter: counted as a problem
        for one, value in zip(to, values, strict=True):
            one.times_s.append(time_s)
            one.values.append(value)
            one.flawed = one.flawed or time_s is None or value is None
            one.rows += 1
            if value is None and one.column.index < len(cells) and cells[one.column.index].strip():
                text = with_unit(cells, one.column.index, layout.unit_at, layout.comma)
                what = f"in {one.column.unit}" if layout.unit_at is not None else "a number"
                self.unread.add(row.line, f"{text!r} is not {what}")

    @staticmethod
    def _has_value(cells: Sequence[str], to: Sequence[Series]) -> bool:
        return any(one.column.index < len(cells) for one in to)

    def _value(self, column: Column, cells: Sequence[str]) -> float | None:
        if column.index >= len(cells):
            return None
        comma = self.layout.comma
        value = column.value_of(with_unit(cells, column.index, self.layout.unit_at, comma), comma)
        # In the column's own unit, as the fast way has them.
        return None if value is None or abs(value) > 1e30 else value / column.factor

    def _time_of(self, row: Row, to: Sequence[Series] = ()) -> float | None:
        layout = self.layout
        if not layout.time:
            return to[0].rows * layout.every_s if to else None
        if max(layout.time) >= len(row.cells):
            self.problem.add(row.line, f"{len(row.cells)} columns, where the header has more")
            return None
        try:
            return self._start_s + self._stamp(" ".join(row.cells[i].strip() for i in layout.time))
        except ValueError as error:
            layout.table.reject_header(row, layout.time)
            self.problem.add(row.line, str(error))
            return None

    def _place(self, time_s: float, values: list[float | None]) -> None:
        """A row of devices that are told apart by the order of their rows alone."""
        if self._group and not 0 <= time_s - self._group[-1][0] <= self.layout.places.within_s:
            self._end_group()
        self._group.append((time_s, values))

    def _end_group(self) -> None:
        group, self._group = self._group, []
        if not group:
            return
        if len(group) != self.layout.places.size:
            self.uneven += len(group)
            return
        for i, (time_s, values) in enumerate(group):
            for one, value in zip(self._series_of(str(i), ""), values, strict=True):
                one.times_s.append(time_s)
                one.values.append(value)
                one.flawed = one.flawed or value is None

    def _series_of(self, name: str, metric: str) -> list[Series]:
        """The series that rows with this key belong to; none: they are not wanted."""
        layout = self.layout
        found = self._by_key.get((name, metric))
        if found is not None:
            return found
        columns: Sequence[Column] = layout.columns
        if layout.metric:
            column = layout.column_of(metric)
            columns = (column,) if column else ()
        self._names.setdefault(name)
        if layout.only and layout.only not in (name, *(c.name for c in columns), *(c.title for c in columns)):
            columns = ()
        # A device that what it measures is named after is named once.
        device = "" if name == metric and any(own.name for own in columns) else name
        found = [Series(":".join(filter(None, [own.name, device])), own) for own in columns]
        self.series += found
        if len(self.series) > MOST_DEVICES or len(self._by_key) > 100 * MOST_DEVICES:
            raise MeterError(
                f"{layout.table.path}: more than {MOST_DEVICES} series: another column tells its "
                f"devices apart"
            )
        self._by_key[(name, metric)] = found
        return found
