"""How fast a job is placed.

Claims, on two processors: greedy over 50 sites, 8,760 hours and 8 levels takes no more than 2 s; deciding
again in every hour of a year over 50 sites takes no more than 60 s.

``python benchmarks/placement.py``
"""

from __future__ import annotations

import math
import sys
import time

import numpy

from energyprof.simulate.placement.greedy import greedy
from energyprof.simulate.placement.grid import Grid, grid_of
from energyprof.simulate.placement.job import Job, Level, Site
from energyprof.simulate.placement.plan import outcome
from energyprof.simulate.placement.rolling import Forecast, rolling
from energyprof.simulate.traces.trace import IntensityTrace

SITES, HOURS, LEVELS = 50, 8760, 8
HOUR_S = 3600.0
MOST_GREEDY_S, MOST_ROLLING_S = 2.0, 60.0


def year(seed: int) -> IntensityTrace:
    """A grid's year: a mean, a day, a season, and noise with a day's memory."""
    rng = numpy.random.default_rng(seed)
    hours = numpy.arange(HOURS)
    noise = numpy.zeros(HOURS)
    shocks = rng.standard_normal(HOURS) * 20
    for hour in range(1, HOURS):
        noise[hour] = 0.96 * noise[hour - 1] + shocks[hour]
    mean = rng.uniform(50, 600)
    day = 0.25 * mean * numpy.cos((hours % 24 - rng.uniform(0, 24)) / 24 * 2 * math.pi)
    season = 0.2 * mean * numpy.cos(hours / HOURS * 2 * math.pi)
    values = numpy.clip(mean + day + season + noise, 5, 1500)
    return IntensityTrace(tuple(HOUR_S * hours), tuple(values), HOUR_S, "made by this script")


def grid(share: float) -> Grid:
    """A job that needs this share of the year on all machines of a site."""
    levels = tuple(Level(n, n**0.9, 300.0 * n) for n in range(1, LEVELS + 1))
    work = share * HOURS * HOUR_S * levels[-1].samples_per_s
    job = Job("a year", work, levels, 0.0, HOURS * HOUR_S, HOUR_S)
    return grid_of(job, [Site(f"s{i}", LEVELS, 1.2, year(i), 0.0) for i in range(SITES)])


def main() -> int:
    """Time both; 1 if one takes too long."""
    made = grid(0.3)
    begun_s = time.perf_counter()
    best = greedy(made, "all")
    greedy_s = time.perf_counter() - begun_s
    one = greedy(made, "one")
    begun_s = time.perf_counter()
    realised = rolling(made, Forecast(48 * HOUR_S, 0.1))
    rolling_s = time.perf_counter() - begun_s
    print(
        f"greedy, {SITES} sites x {HOURS:,} h x {LEVELS} levels: {greedy_s:.2f} s (limit {MOST_GREEDY_S:g} s)"
    )
    print(
        f"rolling horizon of 48 h over a year, {SITES} sites: {rolling_s:.1f} s (limit {MOST_ROLLING_S:g} s)"
    )
    for name, plan in (("all sites at once", best), ("one site at a time", one), ("rolling", realised)):
        print(f"  {name}: {outcome(made, plan).carbon_kg:,.0f} kg")
    return int(greedy_s > MOST_GREEDY_S or rolling_s > MOST_ROLLING_S)


if __name__ == "__main__":
    sys.exit(main())
