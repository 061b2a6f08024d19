"""Graphs small enough to be drawn, and what holds of all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energyprof.workload import WorkloadError
from energyprof.workloads.exchange.graph import Graph
from energyprof.workloads.exchange.topology import topology_of


def graph(name, nodes, round=0, seed=0):
    return topology_of(name, nodes).at(round, seed)


@pytest.mark.parametrize(
    ("name", "nodes", "out"),
    [
        ("ring", 4, [(1, 3), (0, 2), (1, 3), (0, 2)]),
        ("ring", 2, [(1,), (0,)]),
        ("ring", 1, [()]),
        ("star", 4, [(1, 2, 3), (0,), (0,), (0,)]),
        ("full", 3, [(1, 2), (0, 2), (0, 1)]),
        ("exponential", 5, [(1, 2, 4), (0, 2, 3), (1, 3, 4), (0, 2, 4), (0, 1, 3)]),
        ("exponential", 8, [(1, 2, 4), (2, 3, 5), (3, 4, 6), (4, 5, 7), (0, 5, 6), (1, 6, 7), (0, 2, 7),
                            (0, 1, 3)]),
        ("torus", 9, [(1, 2, 3, 6), (0, 2, 4, 7), (0, 1, 5, 8), (0, 4, 5, 6), (1, 3, 5, 7), (2, 3, 4, 8),
                      (0, 3, 7, 8), (1, 4, 6, 8), (2, 5, 6, 7)]),
    ],
)  # fmt: skip
def test_who_sends_to_whom(name, nodes, out):
    assert [graph(name, nodes).out(node) for node in range(nodes)] == out


def test_a_torus_is_as_square_as_it_can_be():
    found = graph("torus", 12)  # 3 × 4
    assert found.out(0) == (1, 3, 4, 8)
    assert {len(found.out(node)) for node in range(12)} == {4}


@pytest.mark.parametrize(("nodes", "instead"), [(1, 9), (8, 9), (10, 12), (13, 15), (14, 15), (22, 24)])
def test_what_is_no_torus_says_the_next_that_is(nodes, instead):
    with pytest.raises(
        WorkloadError,
        match=rf"^no torus has {nodes} nodes, with sides of 3 or more: use --clients {instead}, or a ring",
    ):
        graph("torus", nodes)
    assert graph("torus", instead).connected()


@pytest.mark.slow
@given(
    name=st.sampled_from(["ring", "exponential", "star", "full", "random:1", "random:3"]),
    nodes=st.integers(4, 40),
)
def test_every_shape_reaches_everybody_and_nobody_sends_to_itself(name, nodes):
    found = graph(name, nodes)
    assert all(here != there for here, there in found.edges)
    assert name.startswith("random") or found.connected()
    # 1, 2 = -1 … lie the same way both round: of few nodes each step has its opposite.
    assert found.symmetric or name in ("exponential", "random:1", "random:3")
    assert sorted((h, t) for t in range(nodes) for h in found.into(t)) == sorted(found.edges)


def test_random_pushes_change_with_the_round_and_the_seed_and_with_nothing_else():
    topology = topology_of("random:2", 10)
    first = topology.at(0, 7)
    assert {len(first.out(node)) for node in range(10)} == {2}
    assert topology.at(0, 7) == first
    assert topology.at(1, 7) != first
    assert topology.at(0, 8) != first


def test_every_other_node_is_drawn_in_the_end():
    topology = topology_of("random:1", 5)
    met = {edge for round in range(200) for edge in topology.at(round, 0).edges}
    assert met == {(here, there) for here in range(5) for there in range(5) if here != there}


def test_who_is_away_neither_sends_nor_hears():
    left = graph("ring", 5).among([0, 1, 3])
    assert left == Graph(5, frozenset({(0, 1), (1, 0)}))
    assert not left.connected()


def test_one_way_round_is_connected_and_one_way_there_is_not():
    assert Graph(3, frozenset({(0, 1), (1, 2), (2, 0)})).connected()
    assert not Graph(3, frozenset({(0, 1), (1, 2)})).connected()
    assert not Graph(3, frozenset({(1, 0), (2, 0)})).connected()
    assert Graph(1, frozenset()).connected()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "unknown topology ''"),
        ("rings", "unknown topology 'rings': use ring, torus"),
        ("random", "unknown topology 'random'"),
        ("random:0", "each of 4 nodes can send to 1 to 3 others"),
        ("random:4", "each of 4 nodes can send to 1 to 3 others"),
        ("random:x", "each of 4 nodes"),
        ("random:²", "each of 4 nodes"),
        ("nowhere.json", r"topology nowhere\.json cannot be read \(No such file or directory\): check it"),
    ],
)
def test_what_is_no_topology_is_one_line(name, words):
    with pytest.raises(WorkloadError, match=words) as error:
        topology_of(name, 4)
    assert "\n" not in str(error.value)


def test_one_node_has_nobody_to_push_to():
    with pytest.raises(WorkloadError, match="one node has nobody to send to: use --clients 2 or more"):
        topology_of("random:1", 1)
