"""What a paradigm takes, part by part: joules, carbon, manufacture, primary energy; sums are totals."""

from __future__ import annotations

from collections.abc import Mapping

from energyprof.storable.frozen import dataclass

PARTS = (
    "compute",
    "start-up",
    "server",
    "uplink",
    "downlink",
    "side link",
    "storage",
    "idle",
    "inference",
    "manufacture",
    "end of life",
)
# Parts that take nothing while it trains.
MADE = ("manufacture", "end of life")
FIGURES = ("energy_j", "co2_kg", "embodied_kg", "primary_j", "water_l")


@dataclass(frozen=True)
class Part:
    """One part of a life cycle; NaN: cannot be known, since a site's intensity or water use is not.

    ``co2_kg`` holds use and manufacture, ``embodied_kg`` the latter alone; ``primary_j`` likewise both.
    """

    energy_j: float = 0.0
    co2_kg: float = 0.0
    embodied_kg: float = 0.0
    primary_j: float = 0.0
    water_l: float = 0.0

    def __add__(self, other: Part) -> Part:
        # One by one: this is most of what a simulation does.
        return Part(
            self.energy_j + other.energy_j,
            self.co2_kg + other.co2_kg,
            self.embodied_kg + other.embodied_kg,
            self.primary_j + other.primary_j,
            self.water_l + other.water_l,
        )

    def times(self, factor: float) -> Part:
        """All of it ``factor`` times."""
        return Part(*(getattr(self, name) * factor for name in FIGURES))


def total(parts: Mapping[str, Part]) -> Part:
    """The sum of all parts."""
    return sum(parts.values(), Part())


def makes(parts: Mapping[str, Part]) -> bool:
    """Whether manufacture is counted in any of them: then nothing embodied is a number, not a gap."""
    return any(name in parts for name in (*MADE, "storage"))
