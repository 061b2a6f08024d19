"""What meters read now, of energies that can be divided in the head."""

from __future__ import annotations

import pytest

from energyprof.meter import MeterInfo
from energyprof.profile.spot_check import SpotCheck
from energyprof.report.energy import MeterEnergy
from energyprof.report.uncertainty import METER_TERMS
from fakes.meters import counter, gauge


def power_w(info: MeterInfo, joules: float, coverage: float = 1.0, span_s: float = 5.0) -> float | None:
    energy = MeterEnergy(info, joules, dict.fromkeys(METER_TERMS, 0.0), coverage, ())
    return SpotCheck(span_s, {info.name: energy}, ()).power_w(info.name)


def test_what_was_not_seen_is_in_the_energy_already() -> None:
    assert power_w(gauge(), 250.0, coverage=0.6) == pytest.approx(50)


def test_a_meter_that_missed_most_of_it_tells_nothing() -> None:
    assert power_w(gauge(), 250.0, coverage=0.4) is None


@pytest.mark.parametrize(
    ("info", "joules"), [(counter(refresh_s=0.001), 0.0), (counter(refresh_s=60.0), 20.0)]
)
def test_a_counter_that_stands_still_or_may_have_begun_long_ago_tells_nothing(
    info: MeterInfo, joules: float
) -> None:
    assert power_w(info, joules) is None
