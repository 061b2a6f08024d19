"""How far totals lie off when every input is off by chance, and how often each paradigm takes least."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from energyprof.simulate.draws import middle
from energyprof.simulate.evaluate import parts_of
from energyprof.simulate.numerics import load
from energyprof.simulate.outcome import Interval
from energyprof.simulate.parts import Part, total
from energyprof.simulate.scenario import Scenario

# What is judged: both are what a life cycle is compared by.
FIGURES = ("energy_j", "co2_kg")


def totals(
    scenario: Scenario, names: Sequence[str], values: Mapping[str, Any], where: str
) -> dict[str, dict[str, Any]]:
    """Paradigm -> figure -> array of its draws, or a number where nothing that it needs is drawn."""
    found = {}
    for name in names:
        whole = total(parts_of(scenario, name, values, where))
        found[name] = {figure: getattr(whole, figure) for figure in FIGURES}
    return found


def intervals(whole: Part, of: Mapping[str, Any]) -> dict[str, Interval]:
    """The middle 95 % of each figure that varies and is known, widened to hold the total itself.

    Where most inputs can only be more than their values, the total lies below nearly all draws.
    """
    numpy = load("numpy")
    return {
        figure: middle(draws).holding(getattr(whole, figure))
        for figure, draws in of.items()
        if numpy.ndim(draws) and not numpy.isnan(draws).any()
    }


def least(found: Mapping[str, Mapping[str, Any]], names: Sequence[str], figure: str) -> dict[str, float]:
    """The share of draws in which each paradigm takes least; ties are split. Empty: a figure is not known."""
    numpy = load("numpy")
    rows = numpy.stack(numpy.broadcast_arrays(*(numpy.atleast_1d(found[name][figure]) for name in names)))
    if numpy.isnan(rows).any():
        return {}
    best = rows == rows.min(axis=0)
    shares = (best / best.sum(axis=0)).mean(axis=1)
    return dict(zip(names, map(float, shares), strict=True))
