"""Clients that sleep while their grid is dirty: how much of the time each site takes part, and how evenly."""

from __future__ import annotations

import math
from collections.abc import Sequence

from energyprof.simulate.traces.trace import IntensityTrace, mean_of
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Presence:
    """A site's clients: the share of the time they are awake, and what a kWh emits then."""

    site: str
    clients: float  # share of all clients
    awake: float  # share of the time
    g_per_kwh: float  # mean while awake; NaN: never awake


def presence(site: str, clients: float, intensities: IntensityTrace, most: float) -> Presence:
    """Awake in those steps of the trace whose intensity is ``most`` g/kWh or less."""
    lasting = intensities.lasting()
    awake = [(value, lasts_s) for value, lasts_s in lasting if value <= most]
    share = math.fsum(s for _, s in awake) / math.fsum(s for _, s in lasting)
    return Presence(site, clients, share, mean_of(awake) if awake else math.nan)


def participation(sites: Sequence[Presence]) -> float:
    """The mean share of the time that a client takes part."""
    return math.fsum(one.clients * one.awake for one in sites)


def fairness(sites: Sequence[Presence]) -> float:
    """Jain's index of participation over the clients: 1 if all take part alike, towards 0 if few do.

    Jain, Chiu and Hawe, 1984, DEC-TR-301. Of nobody awake, 1: all are treated alike.
    """
    squares = math.fsum(one.clients * one.awake**2 for one in sites)
    return participation(sites) ** 2 / squares if squares else 1.0
