"""Uncertainty budgets against figures worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import geometric_mean, stdev
from typing import Any

import pytest

from energyprof.compare import budget
from energyprof.compare.budget import OLD_REPORT, Budget, budgets, counting
from energyprof.compare.statistics.mean import coverage_factor
from energyprof.meter import Calibration
from energyprof.report.energy import Energy
from energyprof.report.idle import idle
from energyprof.report.phases import PhaseInterval
from energyprof.report.record import Phase, Report, Run
from energyprof.report.uncertainty import METER_TERMS
from reports import meter, program, report, run, unmetered_run

RECTANGLE = 1 / math.sqrt(3)


def measured(energy_j: float, terms_j: dict[str, float], **changes: Any) -> Run:
    """A run of one phase, whose energy has these standard uncertainties."""
    u_j = 2 * math.hypot(*terms_j.values())
    phase = Phase("train", 0.0, energy_j / 100, 1000, energy_j, u_j, {}, budget_j=terms_j)
    fields: dict[str, Any] = {
        "energy_j": energy_j,
        "energy_u_j": u_j,
        "gain_u_j": 2 * terms_j.get("gain", 0.0),
        "budget_j": terms_j,
        "phases": (phase,),
        **changes,
    }
    return run(**fields)


def of(report: Report) -> Budget:
    found = budget.energy(report)
    assert found is not None
    return found


def five(mean_j: float, s: float, gain_a: float, **others_j: float) -> Report:
    """Five runs with a relative standard deviation ``s``, on a meter of a rectangular gain ``gain_a``."""
    away = [z * s / stdev([-2, -1, 0, 1, 2]) for z in (-2, -1, 0, 1, 2)]
    energies = [mean_j * (1 + z) for z in away]
    return report([measured(e, {"gain": gain_a * RECTANGLE * e, **others_j}) for e in energies])


@pytest.mark.parametrize(("gain_a", "expanded", "dof"), [(0.05, 0.059, 1523), (0.01, 0.020, 12)])
def test_250_watts_for_an_hour_five_times(gain_a: float, expanded: float, dof: int) -> None:
    found = of(five(250 * 3600, 0.015, gain_a))
    assert found.mean_j == pytest.approx(900e3, rel=1e-3)  # geometric
    assert round(found.total.expanded / found.mean_j, 3) == expanded
    u = math.hypot(0.015 / math.sqrt(5), gain_a / math.sqrt(3))
    assert found.total.u / found.mean_j == pytest.approx(u, rel=1e-3)
    assert found.total.k == coverage_factor(found.total.dof)
    assert found.total.dof == pytest.approx(dof, rel=0.02)


def test_the_shares_are_those_of_the_variance_and_add_up() -> None:
    found = of(report([measured(1000, {"gain": 30.0, "edge": 40.0})]))
    assert [(item.term, item.share) for item in found.items] == [
        ("edge", pytest.approx(0.64)),
        ("gain", pytest.approx(0.36)),
    ]
    assert found.total.u == pytest.approx(50)
    assert found.total.expanded == pytest.approx(100)
    assert (found.total.k, found.total.dof) == (2.0, None)


def test_without_the_gain_there_is_what_one_device_can_tell() -> None:
    found = of(five(900e3, 0.015, 0.05))
    assert found.one_device.u == pytest.approx(900e3 * 0.015 / math.sqrt(5), rel=1e-3)
    assert found.one_device.dof == pytest.approx(4)
    single = of(report([measured(1000, {"gain": 30.0, "edge": 40.0})]))
    assert single.one_device.expanded == pytest.approx(80)


def test_every_term_of_a_meter_is_explained() -> None:
    found = of(report([measured(1000, dict.fromkeys(METER_TERMS, 1.0))]))
    for item in found.items:
        assert item.meaning
        assert item.evaluation == "B"
        assert item.source or item.term == "offset"  # these meters have none
    assert len(found.items) == len(METER_TERMS)
    # Of a gain's two ends an interval has one at each of its own.
    assert found.total.u == pytest.approx(math.sqrt(len(METER_TERMS) - 1))


def test_what_scatters_is_not_counted_twice() -> None:
    # Runs of 990 and 1010 J: s/√2 = 10 J. Each run's own terms: 5 J, so 5/√2 J of their mean.
    found = of(report([measured(e, {"gain": 20.0, "edge": 3.0, "sampling": 4.0}) for e in (990, 1010)]))
    share = {item.term: item.share for item in found.items}
    assert found.total.u == pytest.approx(math.hypot(10, 20), rel=1e-3)
    assert (share["edge"], share["sampling"]) == (None, None)
    assert share["scatter"] == pytest.approx(0.2, rel=1e-3)
    assert any(note.startswith("edge, sampling: within the scatter") for note in found.notes)


def test_runs_that_agree_by_luck_are_no_surer_than_their_readings() -> None:
    found = of(report([measured(1000, {"gain": 20.0, "edge": 30.0}) for _ in range(4)]))
    share = {item.term: item.share for item in found.items}
    assert found.total.u == pytest.approx(math.hypot(20, 30 / math.sqrt(4)))
    assert share["scatter"] is None
    assert found.total.k == 2.0
    assert any(note.startswith("scatter: less") for note in found.notes)


def test_what_all_runs_share_does_not_average_out() -> None:
    terms = {"gain": 10.0, "offset": 8.0, "shape": 6.0}
    found = of(report([measured(1000, terms) for _ in range(9)]))
    assert found.total.u == pytest.approx(math.hypot(10, 8, 6))


@pytest.mark.parametrize(
    ("dof", "k"),
    [
        (None, 2.0),
        (1e9, 2.0),
        (1e4, 2.0),
        (11, 2.255),
        (10.1, 2.284),
        (10, 2.284),
        (4.9, 2.869),
        (1, 13.968),
        (0.5, 13.968),
    ],
)
def test_few_runs_take_a_larger_k(dof: float | None, k: float) -> None:
    # GUM, table G.2, for 95.45 %.
    assert coverage_factor(dof) == pytest.approx(k, abs=6e-4)


def test_two_runs_apart_say_how_little_they_know() -> None:
    found = of(report([measured(e, {"gain": 1.0}) for e in (900, 1100)]))
    assert found.total.k == pytest.approx(13.968, abs=1e-3)
    # Standard error of the log: half of ln(1100/900).
    scatter_j, gain_j = found.mean_j * math.log(11 / 9) / 2, found.mean_j * (1 / 900 + 1 / 1100) / 2
    assert found.total.expanded == pytest.approx(13.968 * math.hypot(scatter_j, gain_j), rel=1e-4)


def test_the_runs_that_count_are_those_that_compare_takes() -> None:
    good = [measured(1000, {"gain": 10.0}), measured(1010, {"gain": 10.0})]
    blind = measured(500, {"gain": 5.0}, coverage=0.5)
    missed = measured(3000, {"gain": 30.0}, status="missed")
    made = report([*good, blind, missed])
    assert counting(made) == good
    assert of(made).mean_j == pytest.approx(math.sqrt(1000 * 1010))
    assert (of(made).runs, of(made).figure) == (2, "energy_to_target")


def test_if_no_run_counts_there_is_still_what_was_measured() -> None:
    found = of(report([measured(3000, {"gain": 30.0}, status="missed")]))
    assert (found.figure, found.mean_j) == ("energy", 3000)
    assert budgets(report([unmetered_run()])) == ()
    assert budgets(report([])) == ()


def test_a_program_has_an_energy_without_a_target() -> None:
    assert of(program(100.0)).figure == "energy"


def test_a_sample_has_the_terms_of_the_phases_that_train() -> None:
    phases = tuple(
        Phase(name, start, start + 1, samples, joules, 0.0, {}, budget_j=terms)
        for name, start, samples, joules, terms in (
            ("warmup", 0, 10, 900.0, {"gain": 900.0, "edge": 900.0}),
            ("train", 1, 60, 300.0, {"gain": 12.0, "edge": 3.0}),
            ("eval", 2, None, 50.0, {"gain": 900.0}),
            ("train", 3, 40, 200.0, {"gain": 8.0, "edge": 4.0}),
        )
    )
    found = budget.energy_per_sample(report([run(phases=phases)]))
    assert found is not None
    assert found.mean_j == pytest.approx(5.0)
    # Gains add up, the edges of two phases are independent: 20 and 5 J over 100 samples.
    assert {item.term: item.u_j for item in found.items} == pytest.approx({"gain": 0.2, "edge": 0.05})


def test_a_sample_of_a_phase_without_terms_has_its_part_of_the_runs() -> None:
    made = run(2.0, eval_j=0.0, budget_j={"gain": 100.0, "edge": 20.0})  # 2000 J, 1000 samples
    found = budget.energy_per_sample(report([made]))
    assert found is not None
    assert {item.term: item.u_j for item in found.items} == pytest.approx({"gain": 0.1, "edge": 0.02})


def test_the_net_energys_terms_add_up_to_what_idle_py_says() -> None:
    terms = {"gain": 30.0, "offset": 7.0, "edge": 3.0}
    look = Energy(80.0, None, None, 1.0, (), {"gain": 5.0, "edge": 0.4}, seen_w=40.0, seen_s=2.0)
    looked = PhaseInterval("idle", 0.0, 2.0, None), look
    energy = Energy(1000.0, 2 * math.hypot(*terms.values()), 60.0, 1.0, (), terms)
    resting = idle(energy, (2.0, 12.0), [looked], 12.0)
    assert resting.net_j == pytest.approx(600)
    net = {"net_energy_j": resting.net_j, "net_energy_u_j": resting.net_u_j}
    found = budget.net_energy(report([measured(1000, terms, **net)]))
    assert found is not None
    assert found.mean_j == pytest.approx(600)
    # 60 % of the gain's; the edges; 0.4 J in 2 s of idling is 2 J in 10 s; no zero error.
    expected = {"gain": 18.0, "edge": 3.0, "idle": 2.0}
    assert {item.term: item.u_j for item in found.items} == pytest.approx(expected)
    assert found.total.expanded == pytest.approx(resting.net_u_j)


def test_by_meter_where_there_are_several() -> None:
    cpu, gpu = {"gain": 10.0, "edge": 2.0}, {"gain": 40.0}
    both = {"gain": math.hypot(10, 40), "edge": 2.0}
    twice = [measured(1000, both, budget_by_meter_j={"rapl:package-0": cpu, "nvml:0": gpu}) for _ in range(4)]
    found = of(report(twice, meters=(meter(), meter("nvml:0"))))
    # What both runs share stays, what each has alone is halved by four of them.
    assert found.by_meter_j == {"rapl:package-0": {"gain": 10.0, "edge": 1.0}, "nvml:0": {"gain": 40.0}}
    assert of(report([measured(1000, cpu, budget_by_meter_j={"rapl:package-0": cpu})])).by_meter_j == {}


def test_the_gains_source_is_each_kinds_or_its_calibration() -> None:
    calibration = Calibration(1.06, 0.006, 0.0, 0.2, "c.json")
    card = meter("nvml:0")
    calibrated = replace(card, info=replace(card.info, calibration=calibration, offset_a_w=1.0))
    one = report([measured(1000, {"gain": 10.0, "offset": 1.0})], meters=(meter(), meter("rapl:package-1")))
    two = replace(one, meters=(meter(), calibrated))
    (gain, _), (gain_two, offset_two) = of(one).items, of(two).items
    assert (gain.distribution, gain.source) == ("rectangular", "rapl: ±5 %, assumed")
    assert gain_two.distribution == "both"
    assert gain_two.source == "rapl: ±5 %, assumed; nvml:0: u = 0.6 %, calibrated by c.json"
    assert offset_two.source == "nvml:0: u = 0.2 W, calibrated by c.json"
    assert of(replace(one, meters=(calibrated,))).items[0].distribution == "normal"


@pytest.mark.parametrize(
    ("gain_rel", "terms"), [(0.06, {"gain": 31.5, "reading": 42.0}), (None, {"meters": 52.5})]
)
def test_an_older_report_has_only_its_totals_and_says_so(
    gain_rel: float | None, terms: dict[str, float]
) -> None:
    found = of(report([run(1.0, u_rel=0.1, gain_rel=gain_rel)]))  # 1050 J
    assert {item.term: item.u_j for item in found.items} == pytest.approx(terms)
    assert found.total.expanded == pytest.approx(105)
    assert found.notes == (OLD_REPORT,)


def test_a_perfect_meter_is_no_division_by_zero() -> None:
    found = of(report([measured(1000, {}), measured(1000, {})]))
    assert (found.total.u, found.total.k) == (0, 2.0)
    assert [item.term for item in found.items] == ["scatter"]


def test_the_scatter_is_that_of_the_mean() -> None:
    energies = [1000.0, 1040.0, 980.0]
    found = of(report([measured(e, {}) for e in energies]))
    assert found.mean_j == pytest.approx(geometric_mean(energies))
    spread = stdev(math.log(energy) for energy in energies)
    assert found.total.u == pytest.approx(found.mean_j * spread / math.sqrt(3))
    assert found.items[0].distribution == "Student, 2 dof"


def test_an_idle_power_that_drifts_in_every_run_does_not_average_out() -> None:
    # From 100 to 120 W in each: anywhere between, so ± 10 W over 100 s, a rectangle.
    drift_j = 10 * 100 * RECTANGLE
    runs = [
        replace(
            measured(30_000, {"edge": 4.0}),
            time_s=100.0,
            net_energy_j=19_000.0,
            net_energy_u_j=2 * math.hypot(drift_j, 4.0, 3.0),
            idle_before_w=100.0,
            idle_after_w=120.0,
        )
        for _ in range(9)
    ]
    for n in (1, 9):
        found = budget.net_energy(report(runs[:n]))
        assert found is not None
        u_j = {item.term: item.u_j for item in found.items}
        assert u_j["drift"] == pytest.approx(drift_j)
        assert u_j["idle"] == pytest.approx(3.0 / math.sqrt(n))
        assert found.total.u == pytest.approx(math.hypot(drift_j, 5.0 / math.sqrt(n)))
    # A report that was made without it has it all the same.
    old = budget.net_energy(report([replace(runs[0], net_energy_u_j=8.0)]))
    assert old is not None and old.total.u >= drift_j
