"""What nodes know of each other: the mean that stays, the models that meet, the messages of who was away."""

import numpy as np
import pytest

from energyprof.workloads.exchange.codecs import codec_of
from energyprof.workloads.exchange.mixing import mixing
from energyprof.workloads.exchange.topology import topology_of
from energyprof.workloads.paradigms.consensus.nodes import Averages, Differences, apart

COUNT = 8


def model(seed):
    rng = np.random.default_rng(seed)
    return {"w": rng.normal(size=(4, 300)).astype("float32"), "b": rng.normal(size=4).astype("float32")}


def nodes_of(kind, name, compress="none"):
    codec = codec_of(name)
    if kind is Differences:
        found = Differences(codec, compress, codec.step, model(99), COUNT)
    else:
        found = Averages(codec, compress, "none", model(99), COUNT)
    for node in range(COUNT):
        found.trained(node, model(node))
    return found


def exchange(nodes, graph, there=range(COUNT)):
    """One round; the bytes of each message, by (speaker, hearer)."""
    graph, sizes = graph.among(there), {}
    said = {node: nodes.say(node, graph.out(node)) for node in there}
    for node in there:
        for speaker in graph.into(node):
            nodes.hear(node, speaker, said[speaker][node])
            sizes[speaker, node] = len(said[speaker][node])
    rows = mixing(graph)
    for node in there:
        nodes.mix(node, rows[node])
    return sizes


def mean_of_all():
    return {name: np.mean([model(node)[name] for node in range(COUNT)], axis=0) for name in ("w", "b")}


KINDS = [
    *((Averages, name) for name in ("fp32", "fp16", "bf16", "int8", "int4")),
    *((Differences, name) for name in ("int8", "int4", "topk:0.5", "topk:0.1")),
]


@pytest.mark.slow
@pytest.mark.parametrize("topology", ["ring", "star", "full"])
@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_whatever_a_codec_loses_the_mean_stays_and_the_models_meet(kind, name, topology):
    nodes, graph = nodes_of(kind, name), topology_of(topology, COUNT)
    began = apart(nodes, COUNT)
    for round in range(60):
        exchange(nodes, graph.at(round, 0))
    np.testing.assert_allclose(nodes.mean()["w"], mean_of_all()["w"], atol=1e-5)
    # A whole model of four bits is as far off in the last round as in the first; a difference is not.
    left = {("int4", Averages): 0.2, ("int8", Averages): 0.02, ("topk:0.1", Differences): 0.5}.get(
        (name, kind), 0.05
    )
    assert apart(nodes, COUNT) < left * began


@pytest.mark.parametrize("topology", ["exponential", "random:1", "random:3"])
@pytest.mark.parametrize("name", ["fp32", "bf16", "int8"])
def test_one_way_graphs_find_the_mean_by_their_weights_though_nodes_come_and_go(name, topology):
    nodes, graph, rng = nodes_of(Averages, name), topology_of(topology, COUNT), np.random.default_rng(0)
    for round in range(80):
        exchange(nodes, graph.at(round, 0), [node for node in range(COUNT) if rng.random() < 0.8])
    wanted, off = mean_of_all()["w"], {"fp32": 1e-5, "bf16": 0.02, "int8": 0.05}[name]
    np.testing.assert_allclose(nodes.mean()["w"], wanted, atol=1e-5)
    for node in range(COUNT):
        np.testing.assert_allclose(nodes.model(node)["w"], wanted, atol=off)


def test_training_moves_a_weighted_value_by_as_much_as_the_model():
    nodes = nodes_of(Averages, "fp32")
    exchange(nodes, topology_of("random:1", COUNT).at(0, 0))
    before, mean = nodes.model(2), nodes.mean()
    nodes.trained(2, {name: values + 8 for name, values in before.items()})
    np.testing.assert_allclose(nodes.mean()["w"], mean["w"] + 1, atol=1e-5)


@pytest.mark.slow
def test_who_was_away_is_told_the_whole_and_then_differences_again():
    nodes, ring = nodes_of(Differences, "int8"), topology_of("ring", COUNT).at(0, 0)
    short = set(exchange(nodes, ring).values())
    whole = 4 * (4 * 300 + 4) + 2 * 4
    assert len(short) == 1 and short.pop() < 0.26 * whole
    exchange(nodes, ring, there=[0, 1, 2, 3, 4, 5, 6])
    sizes = exchange(nodes, ring)
    # Node 7 missed what 0 and 6 said; they missed nothing of it, since it said nothing.
    assert {pair for pair, size in sizes.items() if size == whole} == {(0, 7), (6, 7)}
    assert whole not in exchange(nodes, ring).values()
    for _ in range(60):
        exchange(nodes, ring)
    np.testing.assert_allclose(nodes.model(7)["w"], mean_of_all()["w"], atol=0.02)


def test_a_node_without_neighbours_says_nothing_and_stays_as_it_is():
    for kind, name in KINDS:
        nodes = nodes_of(kind, name)
        assert exchange(nodes, topology_of("ring", COUNT).at(0, 0), there=[3]) == {}
        np.testing.assert_array_equal(nodes.model(3)["w"], model(3)["w"])
