"""How little and how much a paradigm may take: every input at the end that lowers, or raises, the total.

Every total rises or falls with each of its inputs all the way, so these corners are the extremes themselves.
"""

from __future__ import annotations

import math
from typing import Literal

from energyprof.simulate.evaluate import keys_of, parts_of
from energyprof.simulate.parts import Part, total
from energyprof.simulate.scenario import Scenario

Parts = dict[str, Part]
_Figure = Literal["energy_j", "co2_kg"]


def bounds(scenario: Scenario, name: str, where: str) -> tuple[Parts, Parts, Parts, Parts]:
    """The parts with the least and the most energy, and with the least and the most carbon."""
    return (*_ends(scenario, name, where, "energy_j"), *_ends(scenario, name, where, "co2_kg"))


def _ends(scenario: Scenario, name: str, where: str, figure: _Figure) -> tuple[Parts, Parts]:
    values = scenario.values()
    least, most = dict(values), dict(values)
    for key in sorted(keys_of(scenario, name, where)):
        quantity = scenario.quantities[key]
        if quantity.sure:
            continue
        ends = [
            getattr(total(parts_of(scenario, name, {**values, key: end}, where)), figure)
            for end in (quantity.low, quantity.high)
        ]
        rises = math.isnan(ends[0]) or ends[0] <= ends[1]
        least[key], most[key] = (quantity.low, quantity.high) if rises else (quantity.high, quantity.low)
    return parts_of(scenario, name, least, where), parts_of(scenario, name, most, where)
