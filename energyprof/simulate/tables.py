"""Tables of a TOML file as dataclasses; whatever does not fit is one line that says where."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from energyprof.decode import Misfit, decode, hints_of
from energyprof.errors import UsageError, unknown_key

T = TypeVar("T")


def known(data: Mapping[str, Any], names: set[str], where: str) -> None:
    """Raises UsageError at a key that is none of ``names``."""
    for name in data:
        if name not in names:
            raise unknown_key(name, names, where)


def decoded(kind: type[T], data: Any, where: str) -> T:
    """The table ``data`` as an instance of the dataclass ``kind``, tables in it included.

    Raises:
        UsageError: it is missing, has a key that is not known, or a value that does not fit.
    """
    if not isinstance(data, dict):
        raise UsageError(f"{where}: is missing" if data is None else f"{where}: is not a table")
    _known_within(kind, data, where)
    try:
        return decode(kind, _plain(data), where)
    except Misfit as error:
        raise UsageError(str(error)) from None


def _known_within(kind: Any, data: Mapping[str, Any], where: str) -> None:
    hints = hints_of(kind)
    known(data, {field.name for field in dataclasses.fields(kind)}, where)
    for name, entries in data.items():
        # Classes: what limits a number is a dataclass's instance.
        inner = [h for h in get_args(hints[name]) if isinstance(h, type) and dataclasses.is_dataclass(h)]
        for entry in entries if isinstance(entries, list) else [entries]:
            if inner and isinstance(entry, dict):
                _known_within(inner[0], entry, f"{where}: {name}")


def _plain(data: Any) -> Any:
    """TOML's own times as text."""
    if isinstance(data, datetime.datetime):
        zone = data.tzinfo or datetime.timezone.utc
        return data.replace(tzinfo=zone).astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(data, datetime.date):
        return data.isoformat()
    if isinstance(data, dict):
        return {name: _plain(value) for name, value in data.items()}
    return [_plain(value) for value in data] if isinstance(data, list) else data
