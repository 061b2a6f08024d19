"""Logs that name in each row what its value is: which of those names are powers or energies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from energyprof.errors import MeterError
from energyprof.trace.logs.columns import NAMED, Column, column, fits
from energyprof.trace.logs.format import Format, Value, place
from energyprof.trace.logs.table import Row, Table
from energyprof.trace.logs.wanted import Wanted

# What the column of values is called, where its rows name what they are.
VALUES = ("value", "state", "counter-value")


def metric_columns(table: Table, form: Format) -> tuple[int, ...]:
    """The columns that together name what a row's value is; -1: one that this log lacks."""
    if not form.metric:
        return ()
    places = [place(pattern, table.titles) for pattern in form.metric]
    return tuple(-1 if i is None else i for i in places)


def metric_of(cells: Sequence[str], metric: Sequence[int]) -> str:
    """What a row says that its value is."""
    return " ".join(cells[i].strip() if 0 <= i < len(cells) else "" for i in metric)


def value_index(table: Table) -> int:
    """The column of the values themselves."""
    return next(
        i for i, title in enumerate(table.titles) if title.lower() in VALUES or title.endswith(" value")
    )


def metrics_of(
    table: Table, form: Format, metric: Sequence[int], head: Sequence[Row], wanted: Wanted
) -> tuple[Value, ...]:
    """What the names in the rows stand for, of the lowest rank that is there."""
    seen = list(dict.fromkeys(metric_of(row.cells, metric) for row in head))
    if wanted.only:
        # A name that says nothing of its unit is what the user calls it.
        seen = [name for name in seen if wanted.only in (name, *name.split())] or seen
    known = [value for value in form.values if any(fits(value, name) for name in seen)]
    rank = min((value.rank for value in known), default=0)
    known = [value for value in known if value.rank == rank]
    if not known and wanted.unit:
        return (Value(r".*", "machine", wanted.unit),)
    if not known and head:
        shown = ", ".join(name.strip() or "nothing" for name in seen[:NAMED])
        title = table.titles[metric[0]] if metric[0] >= 0 else "its rows"
        raise MeterError(
            f"{table.where}: {title} names no power or energy that is known ({shown}): if its values "
            f"are powers,"
            f" give {wanted.word('unit', 'W')}"
        )
    if wanted.unit:
        known = [replace(value, unit=wanted.unit, reads=None) for value in known]
    return tuple(known)


def column_of(name: str, metrics: Sequence[Value], table: Table, form: Format) -> Column | None:
    """What a row's name of its value stands for; ``None``: nothing that is read."""
    for value in metrics:
        if (match := fits(value, name)) is not None:
            return column(value_index(table), name.strip(), value, match, value.unit, form)
    return None
