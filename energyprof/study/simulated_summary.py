"""What a study of simulations says: figures, changes against the base, what takes least."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from energyprof.compare.effects import ByBlock, Objective, effects, front
from energyprof.errors import FileError
from energyprof.study.by_factor import by_factor
from energyprof.study.exponents import exponents
from energyprof.study.folder import Trained
from energyprof.study.plan import Plan, settings
from energyprof.study.summary import SettingSummary, StudySummary

ENERGY, CARBON, TIME, MONEY, ROUNDS = "energy", "CO2e", "time", "money", "rounds"
FLEET, PLAN = "the fleet", "the recommended plan"
# A simulation's and a placement's own names -> ours.
_TOTALS = {"energy_j": ENERGY, "co2_kg": CARBON}
_OBJECTIVES = {"carbon": ("carbon_kg", CARBON), "energy": ("energy_j", ENERGY), "money": ("money", MONEY)}

Figures = dict[str, float]


def summarised(plan: Plan, done: Sequence[Trained]) -> StudySummary:
    """The study of ``plan`` as far as its cells are simulated. Raises FileError: a result is not whole."""
    everything = settings(plan)
    cells: dict[Any, list[Trained]] = {s.values: [] for s in everything}
    for one in done:
        cells[one.cell.setting.values].append(one)
    by_setting = [_by_block(cells[s.values]) for s in everything]
    names = _all(by_setting)
    base = by_setting[0]
    changed = {n: effects(base.get(n, {}), [of_one.get(n, {}) for of_one in by_setting[1:]]) for n in names}
    fronts = _fronts(by_setting)
    table = tuple(
        SettingSummary(
            s,
            s.label(everything[0]),
            by_setting[i],
            {n: changed[n][i - 1] for n in names} if i else {},
            len(cells[s.values]),
            None,
            _problems(cells[s.values]),
            {name: on[i] for name, on in fronts.items()},
            _drawn(cells[s.values]),
            _least(cells[s.values]),
        )
        for i, s in enumerate(everything)
    )
    # One block has no scatter of its own to tell doubts by.
    several = names if plan.repeats > 1 else ()
    rows = {n: [of_one.get(n, {}) for of_one in by_setting] for n in several}
    factors = [by_factor(plan, everything, n, of_all) for n, of_all in rows.items()]
    return StudySummary(
        plan,
        names,
        table,
        exponents(plan, everything, {n: of_all for n, of_all in rows.items() if n != ROUNDS}, {}),
        (),
        (),
        len(done),
        len(everything) * plan.repeats,
        "simulated",
        main=tuple(effect for main, _ in factors for effect in main),
        together=tuple(effect for _, both in factors for effect in both),
    )


def figures_of(cell: Trained) -> Figures:
    """What one cell came to, in J, kg and s; nothing where it missed its target. Raises FileError."""
    if cell.result is None:
        return {}
    try:
        return dict(_KINDS[cell.result["schema"].partition("/")[0]](cell.result))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise FileError(f"{cell.cell.name}.json: not the whole result of a simulation: delete it") from None


def _simulation(result: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, name in _TOTALS.items():
        for paradigm in result["paradigms"]:
            if paradigm[key] is not None:
                yield f"{name} of {paradigm['name']}", float(paradigm[key])


def _fleet(result: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    if result["reached"]:
        yield f"{ENERGY} of {FLEET}", float(result["energy_j"])
        if result.get("co2_kg") is not None:
            yield f"{CARBON} of {FLEET}", float(result["co2_kg"])
        yield TIME, float(result["time_s"])
        yield ROUNDS, float(result["rounds"])


def _placement(result: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    taken = {one["policy"]: one for one in result["policies"] if "energy_j" in one}
    best = taken[result["recommended"]]
    yield f"{ENERGY} of {PLAN}", float(best["energy_j"])
    yield f"{CARBON} of {PLAN}", float(best["carbon_kg"])
    yield TIME, float(best["ends_s"])
    key, name = _OBJECTIVES[result["objective"]]
    for policy, one in taken.items():
        yield f"{name} of {policy}", float(one[key])


_KINDS = {
    "energyprof.simulation": _simulation,
    "energyprof.fleet": _fleet,
    "energyprof.placement": _placement,
}


def _by_block(cells: Sequence[Trained]) -> dict[str, ByBlock]:
    found: dict[str, dict[int, float]] = {}
    for cell in cells:
        for name, value in figures_of(cell).items():
            found.setdefault(name, {})[cell.cell.block] = value
    return dict(found)


def _fronts(by_setting: Sequence[Mapping[str, ByBlock]]) -> dict[str, list[bool]]:
    """Energy against time, where there is one of each."""
    names = next(
        ([f"{ENERGY} of {of}", TIME] for of in (FLEET, PLAN) if f"{ENERGY} of {of}" in _all(by_setting)), None
    )
    if names is None:
        return {}
    objectives = [Objective([of_one.get(name, {}) for of_one in by_setting]) for name in names]
    on = front(objectives)
    return {TIME: [bool(of_one) and there for of_one, there in zip(by_setting, on, strict=True)]}


def _all(by_setting: Sequence[Mapping[str, ByBlock]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for of_one in by_setting for name in of_one))


def _problems(cells: Sequence[Trained]) -> tuple[str, ...]:
    lines = [one.problem for one in cells if one.problem]
    missed = [one.result["why_not"] for one in cells if one.result is not None and one.result.get("why_not")]
    return tuple(dict.fromkeys([*lines, *(f"target not reached: {why}" for why in missed)]))


def _drawn(cells: Sequence[Trained]) -> dict[str, tuple[float, float]]:
    """The middle 95 % of the draws of the first block's simulation."""
    first = next((one.result for one in cells if one.result is not None), {})
    found: dict[str, tuple[float, float]] = {}
    for paradigm in first.get("paradigms", ()):
        for key, (low, high) in paradigm["intervals_95"].items():
            found[f"{_TOTALS[key]} of {paradigm['name']}"] = (float(low), float(high))
    own = {"energy_j": f"{ENERGY} of {FLEET}", "co2_kg": f"{CARBON} of {FLEET}", "time_s": TIME}
    for key, (low, high) in (first.get("intervals_95") or {}).items():
        found[own[key]] = (float(low), float(high))
    return found


def _least(cells: Sequence[Trained]) -> dict[str, dict[str, float]]:
    """By figure the share of draws in which each paradigm takes least; of a placement what is recommended."""
    first = next((one.result for one in cells if one.result is not None), {})
    if "recommended" in first:
        return {_OBJECTIVES[first["objective"]][1]: {first["recommended"]: 1.0}}
    if len(first.get("paradigms", ())) < 2:
        return {}
    return {_TOTALS[key]: dict(shares) for key, shares in first["takes_least"].items()}
