"""One number of a scenario: its value, how far it may lie on either side, and where it comes from."""

from __future__ import annotations

import math
from typing import Any, Literal

from energyprof.errors import UsageError
from energyprof.simulate.dimension import amount
from energyprof.storable.frozen import dataclass

# measured, modelled: by a report · given: by the scenario · set, assumed: on the command line ·
# factor: the table of factors, or the table of grids
Basis = Literal["measured", "modelled", "given", "set", "assumed", "factor"]
# limits: nothing lies beyond low and high · interval: they are the ends of a 95 % interval
Spread = Literal["limits", "interval"]


@dataclass(frozen=True)
class Quantity:
    """``low <= value <= high``, all in ``unit``; equal where no doubt is stated."""

    value: float
    low: float
    high: float
    unit: str
    basis: Basis
    source: str
    spread: Spread = "limits"
    # What its error has in common with others of the same words: one meter, one factor. "": nothing.
    common: str = ""

    @property
    def sure(self) -> bool:
        """Whether no interval is stated."""
        return self.low == self.high


@dataclass(frozen=True)
class Kind:
    """What a key takes: numbers in ``unit`` from ``least`` to ``most``, whole or not."""

    unit: str
    least: float
    most: float
    whole: Literal["whole", "real"] = "real"
    meaning: str = ""


def quantity(data: Any, kind: Kind, where: str, basis: Basis, source: str) -> Quantity:
    """The quantity that a scenario states: a number, a text with a unit, or ``{ value, low, high }``.

    Raises:
        UsageError: it is none of them, beyond the kind's limits, or its ends do not enclose its value.
    """
    if not isinstance(data, dict):
        value = _number(data, kind, where)
        return Quantity(value, value, value, kind.unit, basis, source)
    if unknown := [key for key in data if key not in ("value", "low", "high", "source")]:
        raise UsageError(f"{where}: unknown key {unknown[0]!r}: there are value, low, high, source")
    if "value" not in data:
        raise UsageError(f"{where}: value is missing: give {{ value = …, low = …, high = … }}")
    value = _number(data["value"], kind, f"{where}.value")
    low = _number(data.get("low", data["value"]), kind, f"{where}.low")
    high = _number(data.get("high", data["value"]), kind, f"{where}.high")
    if not low <= value <= high:
        raise UsageError(f"{where}: {low:g} … {high:g} does not enclose its value {value:g}")
    said = data.get("source", source)
    if not isinstance(said, str):
        raise UsageError(f"{where}.source: give a text")
    return Quantity(value, low, high, kind.unit, basis, said)


def _number(data: Any, kind: Kind, where: str) -> float:
    if isinstance(data, str):
        value = amount(data, kind.unit, where)
    elif type(data) in (int, float):
        value = data
    else:
        shown = type(data).__name__
        raise UsageError(f"{where}: a number was expected, got {_TYPES.get(shown, shown)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{where}: {value:g} is not a number that can be computed with")
    # A whole number is compared before it becomes a float: TOML's may have any length.
    if not kind.least <= value <= kind.most:
        limits = f"between {kind.least:g} and {kind.most:g}"
        unit = "" if kind.unit == "1" else f" {kind.unit}"
        raise UsageError(f"{where}: {_short(value)} is out of range: give {limits}{unit}")
    if kind.whole == "whole" and value != int(value):
        raise UsageError(f"{where}: {value:g}: give a whole number")
    return float(value)


_TYPES = {"bool": "a truth value", "list": "a list", "dict": "a table", "NoneType": "nothing"}


def _short(value: float) -> str:
    if isinstance(value, int) and abs(value) >= 10**15:
        return "the number"
    return f"{value:g}"
