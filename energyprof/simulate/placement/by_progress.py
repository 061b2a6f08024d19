"""A number of machines that follows the training: few while the gradient is large, more as noise is all.

In each step the level with the highest gain a second runs, by `workers` (Xu, Neglia, Sebastianelli, arXiv
2004.14696). A step of training with k machines lasts as long as the level takes for k batches. The work to
the target was counted with the most machines: what another level gains in a second beside these is theory.
"""

from __future__ import annotations

from energyprof.errors import UsageError
from energyprof.simulate.numerics import load
from energyprof.simulate.placement.greedy import too_late
from energyprof.simulate.placement.grid import Grid
from energyprof.simulate.placement.job import Level
from energyprof.simulate.placement.plan import Plan
from energyprof.simulate.placement.simple import fastest
from energyprof.simulate.placement.workers import Descent, gain


def by_progress(grid: Grid, site: int) -> tuple[Plan, tuple[str, ...]]:
    """From the start at one site until it is done, and which numbers of machines that took.

    Raises:
        UsageError: the job has no course, or it cannot be done by the deadline.
    """
    numpy, job = load("numpy"), grid.job
    if job.course is None:
        raise UsageError(f"{job.name}: [descent] is missing")
    plan = Plan(numpy.zeros(grid.weight.shape), numpy.zeros(grid.weight.shape))
    most, levels = fastest(grid, site), grid.levels(site)
    left, used = job.samples, dict[int, None]()
    for step in range(grid.steps):
        descent = job.course.at(1 - left / job.samples)
        level, worth = quickest(descent, levels, most, job.batch)
        done = min(left, worth * most.samples_per_s * job.step_s)
        share = done / (worth * most.samples_per_s * job.step_s)
        plan.samples[site, step], plan.joules[site, step] = done, share * level.power_w * job.step_s
        used[level.machines] = None
        left -= done
        if left <= 1e-9 * job.samples:
            counts = ", ".join(str(count) for count in used)
            return plan, (grid.sites[site].name, f"{counts} machines as it goes on", "by theory")
    raise UsageError(too_late(grid, job.samples - left, job.samples))


def quickest(descent: Descent, levels: tuple[Level, ...], most: Level, batch: float) -> tuple[Level, float]:
    """The level that gains most a second, and how often that of the level ``most`` it gains; at least once.

    Where no step gains anything any more, ``most``: the least noise.
    """
    gains = {level.machines: _gain_per_s(descent, level, batch) for level in levels}
    best = max(levels, key=lambda level: gains[level.machines])
    if gains[best.machines] <= 0 or gains[most.machines] <= 0:
        # Beside nothing there is no ratio: what the others gain is not counted.
        return most, 1.0
    return best, gains[best.machines] / gains[most.machines]


def _gain_per_s(descent: Descent, level: Level, batch: float) -> float:
    step_s = level.machines * batch / level.samples_per_s
    return gain(descent, level.machines) / step_s
