"""Which columns of a log hold powers or energies, in which unit, and of what."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from energyprof.errors import MeterError
from energyprof.meter import Boundary, Part, Quantity
from energyprof.storable.frozen import dataclass
from energyprof.trace.logs import generic
from energyprof.trace.logs.format import Format, Value
from energyprof.trace.logs.formats import GENERIC
from energyprof.trace.logs.generic import slug
from energyprof.trace.logs.quantities import UNITS, Reads, may_be_milli, number, unit_of
from energyprof.trace.logs.table import LONGEST, SHOWN, Row, Table
from energyprof.trace.logs.units import suffix_of, unit_in, units_row
from energyprof.trace.logs.wanted import Several, Wanted

# Names in a message.
NAMED = 4
# A counter may be reset, but not so often; and one that never moves is none.
FALLS = 0.1
LEAST_EQUAL = 5

# Parts of one machine's chips see no more than themselves.
_BOUNDARIES: Mapping[Part, Boundary] = {
    "cpu": "component",
    "dram": "component",
    "gpu": "component",
    "board": "component",
    "soc": "module",
    "machine": "wall_ac",
}


@dataclass(frozen=True)
class Column:
    """One column of powers or energies, or what one name in a column of names stands for."""

    index: int
    title: str
    name: str
    part: Part
    unit: str
    reads: Reads
    boundary: Boundary
    suffix: str = ""  # what usually stands behind its numbers: " W"
    assumed: bool = False  # whether nothing says its unit

    @property
    def quantity(self) -> Quantity:
        """What its meter reads; the energies of intervals are added up to a counter."""
        return "power_w" if self.reads == "power_w" else "energy_j"

    @property
    def factor(self) -> float:
        """From its unit to W or J."""
        return UNITS[self.unit][1]

    def value_of(self, cell: str, comma: bool) -> float | None:
        """A cell's value in W or J, if it is a number, with no unit or with one that is known."""
        text = cell.strip()
        if (value := number(text, comma)) is not None:
            return value * self.factor
        match = re.fullmatch(r"([-+\d.,eE]+)\s*([A-Za-zµ]+)", text)
        unit = unit_of(match[2]) if match else ""
        if match is None or not unit or UNITS[unit][0] != UNITS[self.unit][0]:
            return None
        value = number(match[1], comma)
        return None if value is None else value * UNITS[unit][1]


def named_column(table: Table, name: str, option: str, wanted: Wanted) -> int:
    """The column that the user means."""
    slugs = [slug(title) for title in table.titles]
    if name in table.titles:
        return table.titles.index(name)
    if slug(name) in slugs:
        return slugs.index(slug(name))
    word = wanted.word(option, "").strip()
    raise MeterError(f"{table.where}: no column {name!r} for {word}: {table.there_are}")


def value_columns(
    table: Table, form: Format, wanted: Wanted, head: Sequence[Row], unit_at: int | None
) -> list[Column]:
    """The columns of powers or energies: those that the user names, the format's, or by their titles.
    ``unit_at``: the column that names each row's unit.

    Raises:
        MeterError: there are none, it is not clear which, or their unit is not.
    """
    titles = table.titles
    said = next((unit for row in head if (unit := unit_in(row.cells, unit_at))), "")
    if unit_at is not None and not said:
        other = next(
            cell for row in head for cell in row.cells[unit_at : unit_at + 1] if cell.strip()
        ).strip()
        raise MeterError(
            f"{table.where}: {titles[unit_at]!r} says {other!r}, which is not a unit of power "
            f"or energy: {wanted.word('unit', 'W')} says another"
        )
    if wanted.power or wanted.energy:
        option = "power" if wanted.power else "energy"
        names = wanted.power or (wanted.energy,)
        indices = [named_column(table, name, option, wanted) for name in names]
        values = [
            Value(
                re.escape(titles[i]), _part(titles[i], form), name=slug(titles[i]) if len(names) > 1 else ""
            )
            for i in indices
        ]
    elif form is not GENERIC:
        found = [(i, value) for value in form.values for i, title in enumerate(titles) if fits(value, title)]
        rank = min((value.rank for _, value in found), default=0)
        indices = [i for i, value in found if value.rank == rank]
        values = [value for _, value in found if value.rank == rank]
    else:
        values = _generic(table, wanted, said)
        indices = [titles.index(value.title) for value in values]
        values = [replace(value, title=re.escape(value.title)) for value in values]
    if not values:
        raise MeterError(
            f"{table.where}: no column of powers or energies: name it with {wanted.word('power')} or"
            f" {wanted.word('energy')}; {table.there_are}"
        )
    columns = []
    for i, value in zip(indices, values, strict=True):
        suffix = suffix_of(i, head, table.comma)
        unit, assumed = _unit(table, titles[i], value, wanted, suffix or said or units_row(i, head))
        match = fits(value, titles[i])
        assert match is not None  # it was found by that
        own = column(i, titles[i], value, match, unit, form)
        columns.append(replace(own, suffix=suffix, assumed=assumed and form is GENERIC))
    _each_once(columns, table, wanted)
    return columns


def _each_once(columns: Sequence[Column], table: Table, wanted: Wanted) -> None:
    """Raises Several: columns are of one device, such as those of several runs side by side."""
    names = [column.name for column in columns]
    again = [column.title for column in columns if names.count(column.name) > 1]
    if again and not wanted.power:
        shown = ", ".join(title[:LONGEST] for title in again[:SHOWN])
        raise Several(
            f"{table.where}: several columns of one device, as of several runs ({shown}): name those of one "
            f"run with {wanted.word('power')}",
            f"{len(again)} columns of one device, as of several runs",
            [replace(wanted, power=tuple(column.title for column in columns))],
            [(wanted.word("power", again[0]), "takes this one")],
        )


def _part(title: str, form: Format) -> Part:
    """The part that a column is of which the user named."""
    if form is GENERIC:
        return generic.part_of(title)
    return next((value.part for value in form.values if fits(value, title)), form.values[0].part)


def column(index: int, title: str, value: Value, match: re.Match[str], unit: str, form: Format) -> Column:
    """What ``value`` says of the column at ``index``; ``match``: its title fits."""
    name = match.expand(value.name).lower() if value.name else ""
    boundary = value.boundary or form.boundary
    if form is GENERIC and value.boundary is None:
        said = generic.boundary_of(title) if value.part == "machine" else None
        boundary = said or _BOUNDARIES[value.part]
    unit = unit or unit_of(title) or "W"
    reads = value.reads or UNITS[unit][0]
    return Column(index, title, name, value.part, unit, reads, boundary)


def _generic(table: Table, wanted: Wanted, said: str) -> list[Value]:
    """The columns of a table that nobody knows; ``said``: the unit that a column of units names."""
    kinds = [generic.powers, generic.energies]
    if unit := wanted.unit or said:
        kinds = kinds[:1] if UNITS[unit][0] == "power_w" else [partial(generic.energies, said=bool(said))]
    for kind in kinds:
        values = kind(table.titles)
        titles = [value.title for value in values]
        option = "power" if kind is generic.powers else "energy"
        if len(machines := generic.machines(titles)) > 1:
            raise _unclear(table, wanted, option, titles, f"of {len(machines)} machines", machines)
        if len(values) > 1 and not generic.one_family(values):
            raise _unclear(table, wanted, option, titles, "of which some may hold others", titles)
        if values:
            return values
    return []


def _unclear(
    table: Table, wanted: Wanted, option: str, titles: Sequence[str], why: str, shown: Sequence[str]
) -> Several:
    """The refusal of columns that nobody said to add, with the ways to take one or several."""
    kind = f"columns of {'powers' if option == 'power' else 'energies'}"
    names = ", ".join(name[:LONGEST] for name in shown[:SHOWN])
    ways = [(wanted.word(option, titles[0]), "takes this one")]
    if option == "power":
        both = " ".join(wanted.word(option, title) for title in titles[:2])
        ways.append((both, "adds them, where none holds another"))
        taken = [replace(wanted, power=tuple(titles))]
    else:
        taken = [replace(wanted, energy=title) for title in titles]
    return Several(
        f"{table.where}: several columns of powers or energies, {why} ({names}): name one with "
        f"{wanted.word(option)}",
        f"{len(titles)} {kind}, {why}",
        taken,
        ways,
    )


def _unit(table: Table, title: str, value: Value, wanted: Wanted, suffix: str) -> tuple[str, bool]:
    """The user's unit, or that of the cells, or the format's, or the title's, or W for a power; and whether
    nothing says so.
    """
    assumed = False
    if wanted.unit:
        unit = wanted.unit
    elif may_be_milli(title):
        raise MeterError(f"{table.where}: {title!r} may mean mW: if so, give {wanted.word('unit', 'mW')}")
    else:
        unit = unit_of(suffix) or value.unit or unit_of(title)
    if not unit and (wanted.power or generic.powers([title])):
        unit, assumed = "W", True
    if not unit:
        raise MeterError(
            f"{table.where}: {title!r} has no unit: give it with {wanted.word('unit', 'J')}, Wh or kWh"
        )
    if (wanted.power and UNITS[unit][0] != "power_w") or (wanted.energy and UNITS[unit][0] != "energy_j"):
        raise MeterError(
            f"{table.where}: {title!r} is in {unit}, not {'power' if wanted.power else 'energy'}"
        )
    return unit, assumed


def never_zero(columns: list[Column], head: Sequence[Row], table: Table) -> tuple[list[Column], list[str]]:
    """The columns without those of parts that are not there: 0 in every row."""

    def reads(column: Column) -> bool:
        cells = [row.cells[column.index] for row in head if column.index < len(row.cells)]
        known = [value for cell in cells if (value := column.value_of(cell, table.comma)) is not None]
        return not known or any(known)

    kept = [column for column in columns if reads(column)]
    if not kept or len(kept) == len(columns):
        return columns, []
    lost = [column.title for column in columns if column not in kept]
    return kept, [f"{', '.join(lost)}: always 0, so it is not there: left out"]


def fits(value: Value, name: str) -> re.Match[str] | None:
    """Whether a title is the one that ``value`` describes."""
    return re.fullmatch(value.title, name, re.IGNORECASE)


def of_intervals(columns: list[Column], head: Sequence[Row], table: Table) -> tuple[list[Column], list[str]]:
    """The columns; energies that do not grow, as a counter does, are those of each row's own interval."""
    found, notes = [], []
    for own in columns:
        if own.reads == "energy_j":
            cells = [row.cells[own.index] for row in head if own.index < len(row.cells)]
            known = [value for cell in cells if (value := own.value_of(cell, table.comma)) is not None]
            falls = sum(after < before for before, after in itertools.pairwise(known))
            only_falls = all(after <= before for before, after in itertools.pairwise(known))
            if only_falls and falls > FALLS * len(known) and len(known) >= LEAST_EQUAL:
                raise MeterError(
                    f"{table.where}: {own.title!r} only falls, as what is left in a battery: no counter"
                )
            still = len(known) >= LEAST_EQUAL and len(set(known)) == 1 and known[0] > 0
            if falls > FALLS * len(known) or still:
                found.append(replace(own, reads="interval_j"))
                notes.append(f"{own.title!r} does not grow: taken as the energy of each row's interval")
                continue
        found.append(own)
    return found, notes
