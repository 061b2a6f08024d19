"""Main effects and interactions against those that were planted, with trainings missing and without."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from energyprof.compare.effects import residual
from energyprof.compare.factorial import interactions, main_effects, screened
from energyprof.study.screening import plackett_burman

GRID = list(itertools.product(range(3), range(2)))
MAIN = {(0, 1): 1.02, (0, 2): 0.95, (1, 1): 1.10}


def grown(
    levels: list[tuple[int, ...]], main: dict[tuple[int, int], float], blocks: int, together: float = 1.0
) -> list[dict[int, float]]:
    """100 J times each value's factor, a drift from block to block, and what the last two do together."""
    found = []
    for of in levels:
        factor = math.prod(main.get((f, level), 1.0) for f, level in enumerate(of))
        factor *= together if of[:2] == (2, 1) else 1.0
        found.append({b: 100 * factor * 1.03**b for b in range(blocks)})
    return found


def noisy(figures: list[dict[int, float]], rng: random.Random, lost: float = 0.0) -> list[dict[int, float]]:
    """With 1 % a training, and a share of them lost."""
    return [
        {b: x * math.exp(rng.gauss(0, 0.01)) for b, x in figure.items() if rng.random() >= lost}
        for figure in figures
    ]


def test_without_noise_each_value_has_its_own_effect() -> None:
    found = main_effects(GRID, grown(GRID, MAIN, blocks=2))
    assert {term: effect.ratio for term, effect in found.items()} == pytest.approx(MAIN)
    assert {term: effect.n for term, effect in found.items()} == {(0, 1): 4, (0, 2): 4, (1, 1): 6}


def test_a_screening_of_many_factors_tells_each_from_one_block() -> None:
    levels, main = plackett_burman(11), {(f, 1): 1 + f / 100 for f in range(11)}
    found = screened(levels, grown(levels, main, blocks=1))
    assert {term: effect.ratio for term, effect in found.items()} == pytest.approx(main)
    assert all(effect.low is not None for effect in found.values())


def test_what_two_do_together_is_an_interaction_and_of_both_alone_none() -> None:
    found = interactions(GRID, grown(GRID, MAIN, blocks=2, together=1.3))
    ratios = {pair: effect.ratio for pair, effect in found.items()}
    assert ratios == pytest.approx({((0, 1), (1, 1)): 1.0, ((0, 2), (1, 1)): 1.3})


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0.0, 0.15])
def test_all_intervals_hold_what_was_planted_at_once(lost: float) -> None:
    rng, trials = random.Random(1), 300
    held = {"main": 0, "together": 0}
    for _ in range(trials):
        main = main_effects(GRID, noisy(grown(GRID, MAIN, blocks=3), rng, lost))
        held["main"] += all(e.low <= MAIN[term] <= e.high for term, e in main.items())  # type: ignore[operator]
        both = interactions(GRID, noisy(grown(GRID, MAIN, 3, together=1.05), rng, lost))
        true = {((0, 1), (1, 1)): 1.0, ((0, 2), (1, 1)): 1.05}
        held["together"] += all(e.low <= true[pair] <= e.high for pair, e in both.items())  # type: ignore[operator]
    assert min(held.values()) >= 0.91 * trials  # 95 % at least, with three standard errors of 300 trials


def test_a_value_that_was_never_trained_has_no_effect_and_the_others_have() -> None:
    figures = grown(GRID, MAIN, blocks=2)
    lost = [{} if of[0] == 1 else figure for of, figure in zip(GRID, figures, strict=True)]
    assert {term: effect.n for term, effect in main_effects(GRID, lost).items()} == {(0, 2): 4, (1, 1): 4}
    assert set(interactions(GRID, lost)) == {((0, 2), (1, 1))}


def test_what_two_do_together_is_taken_for_neither_s_effect_though_the_base_failed() -> None:
    """A factor that does nothing, of three, has no effect over the pairs that are left."""
    levels = list(itertools.product(range(3), range(2), range(2)))
    figures = grown(levels, MAIN, blocks=2, together=1.3)
    lost = [{} if not any(of) else figure for of, figure in zip(levels, figures, strict=True)]
    found = main_effects(levels, lost)[2, 1]
    assert (found.ratio, found.n, found.sure) == (pytest.approx(1), 10, False)


@pytest.mark.parametrize("lost", [(), (0,), (3, 7)])
def test_a_screening_without_a_training_tells_the_factors_from_the_others(lost: tuple[int, ...]) -> None:
    levels, main = plackett_burman(6), {(f, 1): 1 + f / 100 for f in range(6)}
    figures = grown(levels, main, blocks=1)
    found = screened(levels, [{} if i in lost else figure for i, figure in enumerate(figures)])
    assert {term: effect.ratio for term, effect in found.items()} == pytest.approx(main)
    assert screened(levels, [figures[0], figures[1], *({} for _ in levels[2:])]) == {}


@pytest.mark.parametrize("alone", [[], [(0, 0)], [(0, 0), (1, 1)], [(1, 0), (1, 1)]])
def test_what_the_settings_do_not_tell_apart_is_not_told(alone: list[tuple[int, int]]) -> None:
    figures = [{0: 1.0, 1: 1.0} if of in alone else {} for of in GRID]
    assert interactions(GRID, figures) == {}
    assert all(term == (1, 1) for term in main_effects(GRID, figures))


def test_identical_joules_are_an_effect_of_nothing() -> None:
    found = main_effects(GRID, [{0: 5.0, 1: 5.0} for _ in GRID])
    assert all(e.ratio == pytest.approx(1) and not e.sure for e in found.values())


def test_scatter_is_known_though_no_block_is_whole() -> None:
    """y = setting + block ± r: whichever training is lost, what is left says what scatter there was."""
    rng = random.Random(3)
    table = [{b: math.exp(s + b + rng.gauss(0, 0.01)) for b in range(4) if b != s} for s in range(4)]
    found = residual(table)
    assert found is not None
    assert found[1] == 12 - 4 - 4 + 1
    assert found[0] == pytest.approx(0.01, rel=0.8)


def test_blocks_that_no_setting_joins_are_as_two_studies() -> None:
    table = [dict.fromkeys(blocks, 1.0) for blocks in ((0, 1), (0, 1), (2, 3), (2, 3))]
    assert residual(table) == (pytest.approx(0), 2)
    assert residual([{0: 1.0, 1: 2.0}, {2: 1.0, 3: 2.0}]) is None
