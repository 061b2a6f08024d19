"""Two meters of the same joules, held against each other."""

from __future__ import annotations

from typing import Any

import pytest

from energyprof.report.agreement import disagreements, ratio
from energyprof.report.energy import MeterEnergy
from energyprof.report.flags import Flag, flag
from energyprof.report.uncertainty import METER_TERMS
from fakes.meters import counter, gauge
from reports import meter

COUNTER = counter(name="nvml:0")
TWIN = gauge(name="nvml:0:power", checks="nvml:0", tolerance=0.05)


def said(joules: float | None, reading_u_j: float = 0.0, coverage: float = 1.0) -> dict[str, Any]:
    return {
        "joules": joules,
        "terms_j": {**dict.fromkeys(METER_TERMS, 0.0), "edge": reading_u_j},
        "coverage": coverage,
    }


def flags(mine: dict[str, Any], theirs: dict[str, Any], span_s: float = 60.0) -> tuple[Flag, ...]:
    energies = {
        "nvml:0": MeterEnergy(meter=COUNTER, flags=(), **theirs),
        "nvml:0:power": MeterEnergy(meter=TWIN, flags=(), **mine),
    }
    return disagreements([meter(info.name, info=info) for info in (COUNTER, TWIN)], energies, span_s)


def test_a_twin_that_reads_seven_percent_more_is_flagged() -> None:
    assert flags(said(1070), said(1000)) == (
        flag("disagrees", "nvml:0:power", "reads 7.0 % more than nvml:0"),
    )
    assert flags(said(930), said(1000)) == (
        flag("disagrees", "nvml:0:power", "reads 7.0 % less than nvml:0"),
    )


@pytest.mark.parametrize(
    ("mine", "theirs", "span_s"),
    [
        (said(1049), said(1000), 60.0),  # within the tolerance
        (said(1070, reading_u_j=15), said(1000), 60.0),  # 5 % and 2 · 15 J explain it
        (said(1070), said(1000), 4.9),  # too short
        (said(1070, coverage=0.9), said(1000), 60.0),  # it missed something
        (said(None), said(1000), 60.0),
        (said(10), said(None), 60.0),
        (said(10), said(0.0), 60.0),
    ],
)
def test_a_difference_that_means_nothing_is_not_flagged(
    mine: dict[str, Any], theirs: dict[str, Any], span_s: float
) -> None:
    assert flags(mine, theirs, span_s) == ()


def test_a_register_that_may_not_have_been_renewed_is_not_held_against_a_power() -> None:
    power, register = gauge(name="plug"), counter(name="plug:register", checks="plug", refresh_s=60.0)
    energies = {
        "plug": MeterEnergy(meter=power, flags=(), **said(300)),
        "plug:register": MeterEnergy(meter=register, flags=(), **said(70)),
    }
    meters = [meter(info.name, info=info) for info in (power, register)]
    assert disagreements(meters, energies, 59.0) == ()
    assert disagreements(meters, energies, 61.0) != ()


def test_the_ratio_is_that_of_the_sums_over_the_runs_that_both_measured() -> None:
    assert ratio([100.0, None, 230.0], [100.0, 50.0, 200.0]) == pytest.approx(1.1)
    assert ratio([100.0], []) is None
    assert ratio([100.0], [0.0]) is None
