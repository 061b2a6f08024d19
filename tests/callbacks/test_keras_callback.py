from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.installed import needs
from fakes.profiler import Heard, listen

needs("torch", "keras")

pytestmark = pytest.mark.slow

# Ten samples in batches of four: the last batch of an epoch holds two.
SCRIPT = """
import json, os, warnings
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy
import energyprof
from energyprof.callbacks.keras import EnergyprofCallback

warnings.simplefilter("ignore")
told = {}
rows = numpy.random.default_rng(0).normal(size=(10, 3)).astype("float32")
wanted = (rows[:, :1] > 0).astype("float32")

def train(name, metric="val_loss", batch_size=4, samples=10, evaluate=False, validated=True, **settings):
    keras.utils.set_random_seed(0)
    callback = EnergyprofCallback(metric, batch_size, samples)
    energyprof.mark(name)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "mse", metrics=["binary_accuracy"])
    if evaluate:
        model.evaluate(rows, wanted, verbose=0, callbacks=[callback])
    history = model.fit(rows, wanted, batch_size=4, verbose=0, epochs=2, callbacks=[callback],
        validation_data=(rows, wanted) if validated else None, **settings).history
    if evaluate:
        model.evaluate(rows, wanted, verbose=0, callbacks=[callback])
    told[name] = {name: [float(value) for value in values] for name, values in history.items()}

train("alone")
os.environ["ENERGYPROF_WIRE"] = os.environ["WIRE"]
train("by epoch")
train("full batches", samples=None)
train("uncounted", batch_size=None)
train("evaluated before and after", evaluate=True)
train("on the training", metric="binary_accuracy", validated=False)
train("misnamed", metric="f1")
train("broken", batch_size="4")
os.environ["ENERGYPROF_TARGET"] = "val_loss<=1000"
train("aimed")
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    return listen(SCRIPT, tmp_path_factory.mktemp("keras"), "torch._dynamo", "keras")


def printed(heard: Heard) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(heard.stdout.splitlines()[-1])
    return result


def test_epochs_and_validations_are_phases_with_the_samples_they_began_at(heard: Heard) -> None:
    phases = [("train", 0), ("eval", 10), ("train", 10), ("eval", 20), ("train", 20), ("shutdown", 20)]
    assert heard.after("by epoch").phases == phases


def test_the_scores_are_those_of_the_history(heard: Heard) -> None:
    first, second = printed(heard)["by epoch"]["val_loss"]
    assert heard.after("by epoch").scores == [(10, first), (20, second)]


def test_without_their_number_each_batch_is_taken_for_full(heard: Heard) -> None:
    assert heard.after("full batches").phases[-1] == ("shutdown", 24)


def test_without_a_batch_size_one_line_says_that_samples_are_not_counted(heard: Heard) -> None:
    lines = [line for line in heard.stderr.splitlines() if "samples are not counted" in line]
    assert len(lines) == 1
    assert "batch_size=" in lines[0]
    assert heard.after("uncounted").phases[-1] == ("shutdown", 0)


def test_an_evaluation_before_the_training_is_start_up_and_one_after_it_eval(heard: Heard) -> None:
    phases = heard.after("evaluated before and after").phases
    assert phases[0] == ("train", 0)
    assert phases[-3:] == [("shutdown", 20), ("eval", 20), ("shutdown", 20)]


def test_a_metric_of_the_training_is_a_score_too(heard: Heard) -> None:
    part = heard.after("on the training")
    assert [samples for samples, _ in part.scores] == [10, 20]
    assert part.phases == [("train", 0), ("shutdown", 20)]


def test_at_the_target_the_training_stops(heard: Heard) -> None:
    assert len(printed(heard)["by epoch"]["loss"]) == 2
    assert len(printed(heard)["aimed"]["loss"]) == 1
    assert heard.after("aimed").phases[-1] == ("shutdown", 10)


def test_a_metric_that_no_epoch_has_is_one_line_and_no_score(heard: Heard) -> None:
    lines = [line for line in heard.stderr.splitlines() if "'f1'" in line]
    assert len(lines) == 1
    assert "val_loss" in lines[0]
    assert heard.after("misnamed").scores == []


def test_an_error_in_a_hook_ends_the_telling_and_not_the_training(heard: Heard) -> None:
    assert "energyprof: on_train_batch_end failed; the training goes on" in heard.stderr
    assert len(printed(heard)["broken"]["loss"]) == 2


def test_outside_a_profile_nothing_is_said_and_the_training_is_the_same(heard: Heard) -> None:
    assert "alone" not in dict(heard.phases)
    assert printed(heard)["alone"] == printed(heard)["by epoch"]
