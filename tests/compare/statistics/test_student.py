"""Student's t against closed forms, printed tables and scipy."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energyprof.compare.statistics.student import t_cdf, t_quantile

# Two-sided 95 % and one-sided 95 % columns of any table of t.
TABLE = [
    (1, 12.706, 6.314),
    (2, 4.303, 2.920),
    (4, 2.776, 2.132),
    (9, 2.262, 1.833),
    (30, 2.042, 1.697),
    (120, 1.980, 1.658),
]


@pytest.mark.parametrize(("dof", "two_sided_95", "one_sided_95"), TABLE)
def test_quantiles_are_those_of_the_printed_tables(dof, two_sided_95, one_sided_95):
    assert t_quantile(0.975, dof) == pytest.approx(two_sided_95, abs=5e-4)
    assert t_quantile(0.95, dof) == pytest.approx(one_sided_95, abs=5e-4)


@pytest.mark.parametrize("p", [0.001, 0.05, 0.3, 0.5, 0.8, 0.975, 0.99999])
def test_one_and_two_degrees_of_freedom_have_closed_forms(p):
    assert t_quantile(p, 1) == pytest.approx(math.tan(math.pi * (p - 0.5)), rel=1e-9, abs=1e-12)
    two = (2 * p - 1) / math.sqrt(2 * p * (1 - p))
    assert t_quantile(p, 2) == pytest.approx(two, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("t", [-40.0, -1.0, 0.0, 1e-8, 0.3, 7.0, 1e6])
def test_the_cdf_of_one_degree_of_freedom_is_cauchys(t):
    assert t_cdf(t, 1) == pytest.approx(0.5 + math.atan(t) / math.pi, rel=1e-9)


@pytest.mark.parametrize("dof", [0.7, 1, 1.3, 2, 3.7, 8, 29.9, 1000, 10_000])
def test_quantile_and_cdf_agree_with_scipy_to_nine_digits(dof):
    stats = pytest.importorskip("scipy.stats")
    for p in (1e-9, 0.001, 0.018, 0.05, 0.4, 0.6, 0.8, 0.95, 0.975, 0.9999999):
        assert t_quantile(p, dof) == pytest.approx(stats.t.ppf(p, dof), rel=1e-9)
    for t in (-30.0, -3.0, -0.1, 0.5, 2.0, 50.0):
        assert t_cdf(t, dof) == pytest.approx(stats.t.cdf(t, dof), rel=1e-9)


@pytest.mark.slow
@given(st.floats(min_value=1e-6, max_value=1 - 1e-6), st.floats(min_value=1, max_value=1000))
def test_the_cdf_of_a_quantile_is_the_probability(p, dof):
    assert t_cdf(t_quantile(p, dof), dof) == pytest.approx(p, rel=1e-9)
