"""From parsed JSON to frozen dataclasses, with one line that names the place when it does not fit."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class Misfit(ValueError):
    """The JSON does not have the shape of the type; the message names where and what was expected."""


def decode(kind: type[T], data: Any, where: str = "report") -> T:
    """``data`` as an instance of the dataclass ``kind``; keys it does not know are ignored.

    Raises:
        Misfit: a key is missing or its value has the wrong type.
    """
    result: T = _dataclass(kind, data, where)
    return result


@functools.cache
def _fields(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (
            field.name,
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    )


def _dataclass(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise Misfit(f"{where}: expected an object, got {_short(data)}")
    values = {}
    for name, hint, required in _fields(kind):
        if name in data:
            values[name] = _value(hint, data[name], f"{where}.{name}")
        elif required:
            raise Misfit(f"{where}.{name} is missing")
    return kind(**values)


def _value(hint: Any, data: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return data
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, data, where)
    if origin in (Union, types.UnionType):
        if data is None and type(None) in arguments:
            return None
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return _value(inner, data, where)
    if origin is tuple:
        if not isinstance(data, list):
            raise Misfit(f"{where}: expected a list, got {_short(data)}")
        return tuple(_value(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(data))
    if origin in (dict, Mapping):
        if not isinstance(data, dict):
            raise Misfit(f"{where}: expected an object, got {_short(data)}")
        return {key: _value(arguments[1], item, f"{where}.{key}") for key, item in data.items()}
    if origin is Literal:
        if data not in arguments:
            raise Misfit(f"{where}: expected one of {', '.join(map(str, arguments))}, got {_short(data)}")
        return data
    return _scalar(hint, data, where)


def _scalar(hint: Any, data: Any, where: str) -> Any:
    if hint is float and isinstance(data, (int, float)) and not isinstance(data, bool):
        return float(data)
    if isinstance(data, hint) and (hint is bool or not isinstance(data, bool)):
        return data
    raise Misfit(f"{where}: expected {hint.__name__}, got {_short(data)}")


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 40 else text[:37] + "…"
