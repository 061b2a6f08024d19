"""What is foretold of a training, against runs that can be added up in the head, and by simulation."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from energyprof.compare.emissions import of_number
from energyprof.compare.forecast import NO_EVALUATION, ONE_RUN, Forecast, Prediction, estimate, must_be
from energyprof.compare.samples_to_target import Samples, of_bank, of_report
from energyprof.compare.statistics.mean import coverage_factor
from energyprof.errors import MissingPart, NotComparable, UsageError
from energyprof.report.file import read
from energyprof.report.flags import flag
from energyprof.report.record import Phase, Point, Report, Run
from reports import at, report, run, unmetered_run

MEASURED = Path(__file__).parents[2] / "results" / "vm-epyc-2" / "unet-tiny" / "seeds-0-2.json"
K_19 = 2.14049365  # Student, 95.45 % (GUM, table G.2)
KNOWN = Samples("the bank", 2000.0, 0.1, 20, 100.0, ())
EXACT = replace(KNOWN, log_sd=0.0)


def figure(forecast: Forecast, name: str) -> Prediction:
    return next(f for f in (*forecast.figures, *forecast.factors) if f.name == name)


def trained(sample_j: float = 1.0, evaluations: int = 2, **changes: object) -> Run:
    """100 samples of warm-up at twice the energy, then 400 more, with evaluations of 5 J, all at 100 W."""
    phases, now = [], 3.0
    parts = [("startup", None, 300.0), ("warmup", 100, 200.0 * sample_j)]
    each = 400 // max(1, evaluations)
    for _ in range(max(1, evaluations)):
        parts += [("train", each, each * sample_j)] + ([("eval", None, 5.0)] if evaluations else [])
    for name, samples, joules in parts:
        phases.append(Phase(name, now, now + joules / 100, samples, joules, 0.0, {}))
        now += joules / 100
    spent_j = math.fsum(joules for name, _, joules in parts if name != "startup")
    made = run(samples=500, phases=tuple(phases), status="missed")
    return replace(made, energy_j=spent_j, energy_u_j=0.0, gain_u_j=0.0, time_s=spent_j / 100, **changes)  # type: ignore[arg-type]


def test_a_training_is_its_samples_its_evaluations_and_its_warm_up() -> None:
    found = estimate(report([trained()]), EXACT, "r")
    # 2000 samples at 1 J; one evaluation of 5 J every 100 of them; 100 J more for the first 100.
    energy, time = figure(found, "energy_to_target"), figure(found, "time_to_target")
    assert energy.mean == pytest.approx(2000 + 20 * 5 + 100)
    assert time.mean == pytest.approx(energy.mean / 100)
    assert math.prod(factor.mean for factor in found.factors) == pytest.approx(energy.mean)
    assert found.notes == (ONE_RUN,)


def test_the_evaluations_of_a_longer_training_are_as_many_as_its_samples_need() -> None:
    seldom = figure(estimate(report([trained()]), replace(EXACT, every=1000.0), "r"), "energy_to_target")
    assert seldom.mean == pytest.approx(2000 + 2 * 5 + 100)


def test_runs_beside_other_programs_are_no_basis() -> None:
    shared = trained(flags=(flag("foreign", "the CPUs", "1.9 of 2"),))
    with pytest.raises(
        UsageError, match=r"nothing to predict from: .*other processes used the device: the CPUs"
    ):
        estimate(report([shared]), EXACT, "r")
    assert estimate(report([shared, trained()]), EXACT, "r").runs == 1


def test_without_an_evaluation_the_estimate_says_what_it_lacks() -> None:
    found = estimate(report([trained(evaluations=0)]), EXACT, "r")
    assert figure(found, "energy_to_target").mean == pytest.approx(2100)
    assert NO_EVALUATION in found.notes


def test_a_checkpoint_recurs_with_the_evaluations() -> None:
    made = trained()
    last = made.phases[-1]
    saved = [replace(last, name="checkpoint", energy_j=3.0, start_s=last.end_s, end_s=last.end_s + 0.03)] * 2
    found = estimate(report([replace(made, phases=(*made.phases, *saved))]), EXACT, "r")
    assert figure(found, "energy_to_target").mean == pytest.approx(2000 + 20 * 8 + 100)


def test_what_was_cut_off_does_not_count() -> None:
    made = trained()
    cut = replace(made.phases[-2], samples=1, energy_j=900.0)
    found = estimate(report([replace(made, phases=(*made.phases, cut), status="interrupted")]), EXACT, "r")
    assert figure(found, "energy_per_sample").mean == pytest.approx(1.0)
    # The only train phase of a run counts all the same.
    only = trained(evaluations=0, status="interrupted")
    assert figure(estimate(report([only]), EXACT, "r"), "energy_per_sample").mean == pytest.approx(1.0)


def test_runs_that_tell_nothing_are_left_out_by_name() -> None:
    empty = trained(phases=())
    found = estimate(report([trained(), unmetered_run(), empty, trained(coverage=0.5)]), EXACT, "r")
    assert found.runs == 1
    assert [note.partition(":")[0] for note in found.notes if "left out" in note] == [
        "run 2 (seed 0) left out",
        "run 3 (seed 0) left out",
        "run 4 (seed 0) left out",
    ]
    with pytest.raises(UsageError, match="r: nothing to predict from: run 1"):
        estimate(report([unmetered_run()]), EXACT, "r")
    with pytest.raises(UsageError, match="it has no runs"):
        estimate(report(), EXACT, "r")


def test_the_interval_is_that_of_one_more_training() -> None:
    # Nothing but the samples is uncertain: t(19) · 0.1 · √(1 + 1/20), of the part that grows with them.
    found = figure(estimate(report([trained()]), KNOWN, "r"), "energy_to_target")
    expected = K_19 * 0.1 * math.sqrt(1 + 1 / 20) * 2100 / 2200
    assert found.u_rel == pytest.approx(expected)
    assert found.low == pytest.approx(2200 * math.exp(-expected))
    assert found.high == pytest.approx(2200 * math.exp(expected))


def test_the_mean_of_several_trainings_is_known_better_than_one() -> None:
    one, ten = (
        figure(estimate(report([trained()]), KNOWN, "r", n), "samples_to_target").u_rel for n in (1, 10)
    )
    assert one == pytest.approx(K_19 * 0.1 * math.sqrt(1 + 1 / 20))
    assert ten == pytest.approx(K_19 * 0.1 * math.sqrt(1 / 10 + 1 / 20))
    with pytest.raises(UsageError, match="--repeats 0"):
        estimate(report([trained()]), KNOWN, "r", 0)


def test_a_gain_is_common_to_training_and_evaluation_and_edges_are_not() -> None:
    made = trained()
    budgets = {"train": {"gain": 20.0, "edge": 3.0}, "eval": {"gain": 0.5, "edge": 4.0}}
    phases = tuple(replace(p, budget_j=budgets.get(p.name, {})) for p in made.phases)
    found = figure(estimate(report([replace(made, phases=phases)]), EXACT, "r"), "energy_to_target")
    # The gain is 10 % of both. The edges: √2 · 3 J in 400 samples, √2 · 4 J in 2 evaluations.
    gain = 0.1 * (2000 + 100)
    edges = math.hypot(2000 / 400 * 3 * math.sqrt(2), 20 / 2 * 4 * math.sqrt(2))
    assert found.u_rel == pytest.approx(2 * math.hypot(gain, edges) / 2200)


def test_the_scatter_of_the_runs_counts_for_their_mean_and_for_the_next_one() -> None:
    made = report([trained(math.exp(z)) for z in (-0.01, 0.01)])
    found = figure(estimate(made, EXACT, "r"), "energy_to_target")
    scatter = 0.01 * math.sqrt(2)  # of one run; of the mean of two and of one more, √(1/2 + 1)
    share = 2000 / 2200
    assert found.u_rel == pytest.approx(coverage_factor(1) * scatter * math.sqrt(1.5) * share, rel=2e-3)


def test_emissions_are_the_energys() -> None:
    found = estimate(report([trained()]), KNOWN, "r", grid=of_number(3600))
    energy, emissions = figure(found, "energy_to_target"), figure(found, "emissions")
    assert (emissions.mean, emissions.unit) == (pytest.approx(2.2), "g CO2e")
    assert emissions.u_rel == energy.u_rel
    assert [f.name for f in estimate(report([trained()]), KNOWN, "r").figures] == [
        "energy_to_target",
        "time_to_target",
    ]


def crossing(samples: int, seed: int, before: int, status: str = "reached") -> Run:
    points = (Point(before, 0.7, 1.0, None), Point(samples, 0.8, 2.0, None))
    return run(samples=samples, seed=seed, history=points, status=status)  # type: ignore[arg-type]


def test_samples_to_target_may_come_from_another_report_of_the_same_work() -> None:
    other = report([crossing(1000, 0, 900), crossing(1100, 1, 1000), crossing(1200, 2, 1100)])
    found = of_report(report([trained()]), other, ("r", "other"))
    # Crossed half an interval before, so trained for half an interval more.
    assert found.mean == pytest.approx((950 * 1050 * 1150) ** (1 / 3) + 50)
    assert (found.n, found.every, found.notes) == (3, 100, ())
    assert found.source == "other, 3 runs"


def test_runs_that_missed_are_told_and_one_that_reached_is_not_enough() -> None:
    mixed = report([crossing(1000, 0, 900), crossing(1100, 1, 1000), crossing(5000, 2, 4900, "missed")])
    (note,) = of_report(report([trained()]), mixed, ("r", "other")).notes
    assert note.startswith("1 of 3 runs behind the samples missed the target")
    with pytest.raises(UsageError, match="other: fewer than two runs reached the target"):
        of_report(report([trained()]), report([crossing(1000, 0, 900)]), ("r", "other"))


def test_other_work_is_refused_and_the_difference_named() -> None:
    other = report([crossing(1000, 0, 900)] * 2, config={"batch_size": 8, "precision": "fp32"})
    with pytest.raises(NotComparable, match=r"config.batch_size is 4 in r, 8 in other"):
        of_report(report([trained()]), other, ("r", "other"))
    with pytest.raises(NotComparable, match=r"batch_size is 4 in r, 16 in the bank"):
        of_bank(report([trained()]), "r")
    with pytest.raises(MissingPart, match=r"unet huge has no reference bank: .* --samples-from"):
        of_bank(report([trained()], size="huge"), "r")


@pytest.mark.parametrize(("name", "size"), [("unet", "base"), ("transformer", "tiny"), ("transformer", None)])
def test_a_report_of_another_workload_is_refused(name: str, size: str | None) -> None:
    must_be(report(), "r", "unet", "tiny")
    must_be(report(), "r", "unet", None)
    with pytest.raises(NotComparable, match="r is of unet tiny, not of"):
        must_be(report(), "r", name, size)


def first(content: Report, evaluations: int) -> Report:
    """Its runs as if they had been stopped after so many evaluations."""
    runs = []
    for one in content.runs:
        ends = [i for i, phase in enumerate(one.phases) if phase.name == "eval"]
        runs.append(replace(one, phases=one.phases[: ends[evaluations - 1] + 1], status="missed"))
    return replace(content, runs=tuple(runs))


def test_a_few_evaluations_of_real_runs_foretell_what_all_of_them_took() -> None:
    content = read(MEASURED)
    took_j = math.exp(math.fsum(math.log(one.energy_j or 0.0) for one in content.runs) / len(content.runs))
    itself = estimate(content, of_report(content, content, ("r", "r")), "r")
    assert figure(itself, "energy_to_target").mean == pytest.approx(took_j, rel=0.01)
    early = estimate(first(content, 4), of_bank(content, "r"), "r")
    found = figure(early, "energy_to_target")
    assert found.low is not None and found.high is not None
    assert found.low < took_j < found.high
    assert found.mean == pytest.approx(took_j, rel=0.15)
    assert early.origin == "modelled"


@pytest.mark.slow
@pytest.mark.parametrize(("known", "short", "repeats"), [(20, 3, 1), (5, 4, 1), (20, 3, 5)])
def test_the_interval_holds_what_the_next_trainings_take_in_95_of_100(
    known: int, short: int, repeats: int
) -> None:
    rng = random.Random(known + short + repeats)
    made = at(1.0)

    def energy() -> float:
        return math.exp(rng.gauss(0, 0.02))

    held, times = 0, 1000
    for _ in range(times):
        logs = [rng.gauss(math.log(2000), 0.12) for _ in range(known)]
        mean = math.fsum(logs) / known
        sd = math.sqrt(math.fsum((log - mean) ** 2 for log in logs) / (known - 1))
        runs = [replace(made.runs[0], phases=(made.runs[0].phases[1],)) for _ in range(short)]
        runs = [replace(one, phases=(replace(one.phases[0], energy_j=1000 * energy()),)) for one in runs]
        samples = Samples("", math.exp(mean), sd, known, 1000.0, ())
        found = figure(estimate(replace(made, runs=tuple(runs)), samples, "r", repeats), "energy_to_target")
        took = [rng.gauss(math.log(2000), 0.12) + math.log(energy()) for _ in range(repeats)]
        assert found.u_rel is not None
        held += abs(math.fsum(took) / repeats - math.log(found.mean)) <= found.u_rel
    assert 0.93 <= held / times <= 0.985
