"""The truth itself, against sums that can be done in the head."""

from __future__ import annotations

import pytest

from fakes.waveform import Waveform, burst, constant, ramp, square


@pytest.mark.parametrize(
    ("wave", "start_s", "end_s", "energy_j"),
    [
        (constant(60), 5, 15, 600),
        (square(0, 100, period_s=2), 0, 2, 100),
        (square(0, 100, period_s=2), 0.5, 1.5, 50),
        (square(50, 150, period_s=1), 0, 10, 1000),
        (burst(10, 110, period_s=2, length_s=0.1), 0, 20, 200 + 10 * 100 * 0.1),
        (ramp(0, 300, period_s=3), 0, 3, 450),
        (ramp(0, 300, period_s=3), 0, 1, 50),
        (ramp(0, 300, period_s=3), 1, 4, 450),
    ],
)
def test_the_energy_between_two_times_is_the_integral_of_the_power(
    wave: Waveform, start_s: float, end_s: float, energy_j: float
) -> None:
    assert wave.energy_j(start_s, end_s) == pytest.approx(energy_j)
    steps = 20_000
    width = (end_s - start_s) / steps
    summed = sum(wave.power_w(start_s + (k + 0.5) * width) for k in range(steps)) * width
    assert summed == pytest.approx(energy_j, rel=1e-3)


def test_a_counter_stands_still_between_its_ticks() -> None:
    wave = constant(100)
    assert wave.counter_j(0.39, tick_s=0.1) == pytest.approx(30)
    assert wave.counter_j(0.39) == pytest.approx(39)
