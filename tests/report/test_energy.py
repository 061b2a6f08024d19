"""Joules, their uncertainty and their coverage, against closed forms."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energyprof.meter import Calibration, MeterInfo
from energyprof.report.flags import flag
from fakes.meters import counter, gauge, samples_of
from fakes.traces import Trace, energy_between, integrate
from fakes.waveform import Waveform, burst, constant, ramp, square

WAVES = {
    "constant": constant(60),
    "1 Hz square": square(20, 100, 1.0),
    "burst": burst(10, 200, 2.0, 0.1),
    "ramp": ramp(10, 90, 3.0),
}


def counted(wave: Waveform, phase_s: float, wraps_at_j: float | None = None, period_s: float = 0.01) -> Trace:
    times = [i * period_s for i in range(round(14 / period_s))]
    values = [wave.counter_j(t + phase_s) for t in times]
    if wraps_at_j:
        values = [value % wraps_at_j for value in values]
    return Trace(counter(wraps_at_j=wraps_at_j), period_s, samples_of(values, times))


def powered(wave: Waveform, phase_s: float, period_s: float = 0.01) -> Trace:
    times = [i * period_s for i in range(round(14 / period_s))]
    return Trace(gauge(), period_s, samples_of([wave.power_w(t + phase_s) for t in times], times))


@pytest.mark.slow
@pytest.mark.parametrize("name", WAVES)
@pytest.mark.parametrize("wraps_at_j", [None, 97.0])
def test_ten_seconds_of_a_counter_are_exact_to_0_3_percent(name: str, wraps_at_j: float | None) -> None:
    wave, rng = WAVES[name], random.Random(1)
    for _ in range(6):
        phase_s, start_s = rng.uniform(0, 10), rng.uniform(0.5, 2)
        truth = wave.energy_j(start_s + phase_s, start_s + phase_s + 10)
        energy = energy_between([counted(wave, phase_s, wraps_at_j)], start_s, start_s + 10)
        assert energy.joules == pytest.approx(truth, rel=0.003)
        assert energy.u_j is not None
        assert energy.joules is not None
        assert abs(energy.joules - truth) <= energy.u_j + 1e-9
        assert energy.coverage == 1
        assert energy.flags == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", WAVES)
def test_the_true_value_of_a_polled_power_lies_within_its_uncertainty(name: str) -> None:
    wave, rng, inside = WAVES[name], random.Random(2), 0
    for _ in range(40):
        phase_s, start_s = rng.uniform(0, 10), rng.uniform(0.5, 2)
        truth = wave.energy_j(start_s + phase_s, start_s + phase_s + 10)
        energy = energy_between([powered(wave, phase_s, 0.097)], start_s, start_s + 10)
        assert energy.joules is not None
        assert energy.u_j is not None
        inside += abs(energy.joules - truth) <= energy.u_j + 1e-9
    assert inside >= 38


def test_idle_time_around_a_window_changes_nothing() -> None:
    busy = [i * 5.0 for i in range(21)]  # 50 W for 2 s
    alone = Trace(counter(), 0.1, samples_of(busy, [10 + i * 0.1 for i in range(21)]))
    padded = Trace(
        counter(),
        0.1,
        samples_of(
            [i * 0.5 for i in range(5)]
            + [2.5 + joules for joules in busy]
            + [103 + i * 0.5 for i in range(5)],
            [9.5 + i * 0.1 for i in range(5)]
            + [10 + i * 0.1 for i in range(21)]
            + [12.1 + i * 0.1 for i in range(5)],
        ),
    )
    assert energy_between([alone], 10, 12).joules == pytest.approx(100)
    assert energy_between([padded], 10, 12).joules == pytest.approx(100)


def test_neighbouring_windows_add_up_to_the_whole() -> None:
    trace = counted(WAVES["burst"], 0.3)
    a, b, whole = integrate(trace, [(1.0, 4.321), (4.321, 9.0), (1.0, 9.0)])
    assert a.joules is not None
    assert b.joules is not None
    assert a.joules + b.joules == pytest.approx(whole.joules, abs=1e-9)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    powers=st.lists(st.floats(0, 500), min_size=3, max_size=40),
    steps=st.lists(st.floats(0.01, 0.25), min_size=40, max_size=40),
    edges=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_power_that_runs_linearly_between_uneven_stamps_is_integrated_exactly(
    powers: list[float], steps: list[float], edges: tuple[float, float]
) -> None:
    times = [sum(steps[:i]) for i in range(len(powers))]
    start_s, end_s = sorted(edge * times[-1] for edge in edges)
    if end_s - start_s < 1e-6:
        return
    # Simpson's rule is exact for the quadratic integral of each linear piece.
    knots = sorted({start_s, end_s, *(t for t in times if start_s < t < end_s)})

    def power(t: float) -> float:
        i = min(next((k for k, stamp in enumerate(times) if stamp >= t), len(times) - 1), len(times) - 1)
        i = max(1, i)
        share = (t - times[i - 1]) / (times[i] - times[i - 1])
        return powers[i - 1] + share * (powers[i] - powers[i - 1])

    truth = sum((b - a) / 6 * (power(a) + 4 * power((a + b) / 2) + power(b)) for a, b in pairwise(knots))
    energy = energy_between([Trace(gauge(may_be_zero=True), 0.1, samples_of(powers, times))], start_s, end_s)
    assert energy.joules == pytest.approx(truth, rel=1e-9, abs=1e-9)


# (meter, window, samples of 100 W over 20 s) -> U (k = 2) in J, by hand
def steady(meter: MeterInfo, read_s: float = 0.0) -> Trace:
    times = [i * 0.1 for i in range(201)]
    values = [100 * t if meter.reads == "energy_j" else 100.0 for t in times]
    return Trace(meter, 0.1, samples_of(values, times, read_s))


UNCERTAINTIES = {
    "gain: 2 · 5 % · 1000 J / √3": (counter(gain_a=0.05), (5.0, 15.0), 2 * 50 / math.sqrt(3)),
    "resolution: 2 · r/√6": (counter(resolution=3.0), (5.0, 15.0), 2 * 3 / math.sqrt(6)),
    # A reading is half a renewal old, so each edge lies half way between two renewals.
    "renewal: 2 · √2 · 100 W · 0.05 s/√3, and as much for the tick's inside": (
        counter(refresh_s=0.1),
        (5.0, 15.0),
        2 * math.sqrt(2) * math.sqrt(2) * 5 / math.sqrt(3),
    ),
    "offset: 2 · 0.3 W · 10 s/√3": (gauge(offset_a_w=0.3), (5.0, 15.0), 2 * 3 / math.sqrt(3)),
    "steps of a gauge: 2 · 0.15 W · 10 s/√12": (gauge(resolution=0.15), (5.0, 15.0), 3 / math.sqrt(12)),
    "an edge half way between two reads: 2 · 10 J · 0.5/√3": (
        counter(),
        (5.05, 15.0),
        2 * 5 / math.sqrt(3),
    ),
    "nothing": (counter(), (5.0, 15.0), 0.0),
    "gain of a gauge": (gauge(gain_a=0.05), (5.0, 15.0), 2 * 50 / math.sqrt(3)),
}


@pytest.mark.parametrize("name", UNCERTAINTIES)
def test_the_uncertainty_of_1000_joules(name: str) -> None:
    meter, window, expanded = UNCERTAINTIES[name]
    energy = energy_between([steady(meter)], *window)
    assert energy.joules == pytest.approx(100 * (window[1] - window[0]))
    assert energy.u_j == pytest.approx(expanded, rel=1e-6, abs=1e-6)


# 0 W, then 100 W: the trapezoid says 5 J for the interval of the step, the truth lies in 0…10 J.
STEPS = {
    "read at random times: 100 W · 0.1 s/√2": (gauge(may_be_zero=True), 10 / math.sqrt(2)),
    "logged at even times: 5 J/√3": (gauge(may_be_zero=True, external=True), 5 / math.sqrt(3)),
    "a device that renews as slowly as it is read: 5 J/√3": (
        gauge(may_be_zero=True, refresh_s=0.1),
        5 / math.sqrt(3),
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_in_power_is_known_as_well_as_the_readings_can_tell(name: str) -> None:
    meter, standard = STEPS[name]
    times = [i * 0.1 for i in range(121)]
    trace = Trace(meter, 0.1, samples_of([0.0] * 50 + [100.0] * 71, times))
    energy = energy_between([trace], 1, 10 - meter.refresh_s / 2)
    assert energy.joules == pytest.approx(505)
    # The variance of a step at random times is spread over the readings that follow it.
    known = math.hypot(energy.terms_j.get("shape", 0), energy.terms_j.get("sampling", 0))
    assert known == pytest.approx(standard, rel=0.01)


def test_a_mean_over_a_window_misses_nothing_of_it_and_stands_for_its_middle() -> None:
    # The power steps from 0 to 100 W at 5 s; each reading is the mean over the second before it.
    times = [i * 0.1 for i in range(121)]
    values = [100 * min(1.0, max(0.0, t - 5)) for t in times]
    energy = energy_between(
        [Trace(gauge(may_be_zero=True, window_s=1.0), 0.1, samples_of(values, times))], 1, 10
    )
    assert energy.joules == pytest.approx(500)
    assert energy.terms_j.get("sampling", 0) <= 10 * math.sqrt(10 * 0.01) / math.sqrt(2) + 1e-9


def test_a_window_that_begins_within_a_tick_is_exact_where_the_load_switched_once() -> None:
    # Ticks of 0.1 s; 20 W until 1.03 s, then 100 W: the tick from 1.0 s holds 0.6 + 7 J.
    def used_j(t: float) -> float:
        return 20 * min(t, 1.03) + 100 * max(0.0, t - 1.03)

    times = [i * 0.1 for i in range(31)]
    trace = Trace(counter(), 0.1, samples_of([used_j(t) for t in times], times))
    for edge_s in (1.01, 1.03, 1.08):
        energy = energy_between([trace], edge_s, 2.0)
        assert energy.joules == pytest.approx(used_j(2.0) - used_j(edge_s))


def test_a_calibration_changes_the_joules_and_their_uncertainty() -> None:
    # 100 W for 10 s, read 5 % low and 2 W too high: 1.05 · 1000 J - 2 W · 10 s.
    calibrated = Calibration(gain=1.05, gain_u=0.005, offset_w=-2.0, offset_u_w=0.1, source="wall, 2026")
    energy = energy_between([steady(counter(gain_a=0.05, calibration=calibrated))], 5, 15)
    assert energy.joules == pytest.approx(1030)
    assert energy.terms_j == pytest.approx({"gain": 0.005 * 1030, "offset": 1.0})


def test_meters_of_one_kind_share_their_gain_error_and_others_do_not() -> None:
    a = steady(counter(name="rapl:0", kind="rapl", gain_a=0.05))
    b = steady(counter(name="rapl:1", kind="rapl", gain_a=0.05))
    c = steady(counter(name="nvml:0", kind="nvml", gain_a=0.05))
    one = 2 * 50 / math.sqrt(3)
    assert energy_between([a, b], 5, 15).u_j == pytest.approx(2 * one)
    assert energy_between([a, c], 5, 15).u_j == pytest.approx(math.sqrt(2) * one)


def lost_after(seen_s: float) -> Trace:
    """20 W for 2 s, then 100 W until nothing more was read."""
    times = [i / 10 for i in range(round(10 * seen_s) + 1)]
    return Trace(counter(), 0.1, samples_of([20 * min(t, 2) + 100 * max(0.0, t - 2) for t in times], times))


def test_what_was_not_seen_went_on_as_it_was_or_ended() -> None:
    energy = integrate(lost_after(8), [(2.0, 10.0)])[0]
    assert energy.joules == pytest.approx(800)
    assert energy.terms_j["unseen"] == pytest.approx(2 * 100 / math.sqrt(3))
    assert energy.coverage == pytest.approx(0.75)
    assert energy.flags == ("lost",)
    assert (energy.seen_w, energy.seen_s) == (pytest.approx(100), pytest.approx(6))


def test_what_was_not_seen_may_be_as_much_as_was_read_elsewhere_in_the_run() -> None:
    trace = lost_after(8)
    late = replace(trace, samples=list(trace.samples)[10:])
    energy = integrate(late, [(0.0, 8.0)])[0]
    assert energy.joules == pytest.approx(2 * 20 + 6 * 100)
    assert energy.terms_j["unseen"] == pytest.approx((100 - 20) / math.sqrt(3))


def test_where_less_was_seen_than_not_it_may_be_anything_that_the_meter_can_read() -> None:
    energy = integrate(lost_after(5), [(2.0, 10.0)])[0]
    assert energy.terms_j["unseen"] == pytest.approx(5 * (1000 - 100) / math.sqrt(3))


@pytest.mark.parametrize("ends", ["lost", "stalled"])
def test_a_window_of_which_nothing_was_seen_has_no_energy(ends: str) -> None:
    trace = lost_after(5)
    if ends == "stalled":
        last = list(trace.samples)[-1]
        still = samples_of([last.value] * 50, [5.1 + i / 10 for i in range(50)])
        trace = replace(trace, samples=(*trace.samples, *still))
    after, whole = integrate(trace, [(6.0, 9.0), (2.0, 9.0)])
    assert after.joules is None
    assert "no_reading" in after.flags
    assert whole.joules == pytest.approx(700)
    assert 2 * whole.terms_j["unseen"] > 400


def test_the_head_of_a_window_before_the_first_reading_is_not_zero_watts() -> None:
    trace = Trace(counter(), 0.1, samples_of([i * 10.0 for i in range(41)], [1 + i / 10 for i in range(41)]))
    energy = integrate(trace, [(0.0, 5.0)])[0]
    assert energy.joules == pytest.approx(500)
    assert energy.seen_w == pytest.approx(100)
    assert energy.coverage == pytest.approx(0.8)


def test_a_power_takes_three_readings() -> None:
    meter = gauge(refresh_s=1.0)
    energies = integrate(Trace(meter, 0.1, samples_of([60.0] * 100, 0.1)), [(4.0, 6.9), (4.0, 7.1)])
    assert [energy.seen_w for energy in energies] == [None, pytest.approx(60)]


def test_a_meter_that_failed_for_two_seconds_says_so() -> None:
    values = [None if 30 <= i < 50 else i * 10.0 for i in range(101)]
    energy = energy_between([Trace(counter(), 0.1, samples_of(values, 0.1))], 0, 10)
    assert energy.joules == pytest.approx(1000)  # a counter goes on counting while nobody looks
    assert energy.coverage == pytest.approx(0.79)
    assert set(energy.flags) == {flag("failed_read", "fake:0"), flag("gap", "fake:0")}


def test_no_reading_is_no_energy_and_not_zero() -> None:
    silent = Trace(counter(name="dead"), 0.1, samples_of([None] * 100, 0.1))
    energy = energy_between([silent], 0, 10)
    assert (energy.joules, energy.u_j, energy.coverage) == (None, None, 0.0)
    assert energy.flags == (flag("no_reading", "dead"),)


def test_one_dead_meter_of_two_leaves_no_sum() -> None:
    silent = Trace(counter(name="dead"), 0.1, samples_of([None] * 100, 0.1))
    energy = energy_between([steady(counter()), silent], 5, 15)
    assert (energy.joules, energy.u_j) == (None, None)
    assert energy.coverage == 0
    assert energy.flags == (flag("no_reading", "dead"),)


def test_no_meter_at_all_is_not_measured() -> None:
    energy = energy_between([], 0, 10)
    assert (energy.joules, energy.coverage, energy.flags) == (None, None, (flag("not_measured"),))


@pytest.mark.parametrize(("length_s", "short"), [(4.9, True), (5.1, False)])
def test_a_window_under_five_seconds_is_flagged_short(length_s: float, short: bool) -> None:
    energy = energy_between([steady(counter())], 1, 1 + length_s)
    assert (flag("short", "fake:0") in energy.flags) is short


def test_flags_belong_to_the_windows_that_they_touch() -> None:
    values = [None if 30 <= i < 50 else i * 10.0 for i in range(201)]
    trace = Trace(counter(), 0.1, samples_of(values, 0.1))
    before, during, after = integrate(trace, [(0.0, 2.5), (2.5, 5.5), (5.5, 15.0)])
    assert "gap" not in before.flags
    assert "gap" in during.flags
    assert "gap" not in after.flags


def test_a_load_that_steps_where_a_phase_begins_is_known_to_the_step() -> None:
    # 20 W until 5.05 s, then 100 W; read every 0.1 s.
    trace = Trace(gauge(), 0.1, samples_of([20.0] * 51 + [100.0] * 50, 0.1))
    before = integrate(trace, [(0.05, 5.05)])[0]
    assert before.joules == pytest.approx(100 + 1)
    assert before.terms_j["edge"] == pytest.approx(80 * 0.1 / 2 / math.sqrt(3))


def test_a_counter_that_stands_still_for_less_than_a_second_is_no_load_of_nothing() -> None:
    # 100 W; from 3 s to 3.5 s the counter shows what it showed at 3 s.
    values = [10.0 * (30 if 30 <= i < 35 else i) for i in range(101)]
    trace = Trace(counter(refresh_s=0.001), 0.1, samples_of(values, 0.1))
    energy = integrate(trace, [(1.0, 3.25)])[0]
    assert energy.joules == pytest.approx(225, rel=0.01)
    assert energy.terms_j["edge"] > 10


def test_a_load_that_steps_where_a_counter_stood_still_after_a_gap_lies_within_u() -> None:
    times = [i * 0.1 for i in range(131) if not 50 < i < 80]

    def used_j(at_s: float) -> float:
        return 20 * at_s + 80 * max(0.0, at_s - 8.1)

    # Not read for 3 s, then 0.4 s without a move: of all that time its energy alone is known.
    values = [used_j(5.0 if 5 < at_s < 8.45 else at_s) for at_s in times]
    windows = [(1.0, 8.1), (8.1, 12.0)]
    for energy, (start_s, end_s) in zip(
        integrate(Trace(counter(), 0.1, samples_of(values, times)), windows), windows, strict=True
    ):
        assert energy.joules is not None
        assert abs(energy.joules - (used_j(end_s) - used_j(start_s))) <= 2 * energy.reading_u_j
