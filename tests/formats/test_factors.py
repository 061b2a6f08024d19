"""Ratios as people read them."""

from __future__ import annotations

import math

import pytest

from energyprof.compare.change import Change
from energyprof.compare.comparison import compare
from energyprof.formats.factors import sides, times
from reports import at, report, run


@pytest.mark.parametrize(
    ("ratio", "low", "high", "shown"),
    [
        (1 / 1.23, 1 / 1.27, 1 / 1.19, "1.23 ± 0.04 × less"),
        (2.0, 1.955, 2.046, "2.00 ± 0.05 × more"),
        (1.1, 1.085, 1.115, "1.100 ± 0.015 × more"),
        (1.0, 0.98, 1.02, "1.00 ± 0.02 ×"),
        (1.0004, 0.99, 1.01, "1.000 ± 0.010 ×"),
        (1.5, 1.5, 1.5, "1.50 ± 0.00 × more"),
        (0.5, 0.25, 1.0, "2.00 × less (1.00 … 4.00)"),
        (3.0, 0.5, 18.0, "3.00 × more (0.50 … 18)"),
        (0.5, None, None, "2.00 × less"),
        (1.001, None, None, "1.00 ×"),
        (math.exp(700), 1.0, math.exp(700), "any × more (1.00 … any)"),
        (0.0, 0.0, 2.0, "any × less (0.50 … any)"),
        (25.0, 24.7, 25.3, "25.0 ± 0.3 × more"),
        (1264.0, 64.35, 24500.0, "1264 × more (64 … 2.4e+04)"),
        (25000.0, 24000.0, 26000.0, "2.5e+04 ± 1000 × more"),
    ],
)
def test_a_ratio_says_how_many_times_and_how_sure(
    ratio: float, low: float | None, high: float | None, shown: str
) -> None:
    assert times(Change(ratio, low, high, None, None)) == shown


def test_reports_that_say_the_same_share_a_line() -> None:
    reports = [at(1.0, 1.1), at(2.0, 2.1), report([run(), run(status="missed"), run(energy_j=None)])]
    lines = sides(compare(reports, ["a", "b", "c"]))
    assert [line for line, _ in lines] == [
        "a, b, each: unet tiny, 2 runs, all reached the target; measured, boundary component",
        "c: unet tiny, 3 runs, 2 of 3 reached the target; measured, boundary component",
    ]
    assert lines[0][1] == []
    assert lines[1][1] == [
        "run 3 (seed 0) left out of energy and power: energy not measured",
        "1 of 3 runs ended without reaching the target: its figures are of the others, and what a success "
        "costs is not known",
    ]
