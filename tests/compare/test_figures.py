"""Which number a run has, and which runs may enter a figure."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from energyprof.compare.comparison import compare
from energyprof.compare.exclusions import unmetered
from energyprof.compare.figures import BY_NAME, FIGURES, value
from energyprof.compare.statistics import terms
from energyprof.report.flags import flag
from energyprof.report.record import NodeRecord, Point
from reports import at, figures_of, program, report, run, unmetered_run


def entry(made, **options):
    return compare([made], ["a"], **options).entries[0]


def test_every_figure_of_a_run_is_what_the_head_says():
    # 1000 samples at 2 J, 50 J of evaluation, all at 100 W; the 500 J of start-up are in none.
    one = run(2.0)
    assert {f.name: value(f, one) for f in FIGURES} == {
        "energy_per_sample": 2.0,
        "samples_to_target": 1000,
        "energy_to_target": 2050.0,
        "time_to_target": 20.5,
        "energy": None,
        "time": None,
        "energy_per_epoch": None,
        "energy_delay_product": 2050.0 * 20.5,
        "cpu_time_per_sample": None,
        "cpu_time": None,
        "energy_per_inference": None,
        "time_per_inference": None,
        "cpu_time_per_inference": None,
        "energy_per_batched_inference": None,
        "time_per_batched_inference": None,
        "cpu_time_per_batched_inference": None,
        "wall_energy": None,
        "node_energy": None,
        "power": 100.0,
        "score": 0.8,
    }


def test_a_program_has_energy_time_and_power_only():
    (one,) = program(1000.0).runs
    found = {f.name: value(f, one) for f in FIGURES if value(f, one) is not None}
    assert found == {"energy": 1000.0, "time": 10.0, "power": 100.0}


def test_only_train_phases_count_as_energy_per_sample():
    one = run(2.0)
    startup, train, _ = one.phases
    warmup = replace(train, name="warmup", energy_j=9999.0)
    early = replace(train, samples=400, energy_j=700.0)
    late = replace(train, samples=600, energy_j=1300.0)
    one = replace(one, phases=(startup, warmup, early, startup, late))
    assert value(BY_NAME["energy_per_sample"], one) == 2.0


@pytest.mark.parametrize("hole", [{"energy_j": None}, {"samples": None}, {"samples": 0}])
def test_a_train_phase_without_joules_or_samples_gives_no_energy_per_sample(hole):
    one = run(2.0)
    holed = tuple(replace(p, **hole) if p.name == "train" else p for p in one.phases)
    assert value(BY_NAME["energy_per_sample"], replace(one, phases=holed)) is None


def test_steps_of_the_evaluation_stand_in_for_a_spread_that_they_hide():
    history = (Point(900, 0.7, 9.0, None), Point(1000, 0.8, 10.0, None))
    found = figures_of(entry(report([run(history=history)] * 3)))["samples_to_target"]
    half = 2 * 100 / math.sqrt(12) / 1000 / math.sqrt(3)  # a Type B term: k = 2
    assert math.log(found.high / 1000) == pytest.approx(half, rel=1e-4)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (run(status="interrupted"), "run 2 (seed 0) left out: interrupted"),
        (run(status="failed", exit_code=7), "run 2 (seed 0) left out: failed with exit code 7"),
        (run(status="diverged"), "run 2 (seed 0) left out: diverged"),
        (unmetered_run(), "energy and power: energy not measured (no meter was read)"),
        (run(coverage=0.9897), "the meters cover 98.9 % of it, 99 % is needed"),
        (run(coverage=None), "it is not known how much of the run the meters cover"),
        (run(energy_j=0.0), "0 J: shorter than its meters can resolve"),
    ],
)
def test_an_invalid_run_is_left_out_of_energy_and_says_why(bad, why):
    found = entry(report([run(), bad, run()]))
    assert len(found.left_out) == 1 and found.left_out[0].endswith(why)
    assert figures_of(found)["energy_per_sample"].n == 2
    assert figures_of(found)["power"].n == 2


def test_of_a_runs_flags_those_that_cost_it_its_joules_say_why_and_in_words():
    flags = (
        flag("foreign", "a/the CPUs", "1.9 of 2"),
        flag("node_missing", detail="b"),
        flag("not_added", detail="b has no such run"),
    )
    assert str(unmetered(run(energy_j=None, flags=flags))) == (
        "energy not measured (the nodes' joules are not added: b has no such run)"
    )
    assert str(unmetered(run(energy_j=None, flags=flags[:1]))) == (
        "energy not measured (other processes used the CPUs of a (1.9 of 2) as well)"
    )


def test_a_coverage_of_99_percent_will_do():
    assert unmetered(run(coverage=0.99)) is None


def test_a_run_without_meter_still_has_its_samples_and_time():
    found = figures_of(entry(report([unmetered_run(), unmetered_run()], boundary=None, meters=())))
    assert set(found) == {"samples_to_target", "time_to_target", "score"}


def test_a_missed_run_counts_for_its_joules_a_sample_but_not_at_the_target():
    found = entry(report([run(), run(), run(status="missed")]))
    assert (found.reached, found.runs, found.left_out) == (2, 3, ())
    assert {name: f.n for name, f in figures_of(found).items()} == {
        "energy_per_sample": 3,
        "samples_to_target": 2,
        "energy_to_target": 2,
        "time_to_target": 2,
        "energy_delay_product": 2,
        "power": 3,
        "score": 3,
    }


def test_a_report_without_runs_is_listed_and_has_no_figures_of():
    found = entry(report())
    assert (found.estimates, found.left_out) == ((), ("it has no runs",))


def test_an_epoch_is_as_many_samples_as_there_are_to_train_on():
    assert value(BY_NAME["energy_per_epoch"], run(2.0, facts={"training_items": 600})) == 1200.0
    for items in (0, -3, True, "600", 600.0, None):
        assert value(BY_NAME["energy_per_epoch"], run(facts={"training_items": items})) is None


def test_what_no_float_can_hold_is_no_figure():
    made = replace(run(), energy_j=1e300, time_s=1e300)
    assert value(BY_NAME["energy_to_target"], made) == 1e300
    assert value(BY_NAME["energy_delay_product"], made) is None
    assert "energy_delay_product" not in figures_of(entry(report([made, made])))


def test_processor_time_is_no_energy_and_needs_no_meter():
    made = unmetered_run(cpu_s=30.0)
    phases = tuple(replace(p, cpu_s=20.0) if p.name == "train" else p for p in made.phases)
    made = replace(made, phases=phases)
    found = {name: value(BY_NAME[name], made) for name in ("cpu_time_per_sample", "cpu_time", "power")}
    assert found == {"cpu_time_per_sample": 0.02, "cpu_time": 30.0, "power": None}


def test_the_uncertainty_of_energy_per_sample_is_that_of_the_train_phases() -> None:
    # Two train phases of 500 J. Gains and zero errors of both are the same; edges and stamps are independent.
    made = run()
    train = next(phase for phase in made.phases if phase.name == "train")
    known = {"gain": 25.0, "offset": 6.0, "edge": 3.0, "stamp": 4.0}
    half = replace(train, energy_j=500.0, samples=500, budget_j=known)
    evaluation = replace(train, name="eval", budget_j={"edge": 100.0})
    made = replace(made, phases=(half, evaluation, half))
    assert BY_NAME["energy_per_sample"].terms(made, 1.0) == pytest.approx(
        {"gain": 0.05, "offset": 0.012, "edge": math.hypot(3, 3) / 1000, "stamp": math.hypot(4, 4) / 1000}
    )


def test_what_follows_from_the_energy_is_as_uncertain_as_it():
    made = run(u_rel=0.1, gain_rel=0.06)
    shares = {"gain": 0.03, "reading": 0.04}
    for name in ("energy_to_target", "energy_delay_product", "power"):
        figure = BY_NAME[name]
        amount = value(figure, made)
        assert figure.terms(made, amount) == pytest.approx(terms.scaled(shares, amount)), name


def test_where_the_training_of_actors_overlaps_its_joules_are_not_added():
    one = run(2.0)
    startup, train, _ = one.phases
    first = replace(train, actor="client-1", samples=500)
    apart = replace(first, actor="client-2", start_s=train.end_s, end_s=train.end_s + 20)
    assert value(BY_NAME["energy_per_sample"], replace(one, phases=(startup, first, apart))) == 4.0
    beside = replace(apart, start_s=train.start_s + 1)
    assert value(BY_NAME["energy_per_sample"], replace(one, phases=(startup, first, beside))) is None


def test_a_report_of_two_nodes_is_of_both_machines():
    here, there = (
        {"id": "sha256:a", "host": "a", "cpu": "Xeon"},
        {"id": "sha256:b", "host": "b", "cpu": "EPYC"},
    )
    both = replace(at(1.0), nodes=(NodeRecord("a", here), NodeRecord("b", there)))
    swapped = replace(both, nodes=both.nodes[::-1])
    assert compare([both], ["r"]).entries[0].machine == "a, Xeon + b, EPYC"
    assert compare([both, swapped], ["r", "s"]).one_machine
    assert not compare([both, replace(both, nodes=both.nodes[:1])], ["r", "s"]).one_machine
    nameless = replace(both, nodes=(*both.nodes, NodeRecord("c", {"id": ""})))
    assert not compare([nameless, nameless], ["r", "s"]).one_machine
