"""Intervals and differences against closed forms, scipy and simulation."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energyprof.compare.statistics.intervals import (
    Difference,
    expanded,
    holm,
    interval,
    logs_of,
    lower_end,
    p_different,
    p_higher,
    two_sided,
    upper_end,
    welch,
    with_systematic,
)
from energyprof.compare.statistics.power import detectable, runs_needed

positive = st.floats(min_value=1e-3, max_value=1e6)


def test_the_interval_of_two_values_is_that_of_the_table():
    # Logs 0 and 2: mean 1, sd √2, so the half-width is 12.706 · √2 / √2.
    low, high = interval(logs_of([1.0, math.exp(2)]))
    assert (low, high) == pytest.approx((1 - 12.7062, 1 + 12.7062), abs=1e-4)


def test_a_single_run_has_no_interval_and_shows_nothing():
    one = logs_of([3.0])
    assert interval(one) is None
    change = welch(one, logs_of([2.0]))
    assert change.log_ratio == pytest.approx(math.log(1.5))
    assert (lower_end(change), upper_end(change), two_sided(change)) == (None, None, None)
    assert (detectable(change), runs_needed(change, 0.03)) == (None, None)
    assert (p_higher(change), p_different(change)) == (1.0, 1.0)


def test_equal_values_have_an_interval_without_width():
    low, high = interval(logs_of([0.1] * 7))
    assert low == high == pytest.approx(math.log(0.1))
    same = welch(logs_of([0.1] * 7), logs_of([0.1] * 3))
    assert two_sided(same) == (0.0, 0.0)
    assert (p_higher(same), p_different(same)) == (1.0, 1.0)


def test_equal_values_are_told_apart_as_far_as_their_number_goes():
    # The one-sided p-value is that of a permutation test: 1 in 6, 1 in 20, 1 in 252.
    two, three, five = (welch(logs_of([2.0] * n), logs_of([1.0] * n)) for n in (2, 3, 5))
    assert [p_higher(more) for more in (two, three, five)] == pytest.approx([1 / 6, 1 / 20, 1 / 252])
    assert p_different(two) == pytest.approx(1 / 3)
    assert (two_sided(two), two_sided(three)) == (None, None)
    assert two_sided(five) == (math.log(2), math.log(2))
    assert (detectable(two), runs_needed(two, 0.03)) == (None, None)
    assert (detectable(five), runs_needed(five, 0.03)) == (0.0, 2)
    assert two_sided(with_systematic(two, 0.01)) is None


def test_a_side_of_equal_values_has_the_spread_of_the_other():
    change = welch(logs_of([2.0, 2.0, 2.0]), logs_of([0.9, 1.0, 1.1]))
    assert change.se == pytest.approx(logs_of([0.9, 1.0, 1.1]).sd * math.sqrt(2 / 3))


def test_what_no_repeating_averages_out_is_added_to_the_scatter():
    change = welch(logs_of([1.01, 1.03]), logs_of([0.99, 1.01]))
    whole = with_systematic(change, 0.05)
    assert whole.se == pytest.approx(math.hypot(change.se, 0.05))
    # Welch and Satterthwaite: u⁴ / (se⁴ / dof).
    assert whole.dof == pytest.approx(change.dof * (whole.se / change.se) ** 4)
    assert runs_needed(whole, 0.03) is None and runs_needed(change, 0.03) is not None
    # Known without having been repeated, it is normal.
    alone = with_systematic(welch(logs_of([2.0] * 9), logs_of([2.0] * 9)), 0.05)
    assert two_sided(alone) == pytest.approx((-0.05 * 1.959964, 0.05 * 1.959964), rel=1e-6)


def test_rounding_of_equal_values_is_not_taken_for_a_difference():
    third = 1.0 / 3.0
    new, old = logs_of([third, third * (1 + 2e-16)]), logs_of([third, third, third])
    assert p_different(welch(new, old)) == 1.0


def test_where_all_values_agree_the_reading_stands_in_for_their_spread():
    assert logs_of([5.0, 5.0, 5.0], u_rel=0.08).sd == 0.08
    assert logs_of([5.0, 5.0, 6.0], u_rel=0.08).sd == pytest.approx(math.log(1.2) / math.sqrt(3))


def test_welch_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    new, old = [1.1, 1.3, 1.2, 1.25], [1.0, 1.02, 0.99]
    change = welch(logs_of(new), logs_of(old))
    theirs = stats.ttest_ind(*([math.log(x) for x in side] for side in (new, old)), equal_var=False)
    assert change.log_ratio / change.se == pytest.approx(theirs.statistic, rel=1e-12)
    # Satterthwaite's, a sixteenth of 1.75 / 3 on the way to those of three runs.
    towards = (1 - 3 / 4) ** 2 * 1.75 / 3
    assert change.dof == pytest.approx(theirs.df ** (1 - towards) * 2**towards, rel=1e-12)
    p = 2 * stats.t.sf(abs(theirs.statistic), change.dof)
    assert (p_different(change), p_higher(change)) == pytest.approx((p, p / 2), rel=1e-9)
    low, high = two_sided(change)
    assert (high - low) / 2 == pytest.approx(change.se * stats.t.ppf(0.975, change.dof), rel=1e-9)


@pytest.mark.parametrize("n", [2, 3, 12])
def test_sides_of_as_many_runs_are_halfway_to_those_of_equal_spread(n):
    stats = pytest.importorskip("scipy.stats")
    new, old = ([scale * x for x in range(n)] for scale in (0.01, 0.03))
    change = welch(logs_of([math.exp(x) for x in new]), logs_of([math.exp(x) for x in old]))
    theirs = stats.ttest_ind(new, old, equal_var=False)
    assert change.dof == pytest.approx((theirs.df + 2 * n - 2) / 2)


@pytest.mark.slow
@given(st.lists(positive, min_size=2, max_size=6), st.lists(positive, min_size=2, max_size=6))
def test_swapping_the_sides_mirrors_the_interval(new, old):
    there = two_sided(welch(logs_of(new), logs_of(old)))
    back = two_sided(welch(logs_of(old), logs_of(new)))
    if there is None or back is None:
        assert there is back
    else:
        assert there == pytest.approx((-back[1], -back[0]), rel=1e-9, abs=1e-12)


@pytest.mark.slow
@given(st.lists(positive, min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_the_runs_changes_no_digit(values, rng):
    shuffled = list(values)
    rng.shuffle(shuffled)
    ours, theirs = logs_of(values), logs_of(shuffled)
    assert (ours.mean, ours.sd) == (theirs.mean, theirs.sd)


@pytest.mark.slow
@given(st.lists(positive, min_size=2, max_size=6), st.floats(min_value=1e-3, max_value=1e3))
def test_the_unit_changes_no_ratio(values, factor):
    old = logs_of([1.0, 1.5, 1.2])
    plain = two_sided(welch(logs_of(values), old))
    scaled = two_sided(welch(logs_of([factor * x for x in values]), old))
    shift = math.log(factor)
    assert scaled == pytest.approx((plain[0] + shift, plain[1] + shift), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("sd", "n", "percent"),
    [
        (0.005, 3, 1.6),
        (0.005, 5, 1.0),
        (0.005, 10, 0.6),
        (0.01, 3, 3.3),
        (0.01, 5, 1.9),
        (0.01, 10, 1.2),
        (0.02, 3, 6.7),
        (0.02, 5, 3.9),
        (0.02, 10, 2.4),
    ],
)
def test_the_detectable_effect_of_pairs_is_that_of_the_planning_table(sd, n, percent):
    gap_sd = sd * math.sqrt(2)
    change = Difference(0.0, gap_sd / math.sqrt(n), n - 1, gap_sd, 1.0)
    assert 100 * detectable(change) == pytest.approx(percent, abs=0.07)


@pytest.mark.slow
def test_the_detectable_effect_is_detected_four_times_in_five():
    rng = random.Random(20)
    found = 0
    for _ in range(2000):
        effect = math.log1p(detectable(Difference(0.0, 0.01 * math.sqrt(2 / 5), 8, 0.0, None)))
        new = logs_of([math.exp(rng.gauss(effect, 0.01)) for _ in range(5)])
        old = logs_of([math.exp(rng.gauss(0, 0.01)) for _ in range(5)])
        found += p_higher(welch(new, old)) <= 0.05
    assert found / 2000 == pytest.approx(0.8, abs=0.03)


@given(st.floats(min_value=1e-4, max_value=0.05), st.floats(min_value=0.005, max_value=0.2))
def test_the_number_of_runs_needed_is_the_smallest_that_will_do(sd, margin):
    def at(n):
        return Difference(0.0, sd * math.sqrt(2 / n), 2 * (n - 1), sd * math.sqrt(2), 2.0)

    n = runs_needed(at(5), margin)
    assert detectable(at(n)) <= margin * (1 + 1e-9)
    assert n == 2 or detectable(at(n - 1)) > margin * (1 - 1e-9)


def test_a_margin_finer_than_any_number_of_runs_has_no_number():
    assert runs_needed(Difference(0.0, 0.5, 4, 1.0, 2.0), 1e-4) is None


def test_holm_steps_down_and_stops_at_the_first_that_holds():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.05 / 3, 0.025, 0.025])
    assert holm([0.001, 0.02, 0.04]) == pytest.approx([0.05 / 3, 0.025, 0.05])
    assert holm([0.03]) == [0.05]
    assert holm([]) == []


def test_the_uncertainty_of_a_mean_matches_the_worked_case():
    # 1.5 % over 5 runs, and a meter's ±5 % (rectangular), then calibrated to ±1 %.
    spread = 0.015 / math.sqrt(5)
    assert expanded(spread, 4, 0.05 / math.sqrt(3)) == pytest.approx(0.059, abs=5e-4)
    assert expanded(spread, None, 0.01 / math.sqrt(3)) == pytest.approx(0.018, abs=5e-4)
    assert expanded(0.0, 4, 0.01) == 0.02


def test_few_runs_widen_the_uncertainty_of_a_mean():
    # Without a gain it is the 95.45 % t-interval: GUM table G.2 has 3.31 for 3 degrees of freedom.
    assert expanded(1.0, 3, 0.0) == pytest.approx(3.31, abs=0.005)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_intervals_hold_the_truth_95_times_in_100(n):
    rng = random.Random(n)
    held = 0
    for _ in range(4000):
        low, high = interval(logs_of([100 * math.exp(rng.gauss(0, 0.02)) for _ in range(n)]))
        held += low <= math.log(100) <= high
    assert held / 4000 == pytest.approx(0.95, abs=0.012)


@pytest.mark.slow
def test_welch_holds_the_truth_where_the_spreads_differ():
    rng = random.Random(7)
    held = 0
    for _ in range(3000):
        new = logs_of([math.exp(rng.gauss(0.05, 0.03)) for _ in range(4)])
        old = logs_of([math.exp(rng.gauss(0, 0.005)) for _ in range(7)])
        low, high = two_sided(welch(new, old))
        held += low <= 0.05 <= high
    assert held / 3000 == pytest.approx(0.95, abs=0.015)


def test_a_single_run_against_several_is_predicted_by_them():
    several = logs_of([0.99, 1.0, 1.01])
    for change in (welch(logs_of([3.0]), several), welch(several, logs_of([3.0]))):
        assert abs(change.log_ratio) == pytest.approx(math.log(3), rel=1e-3)
        assert (change.se, change.dof) == (pytest.approx(several.sd * math.sqrt(4 / 3)), 2)


def test_what_was_found_by_repeating_brings_its_own_degrees_of_freedom():
    change = welch(logs_of([1.01, 1.03, 1.02]), logs_of([0.99, 1.01, 1.0]))
    far = with_systematic(change, 0.05, dof=4)
    # se⁴ / (se₁⁴ / dof₁ + 0.05⁴ / 4), GUM G.4.1: the larger part decides.
    rest = change.se**4 / change.dof + 0.05**4 / 4
    assert far.dof == pytest.approx(far.se**4 / rest)
    assert 4 < far.dof < 5 and far.floor_dof == pytest.approx(4)
    known = with_systematic(change, 0.05)
    assert known.dof > 100 and known.floor_dof is None
