"""Which report is best, and when nobody may say so."""

from __future__ import annotations

from dataclasses import replace

from energyprof.compare.best import best
from energyprof.compare.comparison import compare
from energyprof.report.record import Report, node_record
from reports import at, meter


def found(*reports: Report, figure: str = "energy_per_sample", **options: object) -> str | None:
    labels = [chr(ord("a") + i) for i in range(len(reports))]
    return best(compare(reports, labels, **options), figure)  # type: ignore[arg-type]


NEAR_1, NEAR_2, NEAR_3 = at(0.99, 1.0, 1.01), at(1.98, 2.0, 2.02), at(2.97, 3.0, 3.03)


def test_the_one_that_takes_clearly_less_is_best_wherever_it_stands() -> None:
    assert found(NEAR_1, NEAR_2, NEAR_3) == "a"
    assert found(NEAR_2, NEAR_1, NEAR_3) == "b"
    assert found(NEAR_3, NEAR_2, NEAR_1) == "c"


def test_two_that_cannot_be_told_apart_leave_no_best() -> None:
    assert found(NEAR_1, at(1.0, 1.01, 1.02), NEAR_3) is None
    assert found(NEAR_3, NEAR_1, at(1.0, 1.01, 1.02)) is None
    assert found(NEAR_1, NEAR_1) is None


def test_single_runs_other_machines_and_other_boundaries_leave_no_best() -> None:
    assert found(at(1.0), at(2.0)) is None
    assert found(NEAR_1) is None
    there = replace(NEAR_2, nodes=(node_record({"id": "sha256:there"}),))
    assert found(NEAR_1, there) is None
    wall = replace(NEAR_2, boundary="wall_ac", meters=(meter("shelly:0"),))
    assert found(NEAR_1, wall, allow=["boundary", "meters"]) is None


def test_a_figure_that_has_no_better_way_has_no_best() -> None:
    assert found(NEAR_1, NEAR_2, figure="power") is None
