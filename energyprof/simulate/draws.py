"""Seeded draws of every number that has an interval, the same for the same seed on any machine.

A quantity's draws depend on the seed and its own key alone, so paradigms are compared draw by draw, and what
else a scenario holds does not change them. What is off by the same meter or the same factor is off together.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

from energyprof.simulate.numerics import load
from energyprof.simulate.outcome import Interval
from energyprof.simulate.quantity import Quantity

# From this ratio of its ends on a quantity is drawn on a logarithmic scale: on a linear one hardly a draw
# would lie in its lower decades.
WIDE = 10.0
_Z95 = 1.959963984540054  # 97.5 % of a normal distribution lie below


def drawn(quantities: Mapping[str, Quantity], seed: int, count: int) -> dict[str, Any]:
    """Each key's value, or an array (count,) of draws where it has an interval.

    Raises:
        MissingPart: numpy is not installed.
    """
    array = load("numpy").array
    return {
        key: quantity.value
        if quantity.sure
        else array(_draws(quantity, random.Random(f"{seed} {quantity.common or key}"), count))
        for key, quantity in quantities.items()
    }


def _draws(quantity: Quantity, rng: random.Random, count: int) -> list[float]:
    value, low, high = quantity.value, quantity.low, quantity.high
    if quantity.spread == "interval" and low > 0:
        # Each half of a normal distribution of logarithms has its own width, so that the ends are 95 %'s.
        below, above = math.log(value / low) / _Z95, math.log(high / value) / _Z95
        normal = (rng.normalvariate(0.0, 1.0) for _ in range(count))
        return [value * math.exp(z * (above if z > 0 else below)) for z in normal]
    if low > 0 and high / low >= WIDE:
        ends = (math.log(low), math.log(high), math.log(value))
        return [math.exp(rng.triangular(*ends)) for _ in range(count)]
    return [rng.triangular(low, high, value) for _ in range(count)]


def middle(draws: Any) -> Interval:
    """Between which the middle 95 % of an array of draws lie; of a single number, itself twice."""
    low, high = load("numpy").quantile(draws, (0.025, 0.975))
    return Interval(float(low), float(high))
