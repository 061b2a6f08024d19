from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.installed import needs
from fakes.profiler import Heard, listen

needs("torch", "transformers", "accelerate")

pytestmark = pytest.mark.slow

TRAINER = ("transformers.trainer", "transformers.models.bert.modeling_bert", "accelerate")

# Ten samples in batches of four: the last batch of an epoch holds two.
SCRIPT = """
import json, os
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
import energyprof
from energyprof.callbacks.transformers import EnergyprofCallback

rows = torch.randint(5, 20, (10, 4), generator=torch.Generator().manual_seed(0))
data = [{"input_ids": row, "labels": int(row[0] > 12)} for row in rows]
SIZE = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
told = {}

def compute_metrics(said):
    return {"accuracy": float((said.predictions.argmax(1) == said.label_ids).mean()), "words": "many"}

def train(name, metric, resume=None, **settings):
    torch.manual_seed(0)
    args = TrainingArguments(
        "out", per_device_train_batch_size=4, learning_rate=0.01, use_cpu=True, report_to=[], **settings
    )
    callback = EnergyprofCallback(metric)
    energyprof.mark(name)
    trainer = Trainer(
        BertForSequenceClassification(BertConfig(vocab_size=20, **SIZE)), args, train_dataset=data,
        eval_dataset=data, compute_metrics=compute_metrics, callbacks=[callback],
    )
    trainer.evaluate()
    loss = trainer.train(resume_from_checkpoint=resume).training_loss
    if settings["eval_strategy"] == "no":
        trainer.evaluate()
    key = "eval_" + metric.replace("eval_", "")
    scores = [row[key] for row in trainer.state.log_history if key in row]
    told[name] = {"loss": loss, "scores": scores, "steps": trainer.state.global_step}

by_epoch = {"eval_strategy": "epoch", "save_strategy": "epoch", "num_train_epochs": 2}
by_step = {"eval_strategy": "steps", "eval_steps": 1, "save_strategy": "no", "max_steps": 2,
           "gradient_accumulation_steps": 3}
never = {"eval_strategy": "no", "save_strategy": "no", "max_steps": 1}
train("alone", "eval_accuracy", **by_epoch)
os.environ["ENERGYPROF_WIRE"] = os.environ["WIRE"]
train("by epoch", "eval_accuracy", **by_epoch)
train("resumed", "eval_accuracy", resume="out/checkpoint-3", **by_epoch)
train("by step", "accuracy", **by_step)
train("evaluated at the end", "accuracy", **never)
train("misnamed", "f1", **by_step)
train("broken", "words", **by_step)
os.environ["ENERGYPROF_TARGET"] = "loss<=1000"
train("aimed", "loss", **by_step)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    return listen(SCRIPT, tmp_path_factory.mktemp("transformers"), "torch._dynamo", *TRAINER)


def printed(heard: Heard) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(heard.stdout.splitlines()[-1])
    return result


def test_epochs_evaluations_and_checkpoints_are_phases_with_the_samples_they_began_at(heard: Heard) -> None:
    phases = heard.after("by epoch").phases
    assert phases[:4] == [("train", 0), ("eval", 10), ("checkpoint", 10), ("train", 10)]
    # transformers 4 also saves before the last evaluation
    assert {("eval", 20), ("checkpoint", 20)} < set(phases[4:])
    assert phases[-2:] == [("train", 20), ("shutdown", 20)]


def test_the_program_starts_up_until_it_trains_whatever_it_evaluates_before(heard: Heard) -> None:
    assert heard.phases[:3] == [("startup", 0), ("by epoch", None), ("train", 0)]


def test_the_scores_are_those_of_the_trainer(heard: Heard) -> None:
    first, second = printed(heard)["by epoch"]["scores"]
    assert heard.after("by epoch").scores == [(10, first), (20, second)]


def test_samples_that_a_resumed_checkpoint_brings_along_are_not_this_programs(heard: Heard) -> None:
    phases = heard.after("resumed").phases
    assert phases[0] == ("train", 0)
    assert {samples for _, samples in phases[1:]} == {10}


def test_accumulated_batches_count_each_sample_once(heard: Heard) -> None:
    # One step is an epoch: four and four samples, then two.
    phases = [("train", 0), ("eval", 10), ("train", 10), ("eval", 20), ("train", 20), ("shutdown", 20)]
    assert heard.after("by step").phases == phases


def test_an_evaluation_after_the_training_is_told_with_its_score(heard: Heard) -> None:
    part = heard.after("evaluated at the end")
    assert part.phases == [("train", 0), ("shutdown", 4), ("eval", 4), ("shutdown", 4)]
    assert part.scores == [(4, *printed(heard)["evaluated at the end"]["scores"])]


def test_at_the_target_the_training_stops(heard: Heard) -> None:
    assert printed(heard)["by step"]["steps"] == 2
    assert printed(heard)["aimed"]["steps"] == 1
    assert heard.after("aimed").phases == [("train", 0), ("eval", 10), ("train", 10), ("shutdown", 10)]


def test_a_metric_that_no_evaluation_has_is_one_line_and_no_score(heard: Heard) -> None:
    lines = [line for line in heard.stderr.splitlines() if "'f1'" in line]
    assert len(lines) == 1
    assert "eval_accuracy" in lines[0]
    assert heard.after("misnamed").scores == []


def test_an_error_in_a_hook_ends_the_telling_and_not_the_training(heard: Heard) -> None:
    assert "energyprof: on_evaluate failed; the training goes on" in heard.stderr
    assert printed(heard)["broken"]["steps"] == 2
    assert heard.after("broken").phases == [("train", 0), ("eval", 10)]


def test_outside_a_profile_nothing_is_said_and_the_training_is_the_same(heard: Heard) -> None:
    assert "alone" not in dict(heard.phases)
    assert printed(heard)["alone"] == printed(heard)["by epoch"]
