"""Many values of JSON at once as those of a type: by columns, which the interpreter's own loops check.

All evaluations of all runs of a report are one table, and each of its fields a list of numbers. What is not
plainly right is `Odd`; ``one`` then says whether it fits, and where it does not.

The strings that are met, names included, are counted: whoever knows how many the text has can tell whether a
name stood twice in an object, of which a fast parser keeps one.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from operator import itemgetter
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from energyprof.decode.kinds import Range, hints_of, required_of
from energyprof.decode.one import Decoder, Misfit, decoder
from energyprof.storable.values import MAX_INT, MAX_ITEMS, MAX_NAME, MAX_NAMES, is_text

# How many strings were met, column by column.
Strings = list[int]
# Takes a list of data; gives as many values or raises Odd. Objects in it may become the values.
Column = Callable[[Sequence[Any], Strings], Sequence[Any]]


class Odd(Exception):
    """Some value is not plainly one that its type may hold."""


@functools.cache
def columns(hint: Any) -> Column:
    """What turns a list of JSON into one of values of the type ``hint``."""
    origin, arguments = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _table(hint)
    if origin in (Union, types.UnionType):
        (inner,) = (columns(argument) for argument in arguments if argument is not type(None))
        return _optional(inner)
    if origin is tuple and arguments[-1] is ...:
        return _lists(columns(arguments[0]))
    if origin in (dict, Mapping):
        return _mappings(columns(arguments[1]))
    if hint is float:
        return _floats
    if hint is int:
        return _integers
    if origin is Annotated and arguments[0] in (float, int):
        return functools.reduce(_within, arguments[1:], columns(arguments[0]))
    if hint is str or origin is Literal or (origin is Annotated and arguments[0] is str):
        return _texts(decoder(hint))
    return _each(decoder(hint))


def _table(kind: Any) -> Column:
    hints, required = hints_of(kind), required_of(kind)
    fields = dataclasses.fields(kind)
    names = tuple(field.name for field in fields)
    inner = tuple(columns(hints[name]) for name in names)
    defaults = {field.name: _default(field) for field in fields if field.name not in required}

    def take(data: Sequence[Any], strings: Strings) -> Sequence[Any]:
        _all_of(dict, data)
        rows: Sequence[dict[str, Any]] = data
        lengths = list(map(len, rows))
        strings.append(sum(lengths))
        if max(lengths) > len(names):  # keys it does not know
            strings += [_strings(row[name]) for row in rows for name in row.keys() - hints.keys()]
            rows = [{name: row[name] for name in names if name in row} for row in rows]
        for name, of in zip(names, inner, strict=True):
            try:
                given = list(map(itemgetter(name), rows))
            except KeyError:
                if name not in defaults:
                    raise Odd from None
                given = []
                values = _filled(of, [row.get(name, _MISSING) for row in rows], defaults[name], strings)
            else:
                values = of(given, strings)
            if values is not given:
                for row, value in zip(rows, values, strict=True):
                    row[name] = value
        return _instances(kind, rows)

    return take


_MISSING = object()


def _filled(of: Column, given: Sequence[Any], default: Callable[[], Any], strings: Strings) -> Sequence[Any]:
    there = [item for item in given if item is not _MISSING]
    values = iter(of(there, strings) if there else ())
    return [default() if item is _MISSING else next(values) for item in given]


def _default(field: dataclasses.Field[Any]) -> Callable[[], Any]:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory
    return lambda: field.default


def _instances(kind: Any, rows: Sequence[dict[str, Any]]) -> Sequence[Any]:
    """One for each row. ``__init__`` of what is frozen sets field by field, at several times the cost."""
    if hasattr(kind, "__post_init__") or hasattr(kind, "__slots__"):
        return [kind(**row) for row in rows]
    made = list(map(object.__new__, repeat(kind, len(rows))))
    deque(map(kind.__dict__["__dict__"].__set__, made, rows), maxlen=0)
    return made


def _all_of(kind: type, data: Sequence[Any]) -> None:
    if not {kind}.issuperset(map(type, data)):
        raise Odd


def _optional(inner: Column) -> Column:
    def take(data: Sequence[Any], strings: Strings) -> Sequence[Any]:
        if None not in data:
            return inner(data, strings)
        given = [item for item in data if item is not None]
        if not given:
            return data
        values = iter(inner(given, strings))
        return [None if item is None else next(values) for item in data]

    return take


def _lists(inner: Column) -> Column:
    def take(data: Sequence[Any], strings: Strings) -> Sequence[Any]:
        _all_of(list, data)
        lengths = list(map(len, data))
        if max(lengths) > MAX_ITEMS:
            raise Odd
        items = list(chain.from_iterable(data))
        values: Iterator[Any] = iter(inner(items, strings) if items else ())
        return [tuple(islice(values, length)) for length in lengths]

    return take


def _mappings(inner: Column) -> Column:
    def take(data: Sequence[Any], strings: Strings) -> Sequence[Any]:
        _all_of(dict, data)
        lengths = list(map(len, data))
        strings.append(sum(lengths))
        if max(lengths) > MAX_NAMES:
            raise Odd
        if not all(is_text(name, MAX_NAME) for name in set().union(*data)):
            raise Odd
        items = list(chain.from_iterable(map(dict.values, data)))
        found = inner(items, strings) if items else items
        if found is items:
            return data
        values: Iterator[Any] = iter(found)
        return [dict(zip(item, values, strict=False)) for item in data]  # the names end first

    return take


def _floats(data: Sequence[Any], _: Strings) -> Sequence[Any]:
    kinds = set(map(type, data))
    if not kinds <= {float, int}:
        raise Odd
    try:
        values = list(map(float, data)) if int in kinds else data
        whole = sum(values)
    except OverflowError:
        raise Odd from None
    if not math.isfinite(whole):  # one of them is not, or all of them together are beyond all numbers
        raise Odd
    return values


def _integers(data: Sequence[Any], _: Strings) -> Sequence[Any]:
    _all_of(int, data)
    if min(data) < -MAX_INT or max(data) > MAX_INT:
        raise Odd
    return data


def _within(inner: Column, limit: Range) -> Column:
    def take(data: Sequence[Any], strings: Strings) -> Sequence[Any]:
        values = inner(data, strings)
        if not (limit.least <= min(values) and max(values) <= limit.most):
            raise Odd
        return values

    return take


def _texts(one: Decoder) -> Column:
    """Few texts stand in many places."""
    each = _each(one)

    def take(data: Sequence[Any], strings: Strings) -> Sequence[Any]:
        _all_of(str, data)
        strings.append(len(data))
        each(list(set(data)), [])
        return data

    return take


def _each(one: Decoder) -> Column:
    def take(data: Sequence[Any], strings: Strings) -> Sequence[Any]:
        try:
            values = [one(item) for item in data]
        except Misfit:
            raise Odd from None
        strings += map(_strings, data)
        return values

    return take


def _strings(value: Any) -> int:
    """How many strings stand in a value of JSON, its names included."""
    if type(value) is dict:
        return len(value) + sum(map(_strings, value.values()))
    if type(value) is list:
        return sum(map(_strings, value))
    return type(value) is str
