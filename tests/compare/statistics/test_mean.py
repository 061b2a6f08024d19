"""Means over runs and their uncertainties, against figures worked out by hand and by simulation."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energyprof.compare.statistics.mean import SCATTER, coverage_factor, mean_of, together

amounts = st.lists(st.floats(min_value=1e-3, max_value=1e6), min_size=1, max_size=6)


def test_the_mean_is_geometric_and_its_scatter_that_of_the_logs() -> None:
    found = mean_of([1.0, 4.0], [{}, {}])
    # Logs 0 and ln 4: their standard deviation is √2 ln 2, of the mean ln 2.
    assert (found.value, found.n) == (pytest.approx(2.0), 2)
    assert found.terms == {SCATTER: pytest.approx(2 * math.log(2))}
    assert found.u_rel == pytest.approx(13.968 * math.log(2), rel=1e-4)


def test_what_is_not_positive_has_an_arithmetic_mean() -> None:
    found = mean_of([-1.0, 3.0], [{"edge": 0.3}, {"edge": 0.4}])
    assert found.value == 1.0
    assert found.terms == {SCATTER: pytest.approx(2.0), "edge": pytest.approx(0.25)}
    assert mean_of([-1.0], [{"edge": 0.3}]).u_rel is None


def test_terms_of_runs_of_unlike_size_count_by_their_share() -> None:
    # 10 % of each, in common: 10 % of the mean. 10 % of each, independent: 10 %/√2.
    found = mean_of([100.0, 400.0], [{"gain": 10.0, "edge": 10.0}, {"gain": 40.0, "edge": 40.0}])
    assert found.value == pytest.approx(200)
    assert found.terms["gain"] == pytest.approx(20)
    assert found.terms["edge"] == pytest.approx(20 / math.sqrt(2))


@pytest.mark.parametrize(
    ("edge", "aside", "u"), [(3.0, ("edge",), 1.0), (30.0, ("scatter",), 3.0 / math.sqrt(2))]
)
def test_the_larger_of_scatter_and_readings_stands_for_both(edge: float, aside: tuple[str], u: float) -> None:
    # e^±0.01 around 100: a standard error of 1 %.
    values = [100 * math.exp(0.01), 100 * math.exp(-0.01)]
    found = mean_of(values, [{"edge": edge * x / 1000} for x in values])
    assert found.aside == aside
    assert found.total.u == pytest.approx(u, rel=1e-3)


def test_one_run_of_which_nothing_is_known_has_no_uncertainty_rather_than_none_at_all() -> None:
    assert mean_of([5.0], [{}]).u_rel is None
    assert mean_of([5.0], [{"edge": 0.1}]).u_rel == pytest.approx(0.04)
    assert mean_of([5.0, 5.0], [{}, {}]).u_rel == 0


def test_effective_degrees_of_freedom_are_welch_and_satterthwaites() -> None:
    # GUM H.1.6: 32 nm from 25, 9.7 (18), 4.1 (50), 16.6 (2) nm and 9.7 nm of known ones: 16 to 17 dof.
    found = together([(25.0, 18), (9.7, 25.6), (2.9, 50), (16.6, 2)])
    assert found.u == pytest.approx(31.7, abs=0.1)
    assert found.dof == pytest.approx(16.7, abs=0.5)
    assert together([(3.0, None), (4.0, None)]) == together([(5.0, None)])
    assert together([]).expanded == 0


@pytest.mark.parametrize(
    ("dof", "k"),
    [
        (None, 2.0),
        (1e9, 2.0),
        (1e4, 2.0),
        (11, 2.255),
        (10.1, 2.284),
        (10, 2.284),
        (4.9, 2.869),
        (1, 13.968),
        (0.5, 13.968),
    ],
)
def test_few_runs_take_a_larger_k(dof: float | None, k: float) -> None:
    # GUM, table G.2, for 95.45 %.
    assert coverage_factor(dof) == pytest.approx(k, abs=6e-4)


@pytest.mark.slow
@given(amounts, st.floats(min_value=1e-3, max_value=1e3))
def test_the_unit_changes_nothing_but_the_unit(values: list[float], factor: float) -> None:
    each = [{"gain": 0.02 * x, "edge": 0.001 * x} for x in values]
    one = mean_of(values, each)
    other = mean_of([x * factor for x in values], [{t: u * factor for t, u in e.items()} for e in each])
    assert other.value == pytest.approx(one.value * factor)
    assert other.total.expanded == pytest.approx(one.total.expanded * factor)


@pytest.mark.slow
@given(amounts, amounts)
def test_the_mean_of_products_is_the_product_of_means(a: list[float], b: list[float]) -> None:
    pairs = list(zip(a, b, strict=False))
    none = [{} for _ in pairs]
    product = mean_of([x * y for x, y in pairs], none).value
    left, right = mean_of([x for x, _ in pairs], none).value, mean_of([y for _, y in pairs], none).value
    assert product == pytest.approx(left * right)


@pytest.mark.slow
@pytest.mark.parametrize(("runs", "gain"), [(3, 0.0), (3, 0.02), (5, 0.01), (25, 0.0)])
def test_the_interval_holds_the_truth_in_95_of_100(runs: int, gain: float) -> None:
    rng = random.Random(runs)
    held, times = 0, 2000
    for _ in range(times):
        wrong = math.exp(rng.gauss(0, gain))
        values = [wrong * math.exp(rng.gauss(0, 0.03)) for _ in range(runs)]
        found = mean_of(values, [{"gain": gain * x} for x in values])
        held += abs(math.log(found.value)) <= (found.u_rel or 0.0)
    assert 0.935 <= held / times <= 0.975
