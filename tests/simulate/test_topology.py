"""Graphs: gaps and contractions against published values, rounds and overlays against small networks."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energyprof.errors import FileError
from energyprof.simulate.topology import overlay
from energyprof.simulate.topology.contraction import played, rounds_a_decade, row_average
from energyprof.simulate.topology.cycle_time import Exchange, cycle_time_s, delays_s, star_time_s
from energyprof.simulate.topology.underlay import read_underlay, underlay
from energyprof.simulate.topology.weights import best_constant, gap, matrix, optimised
from energyprof.workloads.exchange.graph import Graph
from energyprof.workloads.exchange.mixing import metropolis
from energyprof.workloads.exchange.topology import topology_of

GAPS = {
    "ring": {8: 0.19526, 16: 0.05075, 32: 0.01281, 64: 0.00321},
    "torus": {16: 0.40000, 64: 0.11716},
    "exponential": {8: 0.5, 16: 0.4, 32: 0.33333, 64: 0.28571},
    "star": {8: 0.125, 16: 0.0625, 32: 0.03125, 64: 0.01562},
    "full": {8: 1.0, 64: 1.0},
}


@pytest.mark.parametrize(("name", "nodes"), [(name, n) for name, of in GAPS.items() for n in of])
def test_spectral_gaps(name: str, nodes: int) -> None:
    graph = topology_of(name, nodes).at(0, 0)
    rows = metropolis(graph) if graph.symmetric else row_average(graph)
    assert gap(matrix(rows)) == pytest.approx(GAPS[name][nodes], abs=6e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("nodes", "contractions"),
    [(16, {1: 0.752, 2: 0.594, 4: 0.409, 8: 0.234}), (32, {1: 0.770, 2: 0.626, 4: 0.454, 8: 0.299})],
)
def test_random_pushes_contract_as_published(nodes: int, contractions: dict[int, float]) -> None:
    for targets, contraction in contractions.items():
        assert played(topology_of(f"random:{targets}", nodes), nodes, 0) == pytest.approx(
            contraction, abs=0.02
        )


@pytest.mark.parametrize("name", ["ring", "star", "full"])
def test_better_weights_keep_the_mean_and_agree_no_later(name: str) -> None:
    graph = topology_of(name, 9).at(0, 0)
    best = optimised(graph)
    assert gap(best) >= max(gap(matrix(metropolis(graph))), gap(best_constant(graph))) - 1e-12
    start = np.random.default_rng(0).normal(size=9)
    assert (best @ start).mean() == pytest.approx(start.mean(), abs=1e-9)
    allowed = {*graph.edges, *((node, node) for node in range(9))}
    assert all((i, j) in allowed for i, j in zip(*np.nonzero(np.abs(best) > 1e-12), strict=True))


def test_three_in_a_row_agree_soonest_with_a_half_on_each_edge() -> None:
    # λ of the path's Laplacian are 0, 1, 3: with w on both edges |1 − w| = |1 − 3w| at w = 1/2.
    path = Graph(3, frozenset({(0, 1), (1, 0), (1, 2), (2, 1)}))
    assert gap(optimised(path)) == pytest.approx(0.5)


def test_rounds_until_a_tenth_is_left() -> None:
    assert rounds_a_decade(0.1) == 1
    assert rounds_a_decade(0.01**0.25) == pytest.approx(2)
    assert rounds_a_decade(1.0) == math.inf


@pytest.mark.slow
@given(st.integers(2, 5), st.data())
def test_the_cycle_time_is_the_largest_mean_of_all_cycles(nodes: int, data: st.DataObject) -> None:
    arcs = [(a, b) for a in range(nodes) for b in range(nodes) if a != b]
    chosen = data.draw(st.lists(st.sampled_from(arcs), unique=True))
    delays = {arc: data.draw(st.floats(0.01, 10.0)) for arc in chosen}
    means = [0.5]  # of a node by itself
    for size in range(2, nodes + 1):
        for tour in itertools.permutations(range(nodes), size):
            steps = list(zip(tour, (*tour[1:], tour[0]), strict=True))
            if all(step in delays for step in steps):
                means.append(sum(delays[step] for step in steps) / size)
    assert cycle_time_s(delays, nodes, 0.5) == pytest.approx(max(means))


# Four towns in a square of 100 km, joined along its sides: opposite corners are two hops apart.
SQUARE = underlay(4, [(0, 1, 100), (1, 2, 100), (2, 3, 100), (3, 0, 100)], 1e9)
EACH = Exchange(model_bits=1e7, compute_s=0.02, access_bit_per_s=1e9)
NEAR_S = 0.0085e-3 * 100 + 4e-3 + 1e7 / 1e9
FAR_S = 0.0085e-3 * 200 + 4e-3 + 2 * 1e7 / 1e9


def test_a_way_of_two_hops_has_half_the_bandwidth() -> None:
    assert SQUARE.bit_per_s[0, 1] == 1e9
    assert SQUARE.bit_per_s[0, 2] == 5e8
    assert SQUARE.latency_s[0, 2] == pytest.approx(0.0085e-3 * 200 + 4e-3)


def test_a_ring_a_tree_and_a_star_on_the_square() -> None:
    ring = overlay.ring(SQUARE, EACH)
    assert len(ring) == 4
    assert cycle_time_s(delays_s(ring, SQUARE, EACH), 4, 0.02) == pytest.approx(0.02 + NEAR_S)
    # Two of a tree's nodes share their access between two neighbours.
    tree = overlay.spanning_tree(SQUARE, EACH)
    assert len(tree) == 6
    assert cycle_time_s(delays_s(tree, SQUARE, EACH), 4, 0.02) == pytest.approx(0.02 + NEAR_S + 0.01)
    # The centre's access is shared by three; the far corner's way takes longest, there and back.
    assert overlay.centre(SQUARE, EACH) == 0
    furthest_s = 0.0085e-3 * 200 + 4e-3 + max(3 * 0.01, 2 * 0.01)
    assert star_time_s(0, SQUARE, EACH) == pytest.approx(0.02 + 2 * furthest_s)
    assert furthest_s > FAR_S


@pytest.mark.slow
@pytest.mark.parametrize(
    ("access_bit_per_s", "ring_ms", "tree_ms", "star_ms"),
    [(10e9, 93.1964, 75.2117, 1132.8812), (1e9, 93.1964, 165.1352, 3560.8139)],
)
def test_cycle_times_of_forty_silos_from_a_gml_file(
    tmp_path: Path, access_bit_per_s: float, ring_ms: float, tree_ms: float, star_ms: float
) -> None:
    """A backbone of 24 towns, 100 km apart, around a lake; 16 of them have a suburb at 50 km.

    The tour takes 16 steps to a suburb (50 km, 1 Gb/s), 16 from there to the next town (150 km, half of it)
    and 8 between towns; towns with a suburb have three neighbours in the tree; the furthest from the
    star's centre is 12 hops and 1,200 km away.
    """
    lines = [(i, (i + 1) % 24, 100) for i in range(24)] + [(i, 24 + i, 50) for i in range(16)]
    edges = "\n".join(f"edge [ source {a} target {b} distance {km} ]" for a, b, km in lines)
    nodes = "\n".join(f'node [ id {i} label "town {i}" ]' for i in range(40))
    file = tmp_path / "lake.gml"
    file.write_text(f"graph [\n{nodes}\n{edges}\n]")
    lake = read_underlay(file)
    bits, compute_s = 44_961_717, 25.4e-3  # iNaturalist's model, as in the paper
    each = Exchange(bits, compute_s, access_bit_per_s)

    def latency_s(km: float) -> float:
        return 0.0085e-3 * km + 4e-3

    def whole_s(arcs: set[tuple[int, int]]) -> float:
        return cycle_time_s(delays_s(arcs, lake, each), 40, compute_s)

    hop_s = bits / 1e9
    tour_s = 16 * (latency_s(50) + hop_s) + 16 * (latency_s(150) + 2 * hop_s) + 8 * (latency_s(100) + hop_s)
    assert whole_s(overlay.ring(lake, each)) == pytest.approx(compute_s + tour_s / 40)
    town_s = latency_s(100) + max(3 * bits / access_bit_per_s, hop_s)
    assert whole_s(overlay.spanning_tree(lake, each)) == pytest.approx(compute_s + town_s)
    far_s = latency_s(1200) + max(39 * bits / access_bit_per_s, 12 * hop_s)
    star_s = star_time_s(overlay.centre(lake, each), lake, each)
    assert star_s == pytest.approx(compute_s + 2 * far_s)
    shown = [whole_s(overlay.ring(lake, each)), whole_s(overlay.spanning_tree(lake, each)), star_s]
    assert [round(1e3 * found, 4) for found in shown] == [ring_ms, tree_ms, star_ms]


def test_lengths_come_from_the_edges_or_from_coordinates(tmp_path: Path) -> None:
    file = tmp_path / "n.json"
    nodes = [{"id": "a", "Latitude": 0, "Longitude": 0}, {"id": "b", "Latitude": 0, "Longitude": 90}]
    file.write_text(json.dumps({"nodes": nodes, "edges": [{"source": "a", "target": "b"}]}))
    quarter_km = 6371.0 * math.pi / 2
    assert read_underlay(file).latency_s[0, 1] == pytest.approx(0.0085e-3 * quarter_km + 4e-3)
    gml = tmp_path / "n.gml"
    gml.write_text("graph [ node [ id 0 ] node [ id 1 ] edge [ source 0 target 1 distance 1000 ] ]")
    assert read_underlay(gml).latency_s[1, 0] == pytest.approx(8.5e-3 + 4e-3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not node-link JSON"),
        ('{"nodes": [{"id": 1}, {"id": 2}], "edges": [{"source": 1, "target": 2}]}', "how long is it"),
        ('{"nodes": [{"id": 1}, {"id": 2}], "edges": [{"source": 1, "target": 3}]}', "not there"),
        ('{"nodes": [{"id": 1}, {"id": 2}], "edges": []}', "not every node can be reached"),
        ('{"nodes": [{"id": 1}], "edges": []}', "at least two nodes"),
        (
            '{"nodes": [{"id": 1}, {"id": 2}], "edges": [{"source": 1, "target": 2, "distance": -1}]}',
            "how long",
        ),
        ('{"nodes": 7, "edges": []}', "not node-link JSON"),
        ('{"nodes": [{"id": []}], "edges": []}', "not node-link JSON"),
    ],
)
def test_a_broken_network_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "n.json"
    file.write_text(text)
    with pytest.raises(FileError, match=said):
        read_underlay(file)
