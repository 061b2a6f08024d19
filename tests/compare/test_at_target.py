"""Reports as if they had been trained to another target: what their histories say, and no more."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from energyprof.compare.at_target import all_at_target, at_target, parsed_targets
from energyprof.compare.comparison import compare
from energyprof.errors import NotComparable, UsageError
from energyprof.formats.targets import targets_table
from energyprof.report.record import Point, Report
from energyprof.workload import Target
from reports import TARGET, report, run

# 1,000 J for 1,000 samples in 10 s, to a Dice of 0.8.
HISTORY = (
    Point(200, 0.5, 2.0, 200.0),
    Point(400, 0.74, 4.0, 400.0),
    Point(600, 0.7, 6.0, 600.0),
    Point(1000, 0.8, 10.0, 1000.0),
)


def trained(**changes: object) -> Report:
    whole = replace(run(eval_j=0.0), energy_j=1000.0, time_s=10.0, history=HISTORY, budget_j={})
    return report([replace(whole, **changes)])  # type: ignore[arg-type]


def test_a_run_ends_with_the_first_evaluation_at_or_past_the_target() -> None:
    (cut,) = at_target(trained(), 0.7, "a").runs
    assert (cut.status, cut.samples, cut.score, cut.time_s, cut.energy_j) == (
        "reached",
        400,
        0.74,
        4.0,
        400.0,
    )


def test_at_its_own_target_a_run_is_what_it_was() -> None:
    whole = trained(budget_j={"gain": 30.0, "edge": 40.0}, energy_u_j=100.0)
    (cut,) = at_target(whole, 0.8, "a").runs
    assert (cut.energy_j, cut.energy_u_j, cut.time_s) == (1000.0, 100.0, 10.0)
    assert (cut.energy_low_j, cut.energy_high_j) == (900.0, 1100.0)


def test_at_another_target_it_is_other_work_and_the_same_of_equal_works() -> None:
    whole = trained()
    whole = replace(whole, workload=replace(whole.workload, work="a" * 16))
    first, second = all_at_target([whole, whole], 0.6, ["a", "b"])
    assert first.workload.work == second.workload.work != whole.workload.work
    assert at_target(whole, 0.8, "a").workload.work == whole.workload.work


def test_a_factor_shrinks_with_the_joules_and_the_rest_stays() -> None:
    whole = trained(budget_j={"gain": 30.0, "edge": 16.0}, energy_u_j=68.0, gain_u_j=60.0)
    (cut,) = at_target(whole, 0.7, "a").runs
    assert cut.budget_j == {"gain": 12.0, "edge": 16.0}
    assert cut.energy_u_j == pytest.approx(2 * 20.0)  # √(12² + 16²)
    assert cut.gain_u_j == pytest.approx(24.0)


def test_a_gain_that_is_further_off_one_way_stays_so() -> None:
    whole = trained(budget_j={"gain": 50.0, "gain_below": 20.0}, energy_u_j=100.0)
    (cut,) = at_target(whole, 0.7, "a").runs
    assert (cut.energy_low_j, cut.energy_high_j) == (pytest.approx(384.0), pytest.approx(440.0))


@pytest.mark.parametrize(
    ("status", "then"), [("reached", "missed"), ("missed", "missed"), ("failed", "failed")]
)
def test_a_run_that_never_came_there_has_missed_it(status: str, then: str) -> None:
    assert at_target(trained(status=status), 0.9, "a").runs[0].status == then


def test_a_run_that_broke_off_later_had_reached_it() -> None:
    assert at_target(trained(status="interrupted"), 0.7, "a").runs[0].status == "reached"


def test_less_is_better_where_the_target_says_so() -> None:
    history = (Point(100, 0.4, 1.0, 100.0), Point(200, 0.2, 2.0, 200.0), Point(300, 0.1, 3.0, 300.0))
    losses = trained(history=history)
    losses = replace(losses, workload=replace(losses.workload, target=Target("loss", 0.1, "min")))
    assert at_target(losses, 0.25, "a").runs[0].samples == 200


def test_an_evaluation_without_joules_gives_none() -> None:
    cut = at_target(trained(history=(Point(200, 0.9, 2.0, None),)), 0.8, "a").runs[0]
    assert (cut.status, cut.energy_j, cut.energy_u_j, cut.energy_low_j) == ("reached", None, None, None)


def test_reports_trained_to_different_targets_can_be_laid_side_by_side() -> None:
    easy = trained()
    easy = replace(
        easy, workload=replace(easy.workload, target=replace(TARGET, value=0.7), work="sha256:easy")
    )
    with pytest.raises(NotComparable):
        compare([trained(), easy], ["a", "b"])
    both = compare(all_at_target([trained(), easy], 0.7, ["a", "b"]), ["a", "b"])
    means = [{e.figure: e.mean for e in entry.estimates} for entry in both.entries]
    assert means[0]["energy_to_target"] == means[1]["energy_to_target"] == 400.0


def test_a_report_without_a_target_is_refused_by_its_name() -> None:
    done = trained()
    done = replace(done, workload=replace(done.workload, target=None))
    with pytest.raises(UsageError, match="b: its runs have no target"):
        all_at_target([trained(), done], 0.7, ["a", "b"])


@pytest.mark.parametrize("text", ["", "a", "0.7;0.8", "0.7,", "nan", "inf", "-1", "0"])
def test_what_are_no_scores_is_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="give scores separated by commas"):
        parsed_targets(text)


def test_each_target_is_a_line_of_80_columns_however_its_ends_and_its_metric_are_written() -> None:
    history = tuple(replace(point, samples=point.samples * 10_000) for point in HISTORY)
    whole = trained(
        history=history, time_s=1200.0, energy_u_j=2200.0, budget_j={"gain": 1100.0, "gain_below": 340.0}
    )
    aim = Target("validation_loss", 0.8, "max")
    long = replace(whole, workload=replace(whole.workload, target=aim))
    out = StringIO()
    Console(file=out, width=80).print(targets_table(long, [0.5, 0.7, 0.8], "a"))
    title, _, *rows = [line.rstrip() for line in out.getvalue().splitlines()]
    assert title == "to each target of validation loss, from the evaluations on the way"
    assert [row.split()[0] for row in rows] == ["0.5", "0.7", "0.8"]
    assert all(len(row) <= 80 and row.endswith("%") for row in rows)
