"""Power in bins: the means add up to the energy, and no peak is lost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest

from energyprof.compare.power_curve import MOST_BINS, power_curves
from energyprof.meter import Calibration
from energyprof.report.record import MeterRecord
from energyprof.trace.rows import Row, Sample
from reports import meter


def gauge(name: str = "shelly:0", **changes: object) -> MeterRecord:
    made = meter(name)
    return replace(made, info=replace(made.info, reads="power_w", refresh_s=0.1, **changes))  # type: ignore[arg-type]


def rows(source: str, values: Iterator[float | None] | list[float | None], step_s: float = 0.1) -> list[Row]:
    return [Row(0, source, Sample(i * step_s, i * step_s, value), "") for i, value in enumerate(values)]


@pytest.mark.slow
def test_a_constant_counter_is_a_flat_line() -> None:
    read = rows("rapl:package-0", [5.0 * i for i in range(621)])  # 50 W for 62 s
    # Not from the first reading on: its stamp is the only one without the counter's mean delay.
    (curve,) = power_curves([meter()], read, 1.0, 61.0)
    assert curve.mean_w == pytest.approx([50.0] * len(curve.mean_w))
    assert curve.least_w == pytest.approx(curve.mean_w) and curve.most_w == pytest.approx(curve.mean_w)
    assert curve.peak_w == pytest.approx(50.0)


@pytest.mark.slow
def test_the_means_add_up_to_the_energy_and_a_single_spike_stays() -> None:
    # 100 W for ten minutes, but for one reading of 400 W: 300 W more over a triangle of 0.2 s.
    powers = [400.0 if i == 3210 else 100.0 for i in range(6001)]
    (curve,) = power_curves([gauge()], rows("shelly:0", powers), 0.0, 600.0)
    assert len(curve.mean_w) == MOST_BINS
    joules = math.fsum(power or 0.0 for power in curve.mean_w) * curve.step_s
    assert joules == pytest.approx(600 * 100 + 300 * 0.2 / 2)
    assert curve.peak_w == pytest.approx(400.0)
    assert max(power or 0.0 for power in curve.mean_w) < 130
    assert sum(power is not None and power > 101 for power in curve.most_w) <= 2


def test_a_short_run_has_no_bins_finer_than_its_readings() -> None:
    (curve,) = power_curves([meter()], rows("rapl:package-0", [5.0 * i for i in range(51)]), 0.0, 5.0)
    assert len(curve.mean_w) == 50


def test_where_nothing_was_read_nothing_is_drawn() -> None:
    powers: list[float | None] = [100.0] * 200 + [None] * 200 + [100.0] * 201
    (curve,) = power_curves([gauge()], rows("shelly:0", powers), 0.0, 60.0)
    third = len(curve.mean_w) // 3
    assert set(curve.mean_w[third + 2 : 2 * third - 2]) == {None}
    assert None not in curve.mean_w[: third - 2] and None not in curve.mean_w[2 * third + 2 :]


def test_a_meter_without_a_reading_is_left_out_and_others_keep_their_order() -> None:
    read = rows("shelly:0", [10.0] * 101) + rows("rapl:package-0", [5.0 * i for i in range(101)])
    meters = [meter("rapl:package-1"), meter(), gauge()]
    assert [curve.meter for curve in power_curves(meters, read, 0.0, 10.0)] == ["rapl:package-0", "shelly:0"]
    assert power_curves([meter()], read, 5.0, 5.0) == []


def test_a_calibrated_meter_is_drawn_as_it_is_counted() -> None:
    calibrated = gauge(calibration=Calibration(2.0, 0.01, 5.0, 0.1, "plug"))
    (curve,) = power_curves([calibrated], rows("shelly:0", [10.0] * 101), 0.0, 10.0)
    assert curve.mean_w == pytest.approx([25.0] * len(curve.mean_w))
    assert curve.most_w == pytest.approx(curve.mean_w)
