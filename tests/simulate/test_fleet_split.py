"""The least-energy split of work, and a round within power domains, against every way that there is."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energyprof.errors import UsageError
from energyprof.simulate.fleet import split
from energyprof.simulate.fleet.domains import Excess, allot, in_turn

np = pytest.importorskip("numpy")

RISES = st.lists(st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=1, max_size=4)


def tables(rises: list[list[int]]) -> Any:
    """J of 0 … 4 units at each client, from what each further unit adds."""
    return np.array([[0, *itertools.accumulate(row)] for row in rises], dtype=float)


def charge(costs: Any, units: Any) -> float:
    return float(sum(costs[client, n] for client, n in enumerate(units)))


def least(costs: Any, most: list[int], work: int) -> float:
    """By trying all."""
    ways = itertools.product(*(range(n + 1) for n in most))
    return min(charge(costs, way) for way in ways if sum(way) == work)


def limits(rises: list[list[int]], data: st.DataObject) -> tuple[Any, int]:
    most = [data.draw(st.integers(0, 4)) for _ in rises]
    return np.array(most), data.draw(st.integers(0, sum(most)))


@settings(max_examples=60, deadline=None)
@given(RISES, st.data())
def test_the_cheapest_next_unit_is_exact_where_costs_are_convex(rises: list[list[int]], data: Any) -> None:
    costs = tables([sorted(row) for row in rises])
    most, work = limits(rises, data)
    found = split.greedy(work, costs, most)
    assert found.sum() == work and (found <= most).all()
    assert charge(costs, found) == least(costs, most.tolist(), work)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(RISES, st.data())
def test_the_programme_is_exact_whatever_the_costs(rises: list[list[int]], data: Any) -> None:
    costs = tables(rises)
    most, work = limits(rises, data)
    for way in (split.programme, split.least_energy):
        found = way(work, costs, most)
        assert found.sum() == work and (found <= most).all()
        assert charge(costs, found) == least(costs, most.tolist(), work)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=4), st.data())
def test_filling_the_cheapest_is_exact_where_each_unit_costs_the_same(each: list[int], data: Any) -> None:
    rises = [[joules] * 4 for joules in each]
    most, work = limits(rises, data)
    found = split.fill(work, np.array(each, dtype=float), most)
    assert found.sum() == work and (found <= most).all()
    assert charge(tables(rises), found) == least(tables(rises), most.tolist(), work)


def test_a_start_that_is_paid_once_is_paid_at_one_client_where_greedy_would_pay_it_twice() -> None:
    costs = np.array([[0.0, 11.0, 12.0], [0.0, 11.5, 13.0]])
    assert split.least_energy(2, costs, np.array([2, 2])).tolist() == [2, 0]
    assert split.least_energy(3, costs, np.array([2, 2])).tolist() == [2, 1]


def test_more_work_than_can_be_done_says_what_binds() -> None:
    with pytest.raises(UsageError, match=r"5 batches .* can do 4: deadline_s or most_samples is what binds"):
        split.fill(5, np.ones(2), np.array([2, 2]))


def test_a_programme_that_is_too_large_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="give a larger batch, fewer active clients, or start_j = 0"):
        split.programme(10_000, np.zeros((500, 101)), np.full(500, 100))


def excess(seed: int, clients: int = 12, steps: int = 6, chosen: int = 4) -> Excess:
    rng = np.random.default_rng(seed)
    return Excess(
        chosen,
        5.0,
        60.0,
        rng.uniform(5, 20, clients),
        rng.uniform(0.5, 3, clients),
        rng.integers(3, size=clients),
        rng.uniform(5, 40, (3, steps)),
    )


def kept(made: Excess, samples: Any) -> bool:
    """Whether nothing is trained that the domains and clients cannot give."""
    joules = samples * made.joules_a_sample[:, None]
    spent = np.array([joules[made.domain == d].sum(axis=0) for d in range(3)])
    total = samples.sum(axis=1)
    within = (total < 1e-6) | ((total >= made.least - 1e-5) & (total <= made.most + 1e-5))
    slow_enough = samples <= made.speed[:, None] + 1e-5
    return bool((spent <= made.spare_j + 1e-5).all() and within.all() and slow_enough.all())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_a_round_within_domains_keeps_them_and_is_no_worse_than_serving_in_turn(seed: int) -> None:
    pytest.importorskip("scipy")
    made = excess(seed)
    found, simple = allot(made).samples, in_turn(made)
    assert kept(made, found) and kept(made, simple)
    assert (found.sum(axis=1) > 0).sum() <= made.chosen
    if (simple.sum(axis=1) > 0).sum() == made.chosen:
        assert found.sum() >= simple.sum() * (1 - 1e-3)


def test_of_rounds_that_train_as_much_the_one_with_the_fewest_joules_is_found() -> None:
    pytest.importorskip("scipy")
    joules = np.array([3.0, 1.0, 2.0, 1.0, 3.0, 2.0])
    made = Excess(3, 5.0, 10.0, np.full(6, 10.0), joules, np.arange(6) % 2, np.full((2, 2), 99.0))
    samples = allot(made).samples.sum(axis=1)
    assert samples == pytest.approx([0, 10, 0, 10, 0, 10]) or samples == pytest.approx([0, 10, 10, 10, 0, 0])


def test_a_round_that_the_power_does_not_allow_says_how_many_can() -> None:
    pytest.importorskip("scipy")
    made = Excess(2, 10.0, 20.0, np.full(3, 10.0), np.ones(3), np.zeros(3, int), np.full((1, 1), 15.0))
    with pytest.raises(UsageError, match=r"2 of 3 clients .* 10 samples: 1 can; the power of the domains"):
        allot(made)


def test_clients_that_are_too_slow_are_counted() -> None:
    pytest.importorskip("scipy")
    made = Excess(2, 10.0, 20.0, np.array([1.0, 10.0]), np.ones(2), np.zeros(2, int), np.full((1, 1), 99.0))
    with pytest.raises(UsageError, match="1 of them are too slow for that in 1 steps"):
        allot(made)
