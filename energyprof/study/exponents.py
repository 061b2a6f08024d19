"""How energy grows with a factor that is a number, and with parameters and operations that one changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from energyprof.compare.effects import ByBlock, exponent
from energyprof.storable.frozen import dataclass
from energyprof.study.plan import Plan, Setting, Value

# Numbers that differ by less tell nothing of growth.
LEAST_SPAN = 1.2


@dataclass(frozen=True)
class Exponent:
    """figure ∝ quantityᵏ."""

    factor: str  # the quantity: a factor of the plan, or "parameters"
    figure: str
    k: float
    low: float  # of the 95 % interval
    high: float
    over: str = ""  # the factor that changes the quantity; "": it is one itself


def exponents(
    plan: Plan,
    settings: Sequence[Setting],
    figures: Mapping[str, Sequence[ByBlock]],
    facts: Mapping[str, Sequence[float | None]],
) -> tuple[Exponent, ...]:
    """Of each factor, over the settings that differ from the base in it alone.

    ``figures`` and ``facts``: by name, for each of ``settings``.
    """
    found: list[Exponent] = []
    for factor, values in plan.factors.items():
        alone = [i for i, setting in enumerate(settings) if _differs_in(setting, settings[0]) <= {factor}]
        if all(_is_number(value) for value in values):
            own = {i: float(dict(settings[i].values)[factor]) for i in alone}
            found += _fits(factor, "", own, figures)
        for fact, of_all in facts.items():
            levels = {i: level for i in alone if (level := of_all[i]) is not None and level > 0}
            if levels and max(levels.values()) >= LEAST_SPAN * min(levels.values()):
                found += _fits(fact, factor, levels, figures)
    return tuple(found)


def _fits(
    quantity: str, over: str, levels: Mapping[int, float], figures: Mapping[str, Sequence[ByBlock]]
) -> Iterator[Exponent]:
    for name, of_all in figures.items():
        fit = exponent(list(levels.values()), [of_all[i] for i in levels])
        if fit is not None:
            yield Exponent(quantity, name, *fit, over)


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _differs_in(one: Setting, other: Setting) -> set[str]:
    return {name for name, value in one.values if (name, value) not in other.values}
