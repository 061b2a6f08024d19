"""The straight line against points in the head, scipy, and its own promise of 95 %."""

from __future__ import annotations

import random

import pytest

from energyprof.compare.statistics.fit import line, serial


def test_points_on_a_line_give_it_back_without_error() -> None:
    fitted = line([0, 1, 2], [3, 5, 7])
    assert (fitted.slope, fitted.intercept) == (2, 3)
    assert (fitted.slope_se, fitted.intercept_se, fitted.r2) == (0, 0, 1)
    assert fitted.residuals == (0, 0, 0)


def test_one_point_off_the_line_by_hand() -> None:
    # (0, 0), (1, 3), (2, 0): flat at 1, residuals -1, 2, -1, s² = 6 / 1, Σ(x - 1)² = 2.
    fitted = line([0, 1, 2], [0, 3, 0])
    assert fitted.slope == pytest.approx(0)
    assert fitted.intercept == pytest.approx(1)
    assert fitted.slope_se == pytest.approx(3**0.5)
    assert fitted.intercept_se == pytest.approx((6 * (1 / 3 + 1 / 2)) ** 0.5)
    assert fitted.dof == 1
    assert fitted.slope_u == pytest.approx(3**0.5 * 13.968 / 2, rel=1e-3)


def test_values_that_never_change_are_explained_by_no_line() -> None:
    assert line([0, 1, 2], [4, 4, 4]).r2 == 0


@pytest.mark.parametrize("n", [3, 8, 100])
def test_the_line_is_scipys(n: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(n)
    x = [rng.uniform(40, 300) for _ in range(n)]
    y = [1.06 * a - 3 + rng.gauss(0, 2) for a in x]
    ours, theirs = line(x, y), stats.linregress(x, y)
    assert ours.slope == pytest.approx(theirs.slope, rel=1e-12)
    assert ours.intercept == pytest.approx(theirs.intercept, rel=1e-9)
    assert ours.slope_se == pytest.approx(theirs.stderr, rel=1e-9)
    assert ours.intercept_se == pytest.approx(theirs.intercept_stderr, rel=1e-9)
    assert ours.r2 == pytest.approx(theirs.rvalue**2, rel=1e-12)


@pytest.mark.parametrize("n", [3, 5, 30])
def test_twice_the_uncertainty_holds_the_slope_in_95_of_100_cases(n: int) -> None:
    rng = random.Random(n)
    trials, held = 800, 0
    for _ in range(trials):
        x = [50 + 200 * i / (n - 1) for i in range(n)]
        fitted = line(x, [1.06 * a + rng.gauss(0, 2) for a in x])
        held += abs(fitted.slope - 1.06) <= 2 * fitted.slope_u
    assert 0.93 < held / trials < 0.975


def test_a_hundred_points_on_a_curve_are_no_hundred_witnesses() -> None:
    x = [i / 99 for i in range(100)]
    bent = line(x, [a + 0.04 * a * (1 - a) for a in x])
    told = serial(bent)
    assert told.slope == bent.slope
    # A curve of residuals as large as these could tilt the line by their rms over that of x.
    tilt = (sum(r * r for r in bent.residuals) / sum((a - 0.5) ** 2 for a in x)) ** 0.5
    assert bent.slope_u < 0.2 * tilt
    assert told.slope_u > 0.8 * tilt


def test_points_that_scatter_to_and_fro_are_left_alone() -> None:
    x = list(range(20))
    fitted = line(x, [a + (-1) ** a for a in x])
    assert serial(fitted) == fitted
    assert serial(line(x, x)) == line(x, x)
