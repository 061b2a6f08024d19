"""Nodes without a server: where they must train as one does, who hears whom, and what is counted."""

import json
from collections import Counter
from functools import cache

import pytest

from energyprof.settings import Settings
from energyprof.workload import AWAY, Exchange, Facts, Mark, Progress, Round, WorkloadError
from energyprof.workloads import paradigms, unet
from energyprof.workloads.paradigm import SERVER, client_name
from energyprof.workloads.paradigms import consensus
from energyprof.workloads.paradigms.consensus import rounds
from energyprof.workloads.training import loop
from fakes.divisible import Line

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.slow  # torch takes seconds to load
CONFIG = {
    "name": "consensus",
    "clients": 4,
    "split": "iid",
    "split_seed": 152,
    "local_epochs": 1.0,
    "dropout": 0.0,
    "transfer": "fp32",
    "error_feedback": False,
    "compress": "none",
    "topology": "ring",
    "skip_training": 0.0,
}


def events(program, seed=3):
    found = consensus.build(program, lambda event: None)
    found.prepare()
    return list(found.train(seed))


def trained(seed=3, line=None, **config):
    return events(Line({**CONFIG, **config}, **(line or {})), seed)


def central(program, seed=3):
    """The same program trained by one, on all data."""
    alone = loop.Loop(program.plan, program.device, program.task(program.network(seed), seed), seed)
    return [event.score for event in alone.train() if isinstance(event, Progress) and event.score is not None]


def scores(found):
    return [event.score for event in found if isinstance(event, Progress) and event.score is not None]


def by_round(found):
    """The exchanges of each round, by actor."""
    grouped = [{}]
    for event in found:
        if isinstance(event, Exchange):
            grouped[-1][event.actor] = event
        elif isinstance(event, Round):
            grouped.append({})
    return grouped[:-1]


def test_a_full_graph_and_one_local_step_is_central_training_with_all_batches_in_one():
    """Each node's batch is all it has: the mean of their gradients is the gradient of the whole."""
    spread = trained(topology="full", line={"batch_size": 16, "eval_every_samples": 64})
    whole = central(Line(CONFIG, batch_size=64, eval_every_samples=64))
    assert len(whole) == 512 // 64
    assert scores(spread) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("averaging", [None, 0.9])
@pytest.mark.parametrize("topology", ["ring", "full", "star", "exponential"])
def test_one_node_alone_trains_bit_for_bit_as_central_training_does(topology, averaging):
    line = {"optimiser": "AdamW", "averaging": averaging, "eval_every_samples": 8}
    config = {"clients": 1, "topology": topology, "local_epochs": 8 / 64}
    assert scores(trained(**config, line=line)) == central(Line(CONFIG, **line))


def test_nodes_that_share_all_their_data_and_draws_would_be_one():
    assert scores(trained(clients=2, topology="ring")) == scores(trained(clients=2, topology="full"))


@pytest.mark.parametrize("topology", ["ring", "torus", "exponential", "star", "full", "random:2"])
def test_every_topology_learns_the_line_and_the_nodes_come_together(topology):
    found = trained(clients=9, topology=topology, line={"points": 144, "max_samples": 9 * 16 * 60})
    assert scores(found)[0] < 0.9 < 0.98 < scores(found)[-1]
    distances = [
        e.facts["consensus_distance"]
        for e in found
        if isinstance(e, Facts) and "consensus_distance" in e.facts
    ]
    assert len(distances) == 60 and distances[-1] < 0.1


@pytest.mark.parametrize("transfer", ["fp16", "bf16", "int8", "int4", "topk:0.5"])
def test_every_codec_learns_the_line_too(transfer):
    found = trained(transfer=transfer, line={"max_samples": 64 * 60})
    assert scores(found)[-1] == pytest.approx(learnt(), abs=0.01)


@cache
def learnt():
    """The last score where nothing is lost on the way."""
    return scores(trained(line={"max_samples": 64 * 60}))[-1]


@pytest.mark.parametrize(
    "config",
    [{}, {"transfer": "int8"}, {"transfer": "bf16", "error_feedback": True},
     {"topology": "random:1", "dropout": 0.3}, {"transfer": "topk:0.3", "dropout": 0.3, "compress": "zstd"}],
)  # fmt: skip
def test_the_same_seed_gives_the_same_bits_twice_and_another_one_others(config):
    first = trained(**config)
    assert trained(**config) == first
    assert scores(trained(seed=4, **config)) != scores(first)


def test_bytes_are_those_of_the_messages_and_what_is_sent_is_received():
    """Four floats, four bytes of length before each of two arrays, eight of the weight: 16 + 8 + 8."""
    for exchanges in by_round(trained()):
        assert {e.bytes_up for e in exchanges.values()} == {2 * 32}
        assert {e.bytes_down for e in exchanges.values()} == {2 * 32}
    star = by_round(trained(topology="star"))[0]
    assert [star[client_name(node)].bytes_up for node in range(4)] == [3 * 32, 32, 32, 32]
    for exchanges in by_round(trained(topology="random:1", dropout=0.4)):
        assert sum(e.bytes_up for e in exchanges.values()) == sum(e.bytes_down for e in exchanges.values())


def test_who_is_away_trains_nothing_says_nothing_and_hears_nothing():
    found = by_round(trained(dropout=0.4, line={"max_samples": 2000}))
    outcomes = Counter(e.outcome for exchanges in found for e in exchanges.values())
    assert 0.25 < outcomes["dropped"] / sum(outcomes.values()) < 0.55
    for exchanges in found:
        assert len(exchanges) == 4
        for exchange in exchanges.values():
            if exchange.outcome == "dropped":
                assert (exchange.samples, exchange.bytes_up, exchange.bytes_down) == (0, 0, 0)
            else:
                assert exchange.samples == 16


def test_somebody_is_always_there():
    config = {**CONFIG, "dropout": 0.999}
    assert {len(rounds.present(config, number, 0)) for number in range(1, 200)} == {1}
    assert len({rounds.present(config, number, 0) for number in range(1, 200)}) == 4


@pytest.mark.parametrize(
    ("share", "pattern"), [(0.0, "TTTTTTTT"), (0.5, "TMTMTMTM"), (0.25, "TTTMTTTM"), (0.75, "TMMMTMMM")]
)
def test_training_is_skipped_in_rounds_that_are_evenly_spread(share, pattern):
    assert "".join("T" if rounds.trains(share, n) else "M" for n in range(1, 9)) == pattern


def test_a_round_without_training_mixes_and_scores_nothing_anew():
    found = trained(skip_training=0.5)
    exchanges = by_round(found)
    assert [sum(e.samples for e in of.values()) for of in exchanges[:4]] == [64, 0, 64, 0]
    assert all(e.bytes_up for of in exchanges for e in of.values())
    assert all(
        after == before for before, after in zip(scores(found)[0::2], scores(found)[1::2], strict=False)
    )
    assert sum(isinstance(e, Mark) and e.name == "eval" for e in found) == (len(exchanges) + 1) // 2


def test_mixing_rounds_bring_the_nodes_closer():
    def last_distance(share):
        found = trained(clients=8, split="dirichlet:0.3", skip_training=share, line={"max_samples": 64 * 30})
        return [e.facts for e in found if isinstance(e, Facts)][-1]["consensus_distance"]

    assert last_distance(0.75) < last_distance(0.0)


def test_one_actor_computes_at_a_time_and_closes_its_turn():
    busy, phases = "", set()
    for event in trained(topology="random:1", dropout=0.2):
        if not isinstance(event, Mark):
            continue
        if event.name == AWAY:
            assert event.actor in (busy, SERVER)
            busy = ""
        else:
            assert busy in ("", event.actor), event
            busy = event.actor
            phases.add((event.actor == SERVER, event.name))
    assert phases == {(True, "eval")} | {
        (False, n) for n in ("warmup", "train", "encode", "decode", "aggregate")
    }


def test_a_topology_in_a_file_counts_by_its_edges(tmp_path):
    def work(name, edges):
        path = tmp_path / name
        nodes = [{"id": number} for number in range(3)]
        content = {"nodes": nodes, "edges": [{"source": a, "target": b} for a, b in edges]}
        path.write_text(json.dumps(content))
        asked = Settings(paradigm="consensus", clients=3, topology=str(path))
        plan = unet.plan(asked)
        assert consensus.build(Line(plan.config["paradigm"]), print)._topology.at(0, 0).nodes == 3
        return plan.work()

    first = work("one.json", [(0, 1), (1, 2)])
    assert work("two.json", [(1, 2), (0, 1)]) == first
    assert work("one.json", [(0, 1), (0, 2)]) != first


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"transfer": "int3"}, "unknown transfer 'int3'"),
        ({"split": "even"}, "unknown split 'even'"),
        ({"topology": "grid"}, "unknown topology 'grid'"),
        ({"topology": "torus"}, "no torus has 4 nodes"),
        ({"topology": "random:4"}, "each of 4 nodes can send to 1 to 3 others"),
        ({"topology": "exponential", "transfer": "topk:0.1"}, "--transfer topk:0.1 sends differences"),
        ({"topology": "random:1", "transfer": "topk:0.1"}, "for which everybody has to hear back"),
        ({"transfer": "int8", "error_feedback": True}, "leave --error-feedback out"),
    ],
)
def test_what_does_not_go_together_is_one_line(asked, words):
    with pytest.raises(WorkloadError) as error:
        unet.plan(Settings(paradigm="consensus", **asked))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_the_table_of_paradigms_has_it():
    plan = unet.plan(Settings(paradigm="consensus"))
    assert plan.config["paradigm"]["name"] == "consensus"
    assert set(consensus.SOURCES) <= set(plan.sources)
    assert "consensus" in paradigms.PARADIGMS
