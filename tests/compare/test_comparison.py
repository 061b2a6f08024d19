"""Means, changes and verdicts of reports with known answers."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energyprof.compare.budget import budgets
from energyprof.compare.comparison import ALLOWED, compare
from energyprof.errors import UsageError
from energyprof.report.record import node_record
from reports import at, figures_of, meter, report, run


def entry(made, **options):
    return compare([made], ["a"], **options).entries[0]


def test_the_mean_is_geometric_and_its_interval_that_of_the_logs():
    found = figures_of(entry(at(1.0, 4.0)))["energy_per_sample"]
    # Logs 0 and ln 4: mean ln 2, standard error ln 2; k of one degree of freedom (GUM, table G.2, 95.45 %).
    assert found.mean == pytest.approx(2.0)
    assert found.high == pytest.approx(2 * 2**13.9678, rel=1e-3)
    assert found.low == pytest.approx(2 / 2**13.9678, rel=1e-3)


def test_a_single_run_has_a_mean_and_no_interval():
    found = figures_of(entry(at(1.5)))["energy_per_sample"]
    assert (found.n, found.mean, found.low, found.high) == (1, 1.5, None, None)


def test_runs_that_agree_to_the_last_digit_are_said_to():
    found = figures_of(entry(at(1.1, 1.1, 1.1)))["samples_to_target"]
    assert found.agree and found.mean == 1000
    assert found.low == pytest.approx(1000) and found.high == pytest.approx(1000)


def test_a_score_that_is_not_positive_has_a_mean_without_interval():
    found = figures_of(entry(report([run(score=-1.0), run(score=0.5)])))["score"]
    assert (found.mean, found.low, found.high, found.change) == (-0.25, None, None, None)


def test_the_gain_drops_out_on_one_machine_and_counts_across_machines():
    def made(**changes):
        return report([run(u_rel=0.06, gain_rel=0.06)] * 2, **changes)

    here, there = made(), made(machine={"id": "sha256:there"})
    same = compare([here, here], ["a", "b"]).entries[1]
    apart = compare([here, there], ["a", "b"]).entries[1]
    assert figures_of(same)["energy_to_target"].u_rel == pytest.approx(0.06)
    assert figures_of(same)["energy_to_target"].change.u_rel is None
    assert figures_of(apart)["energy_to_target"].change.u_rel == pytest.approx(0.06 * math.sqrt(2))
    assert figures_of(apart)["time_to_target"].change.u_rel is None


def test_joules_that_repeat_exactly_are_no_surer_than_one_reading():
    # ± 16 % without gain (k = 2): a coarse meter that shows the same joules three times.
    coarse = report([run(1.0, u_rel=0.16, gain_rel=0.0)] * 3)
    more = report([run(1.05, u_rel=0.16, gain_rel=0.0)] * 3)
    change = figures_of(compare([coarse, more], ["a", "b"]).entries[1])["energy_to_target"].change
    assert change.low < 1 < change.high and change.verdict == "unclear"


def test_the_plus_minus_of_a_report_is_what_show_says():
    terms = {"gain": 30.0, "offset": 9.0, "shape": 5.0, "edge": 4.0, "sampling": 8.0}
    for spread in (0.0, 0.001, 0.1):
        for n in (1, 2, 5, 12):
            runs = []
            for i in range(n):
                made = run(1 + spread * (i % 3), u_rel=0.1, gain_rel=0.05, seed=i, budget_j=terms)
                phases = tuple(replace(phase, budget_j=terms) for phase in made.phases)
                runs.append(replace(made, phases=phases))
            made = report(runs)
            found = figures_of(entry(made))
            for budget in budgets(made):
                shown = found[budget.figure]
                assert shown.mean == budget.mean_j
                assert shown.u_rel == budget.total.expanded / budget.mean_j
                if n > 1:
                    assert math.log(shown.high / shown.mean) == pytest.approx(
                        budget.one_device.expanded / budget.mean_j
                    )


def test_meters_that_do_not_say_how_far_they_may_be_off_leave_the_scatter_alone():
    made = report([run(x, energy_u_j=None, gain_u_j=None) for x in (1.0, 1.1)])
    there = replace(made, nodes=(node_record({"id": "sha256:there"}),))
    found = figures_of(compare([made, there], ["a", "b"]).entries[1])["energy_to_target"]
    assert found.u_rel is None and found.change.u_rel is None
    assert found.low < found.mean < found.high


def test_changes_are_ratios_to_the_first_report():
    comparison = compare([at(1, 1.01, 0.99), at(2, 2.02, 1.98), at(1, 1.01, 0.99)], list("abc"))
    first, double, same = (figures_of(e)["energy_per_sample"].change for e in comparison.entries)
    assert first is None
    assert double.ratio == pytest.approx(2.0)
    assert double.low < 2 < double.high and double.verdict == "higher"
    assert (same.ratio, same.verdict) == (1.0, "unclear")


def test_across_machines_there_are_figures_but_no_verdict():
    apart = at(2, 2.01, 1.99, machine={"id": "sha256:there", "host": "there"})
    comparison = compare([at(1, 1.01, 0.99), apart], ["a", "b"])
    change = figures_of(comparison.entries[1])["energy_per_sample"].change
    assert (comparison.one_machine, change.verdict) == (False, None)
    assert change.low > 1.9


@pytest.mark.slow
def test_many_reports_that_are_the_same_are_not_told_apart_by_luck():
    rng = random.Random(4)
    told = 0
    for _ in range(100):
        made = [at(*(rng.gauss(1, 0.01) for _ in range(4))) for _ in range(10)]
        found = compare(made, [str(i) for i in range(10)])
        changes = [figures_of(e)["energy_per_sample"].change for e in found.entries[1:]]
        told += any(change.verdict != "unclear" for change in changes)
    assert told <= 10  # 5 expected over all nine comparisons; without Holm it is about 30


def test_what_was_allowed_stays_visible_and_joules_of_two_kinds_get_no_verdict():
    wall = {"boundary": "wall_ac", "origin": "modelled", "meters": (meter("shelly:0"),)}
    other = at(1.0, 1.1, name="resnet", **wall)
    comparison = compare([at(1.0, 1.1), other], ["a", "b"], allow=ALLOWED)
    assert {obstacle.kind for obstacle in comparison.allowed} == {*ALLOWED} - {"machine"}
    assert figures_of(comparison.entries[1])["energy_per_sample"].change.verdict is None


def test_another_task_on_the_same_meters_may_be_judged_if_allowed():
    more = at(2.0, 2.01, name="resnet", config={"batch_size": 8})
    comparison = compare([at(1.0, 1.01), more], ["a", "b"], allow=["task"])
    assert figures_of(comparison.entries[1])["energy_per_sample"].change.verdict == "higher"
    assert comparison.notes == ()  # how it is trained matters little where the task is another


def test_different_works_of_one_task_are_compared_and_what_differs_is_said():
    more = at(2.0, 2.01, config={"batch_size": 8, "precision": "fp32"})
    comparison = compare([at(1.0, 1.01), more], ["a", "b"])
    assert figures_of(comparison.entries[1])["energy_to_target"].change.verdict == "higher"
    assert comparison.allowed == ()
    assert comparison.notes == ("the work differs: config.batch_size is 4 in a, 8 in b",)


def test_where_a_sample_is_not_the_same_there_are_no_figures_per_sample():
    short, long = ({"tokens": {"length": length}} for length in (64, 128))
    keys = ("tokens",)
    same = compare(
        [at(1.0, config=short, sample_keys=keys), at(2.0, config=short, sample_keys=keys)], ["a", "b"]
    )
    apart = compare(
        [at(1.0, config=short, sample_keys=keys), at(2.0, config=long, sample_keys=keys)], ["a", "b"]
    )
    assert {"energy_per_sample", "energy_to_target"} <= set(figures_of(same.entries[1]))
    assert "energy_per_sample" not in figures_of(apart.entries[1])
    assert {"energy_to_target", "time_to_target", "samples_to_target"} <= set(figures_of(apart.entries[1]))
    assert apart.notes[1] == (
        "no figures per sample, since a sample is not the same: config.tokens.length is 64 in a, 128 in b"
    )


def test_nothing_to_compare_is_said_so():
    with pytest.raises(UsageError, match="at least one"):
        compare([], [])


energies = st.lists(st.floats(min_value=0.1, max_value=10), min_size=1, max_size=4)


@pytest.mark.slow
@given(energies, energies, energies)
def test_neither_the_order_nor_the_names_of_the_reports_change_a_number(a, b, c):
    one = compare([at(*a), at(*b), at(*c)], ["a", "b", "c"]).entries
    two = compare([at(*a), at(*c), at(*b)], ["x", "y", "z"]).entries
    for i, j in ((0, 0), (1, 2), (2, 1)):
        ours = [replace(e, change=None) for e in one[i].estimates]
        assert ours == [replace(e, change=None) for e in two[j].estimates]
        for mine, other in zip(one[i].estimates, two[j].estimates, strict=True):
            if mine.change:
                assert mine.change.ratio == other.change.ratio
                assert mine.change.low == other.change.low


@pytest.mark.slow
@given(energies, energies)
def test_swapping_two_reports_inverts_the_ratio(a, b):
    there = compare([at(*a), at(*b)], ["a", "b"]).entries[1].estimates[0].change
    back = compare([at(*b), at(*a)], ["b", "a"]).entries[1].estimates[0].change
    assert there.ratio * back.ratio == pytest.approx(1)
    if there.low is not None and there.low > 1e-100:
        assert there.low * back.high == pytest.approx(1)
