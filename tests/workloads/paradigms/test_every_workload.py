"""Every workload can be trained by nodes and in parts: one short round of each, for real."""

from dataclasses import replace
from importlib import import_module

import pytest

from energyprof.settings import Settings
from energyprof.workload import Exchange, Progress, Round
from energyprof.workloads import WORKLOADS, paradigms

pytestmark = pytest.mark.slow
pytest.importorskip("torch")


def events(name, **asked):
    module = import_module(WORKLOADS[name])
    plan = module.plan(Settings(device="cpu", **asked))
    size = plan.config["batch_size"]
    # Two steps in all: of an evaluation's usual samples there would be minutes.
    short = {**plan.config, "eval_every_samples": size, "validation_items": 16}
    plan = replace(plan, config={**plan.config, **{k: v for k, v in short.items() if k in plan.config}})
    plan = replace(plan, max_samples=2 * size)
    found = paradigms.workload(plan, module.build(plan), print)
    found.prepare()
    return list(found.train(0))


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
