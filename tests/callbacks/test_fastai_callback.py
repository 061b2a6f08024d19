from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.installed import needs
from fakes.profiler import Heard, listen

needs("torch", "fastai")

pytestmark = pytest.mark.slow

# Ten samples in batches of four: the last batch of an epoch holds two.
SCRIPT = """
import json, os, warnings
warnings.simplefilter("ignore")
import torch
import fastai.callback.progress
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.learner import Learner
import energyprof
from energyprof.callbacks.fastai import EnergyprofCallback

told = {}
rows = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
data = [(row, (row[:1] > 0).float()) for row in rows]

def off(predicted, wanted):
    return (predicted - wanted).abs().mean()

def train(name, metric="off", **settings):
    torch.manual_seed(0)
    loaders = DataLoaders(*(DataLoader(data, bs=4, num_workers=0) for _ in range(2)), device="cpu")
    learner = Learner(loaders, torch.nn.Linear(3, 1), torch.nn.MSELoss(), metrics=[off], path=".")
    callback = EnergyprofCallback(metric, **settings)
    energyprof.mark(name)
    with learner.no_bar(), learner.no_logging():
        learner.fit(2, lr=0.01, cbs=[callback])
    told[name] = [[float(value) for value in row] for row in learner.recorder.values]

train("alone")
os.environ["ENERGYPROF_WIRE"] = os.environ["WIRE"]
train("by epoch")
train("on the loss", metric="valid_loss")
train("misnamed", metric="f1")
os.environ["ENERGYPROF_TARGET"] = "off<=1000"
train("aimed")
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    return listen(
        SCRIPT,
        tmp_path_factory.mktemp("fastai"),
        "torch._dynamo",
        "fastai.learner",
        "fastai.callback.progress",
    )


def printed(heard: Heard) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(heard.stdout.splitlines()[-1])
    return result


def test_epochs_and_validations_are_phases_with_the_samples_they_began_at(heard: Heard) -> None:
    phases = [("train", 0), ("eval", 10), ("train", 10), ("eval", 20), ("train", 20), ("shutdown", 20)]
    assert heard.after("by epoch").phases == phases


def test_the_scores_are_those_of_the_recorder(heard: Heard) -> None:
    first, second = printed(heard)["by epoch"]
    assert heard.after("by epoch").scores == [(10, first[-1]), (20, second[-1])]
    assert heard.after("on the loss").scores[0] == (10, printed(heard)["on the loss"][0][1])


def test_at_the_target_the_training_stops(heard: Heard) -> None:
    assert len(printed(heard)["aimed"]) == 1
    assert heard.after("aimed").phases[-1] == ("shutdown", 10)


def test_a_metric_that_no_validation_has_is_one_line_and_no_score(heard: Heard) -> None:
    lines = [line for line in heard.stderr.splitlines() if "'f1'" in line]
    assert len(lines) == 1
    assert "valid_loss" in lines[0]
    assert heard.after("misnamed").scores == []


def test_outside_a_profile_nothing_is_said_and_the_training_is_the_same(heard: Heard) -> None:
    assert "alone" not in dict(heard.phases)
    assert printed(heard)["alone"] == printed(heard)["by epoch"]
