"""Greedy marginal allocation (CarbonScaler: Hanafy et al., ACM POMACS 7(3), 2023).

The parts of machines that give most samples for what they emit come first, over all steps and sites, until
the work is done. Exact at one site for a job that can be divided and whose throughput is concave in its
power, which `grid.concave` sees to; checkpoints and moves are not looked at, but charged.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from energyprof.errors import UsageError
from energyprof.simulate.numerics import load
from energyprof.simulate.placement.grid import Grid, concave
from energyprof.simulate.placement.plan import Plan

# One site at a time, or as many as there are.
Sites = Literal["one", "all"]


def greedy(
    grid: Grid, sites: Sites = "one", steps: slice = slice(None), samples: float | None = None
) -> Plan:
    """The plan that charges least for the work, within ``steps``; ``samples``: of the job's, if not all.

    Raises:
        UsageError: the work cannot be done in that time.
    """
    numpy, job = load("numpy"), grid.job
    wanted = job.samples if samples is None else samples
    weight = grid.weight[:, steps]
    choices = [_cheapest, _fastest] if sites == "one" else [_all]
    for allowed in choices:
        parts = _parts(numpy, grid, allowed(numpy, grid, weight))
        order = numpy.argsort(parts.power * weight[parts.site, parts.step] / parts.work, kind="stable")
        done = numpy.cumsum(parts.work[order])
        if len(done) and done[-1] >= wanted * (1 - 1e-9):
            break
    else:
        raise UsageError(too_late(grid, float(done[-1]) if len(done) else 0.0, wanted))
    last = int(numpy.searchsorted(done, wanted * (1 - 1e-12)))
    share = numpy.ones(last + 1)
    final = parts.work[order[last]]
    share[last] = min(1.0, (wanted - (done[last] - final)) / final)
    chosen = order[: last + 1]
    plan = Plan(numpy.zeros(weight.shape), numpy.zeros(weight.shape))
    where = parts.site[chosen], parts.step[chosen]
    numpy.add.at(plan.samples, where, share * parts.work[chosen])
    numpy.add.at(plan.joules, where, share * parts.power[chosen])
    return plan


def too_late(grid: Grid, most: float, wanted: float) -> str:
    """The line on a deadline that cannot be met."""
    hours = grid.steps * grid.job.step_s / 3600
    return (
        f"{grid.job.name}: {wanted:.4g} samples cannot be trained in {hours:.4g} h, in which the sites' "
        f"machines do {most:.4g}: the deadline is what binds"
    )


class _Parts(NamedTuple):
    """Parts of machines in steps: samples and joules of each, and where and when; arrays of one length."""

    work: Any
    power: Any
    site: Any
    step: Any


def _parts(numpy: Any, grid: Grid, allowed: Any) -> _Parts:
    rows = []
    for site in range(len(grid.sites)):
        free = numpy.flatnonzero(allowed[site])
        for rate, power_w in concave(grid.levels(site)):
            each = numpy.ones(len(free))
            step_s = grid.job.step_s
            rows.append((rate * step_s * each, power_w * step_s * each, numpy.full(len(free), site), free))
    return _Parts(*(numpy.concatenate(column) for column in zip(*rows, strict=True)))


def _all(numpy: Any, grid: Grid, weight: Any) -> Any:
    return numpy.ones(weight.shape, bool)


def _cheapest(numpy: Any, grid: Grid, weight: Any) -> Any:
    """In each step the site whose best part charges least a sample."""
    best = [
        min((power_w / rate for rate, power_w in concave(grid.levels(site))), default=numpy.inf)
        for site in range(len(grid.sites))
    ]
    charged = weight * numpy.array(best)[:, None]
    return numpy.arange(len(grid.sites))[:, None] == charged.argmin(axis=0)[None, :]


def _fastest(numpy: Any, grid: Grid, weight: Any) -> Any:
    """In each step, of the sites with the highest throughput, the one that charges least: time is short."""
    rate = numpy.array([sum(r for r, _ in concave(grid.levels(s))) for s in range(len(grid.sites))])
    charged = numpy.where((rate >= rate.max())[:, None], weight, numpy.inf)
    return numpy.arange(len(grid.sites))[:, None] == charged.argmin(axis=0)[None, :]
