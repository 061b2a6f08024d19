"""Effects against those that were planted; fronts, exponents and predictors with known answers."""

from __future__ import annotations

import math
import random

import pytest

from energyprof.compare.effects import Objective, effects, exponent, front, residual, standings
from energyprof.compare.proxies import proxy

PLANTED = (1.0, 1.02, 0.95, 1.10)


def study(rng: random.Random, factors: tuple[float, ...], blocks: int) -> list[dict[int, float]]:
    """100 J times each factor, with 1 % noise and a drift of 3 % a block that all settings share."""
    return [
        {b: 100 * factor * math.exp(0.03 * b + rng.gauss(0, 0.01)) for b in range(blocks)}
        for factor in factors
    ]


def test_an_effect_is_the_mean_ratio_within_blocks() -> None:
    base = {0: 100.0, 1: 200.0}
    (effect,) = effects(base, [{0: 110.0, 1: 220.0}])
    assert effect is not None
    assert (effect.ratio, effect.n) == (pytest.approx(1.1), 2)
    assert (effect.low, effect.high) == (pytest.approx(1.1), pytest.approx(1.1))


def test_one_block_has_no_interval() -> None:
    (effect,) = effects({0: 100.0}, [{0: 110.0}])
    assert effect is not None
    assert (effect.ratio, effect.low, effect.sure) == (pytest.approx(1.1), None, False)


def test_a_setting_that_shares_no_block_has_no_effect() -> None:
    assert effects({0: 100.0}, [{1: 110.0}, {}]) == [None, None]


def test_the_residual_leaves_out_settings_and_blocks() -> None:
    # y = setting + block + r with r = ±0.1 so that rows and columns of r sum to 0.
    logs = [[0.1, -0.1], [1 - 0.1, 1 + 0.1]]
    figures = [{b: math.exp(log + 5 * b) for b, log in enumerate(row)} for row in logs]
    found = residual(figures)
    assert found is not None
    assert (found[0], found[1]) == (pytest.approx(0.2), 1)


def test_planted_effects_lie_in_their_intervals_all_at_once() -> None:
    rng, held, trials = random.Random(1), 0, 400
    for _ in range(trials):
        base, *others = study(rng, PLANTED, blocks=3)
        found = effects(base, others)
        held += all(e is not None and e.low <= f <= e.high for e, f in zip(found, PLANTED[1:], strict=True))
    assert held >= 0.94 * trials  # 95 % at least, with three standard errors of 400 trials


def test_an_effect_of_ten_times_the_noise_is_sure() -> None:
    base, *others = study(random.Random(2), PLANTED, blocks=4)
    assert [effect is not None and effect.sure for effect in effects(base, others)][2]


def test_off_the_front_is_only_what_another_surely_beats_in_both() -> None:
    rng = random.Random(3)
    energy = study(rng, (1.0, 0.8, 1.3, 1.0), blocks=4)
    time = study(rng, (1.0, 1.3, 1.4, 1.0), blocks=4)
    assert front([Objective(energy), Objective(time)]) == [True, True, False, True]
    score = [{b: 1 / x for b, x in of_one.items()} for of_one in time]
    assert front([Objective(energy), Objective(score, "more")]) == [True, True, False, True]


def test_where_the_noise_cannot_decide_more_blocks_do() -> None:
    energy, time = (1.0, 0.97, 1.0), (1.0, 1.2, 1.02)
    told = {}
    for blocks in (1, 12):
        rng = random.Random(5)
        told[blocks] = standings([Objective(study(rng, of, blocks)) for of in (energy, time)])
    assert told[1] == ["unclear"] * 3
    assert told[12] == ["on", "on", "unclear"]  # equal joules: nothing is ever surely better in both


def test_the_true_front_is_held() -> None:
    rng, held, trials = random.Random(4), 0, 200
    for _ in range(trials):
        energy, time = study(rng, (1.0, 0.9, 1.02, 1.2), 3), study(rng, (1.0, 1.1, 1.01, 1.3), 3)
        found = front([Objective(energy), Objective(time)])
        held += found[0] and found[1]
    assert held >= 0.95 * trials


def test_an_exponent_is_found_within_blocks() -> None:
    figures = [{b: 3 * level**0.5 * math.exp(b) for b in range(3)} for level in (1.0, 2.0, 4.0)]
    fit = exponent([1.0, 2.0, 4.0], figures)
    assert fit is not None
    assert fit == (pytest.approx(0.5), pytest.approx(0.5), pytest.approx(0.5))
    assert exponent([1.0, 1.0], figures[:2]) is None
    assert exponent([0.0, 1.0], figures[:2]) is None


def test_a_perfect_predictor_has_rank_correlation_1() -> None:
    joules = [1.0, 2.0, 3.0, 4.0, 5.0]
    same = proxy("time", joules, joules)
    opposite = proxy("time", list(reversed(joules)), joules)
    assert same is not None and opposite is not None
    assert (same.rank_correlation, opposite.rank_correlation) == (pytest.approx(1), pytest.approx(-1))
    assert same.error < opposite.error


def test_a_setting_left_out_is_predicted_by_its_neighbours() -> None:
    # Each inner point lies midway between its neighbours' logarithms; each outer one takes its neighbour's.
    joules = [1.0, 10.0, 100.0, 1000.0]
    found = proxy("x", [1.0, 2.0, 3.0, 4.0], joules)
    assert found is not None
    assert found.error == pytest.approx(math.log(10) * math.sqrt(2 / 4))


def test_too_few_settings_or_a_number_that_never_changes_predict_nothing() -> None:
    assert proxy("x", [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) is None
    assert proxy("x", [1.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]) is None
    assert proxy("x", [None, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, None]) is None
