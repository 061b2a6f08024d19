"""A plan: what runs where in each step, and what that takes by the true grid."""

from __future__ import annotations

import itertools
from typing import Any

from energyprof.simulate.numerics import load
from energyprof.simulate.placement.grid import Grid
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Plan:
    """Samples and joules in each step at each site; arrays (sites, steps), joules at the machines."""

    samples: Any
    joules: Any


@dataclass(frozen=True)
class Outcome:
    """What a plan takes; the data centre's overhead is in it."""

    energy_j: float
    carbon_kg: float
    money: float  # NaN: of a site where it runs nobody said the price
    ends_s: float  # after the job's start; the end of the last step in which it runs
    busy_s: float  # steps in which it runs
    restarts: int
    moves: int


def outcome(grid: Grid, plan: Plan) -> Outcome:
    """Its energy, carbon and money, with what putting it down and taking it up again takes."""
    numpy, job = load("numpy"), grid.job
    joules = plan.joules + overheads(grid, plan)
    pue = numpy.array([site.pue for site in grid.sites])[:, None]
    priced = numpy.where(joules > 0, joules * pue * grid.prices, 0.0)  # where nothing runs nothing is paid
    runs = (plan.samples > 0).any(axis=0)
    steps = numpy.flatnonzero(runs)
    restarts, moves = counted(plan)
    return Outcome(
        float((joules * pue).sum()),
        float((joules * grid.g_per_kwh).sum() / 3.6e9),
        float(priced.sum() / 3.6e6),
        float(steps[-1] + 1) * job.step_s if len(steps) else 0.0,
        float(len(steps)) * job.step_s,
        restarts,
        moves,
    )


def machines(grid: Grid, plan: Plan) -> Any:
    """How many machines run, the mean over each step; (sites, steps). Levels are told by their power."""
    numpy = load("numpy")
    found = numpy.zeros_like(plan.joules)
    for site in range(len(grid.sites)):
        levels = sorted(grid.levels(site), key=lambda level: level.power_w)
        power_w, counts = [0.0, *(one.power_w for one in levels)], [0, *(one.machines for one in levels)]
        found[site] = numpy.interp(plan.joules[site] / grid.job.step_s, power_w, counts)
    return found


def carbon_so_far(grid: Grid, plan: Plan) -> Any:
    """kg by the end of each step; (steps,)."""
    numpy = load("numpy")
    each = ((plan.joules + overheads(grid, plan)) * grid.g_per_kwh).sum(axis=0) / 3.6e9
    return numpy.cumsum(each)


def starts(plan: Plan) -> Any:
    """Where a site takes the job up that did not run it in the step before; (sites, steps)."""
    numpy = load("numpy")
    runs = plan.samples > 0
    before = numpy.concatenate([numpy.zeros((len(runs), 1), bool), runs[:, :-1]], axis=1)
    return runs & ~before


def counted(plan: Plan) -> tuple[int, int]:
    """How often it was taken up again after the first time, and how often of these at another site."""
    numpy = load("numpy")
    begun = starts(plan)
    restarts = max(0, int(begun.sum()) - 1)
    sites = [
        int(site)
        for step in numpy.flatnonzero(begun.any(axis=0))
        for site in numpy.flatnonzero(begun[:, step])
    ]
    return restarts, sum(a != b for a, b in itertools.pairwise(sites))


def overheads(grid: Grid, plan: Plan) -> Any:
    """Joules of checkpoints and moves, in the steps and at the sites where the job is taken up again."""
    numpy, job = load("numpy"), grid.job
    found = numpy.zeros_like(plan.joules)
    last = None
    begun = starts(plan)
    for step in numpy.flatnonzero(begun.any(axis=0)):
        for site in numpy.flatnonzero(begun[:, step]):
            if last is not None:
                found[site, step] = job.checkpoint_j + (job.move_j if site != last else 0.0)
            last = site
    return found
