"""Which setting to try next, by optuna's multi-objective TPE (Ozaki et al., GECCO 2020)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import geometric_mean
from typing import Any

from energyprof.compare.effects import ByBlock
from energyprof.errors import MissingPart
from energyprof.study.plan import Plan, Setting, Value

# So many trials are drawn at random before the others are learnt from.
AT_RANDOM = 8
# It may propose what was tried already: then it is asked again, and after so many times chance decides.
ASKED = 10


def check_installed() -> None:
    """Raises MissingPart: optuna is not there."""
    _optuna()


def trials(plan: Plan) -> int:
    """How many settings the search can try: as many as it was asked for, if there are so many."""
    return min(plan.trials, _size(plan))


def proposed(plan: Plan, tried: Sequence[tuple[Setting, Sequence[ByBlock]]]) -> Setting | None:
    """A setting that was not tried; ``None``: all were.

    ``tried``: each with its figures, less being better; one whose training failed has empty ones. What comes
    hangs on these and the plan alone.
    """
    known = {setting.values for setting, _ in tried}
    if len(known) >= _size(plan):
        return None
    for attempt in range(ASKED):
        setting = _asked(plan, tried, seed=len(tried) * ASKED + attempt)
        if setting.values not in known:
            return setting
    return _by_chance(plan, known, random.Random(f"{plan.name}/{len(tried)}"))


def _size(plan: Plan) -> int:
    size = 1
    for values in plan.factors.values():
        size *= len(values)
    return size


def _asked(plan: Plan, tried: Sequence[tuple[Setting, Sequence[ByBlock]]], seed: int) -> Setting:
    optuna = _optuna()
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=AT_RANDOM)
    study = optuna.create_study(directions=["minimize"] * len(plan.objectives), sampler=sampler)
    spaces = {name: _space(optuna, values) for name, values in plan.factors.items()}
    for setting, figures in tried:
        places = {name: plan.factors[name].index(value) for name, value in setting.values}
        done = all(figures)
        study.add_trial(
            optuna.trial.create_trial(
                params=places,
                distributions=spaces,
                values=[geometric_mean(figure.values()) for figure in figures] if done else None,
                state=optuna.trial.TrialState.COMPLETE if done else optuna.trial.TrialState.FAIL,
            )
        )
    places = study.ask(fixed_distributions=spaces).params
    return Setting(tuple((name, values[places[name]]) for name, values in plan.factors.items()))


def _space(optuna: Any, values: Sequence[Value]) -> Any:
    """Places in the list: of numbers their order means something."""
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    if numbers and list(values) in (sorted(values), sorted(values, reverse=True)):
        return optuna.distributions.IntDistribution(0, len(values) - 1)
    return optuna.distributions.CategoricalDistribution(range(len(values)))


def _by_chance(plan: Plan, known: Any, rng: random.Random) -> Setting:
    """Any that was not tried; the caller knows that there is one."""
    while True:
        setting = Setting(tuple((name, rng.choice(values)) for name, values in plan.factors.items()))
        if setting.values not in known:
            return setting


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise MissingPart("design \"search\" needs optuna: pip install 'energyprof[study]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
