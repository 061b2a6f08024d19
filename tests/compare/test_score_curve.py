"""Scores over energy, with closed forms for the mean and the range of the runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from energyprof.compare.score_curve import MOST_PLACES, score_curve
from energyprof.report.record import Point, Report, RoundRecord, Run
from reports import report, run


def scored(*pairs: tuple[float | None, float | None], seed: int = 0) -> Run:
    """A run with evaluations of (J, score), one a second."""
    points = [Point(i, score, float(i), joules) for i, (joules, score) in enumerate(pairs)]
    return run(seed=seed, history=tuple(points))


def both() -> Report:
    """Straight lines: the score is J / 100 in one run and J / 200 in the other, which goes on for longer."""
    return report([scored((10, 0.1), (100, 1.0)), scored((20, 0.1), (200, 1.0), seed=1)])


def test_mean_and_range_stand_where_all_runs_have_scores() -> None:
    found = score_curve(both(), "energy_j")
    assert found is not None
    assert [name for name, _ in found.runs] == ["run 1 (seed 0)", "run 2 (seed 1)"]
    assert [x for x, _ in found.mean] == [20, 100]
    # At 20 J the runs are at 0.2 and 0.1, at 100 J at 1.0 and 0.5.
    assert [y for _, y in found.mean] == pytest.approx([0.15, 0.75])
    assert [y for _, y in found.low] == pytest.approx([0.1, 0.5])
    assert [y for _, y in found.high] == pytest.approx([0.2, 1.0])


def test_a_single_run_and_runs_that_never_meet_have_no_mean() -> None:
    alone = score_curve(report([scored((10, 0.1), (100, 1.0))]), "energy_j")
    apart = score_curve(report([scored((1, 0.1), (2, 1.0)), scored((3, 0.1), (4, 1.0))]), "energy_j")
    for found in (alone, apart):
        assert found is not None
        assert found.mean == found.low == found.high == ()


def test_scores_that_are_no_number_and_runs_that_broke_leave_nothing() -> None:
    broke = replace(scored((1, 0.5), (2, 0.6)), status="diverged")
    found = score_curve(report([scored((10, 0.1), (50, None), (100, 1.0)), broke]), "energy_j")
    assert found is not None
    assert found.runs == (("run 1 (seed 0)", ((10, 0.1), (100, 1.0))),)
    assert score_curve(report([broke]), "energy_j") is None


def test_without_joules_there_is_still_the_time() -> None:
    made = report([scored((None, 0.1), (None, 0.9))])
    assert score_curve(made, "energy_j") is None
    found = score_curve(made, "time_s")
    assert found is not None
    assert found.runs[0][1] == ((0.0, 0.1), (1.0, 0.9))


def test_many_evaluations_are_thinned_and_both_ends_kept() -> None:
    runs = [scored(*((float(i + 1), i / 5000) for i in range(5000)), seed=seed) for seed in range(2)]
    found = score_curve(report(runs), "energy_j")
    assert found is not None
    assert len(found.mean) <= MOST_PLACES + 1
    assert (found.mean[0][0], found.mean[-1][0]) == (1.0, 5000.0)


def one_round(number: int, score: float | None, energy_j: float | None) -> RoundRecord:
    return RoundRecord(number, score, energy_j, None, 2.0, 0, 0, (), {})


def test_rounds_that_do_not_count_towards_the_target_come_before_the_evaluations() -> None:
    rounds = (
        one_round(1, 0.3, 50.0),
        one_round(2, None, 10.0),
        one_round(3, 0.4, 30.0),
        one_round(4, 0.5, 20.0),
    )
    # The last round ends with the evaluation at 110 J, which says the same.
    found = score_curve(report([replace(scored((100, 0.45), (110, 0.5)), rounds=rounds)]), "energy_j")
    assert found is not None
    assert found.runs[0][1] == ((50, 0.3), (90, 0.4), (100, 0.45), (110, 0.5))


def test_rounds_after_one_whose_joules_are_unknown_have_no_place() -> None:
    rounds = (one_round(1, 0.3, 50.0), one_round(2, 0.4, None), one_round(3, 0.5, 30.0))
    found = score_curve(report([replace(run(), history=(), rounds=rounds)]), "energy_j")
    assert found is not None
    assert found.runs[0][1] == ((50, 0.3),)
