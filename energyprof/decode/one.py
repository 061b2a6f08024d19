"""One value of JSON as one of a type, with one line that names the place when it does not fit."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import reprlib
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin

from energyprof.decode.kinds import Range, Text, hints_of, required_of
from energyprof.storable.values import (
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_NAME,
    MAX_NAMES,
    MAX_TEXT,
    is_int,
    is_json,
    is_text,
)

# Takes the data; gives the value or raises Misfit.
Decoder = Callable[[Any], Any]


class Misfit(ValueError):
    """The JSON does not have the shape of the type; the message names where and what was expected."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.path, self._problem = "", problem

    def __str__(self) -> str:
        return self.path + self._problem


# Types are looked at once: a thousand reports hold a million values.
@functools.cache
def decoder(hint: Any) -> Decoder:
    """What turns JSON into a value of the type ``hint``."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return _anything
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint)
    if origin is Annotated:
        return functools.reduce(_limited, arguments[1:], decoder(arguments[0]))
    if origin in (Union, types.UnionType):
        (inner,) = (decoder(argument) for argument in arguments if argument is not type(None))
        return lambda data: None if data is None else inner(data)
    if origin is tuple:
        if arguments[-1] is ...:
            return _list(decoder(arguments[0]))
        return _row(tuple(decoder(argument) for argument in arguments))
    if origin in (dict, Mapping):
        return _mapping(decoder(arguments[1]))
    if origin is Literal:
        return _choice(arguments)
    return _SCALARS[hint]


def _dataclass(kind: Any) -> Decoder:
    hints = hints_of(kind)
    required = required_of(kind)
    fields = tuple((field.name, decoder(hints[field.name])) for field in dataclasses.fields(kind))

    def take(data: Any) -> Any:
        if type(data) is not dict:
            _expected("an object", data)
        if not required <= data.keys():
            misfit = Misfit(" is missing")
            misfit.path = f".{min(required - data.keys())}"
            raise misfit
        found = {}
        name = ""
        try:
            for name, of in fields:
                if name in data:
                    found[name] = of(data[name])
        except Misfit as misfit:
            misfit.path = f".{name}{misfit.path}"
            raise
        return kind(**found)

    return take


def _list(inner: Decoder) -> Decoder:
    def take(data: Any) -> Any:
        if type(data) is not list:
            _expected("a list", data)
        if len(data) > MAX_ITEMS:
            raise Misfit(f": {len(data)} entries, more than {MAX_ITEMS}")
        found: list[Any] = []
        try:
            for item in data:
                found.append(inner(item))  # where it failed is told by how many there are
        except Misfit as misfit:
            misfit.path = f"[{len(found)}]{misfit.path}"
            raise
        return tuple(found)

    return take


def _row(cells: tuple[Decoder, ...]) -> Decoder:
    def take(data: Any) -> Any:
        if type(data) is not list or len(data) != len(cells):
            _expected(f"a list of {len(cells)}", data)
        return tuple(cell(item) for cell, item in zip(cells, data, strict=True))

    return take


def _mapping(inner: Decoder) -> Decoder:
    def take(data: Any) -> Any:
        if type(data) is not dict:
            _expected("an object", data)
        if len(data) > MAX_NAMES:
            raise Misfit(f": {len(data)} names, more than {MAX_NAMES}")
        found = {}
        key = ""
        try:
            for key, item in data.items():
                if not is_text(key, MAX_NAME):
                    raise Misfit(f": a name of up to {MAX_NAME} characters was expected, got {short(key)}")
                found[key] = inner(item)
        except Misfit as misfit:
            misfit.path = f".{key[:40] if is_text(key) else '?'}{misfit.path}"
            raise
        return found

    return take


def _choice(words: tuple[Any, ...]) -> Decoder:
    def take(data: Any) -> Any:
        if not isinstance(data, str) or data not in words:
            _expected(f"one of {', '.join(map(str, words))}", data)
        return data

    return take


def _limited(inner: Decoder, limit: Range | Text) -> Decoder:
    if isinstance(limit, Range):
        least, most = limit.least, limit.most

        def within(data: Any) -> Any:
            value = inner(data)
            if not least <= value <= most:
                _expected(f"{least:g} or more" if value < least else f"at most {most:g}", data)
            return value

        return within
    fits = re.compile(limit.pattern).fullmatch if limit.pattern else bool
    shortest, longest = limit.shortest, limit.longest

    def written(data: Any) -> Any:
        value = inner(data)
        if not shortest <= len(value) <= longest:
            _expected(f"{shortest} to {longest} characters", data)
        if limit.pattern and not fits(value):
            _expected(f"the form {limit.pattern}", data)
        return value

    return written


def _number(data: Any) -> Any:
    if type(data) is float and math.isfinite(data):
        return data
    if type(data) is not int:
        _expected("float", data)
    try:
        return float(data)  # other languages write 1e20 as a whole number
    except OverflowError:
        _expected("float", data)


def _integer(data: Any) -> Any:
    if not is_int(data):
        _expected("int", data)
    return data


def _boolean(data: Any) -> Any:
    if type(data) is not bool:
        _expected("bool", data)
    return data


def _text(data: Any) -> Any:
    if not is_text(data):
        _expected("str" if not isinstance(data, str) else f"at most {MAX_TEXT} characters of Unicode", data)
    return data


def _anything(data: Any) -> Any:
    if not is_json(data):
        _expected(f"finite numbers, texts of at most {MAX_TEXT} characters, {MAX_DEPTH} levels at most", data)
    return data


_SCALARS: dict[Any, Decoder] = {float: _number, int: _integer, bool: _boolean, str: _text}


def _expected(what: str, data: Any) -> NoReturn:
    raise Misfit(f": expected {what}, got {short(data)}")


_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 2, 40, 40


def short(data: Any) -> str:
    """``data`` in at most 40 characters, on one line."""
    text = _REPR.repr(data)
    return text if len(text) <= 40 else text[:37] + "…"
