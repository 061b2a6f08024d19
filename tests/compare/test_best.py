"""Which report is best, and when nobody may say so."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest

from energyprof.compare.best import best
from energyprof.compare.comparison import compare
from energyprof.report.flags import flag
from energyprof.report.record import Report, node_record
from reports import at, meter, report, run


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


@pytest.mark.slow
def test_the_best_does_not_depend_on_the_order_of_the_reports() -> None:
    rng = random.Random(3)
    for _ in range(40):
        made = {
            name: at(*(rng.gauss(x, 0.02) for _ in range(4)))
            for name, x in zip("abc", (1, 1.04, 1.1), strict=True)
        }
        said = set()
        for order in itertools.permutations(made):
            comparison = compare([made[name] for name in order], list(order))
            said.add(best(comparison, "energy_per_sample"))
        assert len(said) == 1


@pytest.mark.slow
def test_of_reports_that_are_alike_none_is_best_in_any_figure_but_by_a_chance_of_5_percent() -> None:
    rng = random.Random(11)
    named = 0
    for _ in range(200):
        pair = [
            report(
                [
                    run(rng.gauss(1, 0.01), samples=rng.randint(900, 1100), eval_j=rng.gauss(50, 5))
                    for _ in range(4)
                ]
            )
            for _ in range(2)
        ]
        named += bool(compare(pair, ["a", "b"]).best)
    assert named <= 17  # 10 expected at most: the 99 % quantile of the binomial distribution


def test_runs_that_a_check_calls_invalid_take_the_words_and_the_best() -> None:
    odd = flag("throttled", "nvml:0", "thermal"), flag("foreign", "nvml:0", "pid 12 python")
    spoilt = report([run(x, seed=i, flags=odd) for i, x in enumerate((0.89, 0.9, 0.91))])
    comparison = compare([NEAR_1, spoilt], ["a", "b"])
    words = {e.figure: e.change.verdict for e in comparison.entries[1].estimates if e.change}
    assert words["energy_per_sample"] is None and words["time_to_target"] is None
    assert words["samples_to_target"] == "unclear"  # what happens to a device does not change these
    assert comparison.best == {}
    (held,) = comparison.withheld
    assert held.label == "b" and "energy_per_sample" in held.figures
    assert held.reasons == (
        "every run: throttled: nvml:0 (thermal); "
        "foreign load, other processes used the device: nvml:0 (pid 12 python)",
    )
    # One such run is enough, since none is dropped.
    one = report([run(0.9, seed=0, flags=odd[:1]), run(0.9, seed=1), run(0.91, seed=2)])
    (held,) = compare([one, NEAR_1], ["a", "b"]).withheld
    assert (held.label, held.reasons) == ("a", ("run 1 (seed 0): throttled: nvml:0 (thermal)",))


def test_nothing_is_said_of_the_target_by_the_runs_that_happened_to_reach_it() -> None:
    always = report([run(1.0, samples=5500 + 50 * i, seed=i) for i in range(5)])
    lucky = [run(1.0, samples=3000 + 50 * i, seed=i) for i in range(3)]
    some = report([*lucky, *(run(1.0, samples=16000, seed=i, status="missed") for i in range(3, 7))])
    comparison = compare([always, some], ["a", "b"])
    entry = {e.figure: e for e in comparison.entries[1].estimates}
    for figure in ("samples_to_target", "energy_to_target", "time_to_target", "energy_delay_product"):
        assert entry[figure].change.verdict is None and entry[figure].missed == 4
        assert figure not in comparison.best
    assert entry["energy_per_sample"].change.verdict is not None  # that has no target
    spent = comparison.entries[1].success
    assert (spent.successes, spent.attempts) == (3, 7)
    # Three of 3,100 J in the mean, four of 16,050 J: all of it over three.
    assert spent.energy_j == pytest.approx((3 * 3100 + 4 * 16050) / 3)
    assert spent.low_j < spent.energy_j and spent.high_j is None
    assert comparison.entries[0].success is None
