"""What meters say of a window: joules, their uncertainty, and the share of the time that they cover.

The uncertainty follows the GUM (JCGM 100:2008). Every one of ``METER_TERMS`` is a standard uncertainty in J;
they add in quadrature, and U = 2u is what reports show. From samples to these: ``integrator.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from energyprof.meter import MeterInfo
from energyprof.report.flags import Flag, Kind, flag
from energyprof.report.uncertainty import (
    BELOW,
    GAIN,
    METER_TERMS,
    SCALE,
    above,
    below,
    combined,
    group,
    stored,
    wider,
)
from energyprof.storable.frozen import dataclass

# Shorter windows than so many renewals of the meter's value say little.
SHORT_REFRESHES = 20

# Runs whose meters cover less of the time are invalid, not trimmed.
MIN_COVERAGE = 0.99

# Rectangular half-widths become standard uncertainties by this (GUM 4.3.7).
RECTANGLE = 1 / math.sqrt(3)

Window = tuple[float, float]  # start and end, in s from the run's zero


@dataclass(frozen=True)
class MeterEnergy:
    """What one meter says about one window."""

    meter: MeterInfo
    joules: float | None  # None: no reading tells of any of the window
    terms_j: Mapping[str, float]  # standard uncertainties, by the names of METER_TERMS
    coverage: float  # share of the window between readings that followed each other in time
    flags: tuple[Kind, ...]
    seen_w: float | None = None  # mean power over the time that was seen; None: too short to tell
    seen_s: float = 0.0  # that time

    @property
    def reading_u_j(self) -> float:
        """Its standard uncertainty but for the scale."""
        return math.hypot(*(u_j for term, u_j in self.terms_j.items() if term not in SCALE))


@dataclass(frozen=True)
class Energy:
    """The sum over meters of one boundary."""

    joules: float | None  # None: not measured
    u_j: float | None  # expanded, k = 2, towards the end that lies further away
    gain_u_j: float | None  # the part of u_j that is gain: common to all energies from these meters
    coverage: float | None  # of the meter that covers least; None: no meter
    flags: tuple[Flag, ...]
    terms_j: Mapping[str, float] = field(default_factory=dict)  # standard uncertainties (k = 1)
    seen_w: float | None = None  # mean power over the time that each meter saw; None: too short to tell
    seen_s: float = 0.0  # of the meter that saw least

    @property
    def interval_j(self) -> tuple[float | None, float | None]:
        """The ends of the 95 % interval."""
        if self.joules is None or self.u_j is None:
            return None, None
        if BELOW not in self.terms_j:
            return self.joules - self.u_j, self.joules + self.u_j
        ends = 2 * combined(below(self.terms_j)), 2 * combined(above(self.terms_j))
        return self.joules - ends[0], self.joules + ends[1]


def total(energies: Iterable[MeterEnergy]) -> Energy:
    """The sum over meters that count no joule twice (the caller sees to that).

    What meters share of a term adds linearly, all else in quadrature. Where one has no reading there is no
    sum: what is left of it is no energy of the boundary. The meter's flag says so.
    """
    energies = list(energies)
    flags = tuple(flag(kind, e.meter.name) for e in energies for kind in e.flags)
    coverage = min((e.coverage for e in energies), default=None)
    known = [(e, e.joules) for e in energies if e.joules is not None]
    if not known or len(known) < len(energies):
        return Energy(None, None, None, coverage, flags or (flag("not_measured"),))
    terms_j = summed_terms([(e.meter, e.terms_j) for e, _ in known])
    one_way_j = wider(terms_j)
    return Energy(
        sum(joules for _, joules in known),
        2 * combined(one_way_j),
        2 * combined({term: one_way_j[term] for term in SCALE if term in one_way_j}),
        coverage,
        flags,
        stored(terms_j),
        _sum_or_none(e.seen_w for e in energies),
        min(e.seen_s for e in energies),
    )


def summed_terms(of_meters: Sequence[tuple[MeterInfo, Mapping[str, float]]]) -> dict[str, float]:
    """The terms of a sum of energies, from those of each meter's; a gain that has one side has it twice."""
    terms_j = {}
    for name, term in METER_TERMS.items():
        together: dict[str, float] = {}
        for meter, terms in of_meters:
            those, same = group(term, meter), terms.get(GAIN, 0.0) if name == BELOW else 0.0
            together[those] = together.get(those, 0.0) + terms.get(name, same)
        terms_j[name] = math.hypot(*together.values())
    return terms_j


def _sum_or_none(powers_w: Iterable[float | None]) -> float | None:
    """Their sum; ``None`` if one of them is."""
    known_w = list(powers_w)
    return None if None in known_w else math.fsum(w for w in known_w if w is not None)
