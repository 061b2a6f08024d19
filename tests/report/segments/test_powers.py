"""What is a power and what is none: 0 W, values that stand still, means over windows; one rule for all."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest

from energyprof.measure.meters.network.polled import BMC_WINDOW_S
from energyprof.report.energy import Window
from energyprof.report.segments.rise import Rise
from energyprof.trace.rows import Sample
from fakes import simulated
from fakes.meters import gauge, samples_of
from fakes.simulated import Device, simulate
from fakes.traces import Trace, energy_between, integrate
from fakes.waveform import square

PLUG = gauge(kind="shelly", part="machine", resolution=0.1, refresh_s=1.0, min_interval_s=1.0)
NVML = gauge(kind="nvml", part="gpu", resolution=0.001, refresh_s=0.1)
BMC = gauge(
    kind="redfish",
    part="machine",
    resolution=1.0,
    refresh_s=1.0,
    min_interval_s=1.0,
    window_s=BMC_WINDOW_S,
    window_assumed=True,
)


@pytest.mark.parametrize("meter", [PLUG, NVML, BMC])
def test_0_w_of_what_runs_is_no_reading(meter) -> None:
    trace = Trace(meter, 1.0, samples_of([0.0] * 21, 1.0))
    assert energy_between([trace], 0, 15).joules is None
    trace = Trace(meter, 1.0, samples_of([50.0 + i % 2 for i in range(10)] + [0.0] * 10 + [50.0, 51.0], 1.0))
    (energy,) = integrate(trace, [(1, 19)])
    assert "rejected_reading" in energy.flags
    assert energy.coverage < 0.7


def test_a_part_that_can_be_switched_off_may_draw_nothing_for_long() -> None:
    rail = gauge(part="board", resolution=0.04, may_be_zero=True)
    trace = Trace(rail, 0.1, samples_of([1.0, 2.0] * 10 + [0.0] * 400 + [1.0], 0.1))
    (energy,) = integrate(trace, [(5, 35)])
    assert (energy.joules, energy.coverage, energy.flags) == (0.0, 1.0, ())


def trembling(power_w: float, seed: int, step_w: float) -> list[float]:
    rng = random.Random(seed)
    return [round(power_w * rng.gauss(1, 0.003) / step_w) * step_w for _ in range(200)]


@pytest.mark.parametrize(("power_w", "step_w"), [(60.0, 0.001), (60.0, 0.1), (300.0, 1.0), (90.0, 1.0)])
def test_a_healthy_meter_stands_still_for_no_longer_than_it_may(power_w: float, step_w: float) -> None:
    meter = replace(PLUG, resolution=step_w)
    for seed in range(20):
        trace = Trace(meter, 1.0, samples_of(trembling(power_w, seed, step_w), 1.0))
        (energy,) = integrate(trace, [(5, 190)])
        assert (energy.coverage, energy.flags) == (1.0, ())


def test_a_value_that_stands_still_beyond_its_renewals_is_no_reading() -> None:
    values = trembling(60.0, 1, 0.001)
    # It hangs at 60 W from 10 s on while the truth falls to 10 W.
    frozen = [*values[:100], *[values[99]] * 200]
    (energy,) = integrate(Trace(NVML, 0.1, samples_of(frozen, 0.1)), [(5, 25)])
    assert "stalled" in energy.flags
    assert energy.coverage == pytest.approx(0.25, abs=0.02)
    assert abs(energy.joules - (5 * 60 + 15 * 10)) < 2 * math.hypot(*energy.terms_j.values())
    # What came before is known as ever.
    (before,) = integrate(Trace(NVML, 0.1, samples_of(frozen, 0.1)), [(2, 9)])
    assert (before.coverage, before.flags) == (1.0, ())
    assert before.joules == pytest.approx(420, rel=0.01)


def test_a_value_that_stood_still_for_long_before_it_moved_is_doubted() -> None:
    # It hangs at 60 W from 10 s to 14 s while the truth is 10 W; that is too short to call it stalled.
    values = trembling(60.0, 1, 0.001)
    for stood_s, held in ((1.0, False), (4.0, True)):
        hung = [*values[:100], *[values[99]] * int(10 * stood_s), *trembling(10.0, 2, 0.001)[:100]]
        (energy,) = integrate(Trace(NVML, 0.1, samples_of(hung, 0.1)), [(5, 20)])
        assert (energy.coverage, energy.flags) == (1.0, ())
        assert energy.terms_j["shape"] > 100 if held else energy.terms_j["shape"] < 10
        truth_j = 5 * 60 + 10 * 10
        assert held == (abs(energy.joules - truth_j) < 2 * energy.reading_u_j)


def test_a_value_that_may_stand_still_is_believed() -> None:
    frozen = [*trembling(60.0, 1, 0.001)[:100], *[60.0] * 200]
    steady = replace(NVML, may_stand_still=True)
    (energy,) = integrate(Trace(steady, 0.1, samples_of(frozen, 0.1)), [(5, 25)])
    assert (energy.coverage, energy.flags) == (1.0, ())


@pytest.mark.parametrize("window_s", [0.0, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("period_s", [7.0, 13.0, 24.0])
def test_phases_lie_inside_u_whatever_a_bmc_averages_over_up_to_what_is_assumed(
    window_s: float, period_s: float
) -> None:
    inside = count = 0
    for seed in range(4):
        wave = square(60, 300, period_s)
        rng = random.Random(f"{seed} {window_s}")
        phase_s = rng.uniform(0, period_s)
        shown = simulated.power(wave, phase_s, 1.0, rng.random(), window_s)
        edges = [n * period_s / 2 - phase_s for n in range(2, 26)]
        (trace,) = simulate([Device(BMC, shown)], 0.1, edges[-1] + 10, edges, seed)
        rise = Rise()
        for sample in trace.samples:
            rise.push(sample)
        as_told = replace(trace, meter=replace(BMC, window_s=rise.window_s(BMC_WINDOW_S)))
        windows: list[Window] = [(a, b) for a, b in pairwise(edges) if a > 6]
        for known in (trace, as_told):
            for (start_s, end_s), energy in zip(windows, integrate(known, windows), strict=True):
                truth_j = wave.energy_j(phase_s + start_s, phase_s + end_s)
                assert energy.joules is not None
                count += 1
                inside += abs(energy.joules - truth_j) <= 2 * math.hypot(*energy.terms_j.values())
    assert inside / count >= 0.98


@pytest.mark.parametrize("window_s", [0.0, 0.5, 1.0, 2.0, 3.0, 5.0])
@pytest.mark.parametrize("period_s", [3.0, 7.0, 10.0, 24.0, 40.0])
def test_steps_of_the_load_bound_the_window_and_never_below_what_it_is(
    window_s: float, period_s: float
) -> None:
    wave, rise = square(60, 300, period_s), Rise()
    shown = simulated.power(wave, 0.3, 1.0, 0.7, window_s)
    (trace,) = simulate([Device(BMC, shown)], 0.1, 400, [], f"{window_s} {period_s}")
    for sample in trace.samples:
        rise.push(sample)
    told_s = rise.window_s(BMC_WINDOW_S)
    assert told_s >= window_s
    if window_s == 0 and period_s >= 10:
        assert told_s < 3


def slow(lasted_s: list[float], power_w: float = 60.0) -> list[Sample]:
    """A reading after the other, each as long as stated, with a tenth of a second between."""
    samples, now_s = [], 0.0
    for number, read_s in enumerate(lasted_s):
        samples.append(Sample(now_s, now_s + read_s, power_w + number % 2))
        now_s += read_s + 0.1
    return samples


def test_reads_that_last_longer_than_the_interval_leave_no_gap() -> None:
    """A management controller that takes 4 s to answer, asked each second, is as good as its readings."""
    (energy,) = integrate(Trace(BMC, 1.0, slow([4.0] * 20)), [(12, 60)])
    assert (energy.coverage, energy.flags) == (1.0, ())
    assert energy.joules == pytest.approx(48 * 60.5, rel=0.01)
    counter = replace(BMC, reads="energy_j", window_s=0.0, window_assumed=False)
    ticks = [Sample(a, b, 10.0 * (a + 2)) for a, b, _ in slow([4.0] * 20)]
    (energy,) = integrate(Trace(counter, 1.0, ticks), [(12, 60)])
    assert (energy.coverage, energy.flags) == (1.0, ())
    assert energy.joules == pytest.approx(480, rel=0.01)


def test_one_read_that_hung_leaves_a_gap() -> None:
    (energy,) = integrate(Trace(PLUG, 1.0, slow([0.1] * 20 + [30.0] + [0.1] * 20)), [(2, 36)])
    assert "gap" in energy.flags
    assert energy.coverage < 0.7
