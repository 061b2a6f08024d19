"""Deciding again in each step, as the forecast changes; what is realised is charged by the true grid."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from energyprof.errors import UsageError
from energyprof.simulate.numerics import load
from energyprof.simulate.placement.greedy import greedy, too_late
from energyprof.simulate.placement.grid import Grid, concave, with_intensity
from energyprof.simulate.placement.plan import Plan
from energyprof.storable.frozen import dataclass

DAY_S = 86400.0


@dataclass(frozen=True)
class Forecast:
    """How far a forecast reaches, and how wrong it is."""

    reach_s: float = 2 * DAY_S
    # Relative standard deviation of the error a day ahead; it grows with the root of the time ahead.
    error: float = 0.1
    seed: int = 0


def rolling(grid: Grid, forecast: Forecast) -> Plan:
    """The plan that comes of planning by the forecast, doing the first step, and planning again.

    Raises:
        UsageError: the work cannot be done in time.
    """
    numpy, job = load("numpy"), grid.job
    rng = numpy.random.default_rng(forecast.seed)
    plan = Plan(numpy.zeros(grid.weight.shape), numpy.zeros(grid.weight.shape))
    reach = max(1, int(forecast.reach_s / job.step_s))
    # What was wrong an hour ago is wrong now, and a little less: AR(1) with a day's memory.
    keeps = math.exp(-job.step_s / DAY_S)
    noise = numpy.zeros((len(grid.sites), reach))
    most = _most(grid)
    left = job.samples
    for step in range(grid.steps):
        if left <= 1e-9 * job.samples:
            return plan
        ahead = min(reach, grid.steps - step)
        noise = keeps * noise + math.sqrt(1 - keeps**2) * rng.standard_normal(noise.shape)
        time_s = job.step_s * numpy.arange(ahead)
        spread = forecast.error * numpy.sqrt(time_s / DAY_S)
        seen = grid.g_per_kwh[:, step : step + ahead] * numpy.exp(spread * noise[:, :ahead])
        _take(numpy, grid, plan, seen, step, left, most)
        left = job.samples - float(plan.samples[:, : step + 1].sum())
    if left > 1e-6 * job.samples:
        raise UsageError(too_late(grid, job.samples - left, job.samples))
    return plan


def _take(numpy: Any, grid: Grid, plan: Plan, seen: Any, step: int, left: float, most: float) -> None:
    """Do in this step what the plan by what is seen of the grid says."""
    ahead = seen.shape[1]
    beyond = grid.steps - step - ahead
    # What lies beyond is taken to be as what is seen, so that each gets its share of the work; but no more is
    # left for later than can be done then.
    wanted = max(left * ahead / (ahead + beyond), left - most * beyond)
    first = greedy(with_intensity(_short(grid, ahead), seen), "one", samples=min(wanted, most * ahead))
    plan.samples[:, step], plan.joules[:, step] = first.samples[:, 0], first.joules[:, 0]


def _short(grid: Grid, steps: int) -> Grid:
    deadline_s = grid.job.start_s + steps * grid.job.step_s
    return dataclasses.replace(grid, job=dataclasses.replace(grid.job, deadline_s=deadline_s))


def _most(grid: Grid) -> float:
    """Samples that the best site does in a step."""
    rates = [sum(rate for rate, _ in concave(grid.levels(site))) for site in range(len(grid.sites))]
    return max(rates) * grid.job.step_s
