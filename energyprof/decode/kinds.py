"""What a field may hold, said by its type: ``energy_u_j: NonNegative``."""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Any, get_type_hints

from energyprof.storable.frozen import dataclass
from energyprof.storable.values import MAX_INT, MAX_NAME, MAX_TEXT, UTC


@dataclass(frozen=True)
class Range:
    """From the least number to the most, both included."""

    least: float
    most: float


@dataclass(frozen=True)
class Text:
    """So many characters, all in the form of ``pattern``, an expression of JSON Schema and ``re`` alike."""

    shortest: int = 0
    longest: int = MAX_TEXT
    pattern: str = ""


Count = Annotated[int, Range(0, MAX_INT)]
NonNegative = Annotated[float, Range(0, math.inf)]
# What is multiplied and divided by: within what a meter may have, so that no product is beyond all numbers.
Amount = Annotated[float, Range(0, 1e30)]
Positive = Annotated[float, Range(1e-12, 1e30)]
Signed = Annotated[float, Range(-1e30, 1e30)]
Share = Annotated[float, Range(0, 1)]
Name = Annotated[str, Text(shortest=1, longest=MAX_NAME)]
Utc = Annotated[str, Text(longest=MAX_NAME, pattern=UTC)]


def hints_of(kind: Any) -> dict[str, Any]:
    """The types of a dataclass's fields, with what ``Annotated`` says of them."""
    return get_type_hints(kind, include_extras=True)


def required_of(kind: Any) -> set[str]:
    """The fields of a dataclass that have no default."""
    return {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
