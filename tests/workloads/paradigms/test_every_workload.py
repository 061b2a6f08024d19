"""Every workload can be trained by nodes and in parts: one short round of each, for real."""

from dataclasses import replace
from importlib import import_module

import pytest

from energyprof.settings import Settings
from energyprof.workload import Exchange, Progress, Round
from energyprof.workloads import WORKLOADS, paradigms

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")


def trained(name, batch_size=None, steps=2, **asked):
    """The program and what it says: two steps, since of a usual evaluation's there would be minutes."""
    module = import_module(WORKLOADS[name])
    plan = module.plan(Settings(device="cpu", batch_size=batch_size, **asked))
    size = plan.config["batch_size"]
    short = {**plan.config, "eval_every_samples": size, "validation_items": 16}
    plan = replace(plan, config={**plan.config, **{k: v for k, v in short.items() if k in plan.config}})
    plan = replace(plan, max_samples=steps * size)
    program = module.build(plan)
    found = paradigms.workload(plan, program, lambda event: None)
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
    central, told = trained(name, batch_size=4, steps=3)
    for paradigm, asked in ALONE.items():
        program, said = trained(name, batch_size=4, steps=3, paradigm=paradigm, **asked)
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
