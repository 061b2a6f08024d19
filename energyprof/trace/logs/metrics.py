"""Logs that name in each row what its value is: which of those names are powers or energies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from energyprof.errors import MeterError
from energyprof.trace.logs.columns import NAMED, Column, column, fits
from energyprof.trace.logs.format import Format, Value, place
from energyprof.trace.logs.quantities import UNITS
from energyprof.trace.logs.table import Row, Table
from energyprof.trace.logs.units import unit_in
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
    table: Table,
    form: Format,
    metric: Sequence[int],
    head: Sequence[Row],
    wanted: Wanted,
    unit_at: int | None = None,
) -> tuple[Value, ...]:
    """What the names in the rows stand for, of the lowest rank that is there; ``unit_at``: the column that
    names each row's unit.
    """
    seen = list(dict.fromkeys(metric_of(row.cells, metric) for row in head))
    if wanted.only:
        # A name that says nothing of its unit is what the user calls it.
        seen = [name for name in seen if wanted.only in (name, *name.split())] or seen
    if unit_at is None or wanted.unit:
        known = [value for value in form.values if any(fits(value, name) for name in seen)]
    else:
        units = {
            name: unit
            for row in head
            if (unit := unit_in(row.cells, unit_at)) and (name := metric_of(row.cells, metric)) in seen
        }
        known = [_in_unit(form, name, unit) for name, unit in units.items()]
    rank = min((value.rank for value in known), default=0)
    known = [value for value in known if value.rank == rank]
    if not known and wanted.unit:
        return (_as_said(form.values[0], wanted.unit, title=r".*", part="machine", name="", boundary=None),)
    if not known and head:
        shown = ", ".join(name.strip() or "nothing" for name in seen[:NAMED])
        title = table.titles[metric[0]] if metric[0] >= 0 else "its rows"
        raise MeterError(
            f"{table.where}: {title} names no power or energy that is known ({shown}): if its values "
            f"are powers,"
            f" give {wanted.word('unit', 'W')}"
        )
    if wanted.unit:
        known = [_as_said(value, wanted.unit) for value in known]
    return tuple(known)


def _as_said(value: Value, unit: str, **changes: Any) -> Value:
    """The same in the unit that is said; energies of intervals stay such."""
    same = value.reads is not None and (value.reads == "power_w") == (UNITS[unit][0] == "power_w")
    return replace(value, unit=unit, reads=value.reads if same else None, **changes)


def _in_unit(form: Format, name: str, unit: str) -> Value:
    """What a name stands for whose unit its rows say, whatever it is called."""
    energy = UNITS[unit][0] == "energy_j"
    for value in form.values:
        if match := fits(value, name):
            own = match.expand(value.name) if value.name else ""
            return replace(_as_said(value, unit), title=re.escape(name), name=own, rank=int(energy))
    return Value(re.escape(name), "machine", unit, rank=int(energy))


def column_of(name: str, metrics: Sequence[Value], table: Table, form: Format) -> Column | None:
    """What a row's name of its value stands for; ``None``: nothing that is read."""
    for value in metrics:
        if (match := fits(value, name)) is not None:
            return column(value_index(table), name.strip(), value, match, value.unit, form)
    return None
