"""An inference's joules and seconds from windows, and the lives of two works: where they cost the same."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from energyprof.compare.breakdown import breakdown
from energyprof.compare.comparison import compare
from energyprof.compare.inference import inferences, savings
from energyprof.compare.life import Cost, crossing
from energyprof.formats.html.page import page
from energyprof.formats.inference import life_lines, saving_line
from energyprof.report.record import Phase, Report, Run
from reports import report, run, unmetered_run


def window(
    batch: int, samples: int, energy_j: float | None, span_s: float = 1.0, kind: str = "as trained"
) -> Phase:
    u_j = None if energy_j is None else 0.0
    return Phase(f"part:inference:{kind}:{batch}", 0.0, span_s, samples, energy_j, u_j, {}, cpu_s=span_s / 2)


def inferring(made: Run, *windows: Phase) -> Run:
    return replace(made, phases=(*made.phases, *windows))


def test_an_inference_takes_a_windows_joules_and_seconds_over_its_items() -> None:
    made = report([inferring(run(), *[window(1, 100, 50.0)] * 3, *[window(16, 1600, 80.0)] * 3)])
    one, many = inferences(made)
    assert (one.kind, one.batch, one.count) == ("as trained", 1, 300)
    assert one.energy_j is not None and many.energy_j is not None and one.cpu_s is not None
    assert one.energy_j.value == pytest.approx(0.5)
    assert many.energy_j.value == pytest.approx(0.05)
    assert (one.time_s.value, one.cpu_s.value) == (pytest.approx(0.01), pytest.approx(0.005))


def test_windows_that_differ_widen_the_interval() -> None:
    (found,) = inferences(report([inferring(run(), *(window(1, 100, j) for j in (90.0, 100.0, 111.1)))]))
    assert found.energy_j is not None
    low, high = found.energy_j.ends
    assert low < 0.9 < 1.0 < 1.11 < high  # Student's t of two degrees of freedom: k = 4.5, u = 6 %


def test_runs_are_averaged_with_what_their_windows_differed_by() -> None:
    runs = [
        inferring(run(seed=i), *(window(1, 100, j * f) for j in (95.0, 105.0)))
        for i, f in enumerate((1, 1.2))
    ]
    (found,) = inferences(report(runs))
    assert found.energy_j is not None
    assert found.energy_j.value == pytest.approx(math.sqrt(0.95 * 1.05) * math.sqrt(1.2))
    assert {"scatter", "windows"} <= set(found.energy_j.terms)


def test_without_a_meter_seconds_are_known_and_joules_are_not() -> None:
    (found,) = inferences(report([inferring(unmetered_run(), window(1, 100, None), window(1, 100, None))]))
    assert found.energy_j is None
    assert found.time_s.value == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("span_s", "words"),
    [
        (0.5, "int8 at batch 1: takes less CPU time (0.50 … 0.50 × as trained)"),
        (1.0, "int8 at batch 1: no CPU time is surely saved (1.00 … 1.00 × as trained)"),
        (1.3, "int8 at batch 1: takes more CPU time (1.30 … 1.30 × as trained)"),
    ],
)
def test_what_was_made_of_the_network_is_said_to_save_only_where_it_does(span_s: float, words: str) -> None:
    windows = [*[window(1, 100, 50.0)] * 3, *[window(1, 100, 50.0, span_s, "int8")] * 3]
    (found,) = savings(report([inferring(run(), *windows)]))
    assert saving_line(found) == words


def test_what_has_no_like_as_trained_is_not_compared() -> None:
    assert savings(report([inferring(run(), *[window(1, 100, 50.0, 1.0, "int8")] * 3)])) == ()
    assert savings(report([run()])) == ()


def test_warm_up_and_compilation_are_no_inferences() -> None:
    others = [Phase(f"part:inference:{name}", 0, 1, 5, 1.0, 0.0, {}) for name in ("warmup", "compile", "end")]
    assert inferences(report([inferring(run(), *others)])) == ()


def test_inferences_are_no_parts_of_a_step() -> None:
    assert breakdown(report([inferring(run(), window(1, 100, 50.0))])) is None


@pytest.mark.parametrize(
    ("training", "inference", "expected"),
    [
        # 1000 J more to train, 0.1 J less an inference
        ((2000.0, 3000.0), (0.5, 0.4), ("from", 10_000)),
        ((3000.0, 2000.0), (0.4, 0.5), ("until", 10_000)),
        ((3000.0, 2000.0), (0.5, 0.4), ("always", None)),
        ((2000.0, 3000.0), (0.4, 0.5), ("never", None)),
        ((2000.0, 3000.0), (0.4, 0.4), ("unclear", None)),
    ],
)
def test_lives_cross_where_what_is_saved_has_paid_for_what_was_spent(
    training: tuple[float, float], inference: tuple[float, float], expected: tuple[str, Any]
) -> None:
    outcome, at, _, _ = crossing(
        (Cost(training[0], 0.0), Cost(training[1], 0.0)), (Cost(inference[0], 0.0), Cost(inference[1], 0.0))
    )
    assert (outcome, at if at is None else pytest.approx(at)) == expected


def test_where_the_inferences_lie_within_each_others_interval_nothing_is_said_to_be_saved() -> None:
    found = crossing((Cost(2000, 1), Cost(3000, 1)), (Cost(0.5, 0.04), Cost(0.46, 0.03)))
    assert found[0] == "unclear"


def test_the_ends_hold_what_both_intervals_allow() -> None:
    outcome, at, low, high = crossing((Cost(2000, 30), Cost(3000, 40)), (Cost(0.5, 0.03), Cost(0.4, 0.04)))
    assert (outcome, at) == ("from", pytest.approx(10_000))
    assert (low, high) == (pytest.approx(950 / 0.15), pytest.approx(1050 / 0.05))


def lived(train_j: float, inference_j: float, **changes: Any) -> Report:
    windows = [window(1, 1000, 1000 * inference_j * f) for f in (0.999, 1.0, 1.001)]
    return report([inferring(run(train_j / 1000, **changes), *windows)])


def test_compare_says_from_how_many_inferences_on_a_life_costs_less() -> None:
    found = compare([lived(1000, 0.5), lived(3000, 0.25)], ["wide", "narrow"], ["task"])
    (life,) = found.lives
    assert (life.first, life.second, life.unit, life.outcome) == ("wide", "narrow", "J", "from")
    assert life.inferences == pytest.approx(8000, rel=1e-3)
    (line,) = life_lines(found.lives)
    assert line.startswith("training and inferences at batch 1, in J: narrow costs less than wide from 8,000")


def test_the_teachers_training_is_part_of_a_students_life() -> None:
    (made,) = lived(1000, 0.25).runs
    student = report([inferring(made, Phase("teacher", 0.0, 40.0, 500, 4000.0, 0.0, {}))])
    (life,) = compare([lived(1000, 0.5), student], ["plain", "taught"], ["task"]).lives
    assert life.inferences == pytest.approx(4000 / 0.25, rel=1e-3)


def test_reports_that_measured_no_inference_have_no_lives() -> None:
    assert compare([report([run()]), report([run()])], ["a", "b"]).lives == ()


def test_figures_of_inference_are_those_of_the_smallest_and_the_largest_batch() -> None:
    made = report([inferring(run(), *[window(1, 100, 50.0)] * 2, *[window(16, 1600, 80.0)] * 2)])
    means = {s.figure: s.mean for s in compare([made], ["a"]).entries[0].estimates}
    assert means["energy_per_inference"] == pytest.approx(0.5)
    assert means["energy_per_batched_inference"] == pytest.approx(0.05)
    assert means["cpu_time_per_inference"] == pytest.approx(0.005)


def test_a_page_has_inference_and_the_lives_in_it() -> None:
    sides = [lived(1000, 0.5), lived(3000, 0.25)]
    made = page(compare(sides, ["wide", "narrow"], ["task"]), sides, [None, None])
    section = made.partition("Inference</h2>")[2].partition("</section>")[0]
    assert "as trained" in section
    assert "narrow costs less than wide from 8,000 inferences" in section
    assert "Inference</h2>" not in page(compare([report([run()])], ["a"]), [report([run()])], [None])


def test_joules_of_an_inference_are_as_sure_as_the_meters_and_unmetered_runs_have_none() -> None:
    windows = [replace(window(1, 100, 50.0), budget_j={"gain": 2.5}) for _ in range(3)]
    sides = [report([inferring(run(), *windows)]), report([inferring(unmetered_run(), *windows)])]
    metered, dark = ({s.figure: s for s in compare([r], ["a"]).entries[0].estimates} for r in sides)
    assert metered["energy_per_inference"].u_rel == pytest.approx(0.1)
    assert "energy_per_inference" not in dark
    assert "time_per_inference" in dark


def test_what_a_teacher_took_before_is_part_of_its_students_life() -> None:
    def life(facts: dict[str, Any]) -> Any:
        plain, student = run(energy_j=1000.0), replace(run(energy_j=900.0), facts=facts)
        reports = [
            report([inferring(made, *[window(1, 100, j)] * 3)])
            for made, j in ((plain, 50.0), (student, 40.0))
        ]
        (found,) = compare(reports, ["plain", "student"]).lives
        return found

    alone = life({})
    taught = life({"teacher_energy_j": 5000.0, "teacher_cpu_s": 100.0})
    assert alone.outcome == "always"
    assert (taught.outcome, taught.inferences) == ("from", pytest.approx(4900.0 / 0.1))
    for nonsense in (True, "many", math.nan, -5.0, None):
        assert life({"teacher_energy_j": nonsense}).outcome == "always"
