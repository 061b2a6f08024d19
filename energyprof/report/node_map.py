"""A node's power from its components': the map that a calibration against a node's meter left, and its use.

    node = intercept_w + Σ slope · what the meters of a term read

The readings are the meters' own, without a calibration of theirs: a gain error is part of the slope.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from energyprof.decode import Amount, Name, NonNegative, Signed, Utc
from energyprof.meter import Boundary
from energyprof.report.transfer import beyond_w, drift_u
from energyprof.storable.frozen import dataclass

# moved: the loads moved it apart from the others · together: it moved along with others, so only their common
# slope is known · still: it hardly moved
Told = Literal["moved", "together", "still"]


@dataclass(frozen=True)
class MapTerm:
    """The meters of one part, and what the node draws for each watt that they read."""

    part: str  # gpu, cpu, dram, …
    meters: tuple[Name, ...]
    devices: tuple[str, ...]  # of the meters, in their order
    slope: Signed
    low_w: NonNegative  # the sum of their mean powers in the calibration; 5 % of the windows lie below …
    high_w: NonNegative  # … and 5 % above
    told: Told


@dataclass(frozen=True)
class NodeMap:
    """What a node draws, by what its components' meters read; valid on one machine."""

    machine: str  # the id of the machine; "": not known
    boundary: Boundary
    intercept_w: Signed
    terms: tuple[MapTerm, ...]
    covariance: tuple[tuple[Signed, ...], ...]  # of the intercept and the slopes, in their order
    misfit_u: Amount  # relative, standard (k = 1): what the node does that is not such a sum
    reference: str  # the meter of the node, its device and how it was read
    reference_u: Amount  # its gain: relative, standard
    start: Utc  # of the recording
    end: Utc
    drift_u: Amount  # as in CalibratedRange
    slope_u: Amount
    source: str  # the file, the reference and the day
    temperature_c: tuple[float, float] | None = None  # of the hottest device

    @property
    def meters(self) -> tuple[str, ...]:
        """All meters that it needs."""
        return tuple(name for term in self.terms for name in term.meters)

    def power_w(self, loads_w: Sequence[float]) -> float:
        """The node's power where the terms' meters read ``loads_w``."""
        slopes = (term.slope for term in self.terms)
        return self.intercept_w + math.fsum(s * w for s, w in zip(slopes, loads_w, strict=True))

    def concentration(self, levels_w: Sequence[float]) -> float:
        """How much of misfit and drift a stretch keeps that spent equal times at these powers; else all.

        What a node does that is no such sum is one error at rest, another at half load, a third at full, and
        so is what has changed since (`DRIFT_U`): over a stretch of all three a part of it cancels, √Σp² with
        the shares of the joules in each third of the powers that the map was drawn from.
        """
        low_w = self.power_w([term.low_w for term in self.terms])
        third_w = (self.power_w([term.high_w for term in self.terms]) - low_w) / 3
        whole_w = math.fsum(levels_w)
        if not levels_w or third_w <= 0 or min(levels_w) <= 0:
            return 1.0
        shares = [0.0, 0.0, 0.0]
        for level_w in levels_w:
            shares[min(2, max(0, int((level_w - low_w) // third_w)))] += level_w / whole_w
        return math.hypot(*shares)

    def terms_w(self, loads_w: Sequence[float], hours: float, concentration: float = 1.0) -> dict[str, float]:
        """The standard uncertainties of that power, so many hours outside the map's time, by term."""
        power_w = abs(self.power_w(loads_w))
        beyond = [
            self.slope_u * term.slope * beyond_w(term.low_w, term.high_w, load_w)
            for term, load_w in zip(self.terms, loads_w, strict=True)
        ]
        known_w = math.sqrt(max(0.0, quadratic(self.covariance, (1.0, *loads_w))))
        return {
            "gain": self.reference_u * power_w,
            "map": math.hypot(known_w, self.misfit_u * concentration * power_w),
            "transfer": math.hypot(drift_u(hours, self.drift_u) * concentration * power_w, *beyond),
        }

    def u_w(self, loads_w: Sequence[float], hours: float) -> float:
        """The standard uncertainty of that power."""
        return math.hypot(*self.terms_w(loads_w, hours).values())


@dataclass(frozen=True)
class NodeEnergy:
    """The energy of the whole node over the stretches of a run's two energies, by a map."""

    boundary: Boundary  # the map's
    energy_j: float | None
    energy_u_j: NonNegative | None  # k = 2
    energy_low_j: float | None  # the ends of the 95 % interval
    energy_high_j: float | None
    total_energy_j: float | None
    total_energy_u_j: NonNegative | None
    budget_j: Mapping[str, NonNegative]  # of energy_j: standard (k = 1) by term


def quadratic(matrix: Sequence[Sequence[float]], x: Sequence[float]) -> float:
    """xᵀ M x: the variance at ``x`` of a sum with these coefficients, if M is their covariance."""
    return math.fsum(matrix[i][j] * x[i] * x[j] for i in range(len(x)) for j in range(len(x)))
