"""The sites over the job's time: what a kWh costs there, in carbon and in money."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from energyprof.errors import UsageError
from energyprof.simulate.numerics import load
from energyprof.simulate.placement.job import Job, Level, Site
from energyprof.storable.frozen import dataclass
from energyprof.units import utc


@dataclass(frozen=True)
class Grid:
    """Arrays over sites and steps."""

    job: Job
    sites: tuple[Site, ...]
    g_per_kwh: Any  # (sites, steps), at the machines: PUE included
    # What the objective charges for a joule at the machines: kg, kWh or money; (sites, steps).
    weight: Any

    @property
    def prices(self) -> Any:
        """Money a kWh at each site, NaN where nobody said; (sites, 1)."""
        found = [math.nan if site.price_per_kwh is None else site.price_per_kwh for site in self.sites]
        return load("numpy").array(found)[:, None]

    @property
    def steps(self) -> int:
        """The job's steps."""
        return self.job.steps

    def levels(self, site: int) -> tuple[Level, ...]:
        """Those that this site can run, most machines last."""
        own = self.sites[site].levels or self.job.levels
        cap_w = self.sites[site].domain_w
        return tuple(
            level
            for level in own
            if level.machines <= self.sites[site].machines
            and (cap_w is None or level.power_w * self.sites[site].pue <= cap_w)
        )


def grid_of(job: Job, sites: Sequence[Site]) -> Grid:
    """The sites at the job's steps.

    Raises:
        UsageError: a trace does not reach over the job's time, a price is missing that the job asks for, or
            no site can run any level.
        MissingPart: numpy is not installed.
    """
    numpy = load("numpy")
    unpriced = [site.name for site in sites if site.price_per_kwh is None]
    if unpriced and (job.objective == "money" or job.budget.money is not None):
        raise UsageError(f"site {unpriced[0]}: give price_per_kwh: the job asks what it costs")
    rows = [_intensity(numpy, job, site) for site in sites]
    g_per_kwh = numpy.array(rows, dtype=float)
    weight = _weight(numpy, job, sites, g_per_kwh)
    grid = Grid(job, tuple(sites), g_per_kwh, weight)
    if not any(grid.levels(site) for site in range(len(sites))):
        raise UsageError(f"{job.name}: no site has the machines of its smallest level")
    return grid


def with_intensity(grid: Grid, g_per_kwh: Any) -> Grid:
    """The same sites, had their grids these intensities: a forecast."""
    numpy = load("numpy")
    return Grid(grid.job, grid.sites, g_per_kwh, _weight(numpy, grid.job, grid.sites, g_per_kwh))


def _weight(numpy: Any, job: Job, sites: Sequence[Site], g_per_kwh: Any) -> Any:
    pue = numpy.array([site.pue for site in sites])[:, None]
    if job.objective == "energy":
        return numpy.broadcast_to(pue / 3.6e6, g_per_kwh.shape).copy()
    if job.objective == "money":
        price = numpy.array([site.price_per_kwh for site in sites], dtype=float)[:, None]
        return numpy.broadcast_to(pue * price / 3.6e6, g_per_kwh.shape).copy()
    return g_per_kwh / 1e3 / 3.6e6


def _intensity(numpy: Any, job: Job, site: Site) -> Any:
    """g/kWh of what the machines use, PUE included, as each step's mean."""
    if site.trace is None:
        return numpy.full(job.steps, site.g_per_kwh * site.pue)
    times, values = numpy.array(site.trace.times_s), numpy.array(site.trace.g_per_kwh)
    ends_s = site.trace.ends_s
    last_s = job.start_s + job.steps * job.step_s
    if times[0] > job.start_s or ends_s < last_s:
        raise UsageError(
            f"site {site.name}: its trace reaches from {utc(float(times[0]))} to {utc(float(ends_s))}, "
            f"the job from {utc(job.start_s)} to {utc(last_s)}"
        )
    # Each value holds until the next: the mean over a step from the integral at its edges.
    widths = numpy.diff(numpy.append(times, ends_s))
    integral = numpy.concatenate([[0.0], numpy.cumsum(values * widths)])
    edges = job.start_s + job.step_s * numpy.arange(job.steps + 1)
    at = numpy.interp(edges, numpy.append(times, ends_s), integral)
    return numpy.diff(at) / job.step_s * site.pue


def concave(levels: Sequence[Level]) -> list[tuple[float, float]]:
    """Samples per s and W that each further part of the machines adds, the best first.

    Levels that are worse than a mixture of others in time are left out: what is left is the upper hull of
    throughput over power, so that taking the best parts first is exact.
    """
    hull: list[tuple[float, float]] = [(0.0, 0.0)]  # power, throughput
    for level in sorted(levels, key=lambda level: (level.power_w, -level.samples_per_s)):
        point = level.power_w, level.samples_per_s
        if point[1] <= hull[-1][1]:
            continue
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) <= _slope(hull[-1], point):
            hull.pop()
        hull.append(point)
    return [(b[1] - a[1], b[0] - a[0]) for a, b in itertools.pairwise(hull)]


def _slope(a: tuple[float, float], b: tuple[float, float]) -> float:
    return (b[1] - a[1]) / (b[0] - a[0]) if b[0] > a[0] else math.inf
