"""From JSON to frozen dataclasses, with one line that names the place when it does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from energyprof.decode.columns import Odd, columns
from energyprof.decode.kinds import (
    Amount,
    Count,
    Name,
    NonNegative,
    Positive,
    Range,
    Share,
    Signed,
    Text,
    Utc,
    hints_of,
    required_of,
)
from energyprof.decode.one import Misfit, decoder, short

__all__ = [
    "Amount",
    "Count",
    "Misfit",
    "Name",
    "NonNegative",
    "Positive",
    "Range",
    "Share",
    "Signed",
    "Text",
    "Utc",
    "decode",
    "decode_together",
    "hints_of",
    "required_of",
    "short",
]

T = TypeVar("T")


def decode(kind: type[T], data: Any, where: str = "report") -> T:
    """``data`` as an instance of the dataclass ``kind``; keys it does not know are ignored.

    Raises:
        Misfit: a key is missing, or its value is not one that its type may hold.
    """
    hint: Any = kind
    try:
        result: T = decoder(hint)(data)
    except Misfit as misfit:
        misfit.path = where + misfit.path
        raise
    return result


def decode_together(kind: type[T], data: Sequence[Any], strings: int) -> list[T] | None:
    """What `decode` makes of each, several at once in half the time; ``None``: not all are plainly right.

    ``data`` is used up. ``strings``: how many stand in the text that they were parsed from, names included;
    where they have fewer, a name stood there twice.
    """
    hint: Any = kind
    met: list[int] = []
    try:
        found = list(columns(hint)(data, met)) if data else []
    except Odd:
        return None
    return found if sum(met) == strings else None
