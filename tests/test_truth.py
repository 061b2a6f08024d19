"""benchmarks/truth.py on data whose truth is known in closed form."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import boxcar
import replay
import truth_codecarbon
import truth_here
from truth_row import Case, Result

from energyprof.compare.node import calibrate_node, calibration_of
from energyprof.compare.recording import recorded
from energyprof.report.file import read, trace_path, write
from energyprof.report.recompute import recompute
from energyprof.trace.gains import BMC, NVIDIA
from energyprof.trace.writer import new_trace
from fakes.node import APART, UTC, Truth, record
from fakes.recording import nvml, rapl, shelly
from reports import report


def load_w(at_s: float) -> float:
    """Steps of different lengths between 60 and 300 W."""
    return 300.0 if any(a <= at_s < b for a, b in ((2.0, 4.3), (5.1, 5.9), (7.0, 9.7))) else 60.0


def truth(until_s: float = 12.0) -> replay.Log:
    times = tuple(i * 0.005 for i in range(int(until_s / 0.005)))
    return replay.Log(times, {"board_w": tuple(map(load_w, times))})


def sensor(window_s: float, delay_s: float, slope: float, zero_w: float) -> replay.Log:
    """Renewed every 0.1 s, read every 10 ms."""
    true = boxcar.Truth(truth().times_s, truth().columns["board_w"])
    times = tuple(i / 100 for i in range(1150))
    shown = []
    for t in times:
        at_s = math.floor(10 * t) / 10 - delay_s
        mean_w = true.mean_w(at_s - window_s, at_s)
        shown.append(math.nan if mean_w is None else slope * mean_w + zero_w)
    return replay.Log(times, {"power_draw_w": tuple(shown)})


@pytest.mark.parametrize(("window_s", "delay_s"), [(1.0, 0.0), (0.1, 0.1), (0.3, 0.06)])
def test_the_window_and_delay_of_a_sensor_are_found_from_steps(window_s: float, delay_s: float) -> None:
    found = boxcar.find(sensor(window_s, delay_s, 0.95, -3.0), "power_draw_w", truth())
    assert found is not None
    assert found.window_s == window_s
    # It renews in time with the readings, give or take one of them.
    assert found.delay_s == pytest.approx(delay_s, abs=0.021)
    assert (found.slope, found.zero_w) == pytest.approx((0.95, -3.0), abs=0.5)


def test_a_column_without_numbers_has_no_window() -> None:
    empty = replay.Log((0.0, 1.0), {"power_draw_instant_w": (math.nan, math.nan)})
    assert boxcar.find(empty, "power_draw_instant_w", truth()) is None


def test_a_replay_is_the_energy_of_a_report(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("time_s,w\n" + "".join(f"{i / 10},{100 if i != 7 else ''}\n" for i in range(200)))
    log = replay.read_log(path)
    meter = replay.gauge("nvml:0", NVIDIA, 0.1, most_w=0.0)
    (energy,) = replay.energies(meter, replay.rows("nvml:0", log, "w"), [(5.0, 15.0)])
    assert energy.joules == pytest.approx(1000)
    assert 2 * energy.terms_j["gain"] == pytest.approx(NVIDIA.above * 1000)
    assert 2 * energy.terms_j["gain_below"] == pytest.approx(NVIDIA.below * 1000)


def test_stretches_without_a_gap() -> None:
    log = replay.Log((0.0, 1.0, 2.0, 60.0, 61.0), {})
    assert log.pieces(10.0) == [(0, 3), (3, 5)]


def case(said_j: float, true_j: float = 100.0) -> Case:
    return Case("meters", "uncalibrated", said_j, 0.9 * said_j, 1.2 * said_j, true_j)


def test_coverage_counts_each_end_by_its_own_half() -> None:
    result = Result("meters", "uncalibrated", [case(84.0), case(112.0), case(100.0), case(83.0)])
    assert result.inside == 2
    assert case(112.0).share_of_u == pytest.approx(12 / 11.2)
    assert case(84.0).share_of_u == pytest.approx(16 / 16.8)
    assert not result.holds(0.95, 2.0)


def test_an_interval_that_is_much_too_wide_does_not_hold() -> None:
    close = Result("meters", "uncalibrated", [case(99.0)] * 30)
    assert close.inside == 30
    assert close.too_wide == pytest.approx(0.2 * 99 / 1)
    assert not close.holds(0.95, 2.0)
    assert Result("meters", "uncalibrated", [case(90.0)] * 30).holds(0.95, 2.0)


def test_stretches_that_overlap_are_no_twenty_cases() -> None:
    overlapping = [replace(case(99.0), share=0.1)] * 30
    assert Result("meters", "transferred", overlapping).holds(0.95, 2.0)
    assert not Result("meters", "transferred", [case(99.0)] * 30).holds(0.95, 2.0)


def test_codecarbons_runs_of_another_day_are_held_against_the_first_days_map(tmp_path: Path) -> None:
    head = "task,session,device,model,time_s,wall_j,codecarbon_j\n"
    lines = [
        f"llm,day{day},NVIDIA,m,100,{3600 * round((6000 + 1.3 * e) / 3600)},{e}\n"
        for day in (1, 2)
        for e in range(20_000, 60_000, 2_000)
    ]
    (tmp_path / truth_codecarbon.FILE).write_text(head + "".join(lines))
    found = [case for case in truth_codecarbon.cases(tmp_path) if case.how.startswith("transferred")]
    assert len(found) == 20
    assert all(case.low_j <= case.true_j <= case.high_j for case in found)
    assert "| llm, GPU | 40 |" in truth_codecarbon.words(tmp_path)[2]


def recording(path: Path, bmc_share: float) -> Path:
    """A report of a node that goes through levels, a phase each, beside a plug and a BMC."""
    bmc = replace(shelly("ipmi:local"), kind="ipmi", checks="", **BMC.info())
    infos = (nvml(), rapl(), shelly(), bmc)
    write(report([], meters=tuple(map(record, infos))), path)
    trace = new_trace(trace_path(path))
    trace.begin_run()
    trace.event(0, "run", 0.0, {"seed": None, "monotonic_s": 0.0, "utc": UTC})
    trace.event(0, "started", 0.0, {})
    joules, truth = [0.0, 0.0], Truth()
    for i in range(int(120 * len(APART))):
        at_s, (gpu_w, cpu_w) = i / 2, APART[i // 120]
        if i % 120 == 0:
            trace.event(0, "phase", at_s, {"name": f"level {i // 120}", "samples": None})
        node_w = truth.node_w(gpu_w, cpu_w)
        for info, value in zip(infos, (*joules, node_w, bmc_share * node_w), strict=True):
            trace.sample(0, info.name, at_s - 1e-4, at_s + 1e-4, value, "")
        joules = [joules[0] + gpu_w / 2, joules[1] + cpu_w / 2]
    trace.event(0, "exit", 60.0 * len(APART), {"code": 0})
    trace.end_run()
    trace.close()
    write(recompute(path), path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("bmc_share", "inside"), [(0.92, True), (0.70, False)])
def test_a_machine_is_held_against_its_plug(tmp_path: Path, bmc_share: float, inside: bool) -> None:
    path = recording(tmp_path / "r.json", bmc_share)
    name = shelly().name
    fitted, window_s = calibrate_node(recorded(path), name, None, "here")
    by = calibration_of(fitted, window_s, UTC)
    found = truth_here.results(read(path), trace_path(path), name.replace(":", "=", 1), by)
    node, bmc = found
    assert (node.data, bmc.data) == ("node from its components", "ipmi:local")
    assert len(node.cases) == len(APART)
    assert node.inside == len(node.cases)
    assert bmc.inside == (len(APART) if inside else 0)
    shown = truth_here.page(read(path), "shelly=here", found, by)
    assert node.row in shown and bmc.row in shown


@pytest.mark.slow
def test_a_plug_that_was_not_read_is_said(tmp_path: Path) -> None:
    path = recording(tmp_path / "r.json", 0.92)
    with pytest.raises(SystemExit, match="tasmota=1: not among the meters"):
        truth_here._name_of("tasmota=1", read(path).meters)
