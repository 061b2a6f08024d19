"""One paradigm's result: its parts, their total, and how far it may lie off."""

from __future__ import annotations

from collections.abc import Mapping

from energyprof.simulate.parts import Part, total
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Interval:
    """The middle 95 % of the draws."""

    low: float
    high: float

    def holding(self, value: float) -> Interval:
        """This one, or as much wider as it takes to hold ``value``."""
        return Interval(min(self.low, value), max(self.high, value))


@dataclass(frozen=True)
class Outcome:
    """What one paradigm takes over its life cycle; simulated, whatever its inputs are.

    ``low`` and ``high`` are its parts with every input at the end that takes less, or more, energy;
    ``cleaner`` and ``dirtier`` the same by carbon. ``drawn`` holds energy_j and co2_kg of all draws; it is
    empty where no input has an interval.
    """

    name: str
    kind: str
    parts: Mapping[str, Part]
    low: Mapping[str, Part]
    high: Mapping[str, Part]
    cleaner: Mapping[str, Part]
    dirtier: Mapping[str, Part]
    drawn: Mapping[
        str, Interval
    ]  # energy_j, co2_kg: of the Monte Carlo draws; nothing: no input has an interval

    @property
    def total(self) -> Part:
        """The sum of the parts."""
        return total(self.parts)
