"""The best plan with checkpoints, moves, budgets and power domains, as a mixed-integer programme (HiGHS).

For each site and step: u_l, the share of the step at level l; a, whether the job is there; z, whether it is
taken up there. Minimise what u charges plus z's checkpoints, over Σ u·samples = the work, Σ_l u_l ≤ a,
Σ_sites a ≤ 1, z ≥ a - a of the step before, and the budgets. FedZero (Wiesner et al., e-Energy 2024) allots
the power of domains so.
"""

from __future__ import annotations

from typing import Any

from energyprof.errors import UsageError
from energyprof.simulate.numerics import load
from energyprof.simulate.placement.greedy import Sites, too_late
from energyprof.simulate.placement.grid import Grid
from energyprof.simulate.placement.plan import Plan
from energyprof.storable.frozen import dataclass

# Beyond so many whole variables it takes minutes: greedy's answer is then the better use of the time.
MOST_WHOLE = 6000
# Nodes of the search, so that a slow machine finds the same; the time is for what hangs.
NODES, TIME_S = 200, 60.0
GAP = 1e-4  # of the best bound, at which it is good enough


@dataclass(frozen=True)
class Solved:
    """A plan, and how far from the best it may be."""

    plan: Plan
    gap: float  # relative


def best(grid: Grid, sites: Sites = "one") -> Solved | None:
    """The best plan; ``None``: the programme is too large.

    Raises:
        UsageError: there is none; the binding constraint is named.
    """
    count, steps = len(grid.sites), grid.steps
    if count * steps > MOST_WHOLE:
        return None
    found = _solve(grid, sites, budgets=True)
    if found is None:
        raise UsageError(_binding(grid, sites))
    return found


def _solve(grid: Grid, sites: Sites, *, budgets: bool) -> Solved | None:
    numpy, sparse = load("numpy"), load("scipy.sparse")
    optimize = load("scipy.optimize")
    index = _Index(grid)
    rows = _Rows(sparse)
    job = grid.job
    # A checkpoint's joules are charged at the site and step where the job is taken up; the first is free.
    cost = numpy.zeros(index.count)
    work = numpy.zeros(index.count)
    for site in range(len(grid.sites)):
        for level, at in zip(grid.levels(site), index.shares[site], strict=True):
            cost[at] = level.power_w * job.step_s * grid.weight[site]
            work[at] = level.samples_per_s * job.step_s
        cost[index.taken[site]] = _again_j(grid) * grid.weight[site]
    rows.over_all(work / job.samples, 1.0, 1.0)
    for active, taken, shares in zip(index.active, index.taken, index.shares, strict=True):
        rows.of_each([*shares, active], [*(1.0 for _ in shares), -1.0], -numpy.inf, 0.0)
        rows.of_each([taken[:1], active[:1]], [1.0, -1.0], 0.0, numpy.inf)
        rows.of_each([taken[1:], active[1:], active[:-1]], [1.0, -1.0, 1.0], 0.0, numpy.inf)
    if sites == "one":
        rows.of_each(index.active, [1.0] * len(index.active), -numpy.inf, 1.0)
    _domains(numpy, grid, index, rows)
    if budgets:
        _budgets(numpy, grid, index, rows)
    whole = numpy.zeros(index.count)
    whole[numpy.concatenate(index.active)] = 1
    scale = float(numpy.abs(cost).max()) or 1.0
    found = optimize.milp(
        cost / scale,
        integrality=whole,
        bounds=optimize.Bounds(0, 1),
        constraints=rows.made(optimize),
        options={"node_limit": NODES, "time_limit": TIME_S, "mip_rel_gap": GAP},
    )
    if found.x is None:
        return None
    plan = Plan(numpy.zeros(grid.weight.shape), numpy.zeros(grid.weight.shape))
    for site in range(len(grid.sites)):
        for level, at in zip(grid.levels(site), index.shares[site], strict=True):
            share = numpy.clip(found.x[at], 0, 1)
            plan.samples[site] += share * level.samples_per_s * job.step_s
            plan.joules[site] += share * level.power_w * job.step_s
    # What the solver's tolerance leaves is no step.
    tiny = plan.samples < 1e-7 * job.samples
    plan.samples[tiny] = plan.joules[tiny] = 0.0
    gap = float(getattr(found, "mip_gap", 0.0) or 0.0)
    return Solved(plan, gap)


def _again_j(grid: Grid) -> float:
    """Joules charged where the job is taken up, the first time too; among several sites as a move."""
    return grid.job.checkpoint_j + (grid.job.move_j if len(grid.sites) > 1 else 0.0)


def _domains(numpy: Any, grid: Grid, index: _Index, rows: _Rows) -> None:
    """No domain draws more than it has, overhead included."""
    for domain in dict.fromkeys(site.domain for site in grid.sites if site.domain_w is not None):
        within = [i for i, site in enumerate(grid.sites) if site.domain == domain]
        most_w = next(w for i in within if (w := grid.sites[i].domain_w) is not None)
        shares = [at for i in within for at in index.shares[i]]
        power = [level.power_w * grid.sites[i].pue / most_w for i in within for level in grid.levels(i)]
        rows.of_each(shares, power, -numpy.inf, 1.0)


def _budgets(numpy: Any, grid: Grid, index: _Index, rows: _Rows) -> None:
    job = grid.job
    pue = [site.pue for site in grid.sites]
    per_joule = {
        "carbon_kg": [grid.g_per_kwh[i] / 3.6e9 for i in range(len(pue))],
        "energy_kwh": [numpy.full(grid.steps, p / 3.6e6) for p in pue],
        "money": [
            numpy.full(grid.steps, p * float(price) / 3.6e6)
            for p, price in zip(pue, grid.prices[:, 0], strict=True)
        ],
    }
    for name, weights in per_joule.items():
        most = getattr(job.budget, name)
        if most is None:
            continue
        row = numpy.zeros(index.count)
        for site in range(len(grid.sites)):
            for level, at in zip(grid.levels(site), index.shares[site], strict=True):
                row[at] = level.power_w * job.step_s * weights[site]
            row[index.taken[site]] = _again_j(grid) * weights[site]
        rows.over_all(row / max(most, 1e-300), -numpy.inf, 1.0)


def _binding(grid: Grid, sites: Sites) -> str:
    """The line on a job that cannot be placed."""
    job = grid.job
    if _solve(grid, sites, budgets=False) is None:
        return too_late(grid, 0.0, job.samples)
    said = [
        f"{name.replace('_', ' ')} {most:g}" for name, most in vars(job.budget).items() if most is not None
    ]
    return (
        f"{job.name}: cannot be trained within its budget: {', '.join(said)} is what binds, not the deadline"
    )


class _Index:
    """Where each variable stands: arrays ``(steps,)``, lists by site."""

    def __init__(self, grid: Grid) -> None:
        numpy = load("numpy")
        self.count = 0

        def more() -> Any:
            self.count += grid.steps
            return numpy.arange(self.count - grid.steps, self.count)

        sites = range(len(grid.sites))
        self.shares = [[more() for _ in grid.levels(site)] for site in sites]  # of each level
        self.active = [more() for _ in sites]  # whether the job is there
        self.taken = [more() for _ in sites]  # whether it is taken up there


class _Rows:
    """Constraints: a few over all variables, and many over a few, sparse."""

    def __init__(self, sparse: Any) -> None:
        self._sparse = sparse
        self._dense: list[tuple[Any, float, float]] = []
        self._columns: list[Any] = []
        self._values: list[Any] = []
        self._limits: list[tuple[int, int, float, float]] = []  # rows, variables in each, low, high

    def over_all(self, row: Any, low: float, high: float) -> None:
        """One row."""
        self._dense.append((row, low, high))

    def of_each(self, columns: list[Any], values: list[float], low: float, high: float) -> None:
        """A row for each place of the ``columns``, all of one length, with these ``values``."""
        numpy = load("numpy")
        count = len(columns[0])
        self._columns.append(numpy.stack(columns, axis=1).ravel())
        self._values.append(numpy.tile(values, count))
        self._limits.append((count, len(columns), low, high))

    def made(self, optimize: Any) -> list[Any]:
        """As scipy takes them."""
        numpy = load("numpy")
        rows, lows, highs = (list(part) for part in zip(*self._dense, strict=True))
        counts = [limit[0] for limit in self._limits]
        widths, low, high = (numpy.repeat([limit[i] for limit in self._limits], counts) for i in (1, 2, 3))
        starts = numpy.concatenate([[0], numpy.cumsum(widths)])
        columns, values = numpy.concatenate(self._columns), numpy.concatenate(self._values)
        few = self._sparse.csr_array((values, columns, starts), shape=(len(widths), len(rows[0])))
        return [
            optimize.LinearConstraint(numpy.array(rows), lows, highs),
            optimize.LinearConstraint(few, low, high),
        ]
