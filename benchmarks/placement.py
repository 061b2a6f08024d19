"""How fast a job is placed.

Claims, on two processors: greedy over 50 sites, 8,760 hours and 8 levels takes no more than 2 s; deciding
again in every hour of a year over 50 sites takes no more than 60 s; the programme with checkpoints, moves and
a power domain over 100 sites and 60 steps takes no more than 5 s, and charges no more than greedy.

``python benchmarks/placement.py``
"""

from __future__ import annotations

import dataclasses
import math
import sys
import time

import numpy

from energyprof.simulate.placement import milp
from energyprof.simulate.placement.greedy import greedy
from energyprof.simulate.placement.grid import Grid, grid_of
from energyprof.simulate.placement.job import Job, Level, Site
from energyprof.simulate.placement.plan import outcome
from energyprof.simulate.placement.rolling import Forecast, rolling
from energyprof.simulate.traces.trace import IntensityTrace

SITES, HOURS, LEVELS = 50, 8760, 8
HOUR_S = 3600.0
MOST_GREEDY_S, MOST_ROLLING_S, MOST_MILP_S = 2.0, 60.0, 5.0


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


def programmed() -> Grid:
    """100 sites, two of them on one cable, over 60 hours."""
    levels = (Level(1, 1.0, 1000.0), Level(2, 1.8, 2000.0), Level(4, 2.6, 4000.0))
    job = Job("programmed", 0.8 * 60 * HOUR_S, levels, 0.0, 60 * HOUR_S, HOUR_S, checkpoint_j=1e5, move_j=1e5)
    sites = [Site(f"s{i}", 4, 1.2, year(i), 0.0) for i in range(100)]
    cable = [dataclasses.replace(site, domain="cable", domain_w=3000.0) for site in sites[:2]]
    return grid_of(job, [*cable, *sites[2:]])


def main() -> int:
    """Time all three; 1 if one takes too long or the programme charges more than greedy."""
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
    small = programmed()
    begun_s = time.perf_counter()
    found = milp.best(small)
    milp_s = time.perf_counter() - begun_s
    assert found is not None
    milp_kg, greedy_kg = (outcome(small, plan).carbon_kg for plan in (found.plan, greedy(small)))
    print(f"programme, 100 sites x 60 h: {milp_s:.2f} s (limit {MOST_MILP_S:g} s)")
    print(f"  {milp_kg:.4f} kg, within {100 * found.gap:.2g} % of the least; greedy {greedy_kg:.4f} kg")
    for name, plan in (("all sites at once", best), ("one site at a time", one), ("rolling", realised)):
        print(f"  {name}: {outcome(made, plan).carbon_kg:,.0f} kg")
    late = greedy_s > MOST_GREEDY_S or rolling_s > MOST_ROLLING_S or milp_s > MOST_MILP_S
    return int(late or milp_kg > greedy_kg * (1 + 2 * milp.GAP))


if __name__ == "__main__":
    sys.exit(main())
