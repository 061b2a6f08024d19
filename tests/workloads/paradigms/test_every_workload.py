"""Every workload can be trained by nodes and in parts: one short round of each, for real."""

import copy
from dataclasses import replace
from functools import cache
from importlib import import_module

import pytest

from energyprof.settings import Settings
from energyprof.workload import Exchange, Progress, Round
from energyprof.workloads import WORKLOADS, paradigms
from fakes import stable_diffusion

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")

BATCH_SIZE = 4
# Networks of the workloads' own makes, as small as they can be.
SMALL = {
    "diffusion": {"model": stable_diffusion.MICRO, "resolution": 32, "room": 4},
    "speech": {"model": {"front": 4, "width": 16, "layers": 2, "kernel": 7}},
    "transformer": {
        "model": {
            "vocab_size": 30522,  # of the packaged tokens
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
        }
    },
    "unet": {"channels": [4, 8, 8, 8]},
}


def short_plan(name, steps=2, **asked):
    """So many steps, each of which is scored on a few items."""
    plan = import_module(WORKLOADS[name]).plan(Settings(device="cpu", batch_size=BATCH_SIZE, **asked))
    short = {"eval_every_samples": BATCH_SIZE, "validation_items": 16}
    config = {**plan.config, **{k: v for k, v in short.items() if k in plan.config}, **SMALL[name]}
    return replace(plan, config=config, max_samples=steps * BATCH_SIZE)


@cache
def prepared(name):
    """The program with its data, which are the same whichever way it is trained."""
    program = import_module(WORKLOADS[name]).build(short_plan(name))
    program.prepare()
    if name == "speech":  # all clips that are held out
        program.validation = program.validation[:1]
    return program


def trained(name, steps=2, **asked):
    """The program and what it says."""
    program = copy.copy(prepared(name))
    program.plan = short_plan(name, steps, **asked)
    program.config = program.plan.config
    program.prepare = lambda: None  # its data are there
    found = paradigms.workload(program.plan, program, lambda event: None)
    found.prepare()
    return program, list(found.train(0))


def events(name, **asked):
    return trained(name, **asked)[1]


ONE_STEP = 1e-9  # of an epoch: a client takes one step at least
ALONE = {
    "federated": {"clients": 1, "local_epochs": ONE_STEP},
    "consensus": {"clients": 1, "local_epochs": ONE_STEP, "topology": "full"},
}


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_one_client_or_node_alone_trains_it_bit_for_bit_as_the_central_training_does(name):
    """Three rounds of one step: the weights that are trained and those that are scored are the same."""
    pytest.importorskip("flwr")
    central, told = trained(name, steps=3)
    for paradigm, asked in ALONE.items():
        program, said = trained(name, steps=3, paradigm=paradigm, **asked)
        assert scores(said) == scores(told) and len(scores(told)) == 3, paradigm
        for ours, theirs in zip(weights(program), weights(central), strict=True):
            assert torch.equal(ours, theirs), paradigm


def scores(found):
    return [event.score for event in found if isinstance(event, Progress) and event.score is not None]


def weights(program):
    assert program.loop is not None
    return list(program.loop.trained().model.state_dict().values())


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_two_nodes_train_it(name):
    found = events(name, paradigm="consensus", clients=2, transfer="int8", compress="zstd")
    exchanges = [event for event in found if isinstance(event, Exchange)]
    assert len(exchanges) == 2 and all(event.samples and event.bytes_up for event in exchanges)
    assert found[-2].score >= 0


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_it_is_trained_on_data_that_come_in_two_parts(name):
    split = "iid" if name == "transformer" else "natural"
    found = events(name, paradigm="continual", parts=2, split=split, update="replay:0.5")
    first, second = (event for event in found if isinstance(event, Round))
    assert set(first.scores) == {"new"} and set(second.scores) == {"old", "new"}
    assert isinstance(found[-1], Progress) and found[-1].score >= 0
