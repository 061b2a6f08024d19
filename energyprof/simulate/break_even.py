"""Where two paradigms take the same: by closed form where totals are lines, else between brackets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from energyprof.simulate.dial import Dial
from energyprof.simulate.draws import middle
from energyprof.simulate.monte_carlo import totals
from energyprof.simulate.numerics import load
from energyprof.simulate.outcome import Interval
from energyprof.simulate.scenario import Scenario
from energyprof.storable.frozen import dataclass

# A crossing further from the scenario than this is none: factors were not made for that.
FURTHEST = 1e6
_STRAIGHT = 1e-9


@dataclass(frozen=True)
class Crossing:
    """Below ``at`` of the dial ``below`` takes less, above it ``above``."""

    below: str
    above: str
    figure: str
    dial: str
    unit: str
    at: float
    now: float  # what the dial is in the scenario
    how: Literal["closed form", "bracketed"]
    interval: Interval | None  # the middle 95 % of the draws that cross; None: nothing is drawn
    share: float  # of the draws that cross


def crossings(
    scenario: Scenario, dials: Sequence[Dial], drawn: Mapping[str, Any], where: str
) -> tuple[Crossing, ...]:
    """All pairs of paradigms on all ``dials``, the nearest to the scenario first."""
    found = [
        crossing
        for dial in dials
        for figure in dial.figures
        for pair in itertools.combinations([paradigm.name for paradigm in scenario.paradigms], 2)
        if (crossing := _crossing(scenario, drawn, dial, figure, pair, where)) is not None
    ]
    return tuple(sorted(found, key=lambda one: abs(math.log(one.at / one.now))))


def _crossing(
    scenario: Scenario, drawn: Mapping[str, Any], dial: Dial, figure: str, pair: tuple[str, str], where: str
) -> Crossing | None:
    def difference(values: Mapping[str, Any]) -> Callable[[float], Any]:
        def at(scale: float) -> Any:
            found = totals(scenario, pair, dial.turned(values, scale), where)
            return found[pair[0]][figure] - found[pair[1]][figure]

        return at

    of_values = difference(scenario.values())
    one, two, four = of_values(1.0), of_values(2.0), of_values(4.0)
    if math.isnan(one):
        return None
    straight = abs((four - two) - 2 * (two - one)) <= _STRAIGHT * max(abs(one), abs(four))
    scale = _root(one, two) if straight else _bracketed(of_values)
    if scale is None or not 1 / FURTHEST < scale < FURTHEST:
        return None
    # Which of them takes less on the low side of what the dial says.
    first_less = of_values(scale / 2 if dial.shown == "times" else scale * 2) < 0
    low, high = pair if first_less else (pair[1], pair[0])
    at = (dial.value(scale), dial.at_one)
    interval, share = _spread(difference(drawn), dial) if straight else (None, 1.0)
    interval = None if interval is None else interval.holding(at[0])
    how: Literal["closed form", "bracketed"] = "closed form" if straight else "bracketed"
    return Crossing(low, high, figure, dial.name, dial.unit, *at, how, interval, share)


def _root(one: float, two: float) -> float | None:
    """Where a line through (1, one) and (2, two) is zero."""
    return None if two == one else 1 - one / (two - one)


def _bracketed(of: Callable[[float], float]) -> float | None:
    """The zero nearest to 1 on a grid of ten steps a decade, then by Brent's method."""
    grid = sorted((10 ** (i / 10) for i in range(-60, 61)), key=lambda scale: abs(math.log(scale)))
    for scale in grid:
        following = scale * 10**0.1
        if (of(scale) < 0) != (of(following) < 0):
            return float(load("scipy.optimize").brentq(of, scale, following, rtol=1e-12))
    return None


def _spread(of: Callable[[float], Any], dial: Dial) -> tuple[Interval | None, float]:
    """Where the draws cross, and how many of them do."""
    numpy = load("numpy")
    one, two = of(1.0), of(2.0)
    if not numpy.ndim(one):
        return None, 1.0
    with numpy.errstate(divide="ignore", invalid="ignore"):
        scales = 1 - one / (two - one)
    crossing = (scales > 1 / FURTHEST) & (scales < FURTHEST)
    if not crossing.any():
        return None, 0.0
    return middle(dial.value(scales[crossing])), float(crossing.mean())
