"""What each factor of a study does over all values of the others, and what two do together."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.compare.effects import ByBlock, Effect
from energyprof.compare.factorial import interactions, main_effects, screened
from energyprof.storable.frozen import dataclass
from energyprof.study.plan import Plan, Setting, shown


@dataclass(frozen=True)
class FactorEffect:
    """Values of one factor, or of two at once, against the base's."""

    figure: str
    values: tuple[tuple[str, str], ...]  # factor, value
    effect: Effect

    @property
    def label(self) -> str:
        """Such as "precision=bf16", "precision=bf16 × batch-size=32"."""
        return " × ".join(f"{name}={value}" for name, value in self.values)


def by_factor(
    plan: Plan, settings: Sequence[Setting], figure: str, figures: Sequence[ByBlock]
) -> tuple[list[FactorEffect], list[FactorEffect]]:
    """Main effects and interactions, as far as the design sees them.

    One at a time, a setting's own effect is its factor's. A screening sees no interaction, and none is in its
    effects while it is whole. A search goes where it likes.
    """
    if plan.design not in ("grid", "screening"):
        return [], []
    levels = [
        tuple(plan.factors[name].index(value) for name, value in setting.values) for setting in settings
    ]
    names = list(plan.factors)

    def named(*terms: tuple[int, int]) -> tuple[tuple[str, str], ...]:
        return tuple((names[f], shown(plan.factors[names[f]][level])) for f, level in terms)

    effects_of = screened if plan.design == "screening" else main_effects
    main = [FactorEffect(figure, named(term), e) for term, e in sorted(effects_of(levels, figures).items())]
    both = interactions(levels, figures) if plan.design == "grid" else {}
    return main, [FactorEffect(figure, named(*pair), e) for pair, e in sorted(both.items())]
