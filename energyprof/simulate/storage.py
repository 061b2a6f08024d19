"""Data that lie in the data centre: the power and the manufacture of their disks."""

from __future__ import annotations

import math

from energyprof.simulate.embodied import share_of_life
from energyprof.simulate.parts import Part
from energyprof.simulate.places import used
from energyprof.simulate.scenario import Inputs, Scenario

BYTE_PER_TB = 1e12


def stored(scenario: Scenario, x: Inputs, bits: float) -> dict[str, Part]:
    """The part "storage", if the scenario says for how long; ``bits`` unless it says how many bytes."""
    if "data.stored_s" not in x:
        return {}
    tb = x.get(bits / 8, "data.stored_bytes") / BYTE_PER_TB
    tb = tb * x["data.replication"]
    seconds = x["data.stored_s"]
    life = x["data.life_years"]
    kg = tb * x["data.kg_per_tb"] * share_of_life(seconds, life, 1.0)
    part = used(x, scenario.server, tb * x["data.w_per_tb"] * seconds)
    # The primary energy of making disks is in no table here.
    return {"storage": part + Part(co2_kg=kg, embodied_kg=kg, primary_j=math.nan)}
