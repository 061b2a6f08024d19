"""From parsed JSON to frozen dataclasses, with one line that names the place when it does not fit."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

# Takes the data and the name of its place; gives the value or raises Misfit.
Decoder = Callable[[Any, str], Any]


class Misfit(ValueError):
    """The JSON does not have the shape of the type; the message names where and what was expected."""


def decode(kind: type[T], data: Any, where: str = "report") -> T:
    """``data`` as an instance of the dataclass ``kind``; keys it does not know are ignored.

    Raises:
        Misfit: a key is missing or its value has the wrong type.
    """
    hint: Any = kind
    result: T = _decoder(hint)(data, where)
    return result


# Types are looked at once: a thousand reports hold a million values.
@functools.cache
def _decoder(hint: Any) -> Decoder:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda data, where: data
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint)
    if origin in (Union, types.UnionType):
        (inner,) = (_decoder(argument) for argument in arguments if argument is not type(None))
        return lambda data, where: None if data is None else inner(data, where)
    if origin is tuple:
        return _list(_decoder(arguments[0]))
    if origin in (dict, Mapping):
        return _mapping(_decoder(arguments[1]))
    if origin is Literal:
        return _choice(arguments)
    return _scalar(hint)


def _dataclass(kind: Any) -> Decoder:
    hints = get_type_hints(kind)
    required = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    fields = {field.name: _decoder(hints[field.name]) for field in dataclasses.fields(kind)}

    def take(data: Any, where: str) -> Any:
        if not isinstance(data, dict):
            raise Misfit(f"{where}: expected an object, got {_short(data)}")
        for name in required - data.keys():
            raise Misfit(f"{where}.{name} is missing")
        return kind(
            **{name: of(data[name], f"{where}.{name}") for name, of in fields.items() if name in data}
        )

    return take


def _list(inner: Decoder) -> Decoder:
    def take(data: Any, where: str) -> Any:
        if not isinstance(data, list):
            raise Misfit(f"{where}: expected a list, got {_short(data)}")
        return tuple([inner(item, f"{where}[{i}]") for i, item in enumerate(data)])

    return take


def _mapping(inner: Decoder) -> Decoder:
    def take(data: Any, where: str) -> Any:
        if not isinstance(data, dict):
            raise Misfit(f"{where}: expected an object, got {_short(data)}")
        return {key: inner(item, f"{where}.{key}") for key, item in data.items()}

    return take


def _choice(words: tuple[Any, ...]) -> Decoder:
    def take(data: Any, where: str) -> Any:
        if not isinstance(data, str) or data not in words:
            raise Misfit(f"{where}: expected one of {', '.join(map(str, words))}, got {_short(data)}")
        return data

    return take


def _scalar(kind: type) -> Decoder:
    def take(data: Any, where: str) -> Any:
        if type(data) is kind:
            return data
        if kind is float and type(data) is int:
            return float(data)
        raise Misfit(f"{where}: expected {kind.__name__}, got {_short(data)}")

    return take


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 40 else text[:37] + "…"
