"""The simple policies, which get most of what there is to get (Sukprasert et al., EuroSys 2024)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from energyprof.errors import UsageError
from energyprof.simulate.numerics import load
from energyprof.simulate.placement.greedy import too_late
from energyprof.simulate.placement.grid import Grid
from energyprof.simulate.placement.job import Level
from energyprof.simulate.placement.plan import Plan, outcome


def run_now(grid: Grid, site: int = 0) -> Plan:
    """From the start until it is done, on all machines that this site gives it.

    Raises:
        UsageError: it cannot be done by the deadline.
    """
    return in_steps(grid, site, fastest(grid, site), range(grid.steps))


def best_constant(grid: Grid) -> tuple[int, Plan]:
    """The site at which running now charges least, and that plan. Raises UsageError: none is in time."""
    plans: dict[int, Plan] = {}
    late: UsageError | None = None
    for site in range(len(grid.sites)):
        try:
            plans[site] = run_now(grid, site)
        except UsageError as error:
            late = late or error
    if not plans:
        assert late is not None  # there is a site
        raise late
    best = min(plans, key=lambda site: float((plans[site].joules * grid.weight).sum()))
    return best, plans[best]


def suspend_resume(grid: Grid, site: int) -> Plan:
    """At one site, on all its machines, in its cheapest steps. Raises UsageError: it is not in time."""
    numpy = load("numpy")
    order = numpy.argsort(grid.weight[site], kind="stable")
    needed = slots(grid, fastest(grid, site))
    return in_steps(grid, site, fastest(grid, site), sorted(int(step) for step in order[:needed]), order)


def slack_saving(grid: Grid, site: int) -> float:
    """What waiting saves at a site, in closed form: 1 - Σ cheapest T of T + slack / Σ first T steps.

    Arputharaj, Rodriguez, Rodio, Neglia, arXiv 2509.08980; T whole steps, checkpoints left out.
    """
    numpy = load("numpy")
    needed = slots(grid, fastest(grid, site))
    weight = grid.weight[site]
    first = float(weight[:needed].sum())
    return 1 - float(numpy.sort(weight)[:needed].sum()) / first if first > 0 else 0.0


def fastest(grid: Grid, site: int) -> Level:
    """The level with the highest throughput there. Raises UsageError: it has none."""
    levels = grid.levels(site)
    if not levels:
        raise UsageError(f"site {grid.sites[site].name}: has not the machines of the job's smallest level")
    return max(levels, key=lambda level: level.samples_per_s)


def slots(grid: Grid, level: Level) -> int:
    """How many steps the job takes at a level."""
    return math.ceil(grid.job.samples / (level.samples_per_s * grid.job.step_s) * (1 - 1e-12))


def in_steps(
    grid: Grid, site: int, level: Level, steps: Sequence[int], ordered: Sequence[int] | None = None
) -> Plan:
    """All of the work in these steps; what is left of the last one stays free.

    ``ordered``: the steps from the cheapest on, of which the last is then the dearest. Raises UsageError.
    """
    numpy, job = load("numpy"), grid.job
    plan = Plan(numpy.zeros(grid.weight.shape), numpy.zeros(grid.weight.shape))
    left, each = job.samples, level.samples_per_s * job.step_s
    for step in steps if ordered is None else ordered[: len(steps)]:
        share = min(1.0, left / each)
        plan.samples[site, step], plan.joules[site, step] = share * each, share * level.power_w * job.step_s
        left -= share * each
        if left <= 1e-9 * job.samples:
            return plan
    raise UsageError(too_late(grid, job.samples - left, job.samples))


def charged(grid: Grid, plan: Plan) -> float:
    """What the objective says of a plan, with checkpoints and moves."""
    found = outcome(grid, plan)
    return {"carbon": found.carbon_kg, "energy": found.energy_j / 3.6e6, "money": found.money}[
        grid.job.objective
    ]
