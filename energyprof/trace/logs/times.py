"""Where a log has its times, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.errors import MeterError
from energyprof.trace.logs import generic
from energyprof.trace.logs.columns import named_column
from energyprof.trace.logs.format import Format, place
from energyprof.trace.logs.generic import slug
from energyprof.trace.logs.table import Row, Table
from energyprof.trace.logs.wanted import Wanted
from energyprof.trace.stamps import DateOrder, ambiguous, elapsed, of_day, order_of, seconds, unit_of_title

# So many rows show how times are written.
LOOKED_AT = 50


def time_columns(
    table: Table, form: Format, wanted: Wanted, head: Sequence[Row]
) -> tuple[tuple[int, ...], bool]:
    """The columns of times, and whether they count from a start.

    Raises:
        MeterError: there is none.
    """
    titles, slugs = table.titles, [slug(title) for title in table.titles]
    have = table.there_are
    found: tuple[int, ...] = ()
    if wanted.time:
        found = (named_column(table, wanted.time, "time", wanted),)
    elif wanted.every_s:
        return (), True
    else:
        place_of = [place(pattern, titles) for pattern in form.time]
        at = next((i for i in place_of if i is not None), None)
        if at is None:
            counted = [place(pattern, titles) for pattern in form.elapsed]
            at = next((i for i in counted if i is not None), None)
        if at is not None:
            found = (at,)
        elif "date" in slugs and "time" in slugs and "timestamp" not in slugs:
            found = (slugs.index("date"), slugs.index("time"))
        elif (named := next((name for name in generic.TIMES if name in slugs), None)) is not None:
            found = (slugs.index(named),)
    if not found:
        more = f", or {wanted.word('every', 'SECONDS')} if its rows come at even times"
        raise MeterError(
            f"{table.where}: no column of times: name it with "
            f"{wanted.word('time')}{more if wanted.any_start else ''}"
            f"; {have}"
        )
    own = wanted.any_start and len(found) == 1
    return found, (own or bool(table.start)) and _all_elapsed(found[0], table, head)


def _all_elapsed(column: int, table: Table, head: Sequence[Row]) -> bool:
    cells = [row.cells[column] for row in head[:LOOKED_AT] if column < len(row.cells)]
    unit_s = unit_of_title(table.titles[column])
    if all_of_day(column, head):
        return True
    try:
        return bool(cells) and all(elapsed(cell.strip(), unit_s) >= 0 for cell in cells)
    except ValueError:
        return False


def all_of_day(column: int, head: Sequence[Row]) -> bool:
    """Whether its times are those of a day, or of a stopwatch."""
    cells = [row.cells[column] for row in head[:LOOKED_AT] if column < len(row.cells)]
    try:
        return bool(cells) and all(of_day(cell) >= 0 for cell in cells)
    except ValueError:
        return False


def zoneless(time: Sequence[int], order: DateOrder, head: Sequence[Row]) -> bool:
    """Whether the times have no zone."""
    for row in head[:5]:
        if max(time) < len(row.cells):
            try:
                seconds(" ".join(row.cells[i].strip() for i in time), None, order)
                return False
            except ValueError as error:
                if "no time zone" in str(error):
                    return True
    return False


def date_order(
    form: Format, time: Sequence[int], from_start: bool, head: Sequence[Row], wanted: Wanted
) -> tuple[DateOrder, list[str]]:
    """In which order the dates have day and month."""
    if form.order or from_start or len(time) != 1:
        return form.order, []
    cells = [row.cells[time[0]].strip() for row in head if time[0] < len(row.cells)]
    told: DateOrder = next((order for cell in cells if (order := order_of(cell))), "")
    if told or not wanted.any_start or not cells or not ambiguous(cells[0]):
        return told, []
    return "mdy", [f"its dates ({cells[0]!r}) are taken as month, day, year"]
