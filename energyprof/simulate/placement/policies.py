"""All policies side by side, and beside what perfect foresight would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from energyprof.errors import UsageError
from energyprof.simulate.placement import milp, simple
from energyprof.simulate.placement.by_progress import by_progress
from energyprof.simulate.placement.greedy import greedy
from energyprof.simulate.placement.grid import Grid
from energyprof.simulate.placement.plan import Outcome, Plan, outcome
from energyprof.simulate.placement.rolling import Forecast, rolling
from energyprof.storable.frozen import dataclass

NOW, CONSTANT, PAUSED, GREEDY, MILP, ROLLING, WORKERS = (
    "run now",
    "best constant site",
    "suspend and resume",
    "greedy",
    "MILP",
    "rolling horizon",
    "workers by progress",
)


# These know the whole time's grid in advance: what could be had, not what can be followed.
FORESIGHT = (PAUSED, GREEDY, MILP)
# What it saves rests on theory alone: shown, never recommended.
THEORY = (WORKERS,)


@dataclass(frozen=True)
class Judged:
    """A policy's plan by the true grid; ``why``: in a line why there is none."""

    policy: str
    plan: Plan | None
    outcome: Outcome | None
    saving: float | None  # of what the objective charges, against running now
    notes: tuple[str, ...] = ()
    why: str = ""


_Maker = Callable[[], tuple[Plan, tuple[str, ...]]]  # a plan, and what is to be said of it


@dataclass(frozen=True)
class Placement:
    """Every policy, and what waiting alone saves."""

    grid: Grid
    policies: tuple[Judged, ...]
    slack: Mapping[str, float]  # by site: the closed form's saving
    recommended: str  # of those that can be followed, the policy that charges least

    def named(self, policy: str) -> Judged:
        """The policy of that name."""
        return next(judged for judged in self.policies if judged.policy == policy)


def place(grid: Grid, forecast: Forecast) -> Placement:
    """Every policy's plan and outcome.

    Raises:
        UsageError: no policy meets the deadline, or none the budget; the binding constraint is named.
    """
    greedy(grid)  # raises if even this is too late
    constant: list[int] = []

    def at_the_best_site() -> tuple[Plan, tuple[str, ...]]:
        site, plan = simple.best_constant(grid)
        constant.append(site)
        return plan, (grid.sites[site].name,)

    def paused() -> tuple[Plan, tuple[str, ...]]:
        site = constant[0] if constant else 0
        return simple.suspend_resume(grid, site), (grid.sites[site].name,)

    def solved() -> tuple[Plan, tuple[str, ...]]:
        found = milp.best(grid)
        if found is None:
            raise UsageError(f"too large: {len(grid.sites)} sites × {grid.steps} steps")
        simpler = greedy(grid)
        # The programme charges the first start too, and every start as a move.
        better = simple.charged(grid, simpler) < simple.charged(grid, found.plan)
        if better and not over_budget(grid, GREEDY, outcome(grid, simpler)):
            return simpler, ("as greedy",)
        return found.plan, (f"within {100 * found.gap:.2f} % of the best",) if found.gap > milp.GAP else ()

    makers: Mapping[str, _Maker] = {
        NOW: lambda: (simple.run_now(grid), (grid.sites[0].name,)),
        CONSTANT: at_the_best_site,
        PAUSED: paused,
        GREEDY: lambda: (greedy(grid), ("perfect foresight: the grid known in advance",)),
        MILP: solved,
        ROLLING: lambda: (
            rolling(grid, forecast),
            (f"forecast error {100 * forecast.error:.0f} % a day ahead",),
        ),
    }
    if grid.job.course is not None:
        makers = {**makers, WORKERS: lambda: by_progress(grid, constant[0] if constant else 0)}
    judged = [_judged(grid, policy, maker) for policy, maker in makers.items()]
    base = next((j.plan for j in judged if j.policy == NOW and j.plan is not None), None)
    base_charge = None if base is None else simple.charged(grid, base)
    told = tuple(_with_saving(grid, j, base_charge) for j in judged)
    keeping = [j for j in told if j.plan is not None and not over_budget(grid, j.policy, j.outcome)]
    followed = [j for j in keeping if j.policy not in (*FORESIGHT, *THEORY)] or keeping
    if not keeping:
        lines = {line: None for j in told for line in over_budget(grid, j.policy, j.outcome)}
        raise UsageError(f"{grid.job.name}: no policy keeps the budget: {'; '.join(lines)}")
    best = min(followed, key=lambda j: simple.charged(grid, j.plan) if j.plan is not None else 0.0)
    return Placement(grid, told, _slack(grid), best.policy)


_UNITS = {"carbon_kg": " kg of CO2e", "energy_kwh": " kWh", "money": " of money"}


def over_budget(grid: Grid, policy: str, found: Outcome | None) -> list[str]:
    """A line on each budget that the policy's plan, if it has one, does not keep."""
    budget = grid.job.budget
    if found is None:
        return []
    taken = {"carbon_kg": found.carbon_kg, "energy_kwh": found.energy_j / 3.6e6, "money": found.money}
    return [
        f"{policy} takes {taken[name]:.4g}{_UNITS[name]}, over the budget of {most:.4g}{_UNITS[name]}"
        for name, most in vars(budget).items()
        if most is not None and taken[name] > most * (1 + 1e-6)
    ]


def _judged(grid: Grid, policy: str, make: _Maker) -> Judged:
    try:
        plan, notes = make()
    except UsageError as error:
        return Judged(policy, None, None, None, why=str(error))
    return Judged(policy, plan, outcome(grid, plan), None, notes)


def _with_saving(grid: Grid, judged: Judged, base: float | None) -> Judged:
    if judged.plan is None or not base:
        return judged
    saving = 1 - simple.charged(grid, judged.plan) / base
    notes = (*judged.notes, *over_budget(grid, judged.policy, judged.outcome))
    return Judged(judged.policy, judged.plan, judged.outcome, saving, notes)


def _slack(grid: Grid) -> dict[str, float]:
    found = {}
    for i, site in enumerate(grid.sites):
        if grid.levels(i) and simple.slots(grid, simple.fastest(grid, i)) <= grid.steps:
            found[site.name] = simple.slack_saving(grid, i)
    return found
