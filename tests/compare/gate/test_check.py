"""The gate on reports with known answers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from energyprof.compare.gate.check import check, exit_code, without_baseline
from energyprof.compare.gate.limits import Limit
from energyprof.errors import NotComparable, UsageError
from energyprof.report.record import Series
from reports import PER_SAMPLE, TARGET, at, meter, program, report, run, unmetered_run

BASE = at(0.99, 1.0, 1.01)


def judged(new, baseline=BASE, limits=PER_SAMPLE, strict=False):
    result = check(new, baseline, limits)
    return result.outcome, exit_code(result, strict=strict)


# ln 0.99 and ln 1.01 lie 0.01 either side of 0: sd 0.01, se √(2/3) % = 0.0082 against a report of
# the same spread, and t(0.95, 4) = 2.132, so each end lies 0.0174 from the change.
@pytest.mark.parametrize(
    ("factor", "outcome", "code"),
    [
        (1.00, "PASS", 0),
        (1.01, "PASS", 0),  # upper end 0.0274 < ln 1.03 = 0.0296
        (1.013, "INCONCLUSIVE", 0),  # upper end 0.0303
        (1.029, "INCONCLUSIVE", 0),  # surely more, but not more than the margin
        (1.031, "FAIL", 1),  # lower end 0.0131 > 0
        (1.20, "FAIL", 1),
        (0.80, "PASS", 0),
    ],
)
def test_the_three_verdicts_fall_where_the_bounds_say(factor, outcome, code):
    assert judged(at(0.99 * factor, factor, 1.01 * factor)) == (outcome, code)


def test_more_than_the_margin_is_inconclusive_where_it_may_be_chance():
    assert judged(at(0.9, 1.05, 1.25)) == ("INCONCLUSIVE", 0)


def test_inconclusive_is_5_only_if_strict():
    new = at(0.9, 1.05, 1.25)
    assert judged(new, strict=True) == ("INCONCLUSIVE", 5)
    assert judged(BASE, strict=True) == ("PASS", 0)
    assert judged(at(2.0, 2.01), strict=True) == ("FAIL", 1)


SCRIPT = {"name": "train.py", "size": None, "config": {"arguments": ["--lr", "1"]}}


def test_a_stored_baseline_judges_an_edited_script_as_measuring_in_pairs_does():
    before, after = at(0.99, 1.0, 1.01, **SCRIPT, work="1"), at(1.98, 2.0, 2.02, **SCRIPT, work="2")
    result = check(after, before)
    assert [verdict.limit.figure for verdict in result.verdicts] == ["energy_per_sample", "samples_to_target"]
    assert result.outcome == "FAIL"
    assert "the work differs: the code: id is 2 in new, 1 in baseline" in result.notes


def test_two_sides_whose_samples_are_not_the_same_are_judged_to_the_target():
    sides = [
        replace(
            at(*joules, config={"tokens": tokens}, sample_keys=("tokens",)),
            series=Series("s", side, positions, ()),
        )
        for joules, tokens, side, positions in (
            ((1.0, 1.01, 0.99), 64, "A", (0, 3, 4)),
            ((1.0, 1.01, 0.99), 128, "B", (1, 2, 5)),
        )
    ]
    assert [verdict.limit.figure for verdict in check(*sides[::-1]).verdicts] == ["energy_to_target"]


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {"arguments": ["--lr", "2"]}},
        {"name": "other.py"},
        {"target": replace(TARGET, value=0.9)},
        {"config": {"batch_size": 4}, "size": "tiny"},
    ],
)
def test_of_a_script_only_the_code_may_differ_and_of_a_workload_nothing(changes):
    before, after = at(1.0, **SCRIPT, work="1"), at(1.0, **{**SCRIPT, **changes}, work="2")
    with pytest.raises(NotComparable, match="work: "):
        check(after, before)
    standard = {"size": "tiny", "config": {"batch_size": 4}}
    with pytest.raises(NotComparable, match="work: the code: id"):
        check(at(1.0, **standard, work="2"), at(1.0, **standard, work="1"))


def test_the_bounds_are_one_sided_at_5_percent():
    (verdict,) = check(BASE, BASE, PER_SAMPLE).verdicts
    sd = math.sqrt((math.log(0.99) ** 2 + math.log(1.01) ** 2) / 2)
    half = 2.13185 * sd * math.sqrt(2 / 3)
    assert verdict.change == 0
    assert verdict.low == pytest.approx(math.expm1(-half), rel=1e-3)
    assert verdict.high == pytest.approx(math.expm1(half), rel=1e-3)
    # To fail, the estimate must exceed the limit, too, which is further away than chance is.
    fails = math.expm1(math.log(1.03) + 0.94096 * half / 2.13185)
    assert verdict.detectable == pytest.approx(fails, rel=1e-3)
    assert (verdict.runs, verdict.baseline_runs, verdict.runs_needed) == (3, 3, 3)


def test_a_single_run_against_a_single_run_is_inconclusive_whatever_they_say():
    result = check(at(2.0), at(1.0), PER_SAMPLE)
    assert result.outcome == "INCONCLUSIVE"
    assert result.verdicts[0].detectable is None and result.verdicts[0].low is None


@pytest.mark.parametrize(("new", "baseline"), [(at(2.0), BASE), (BASE, at(2.0))])
def test_a_single_run_against_several_is_the_prediction_of_one_more(new, baseline):
    (verdict,) = check(new, baseline, PER_SAMPLE).verdicts
    sd = math.sqrt((math.log(0.99) ** 2 + math.log(1.01) ** 2) / 2)
    half = 2.91999 * sd * math.sqrt(1 + 1 / 3)  # Student's t of two degrees of freedom
    change = math.log1p(verdict.change)
    assert math.log1p(verdict.low) == pytest.approx(change - half, rel=1e-2)
    assert math.log1p(verdict.high) == pytest.approx(change + half, rel=1e-2)


def test_runs_that_are_equal_on_each_side_are_as_sure_as_their_number():
    # Of two against two one order in six puts them so, of three against three one in twenty.
    assert judged(at(1.0, 1.0), at(1.0, 1.0)) == ("PASS", 0)
    assert judged(at(1.02, 1.02), at(1.0, 1.0)) == ("INCONCLUSIVE", 0)
    assert judged(at(1.5, 1.5), at(1.0, 1.0)) == ("INCONCLUSIVE", 0)
    assert judged(at(1.02, 1.02, 1.02), at(1.0, 1.0, 1.0)) == ("PASS", 0)
    assert judged(at(1.04, 1.04, 1.04), at(1.0, 1.0, 1.0)) == ("FAIL", 1)
    assert judged(at(1.5, 1.5), at(0.9, 1.0, 1.1)) == ("FAIL", 1)


def test_a_coarse_meter_that_repeats_itself_cannot_pass():
    coarse = report([run(1.0, u_rel=0.16, gain_rel=0.0)] * 5)
    assert judged(coarse, coarse) == ("INCONCLUSIVE", 0)


def test_an_improvement_is_said_and_never_fails():
    (verdict,) = check(at(0.89, 0.9, 0.91), BASE, PER_SAMPLE).verdicts
    assert (verdict.outcome, verdict.improved) == ("PASS", True)
    assert not check(BASE, BASE, PER_SAMPLE).verdicts[0].improved
    assert not check(at(0.98, 0.999, 1.01), BASE, PER_SAMPLE).verdicts[0].improved


def test_samples_to_target_is_information_unless_it_is_limited():
    slower = report([run(1.0, samples=2000 + i) for i in range(3)])
    quicker = report([run(1.0, samples=1000 + i) for i in range(3)])
    result = check(slower, quicker)
    assert result.outcome == "PASS"
    assert dict(result.information)["samples_to_target"].ratio == pytest.approx(2, rel=0.01)
    assert judged(slower, quicker, [Limit("samples_to_target", 0.03)]) == ("FAIL", 1)


def test_the_default_limit_is_3_percent_of_energy_per_sample():
    assert [v.limit for v in check(BASE, BASE).verdicts] == [Limit("energy_per_sample", 0.03)]


def test_the_default_limit_of_a_program_without_samples_is_its_energy():
    result = check(program(1000, 1001), program(1000, 1001))
    assert [v.limit for v in result.verdicts] == [Limit("energy", 0.03)]


def test_the_default_limit_of_a_program_that_counts_samples_is_energy_per_sample():
    counting = report([run(status="done"), run(status="done")], target=None)
    assert [v.limit for v in check(counting, counting).verdicts] == [Limit("energy_per_sample", 0.03)]


def test_several_limits_share_the_5_percent():
    # ln 1.05 over sd 2.5 % · √(2/3) is t = 2.4: over 2.132 (5 %), under 2.776 (2.5 %, two limits).
    new, baseline = at(1.05 * 0.9753, 1.05, 1.05 * 1.0253), at(0.9753, 1.0, 1.0253)
    alone = check(new, baseline, PER_SAMPLE)
    both = check(new, baseline, [*PER_SAMPLE, Limit("samples_to_target", 0.02)])
    assert alone.outcome == "FAIL"
    assert both.outcome == "INCONCLUSIVE"
    assert both.verdicts[0].low < 0 < alone.verdicts[0].low


def test_one_failure_among_several_limits_fails():
    limits = [Limit("samples_to_target", 0.03), Limit("energy_per_sample", 0.03)]
    result = check(at(1.98, 2.0, 2.02), BASE, limits)
    assert [v.outcome for v in result.verdicts] == ["PASS", "FAIL"]
    assert result.outcome == "FAIL"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (run(coverage=0.98), "new, run 2 (seed 0): the meters cover 98.0 % of it, 99 % is needed"),
        (run(status="interrupted"), "new, run 2 (seed 0): interrupted"),
        (run(status="failed", exit_code=1), "new, run 2 (seed 0): failed with exit code 1"),
        (run(status="diverged"), "new, run 2 (seed 0): diverged"),
        (run(status="missed"), "new, run 2 (seed 0): target missed"),
        (unmetered_run(), "new, run 2 (seed 0): energy not measured (no meter was read)"),
    ],
)
def test_an_invalid_run_is_no_verdict_but_4(bad, why):
    result = check(report([run(), bad, run()]), BASE)
    assert (result.outcome, exit_code(result, strict=False)) == ("INVALID", 4)
    assert (result.invalid, result.verdicts) == ((why,), ())


def test_an_invalid_run_of_the_baseline_is_4_too():
    result = check(BASE, report([run(), run(status="failed", exit_code=None)]))
    assert (result.outcome, result.invalid) == ("INVALID", ("baseline, run 2 (seed 0): failed",))


def test_a_miss_in_the_baseline_counts_only_against_limits_at_the_target():
    baseline = report([run(), run(), run(status="missed")])
    assert judged(at(1.0, 1.0), baseline, PER_SAMPLE) == ("PASS", 0)
    assert judged(at(1.0, 1.0), baseline, [Limit("energy_to_target", 0.03)]) == ("INVALID", 4)


def test_a_report_without_runs_is_4():
    assert judged(report()) == ("INVALID", 4)


def test_what_needs_no_joules_needs_no_meter():
    bare = report([unmetered_run(), unmetered_run()], boundary=None, meters=())
    assert judged(bare, bare, [Limit("samples_to_target", 0.03)]) == ("PASS", 0)
    assert judged(bare, bare, PER_SAMPLE) == ("INVALID", 4)


def test_a_figure_in_some_runs_only_is_4():
    holed = replace(run(), phases=())
    assert check(report([run(), holed]), BASE).invalid == ("new: only 1 of 2 runs have energy_per_sample",)


def test_every_difference_of_the_reports_is_named_at_once_the_machine_too():
    other = at(
        1.0,
        1.1,
        config={"batch_size": 8, "precision": "fp32"},
        boundary="wall_ac",
        origin="modelled",
        meters=(meter("shelly:0"),),
        machine={"id": "sha256:there", "host": "there", "cpu": "Xeon", "threads": 8, "gpus": []},
    )
    with pytest.raises(NotComparable) as refusal:
        check(other, BASE)
    lines = str(refusal.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "work",
        "boundary",
        "origin",
        "meters",
        "machine",
    ]
    assert lines[-1] == "  machine: host is there in new, here in baseline"


def test_reports_from_machines_that_are_not_known_are_not_judged():
    with pytest.raises(NotComparable, match="machine: not known in new and baseline"):
        check(at(1.0, machine={}), at(1.0, machine={}))


def test_two_estimates_may_be_judged_and_say_what_they_are():
    guess = at(0.99, 1.0, 1.01, origin="modelled")
    result = check(guess, guess)
    assert (result.outcome, result.origin) == ("PASS", "modelled")


def test_a_missing_baseline_that_is_allowed_is_0_without_verdict():
    result = without_baseline("new", "base.json")
    assert (exit_code(result, strict=True), result.verdicts) == (0, ())


def test_a_figure_has_one_limit():
    with pytest.raises(UsageError, match="energy has more than one limit"):
        check(program(1.0), program(1.0), [Limit("energy", 0.1), Limit("energy", 0.2)])


def test_a_figure_that_the_reports_lack_is_a_usage_error_that_names_those_they_have():
    with pytest.raises(UsageError, match="new has no energy_per_sample; choose from energy, time"):
        check(program(1.0, 2.0), program(1.0, 2.0), PER_SAMPLE)
