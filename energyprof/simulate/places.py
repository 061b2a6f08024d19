"""Joules at a place: what the data centre adds, and what its grid emits for them."""

from __future__ import annotations

import math

from energyprof.simulate.parts import Part
from energyprof.simulate.place import Place
from energyprof.simulate.scenario import Inputs

J_PER_KWH = 3.6e6


def used(x: Inputs, place: Place, it_j: float) -> Part:
    """The part that ``it_j`` of computers, storage or transmitters at ``place`` come to, with its PUE."""
    return _sum(x, place, it_j, "pue")


def carried(x: Inputs, place: Place, network_j: float) -> Part:
    """The part that ``network_j`` of the network come to: its own cooling is in them, so without the PUE."""
    return _sum(x, place, network_j, "")


def _sum(x: Inputs, place: Place, joules: float, overhead: str) -> Part:
    whole = Part()
    for site, share in place.shares:
        pue = x.get(1.0, f"site.{site}.pue") if overhead else 1.0
        energy_j = joules * share * pue
        kwh = energy_j / J_PER_KWH
        # Not a number where the site does not say: a total that needs it is not known either.
        intensity = x.get(math.nan, f"site.{site}.intensity")
        wue = x.get(math.nan, f"site.{site}.wue")
        primary = x.get(math.nan, "factors.primary.electricity")
        # WUE is by the energy of the computers (ISO/IEC 30134-9), not of the whole site.
        water_l = joules * share / J_PER_KWH * wue
        whole += Part(energy_j, kwh * intensity / 1000, 0.0, energy_j * primary, water_l)
    return whole
