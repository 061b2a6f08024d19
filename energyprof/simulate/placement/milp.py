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
    job, steps = grid.job, grid.steps
    # A checkpoint's joules are charged at the site and step where the job is taken up; the first is free.
    cost = numpy.zeros(index.count)
    work = numpy.zeros(index.count)
    for site, level, at in index.shares():
        rate = grid.levels(site)[level]
        cost[at] = rate.power_w * job.step_s * grid.weight[site]
        work[at] = rate.samples_per_s * job.step_s
    for site in range(len(grid.sites)):
        cost[index.taken(site)] = _again_j(grid) * grid.weight[site]
    rows.add(work[None, :] / job.samples, 1.0, 1.0)
    for site in range(len(grid.sites)):
        for step in range(steps):
            a = index.active(site)[step]
            levels = [at[step] for s, _, at in index.shares() if s == site]
            rows.pairs([*levels, a], [1.0] * len(levels) + [-1.0], -numpy.inf, 0.0)
            before = [index.active(site)[step - 1]] if step else []
            begins = [index.taken(site)[step], a, *before]
            rows.pairs(begins, [1.0, -1.0, *[1.0 for _ in before]], 0.0, numpy.inf)
    if sites == "one":
        for step in range(steps):
            at = [index.active(site)[step] for site in range(len(grid.sites))]
            rows.pairs(at, [1.0] * len(at), -numpy.inf, 1.0)
    _domains(numpy, grid, index, rows)
    if budgets:
        _budgets(numpy, grid, index, rows)
    whole = numpy.zeros(index.count)
    for site in range(len(grid.sites)):
        whole[index.active(site)] = 1
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
    for site, level, at in index.shares():
        rate, share = grid.levels(site)[level], numpy.clip(found.x[at], 0, 1)
        plan.samples[site] += share * rate.samples_per_s * job.step_s
        plan.joules[site] += share * rate.power_w * job.step_s
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
        most_w = min(w for i in within if (w := grid.sites[i].domain_w) is not None)
        for step in range(grid.steps):
            at, power = [], []
            for site, level, shares in index.shares():
                if site in within:
                    at.append(shares[step])
                    power.append(grid.levels(site)[level].power_w * grid.sites[site].pue / most_w)
            rows.pairs(at, power, -numpy.inf, 1.0)


def _budgets(numpy: Any, grid: Grid, index: _Index, rows: _Rows) -> None:
    job = grid.job
    pue = [site.pue for site in grid.sites]
    per_joule = {
        "carbon_kg": [grid.g_per_kwh[i] / 3.6e9 for i in range(len(pue))],
        "energy_kwh": [numpy.full(grid.steps, p / 3.6e6) for p in pue],
        "money": [
            numpy.full(grid.steps, p * site.price_per_kwh / 3.6e6)
            for p, site in zip(pue, grid.sites, strict=True)
        ],
    }
    for name, weights in per_joule.items():
        most = getattr(job.budget, name)
        if most is None:
            continue
        row = numpy.zeros(index.count)
        for site, level, at in index.shares():
            row[at] = grid.levels(site)[level].power_w * job.step_s * weights[site]
        for site in range(len(grid.sites)):
            row[index.taken(site)] = _again_j(grid) * weights[site]
        rows.add(row[None, :] / max(most, 1e-300), -numpy.inf, 1.0)


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
    """Where each variable stands."""

    def __init__(self, grid: Grid) -> None:
        numpy, steps = load("numpy"), grid.steps
        self._shares, at = [], 0
        for site in range(len(grid.sites)):
            for level in range(len(grid.levels(site))):
                self._shares.append((site, level, numpy.arange(at, at + steps)))
                at += steps
        self._active = [numpy.arange(at + i * steps, at + (i + 1) * steps) for i in range(len(grid.sites))]
        at += len(grid.sites) * steps
        self._taken = [numpy.arange(at + i * steps, at + (i + 1) * steps) for i in range(len(grid.sites))]
        self.count = at + len(grid.sites) * steps

    def shares(self) -> list[tuple[int, int, Any]]:
        """Site, level, and the variables of its steps."""
        return self._shares

    def active(self, site: int) -> Any:
        """Whether the job is there, step by step."""
        return self._active[site]

    def taken(self, site: int) -> Any:
        """Whether it is taken up there, step by step."""
        return self._taken[site]


class _Rows:
    """Constraints, row by row, sparse."""

    def __init__(self, sparse: Any) -> None:
        self._sparse = sparse
        self._dense: list[Any] = []
        self._at: list[tuple[list[int], list[float]]] = []
        self._limits: list[tuple[float, float]] = []
        self._dense_limits: list[tuple[float, float]] = []

    def add(self, row: Any, low: float, high: float) -> None:
        """A row over all variables."""
        self._dense.append(row)
        self._dense_limits.append((low, high))

    def pairs(self, at: list[Any], values: list[float], low: float, high: float) -> None:
        """A row over a few."""
        self._at.append(([int(i) for i in at], values))
        self._limits.append((low, high))

    def made(self, optimize: Any) -> list[Any]:
        """As scipy takes them."""
        numpy = load("numpy")
        dense = numpy.concatenate(self._dense)
        starts = numpy.cumsum([0, *(len(at) for at, _ in self._at)])
        columns = numpy.array([i for at, _ in self._at for i in at])
        values = numpy.array([v for _, given in self._at for v in given])
        few = self._sparse.csr_array((values, columns, starts), shape=(len(self._at), dense.shape[1]))
        return [
            optimize.LinearConstraint(dense, *zip(*self._dense_limits, strict=True)),
            optimize.LinearConstraint(few, *zip(*self._limits, strict=True)),
        ]
