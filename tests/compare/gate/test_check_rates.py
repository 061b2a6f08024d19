"""How often the gate errs, of a few hundred verdicts (benchmarks/gate.py has many); what no input can do."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energyprof.compare.gate.check import check
from energyprof.compare.gate.limits import Limit
from energyprof.compare.gate.verdict import Trial, judge
from energyprof.compare.statistics.intervals import logs_of, welch
from reports import PER_SAMPLE, at

pytestmark = pytest.mark.slow


def simulated(seed, factor, sd, n, limits, trials=250):
    """How often each outcome comes, of ``trials`` verdicts on ``n`` against ``n`` noisy runs."""
    rng = random.Random(seed)
    counts = {"PASS": 0, "FAIL": 0, "INCONCLUSIVE": 0}
    for trial in range(trials):
        new = [factor * math.exp(rng.gauss(0, sd)) for _ in range(n)]
        old = [math.exp(rng.gauss(0, sd)) for _ in range(n)]
        (verdict,) = judge([Trial(limits[0], welch(logs_of(new), logs_of(old)), (n, n))])
        counts[verdict.outcome] += 1
        if trial < 3:  # the whole way through reports takes longer, and says the same
            assert check(at(*new), at(*old), limits).outcome == verdict.outcome
    return {outcome: count / trials for outcome, count in counts.items()}


@pytest.mark.parametrize("n", [3, 5])
def test_unchanged_work_fails_at_most_one_time_in_twenty(n):
    # A margin near 0 leaves the statistics alone to hold the errors back.
    assert simulated(1, 1.0, 0.01, n, [Limit("energy_per_sample", 1e-9)])["FAIL"] <= 0.06
    assert simulated(2, 1.0, 0.01, n, PER_SAMPLE)["FAIL"] <= 0.01


def test_5_percent_more_at_1_percent_noise_fails_by_five_runs():
    assert simulated(3, 1.05, 0.01, 5, PER_SAMPLE)["FAIL"] >= 0.95


def test_a_change_just_over_the_margin_passes_at_most_one_time_in_twenty():
    assert simulated(4, 1.03, 0.01, 5, PER_SAMPLE)["PASS"] <= 0.06


def test_unchanged_work_passes_four_times_in_five_at_the_number_of_runs_it_asks_for():
    # sd 1 %: (2.132 + 0.941) · 1 % · √(2/3) = 2.51 % < ln 1.03; with two runs it is 3.98 %.
    assert simulated(5, 1.0, 0.01, 3, PER_SAMPLE)["PASS"] >= 0.8


values = st.lists(st.floats(min_value=0.5, max_value=2), min_size=1, max_size=5)
margins = st.floats(min_value=0.001, max_value=1)


@given(values, values, margins, st.randoms(use_true_random=False))
def test_the_order_of_the_runs_changes_no_verdict(new, old, margin, rng):
    limits = [Limit("energy_per_sample", margin)]
    shuffled_new, shuffled_old = list(new), list(old)
    rng.shuffle(shuffled_new)
    rng.shuffle(shuffled_old)
    one = check(at(*new), at(*old), limits)
    assert one.verdicts == check(at(*shuffled_new), at(*shuffled_old), limits).verdicts


@given(values, values, margins)
def test_a_wider_margin_never_turns_a_pass_into_less_or_calls_up_a_failure(new, old, margin):
    tight = check(at(*new), at(*old), [Limit("energy_per_sample", margin)]).outcome
    wide = check(at(*new), at(*old), [Limit("energy_per_sample", 2 * margin)]).outcome
    assert tight != "PASS" or wide == "PASS"
    assert wide != "FAIL" or tight == "FAIL"


@given(values, values)
def test_a_verdict_and_its_mirror_are_never_both_failures(new, old):
    there, back = check(at(*new), at(*old)).outcome, check(at(*old), at(*new)).outcome
    assert (there, back) != ("FAIL", "FAIL")
