"""A scenario's file, with what the command line sets in it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from energyprof import files
from energyprof.errors import FileError, UsageError
from energyprof.simulate.keys import GOES_WITH, ONE_OF, said_twice

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_KEY = re.compile(r"[\w -]+(?:\.[\w -]+)*")


def read_document(path: Path) -> dict[str, Any]:
    """What the TOML file ``path`` holds.

    Raises:
        FileError: it cannot be read, or is not TOML.
    """
    return parsed(files.read_text(path), str(path))


def parsed(text: str, where: str) -> dict[str, Any]:
    """What the TOML ``text`` holds.

    Raises:
        FileError: it is not TOML.
    """
    try:
        data: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff"))  # as some editors begin
    except (tomllib.TOMLDecodeError, ValueError) as error:  # a number or a date that Python does not take
        raise FileError(f"{where}: not TOML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise FileError(f"{where}: not TOML: nested too deeply") from None
    return data


def pairs(words: Sequence[str], option: str) -> list[tuple[str, Any]]:
    """Dotted keys and values from words such as ``link.bit_per_j=50e3``.

    A value is TOML, or else a text: ``site.edge.country=FR``.

    Raises:
        UsageError: a word has no key, or no value.
    """
    found = []
    for word in words:
        key, equals, said = word.partition("=")
        if not equals or not said.strip() or not _KEY.fullmatch(key.strip()):
            raise UsageError(f"{option} {word[:60]}: give KEY=VALUE, such as link.bit_per_j=50e3")
        try:
            value = tomllib.loads(f"value = {said}")["value"]
        except (tomllib.TOMLDecodeError, ValueError, RecursionError):
            value = said.strip()
        found.append((key.strip(), value))
    return found


def replaced(data: dict[str, Any], changes: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """``data`` with each change in it; one way to say a thing takes another's place (`keys.ONE_OF`).

    Of several tables under one key, a part names the one that is meant: ``device.phone.power_w``.

    Raises:
        UsageError: a key leads through something that is not a table, or two say one thing.
    """
    whole: dict[str, Any] = _copied(data)
    said = {key for key, _ in changes}
    if twice := said_twice(said):
        raise UsageError(f"--set {' and '.join(sorted(twice)[:2])}: give only one of them")
    for key, value in changes:
        *inside, last = key.split(".")
        place: Any = whole
        for part in inside:
            place = _one_of(place, part, key) if isinstance(place, list) else place.setdefault(part, {})
            if not isinstance(place, (dict, list)):
                raise UsageError(f"--set {key}: {part} is not a table")
        if isinstance(place, list):
            raise UsageError(f"--set {key}: {inside[-1]} is several: name one, such as {_such(place, key)}")
        for group in (group for group in ONE_OF if last in group):
            for other in group:
                place.pop(other, None)
            for other, way in GOES_WITH.items():
                if way in group and way != last and ".".join((*inside, other)) not in said:
                    place.pop(other, None)
        place[last] = value
    return whole


# What tables under one key are told apart by.
_NAMES = ("name", "machines", "clients")


def _one_of(tables: Sequence[Any], part: str, key: str) -> Any:
    """The table that ``part`` names."""
    for table in tables:
        if part in _named(table):
            return table
    names = [name for table in tables for name in _named(table)]
    raise UsageError(f"--set {key}: no {part[:40]!r} there: there are {', '.join(names)[:200] or 'none'}")


def _named(table: Any) -> list[str]:
    found = [table[name] for name in _NAMES if name in table] if isinstance(table, dict) else []
    return [str(name) for name in found[:1]]


def _such(tables: Sequence[Any], key: str) -> str:
    inside, _, last = key.rpartition(".")
    names = [name for table in tables for name in _named(table)]
    return f"{inside}.{(names or ['NAME'])[0]}.{last}"


def _copied(data: Any) -> Any:
    if isinstance(data, list):
        return [_copied(value) for value in data]
    return {key: _copied(value) for key, value in data.items()} if isinstance(data, dict) else data
