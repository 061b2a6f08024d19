"""Weights worked out by hand, gaps in closed form, and the mean that must stay what it is."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energyprof.workloads.exchange import mixing
from energyprof.workloads.exchange.graph import Graph
from energyprof.workloads.exchange.topology import topology_of


def graph(name, nodes, round=0, seed=0):
    return topology_of(name, nodes).at(round, seed)


def gap(name, nodes):
    return mixing.spectral_gap(mixing.mixing(graph(name, nodes)))


def test_metropolis_weights_of_a_path_of_three():
    path = Graph(3, frozenset({(0, 1), (1, 0), (1, 2), (2, 1)}))
    rows = mixing.metropolis(path)
    expected = [{0: 2 / 3, 1: 1 / 3}, {0: 1 / 3, 1: 1 / 3, 2: 1 / 3}, {1: 1 / 3, 2: 2 / 3}]
    for row, wanted in zip(rows, expected, strict=True):
        assert row == pytest.approx(wanted)


def test_a_push_splits_a_value_among_whom_it_goes_to():
    rows = mixing.push(Graph(3, frozenset({(0, 1), (0, 2), (1, 0)})))
    assert rows == ({0: 1 / 3, 1: 1 / 2}, {0: 1 / 3, 1: 1 / 2}, {0: 1 / 3, 2: 1})


@pytest.mark.parametrize(
    ("name", "nodes", "expected"),
    [
        # A circulant's: on a ring 1 − (1 + 2 cos 2π/n) / 3, on a square torus 1 − (3 + 2 cos 2π/√n) / 5
        *(("ring", n, 1 - (1 + 2 * math.cos(2 * math.pi / n)) / 3) for n in (8, 16, 32, 64)),
        *(("torus", n, 1 - (3 + 2 * math.cos(2 * math.pi / n**0.5)) / 5) for n in (16, 64)),
        *(("exponential", n, 2 / (math.log2(n) + 1)) for n in (8, 16, 32, 64)),
        *(("star", n, 1 / n) for n in (8, 16, 32, 64)),
        *(("full", n, 1.0) for n in (1, 2, 8, 64)),
    ],
)
def test_the_spectral_gap_has_its_closed_form(name, nodes, expected):
    assert gap(name, nodes) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "nodes", "published"),
    [
        ("ring", 8, 0.19526),
        ("ring", 16, 0.05075),
        ("ring", 32, 0.01281),
        ("ring", 64, 0.00321),
        ("torus", 64, 0.11716),
        ("exponential", 64, 0.28571),
        ("star", 64, 0.01562),
    ],
)
def test_the_spectral_gap_as_others_computed_it(name, nodes, published):
    assert gap(name, nodes) == pytest.approx(published, abs=1e-5)


def test_parts_that_do_not_hear_of_each_other_never_agree():
    assert mixing.spectral_gap(mixing.metropolis(graph("ring", 6).among([0, 1, 3, 4]))) == 0


def test_a_ring_one_way_round_has_the_gap_of_its_eigenvalues():
    """Half kept, half passed on: |1 + e^{2πi/n}| / 2 = cos π/n."""
    rows = mixing.mixing(Graph(5, frozenset((n, (n + 1) % 5) for n in range(5))))
    assert mixing.spectral_gap(rows) == pytest.approx(1 - math.cos(math.pi / 5))


@pytest.mark.slow
@given(
    edges=st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda e: e[0] != e[1])),
    values=st.lists(st.floats(-1e3, 1e3), min_size=8, max_size=8),
)
@settings(deadline=None)
def test_no_graph_moves_the_mean(edges, values):
    one_way = Graph(8, frozenset(edges))
    both = Graph(8, frozenset(edges | {(b, a) for a, b in edges}))
    for rows in (mixing.mixing(one_way), mixing.mixing(both), mixing.push(both)):
        assert sum(mixing.mixed(rows, values)) == pytest.approx(sum(values), abs=1e-8)
    assert mixing.mixed(mixing.metropolis(both), [1.0] * 8) == pytest.approx([1.0] * 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random:1", "random:2", "random:4", "exponential"])
def test_push_sum_finds_the_mean_which_averaging_rows_does_not(name):
    rng = np.random.default_rng(1)
    values = rng.normal(size=16)
    mean = values.mean()
    topology = topology_of(name, 16)
    pushed, weights, averaged = list(values), [1.0] * 16, list(values)
    for round in range(200):
        at = topology.at(round, 3)
        rows = mixing.mixing(at)
        pushed, weights = mixing.mixed(rows, pushed), mixing.mixed(rows, weights)
        averaged = [np.mean([averaged[here] for here in (node, *at.into(node))]) for node in range(16)]
    assert [value / weight for value, weight in zip(pushed, weights, strict=True)] == pytest.approx(
        [mean] * 16, abs=1e-9
    )
    if name.startswith("random"):
        assert np.ptp(averaged) < 1e-9  # all agree, but on another value
        assert abs(averaged[0] - mean) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("nodes", "targets", "published"),
    [
        (16, 1, 0.752),
        (16, 2, 0.594),
        (16, 4, 0.409),
        (16, 8, 0.234),
        (32, 1, 0.770),
        (32, 2, 0.626),
        (32, 4, 0.454),
        (32, 8, 0.299),
    ],
)
def test_random_pushes_contract_as_others_computed_it(nodes, targets, published):
    """The geometric mean over rounds of how much nearer to their mean averaging rows brings the nodes."""
    rng, topology, logarithms = np.random.default_rng(0), topology_of(f"random:{targets}", nodes), []
    for trial in range(10):
        values = rng.normal(size=nodes)
        for round in range(30):
            at = topology.at(round, trial)
            off = np.linalg.norm(values - values.mean())
            values = np.array([np.mean([values[here] for here in (n, *at.into(n))]) for n in range(nodes)])
            left = np.linalg.norm(values - values.mean())
            logarithms.append(math.log(left / off))
            values = (values - values.mean()) / left
    assert math.exp(np.mean(logarithms)) == pytest.approx(published, abs=0.02)
