"""What of the meters' errors is left in a ratio, checked in the head."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from energyprof.compare.cancelling import Left, Side, left_in
from energyprof.compare.comparison import compare
from energyprof.compare.gate.check import check, check_history
from energyprof.compare.gate.folder import reports_in
from energyprof.compare.gate.history import history
from energyprof.compare.gate.limits import Limit
from energyprof.report.file import write
from energyprof.report.record import MeterRecord, Report, Series
from reports import at, figures_of, meter, report, run

ROOT3 = math.sqrt(3)
PER_SAMPLE = [Limit("energy_per_sample", 0.03)]


def read_by(
    name: str = "nvml:0", device: str = "", gain_a: float = 0.0, offset_a_w: float = 0.0
) -> MeterRecord:
    made = meter(name)
    return replace(made, info=replace(made.info, device=device, gain_a=gain_a, offset_a_w=offset_a_w))


def shared(meters: list[MeterRecord], power_w: float = 100.0, **by_meter_j: float) -> Report:
    """One run in which each meter read so much while it trained."""
    names = {name.replace("_", ":"): joules for name, joules in by_meter_j.items()}
    whole = math.fsum(names.values()) or 1000.0
    made = run(whole / 1000, eval_j=0.0, time_s=whole / power_w)
    phases = [replace(p, by_meter_j=names) if p.name == "train" else p for p in made.phases]
    return report([replace(made, phases=tuple(phases))], meters=tuple(meters))


def left(new: Report, old: Report, **terms: float) -> float:
    """With the same relative terms on both sides, if any."""
    return left_in(Side(new, terms), Side(old, terms)).u


def test_one_device_has_one_gain_and_two_have_two() -> None:
    a, b = (shared([read_by(device=f"GPU-{i}aaa", gain_a=0.05)]) for i in (1, 2))
    u = 0.05 / ROOT3
    assert left(a, a, gain=u) == 0
    assert left(a, b, gain=u) == pytest.approx(u * math.sqrt(2))
    assert "nvml:0 is another device" in left_in(Side(a, {"gain": u}), Side(b, {"gain": u})).reasons[0]


def test_a_card_keeps_its_gain_in_another_machine_and_a_processor_does_not_have_another_machines() -> None:
    there = {"id": "sha256:there", "host": "there"}
    card, chip = (
        shared([read_by(n, d, 0.05)]) for n, d in (("nvml:0", "GPU-1aaa"), ("rapl:package-0", "Xeon"))
    )
    elsewhere = [replace(made, nodes=report(machine=there).nodes) for made in (card, chip)]
    assert left(elsewhere[0], card, gain=0.03) == 0
    assert left(elsewhere[1], chip, gain=0.03) == pytest.approx(0.03 * math.sqrt(2))
    assert left(chip, chip, gain=0.03) == 0


def test_a_gain_cancels_only_as_far_as_its_meter_has_the_same_share() -> None:
    meters = [read_by("nvml:0", "GPU-1aaa", 0.05), read_by("rapl:package-0", "Xeon", 0.02)]
    even, uneven = (shared(meters, nvml_0=j, **{"rapl_package-0": 1000 - j}) for j in (500, 800))
    assert left(even, even, gain=0.03) == 0
    assert left(uneven, even, gain=0.03) == pytest.approx(0.3 * math.hypot(0.05, 0.02) / ROOT3)
    other = [read_by("nvml:0", "GPU-2aaa", 0.05), meters[1]]
    changed = shared(other, nvml_0=500, **{"rapl_package-0": 500})
    assert left(changed, even, gain=0.03) == pytest.approx(0.5 * 0.05 / ROOT3 * math.sqrt(2))


def test_a_zero_error_is_a_larger_share_of_a_smaller_power() -> None:
    def made(power_w: float) -> Side:
        return Side(shared([read_by(offset_a_w=1.5)], power_w), {"offset": 1.5 / ROOT3 / power_w})

    found = left_in(made(20.0), made(10.0))
    assert found.u == pytest.approx(1.5 / ROOT3 * abs(1 / 20 - 1 / 10))
    assert found.reasons == ("the meters' zero error does not cancel between 10.0 W and 20.0 W (±8.7 %)",)
    assert left_in(made(20.0), made(20.0)) == Left()


def test_a_report_that_does_not_split_its_terms_has_the_zero_error_of_its_meters_all_the_same() -> None:
    ten, twenty = (shared([read_by(offset_a_w=1.5)], power_w) for power_w in (10.0, 20.0))
    assert left(twenty, ten, reading=0.01) == pytest.approx(1.5 / ROOT3 * 0.05)


def test_the_zero_of_one_of_several_meters() -> None:
    steady, odd = read_by("rapl:package-0", "Xeon"), read_by("hwmon:board", "board", offset_a_w=3.0)
    sides = [
        Side(shared([steady, odd], power_w), {"offset": 3 / ROOT3 / power_w}) for power_w in (50.0, 100.0)
    ]
    assert left_in(sides[1], sides[0]).u == pytest.approx(3 / ROOT3 * 0.01)
    # Of another device nothing cancels, even at one power.
    other = read_by("hwmon:board", "another board", offset_a_w=3.0)
    apart = Side(shared([steady, other], 50.0), {"offset": 3 / ROOT3 / 50})
    assert left_in(apart, sides[0]).u == pytest.approx(3 / ROOT3 / 50 * math.sqrt(2))


def test_what_is_the_same_in_every_run_of_a_report_cancels_nowhere() -> None:
    made = shared([read_by(device="GPU-1aaa")])
    assert left_in(Side(made, {"shape": 0.03}), Side(made, {"shape": 0.04})).u == pytest.approx(0.05)


def with_zero(power_w: float, *j_per_sample: float, **changes: Any) -> Report:
    """Runs on a meter with a zero error of ± 1.5 W."""
    runs = []
    for i, joules in enumerate(j_per_sample):
        made = run(joules, eval_j=0.0, seed=i, time_s=1000 * joules / power_w, u_rel=0.17)
        budget = {"offset": 1.5 / ROOT3 * 1000 * joules / power_w}
        phases = tuple(replace(phase, budget_j=budget) for phase in made.phases)
        runs.append(replace(made, budget_j=budget, phases=phases))
    return report(runs, meters=(read_by("jetson:total", "INA3221 0x40", offset_a_w=1.5),), **changes)


OLD, NEW = with_zero(10.0, 1.0, 1.0005, 0.9995), with_zero(20.0, 0.97, 0.9705, 0.9695)


def test_no_word_and_no_verdict_that_the_zero_error_could_turn() -> None:
    comparison = compare([OLD, NEW], ["a", "b"])
    change = figures_of(comparison.entries[1])["energy_per_sample"].change
    assert change is not None and change.verdict == "unclear"
    assert change.low is not None and change.high is not None and change.low < 0.9 and change.high > 1.05
    assert "energy_per_sample" not in comparison.best
    held = [held for held in comparison.withheld if "energy_per_sample" in held.figures]
    assert held[0].label == "b" and "zero error" in held[0].reasons[0]
    result = check(NEW, OLD, PER_SAMPLE)
    (verdict,) = result.verdicts
    assert (result.outcome, verdict.withheld) == ("INCONCLUSIVE", "PASS")
    assert "10.0 W and 20.0 W" in verdict.left[0] and verdict.runs_needed is None


def test_at_equal_powers_the_same_meter_gives_a_verdict() -> None:
    cheaper = with_zero(10.0, 0.97, 0.9705, 0.9695)
    comparison = compare([OLD, cheaper], ["a", "b"])
    assert comparison.best["energy_per_sample"] == "b" and not comparison.withheld
    result = check(cheaper, OLD, PER_SAMPLE)
    assert (result.outcome, result.verdicts[0].withheld) == ("PASS", None)


def test_another_device_takes_the_verdict_that_its_gain_could_turn_and_leaves_the_others() -> None:
    def made(device: str, *j_per_sample: float) -> Report:
        runs = [run(x, seed=i, u_rel=0.0577, gain_rel=0.0577) for i, x in enumerate(j_per_sample)]
        return report(runs, meters=(read_by("nvml:0", device, 0.05),))

    base = made("GPU-1aaa", 0.999, 1.0, 1.001)
    assert check(made("GPU-1aaa", 1.049, 1.05, 1.051), base, PER_SAMPLE).outcome == "FAIL"
    withheld = check(made("GPU-2aaa", 1.049, 1.05, 1.051), base, PER_SAMPLE)
    assert (withheld.outcome, withheld.verdicts[0].withheld) == ("INCONCLUSIVE", "FAIL")
    assert check(made("GPU-2aaa", 1.299, 1.3, 1.301), base, PER_SAMPLE).outcome == "FAIL"


def test_a_machine_that_nothing_identifies_is_judged_where_the_user_answers_for_it() -> None:
    made = [at(0.999 * x, x, 1.001 * x, machine={}) for x in (1.0, 2.0)]
    assert not compare(made, ["a", "b"]).best
    allowed = compare(made, ["a", "b"], allow=["machine"])
    assert allowed.best["energy_per_sample"] == "a"
    assert [o.kind for o in allowed.allowed] == ["machine"]
    result = check(made[1], made[0], PER_SAMPLE, allow=["machine"])
    assert result.outcome == "FAIL" and result.notes[0].startswith("allowed to differ, machine: not known in")


def test_two_sides_taken_in_turn_share_the_zero_error_as_little_as_any() -> None:
    sides = [
        replace(made, series=Series("s", side, places, (3,)))
        for made, side, places in ((OLD, "A", (0, 3, 4)), (NEW, "B", (1, 2, 5)))
    ]
    result = check(sides[1], sides[0], PER_SAMPLE)
    (verdict,) = result.verdicts
    assert verdict.design == "pairs"
    assert (result.outcome, verdict.withheld) == ("INCONCLUSIVE", "PASS")
    steady = with_zero(10.0, 0.97, 0.9705, 0.9695, series=sides[1].series)
    assert check(steady, sides[0], PER_SAMPLE).outcome == "PASS"


@pytest.mark.parametrize(("power_w", "outcome"), [(10.0, "PASS"), (20.0, "INCONCLUSIVE")])
def test_a_history_read_at_another_power_or_by_another_device_is_judged_as_far_as_that_goes(
    tmp_path: Path, power_w: float, outcome: str
) -> None:
    for day in range(1, 9):
        before = replace(OLD, runs=OLD.runs[: 2 + day % 2], created=f"2026-01-0{day}T00:00:00Z")
        write(before, tmp_path / f"{day}.json")
    new = with_zero(power_w, 0.97, 0.9705, 0.9695, created="2026-01-09T00:00:00Z")
    result = check_history(new, history(new, reports_in(tmp_path), PER_SAMPLE), PER_SAMPLE)
    level = result.verdicts[0]
    assert (level.design, level.outcome) == ("history", outcome)
    assert (level.withheld is None) == (outcome == "PASS")


def test_reports_are_before_or_after_another_by_their_time_not_by_their_letters(tmp_path: Path) -> None:
    # 01:30 in UTC, written in a zone in which it is later in the day; and a digit more than the other.
    for name, created in (("zone", "2026-01-09T03:30:00+02:00"), ("digits", "2026-01-09T01:59:59.9Z")):
        write(replace(OLD, created=created), tmp_path / f"{name}.json")
    write(replace(OLD, created="2026-01-09T01:00:00-02:00"), tmp_path / "after.json")
    found = history(replace(NEW, created="2026-01-09T02:00:00Z"), reports_in(tmp_path), PER_SAMPLE)
    assert len(found.past) == 2
    assert found.left_out == ("1 left out, made later: after.json",)
