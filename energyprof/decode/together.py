"""Many texts of JSON at once as values of a type: msgspec makes them, their limits are checked by columns.

All evaluations of all runs of all reports are one table, and each of its fields one list of numbers, which
the interpreter's own loops look at. What is not plainly right is `Odd`; ``one`` then says whether it fits,
and where it does not.

Of two values under one name msgspec keeps the later, and where a name is left out it takes the field's
default. So the strings are counted that the values stand for, names included: where the text has more, a name
stood there twice or was not known; where it has fewer, one was left out. (Where it has both, and as many of
each, the later value counts, as for other readers of JSON.)
"""

from __future__ import annotations

import dataclasses
import functools
import re
import types
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from energyprof.decode.kinds import Range, Text, hints_of
from energyprof.decode.one import Misfit, decoder
from energyprof.storable.values import MAX_INT, MAX_ITEMS, MAX_NAME, MAX_NAMES, is_text

T = TypeVar("T")

# Takes one value or more of the right type; gives how many strings they are in JSON, or raises Odd.
Column = Callable[[Sequence[Any]], int]


class Odd(Exception):
    """Some value is not plainly one that its type may hold."""


def decode_together(kind: type[T], texts: Sequence[str]) -> list[T] | None:
    """What `decode` makes of each text's JSON, several at once in a third of the time.

    ``None``: not all are plainly right, or one leaves out what has a default.
    """
    hint: Any = kind
    try:
        found = list(map(_decoder(hint).decode, texts))
        strings = columns(hint)(found) if found else 0
    except (Odd, msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None
    return found if strings == sum(map(strings_in, texts)) else None


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def strings_in(text: str) -> int:
    """How many strings stand in the JSON ``text``, names included: each is between two quotes."""
    bare = _ESCAPED.sub("", text) if "\\" in text else text
    return bare.count('"') // 2


_ESCAPED = re.compile(r"\\.")


@functools.cache
def columns(hint: Any) -> Column:
    """What looks at a list of values of the type ``hint``."""
    origin, arguments = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _table(hint)
    if origin in (Union, types.UnionType):
        (inner,) = (columns(argument) for argument in arguments if argument is not type(None))
        return _optional(inner)
    if origin is tuple:
        if arguments[-1] is ...:
            return _lists(columns(arguments[0]))
        return _rows([columns(argument) for argument in arguments])
    if origin in (dict, Mapping):
        return _mappings(columns(arguments[1]))
    if origin is Literal:
        return len
    if origin is Annotated and isinstance(arguments[1], Range):
        return functools.reduce(_within, arguments[1:], columns(arguments[0]))
    if hint is str or (origin is Annotated and isinstance(arguments[1], Text)):
        return _texts(decoder(hint))
    return _PLAIN.get(hint) or _each(decoder(hint))


def _table(kind: Any) -> Column:
    hints = hints_of(kind)
    fields = [(attrgetter(field.name), columns(hints[field.name])) for field in dataclasses.fields(kind)]

    def strings(rows: Sequence[Any]) -> int:
        return len(rows) * len(fields) + sum(of(list(map(get, rows))) for get, of in fields)

    return strings


def _optional(inner: Column) -> Column:
    def strings(values: Sequence[Any]) -> int:
        given = [value for value in values if value is not None] if None in values else values
        return inner(given) if given else 0

    return strings


def _lists(inner: Column) -> Column:
    def strings(values: Sequence[Any]) -> int:
        if max(map(len, values)) > MAX_ITEMS:
            raise Odd
        items = list(chain.from_iterable(values))
        return inner(items) if items else 0

    return strings


def _rows(cells: Sequence[Column]) -> Column:
    return lambda values: sum(of(cell) for of, cell in zip(cells, zip(*values, strict=True), strict=True))


def _mappings(inner: Column) -> Column:
    def strings(values: Sequence[Any]) -> int:
        lengths = list(map(len, values))
        if max(lengths) > MAX_NAMES or not all(is_text(name, MAX_NAME) for name in set().union(*values)):
            raise Odd
        items = list(chain.from_iterable(map(dict.values, values)))
        return sum(lengths) + (inner(items) if items else 0)

    return strings


def _none(values: Sequence[Any]) -> int:
    return 0


def _integers(values: Sequence[Any]) -> int:
    if min(values) < -MAX_INT or max(values) > MAX_INT:
        raise Odd
    return 0


# Of these msgspec lets nothing through that may not be stored: a float is finite.
_PLAIN: Mapping[Any, Column] = {float: _none, bool: _none, int: _integers}


def _within(inner: Column, limit: Range) -> Column:
    def strings(values: Sequence[Any]) -> int:
        if not (limit.least <= min(values) and max(values) <= limit.most):
            raise Odd
        return inner(values)

    return strings


def _texts(one: Callable[[Any], Any]) -> Column:
    """Few texts stand in many places."""
    each = _each(one)

    def strings(values: Sequence[Any]) -> int:
        each(list(set(values)))
        return len(values)

    return strings


def _each(one: Callable[[Any], Any]) -> Column:
    def strings(values: Sequence[Any]) -> int:
        try:
            for value in values:
                one(value)
        except Misfit:
            raise Odd from None
        return sum(map(_strings, values))

    return strings


def _strings(value: Any) -> int:
    """How many strings stand in a value of JSON, its names included."""
    if type(value) is dict:
        return len(value) + sum(map(_strings, value.values()))
    if type(value) is list:
        return sum(map(_strings, value))
    return type(value) is str
