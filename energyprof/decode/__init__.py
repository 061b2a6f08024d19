"""From JSON to frozen dataclasses, with one line that names the place when it does not fit."""

from __future__ import annotations

from typing import Any, TypeVar

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
