from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import pytest

from fakes.installed import needs
from fakes.profiler import Heard, listen

needs("torch")
if not (find_spec("lightning") or find_spec("pytorch_lightning")):
    pytest.skip("Lightning is not installed", allow_module_level=True)

pytestmark = pytest.mark.slow

# Ten samples in batches of four: the last batch of an epoch holds two.
SCRIPT = """
import json, os, warnings
import torch
try:
    import lightning.pytorch as pl
except ImportError:
    import pytorch_lightning as pl
import energyprof
from energyprof.callbacks.lightning import EnergyprofCallback

warnings.simplefilter("ignore")
told = {}

class Model(pl.LightningModule):
    def __init__(self, score):
        super().__init__()
        self.layer, self.score = torch.nn.Linear(3, 1), score
    def training_step(self, batch, index):
        return self.layer(batch["x"]).square().mean()
    def validation_step(self, batch, index):
        self.log("val_loss", self.layer(batch["x"]).square().mean())
        self.log("val_acc", self.score)
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)

def data(**settings):
    rows = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
    return torch.utils.data.DataLoader([{"name": "a", "x": row} for row in rows], batch_size=4, **settings)

def train(name, metric="val_acc", samples_in=None, collate=None, validate=False, **settings):
    pl.seed_everything(0)
    callback = EnergyprofCallback(metric, **({"samples_in": samples_in} if samples_in else {}))
    energyprof.mark(name)
    model = Model(0.5)
    trainer = pl.Trainer(
        max_epochs=2, accelerator="cpu", devices=1, logger=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir="out", callbacks=[callback],
        **{"enable_checkpointing": False, **settings},
    )
    if validate:
        trainer.validate(model, data(), verbose=False)
    trainer.fit(model, data(collate_fn=collate), data())
    if validate:
        trainer.validate(model, data(), verbose=False)
    told[name] = {"loss": float(trainer.callback_metrics["val_loss"]), "steps": trainer.global_step}

class Opaque:
    def __init__(self, rows):
        self.rows = rows
    def __getitem__(self, name):
        return torch.stack([row[name] for row in self.rows])

train("alone", enable_checkpointing=True)
os.environ["ENERGYPROF_WIRE"] = os.environ["WIRE"]
train("by epoch", enable_checkpointing=True)
train("within an epoch", val_check_interval=1, limit_val_batches=1, accumulate_grad_batches=2)
train("validated before and after", validate=True)
train("opaque", collate=Opaque)
train("counted", collate=Opaque, samples_in=lambda batch: len(batch.rows))
train("misnamed", metric="f1")
train("broken", collate=Opaque, samples_in=lambda batch: batch.nothing)
os.environ["ENERGYPROF_TARGET"] = "val_acc>=0.5"
train("aimed")
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    return listen(SCRIPT, tmp_path_factory.mktemp("lightning"), "torch._dynamo", "lightning.pytorch")


def printed(heard: Heard) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(heard.stdout.splitlines()[-1])
    return result


def test_epochs_validations_and_checkpoints_are_phases_with_the_samples_they_began_at(heard: Heard) -> None:
    assert heard.after("by epoch").phases == [
        ("train", 0),
        ("eval", 10),
        ("train", 10),
        ("checkpoint", 10),
        ("train", 10),
        ("eval", 20),
        ("train", 20),
        ("checkpoint", 20),
        ("shutdown", 20),
    ]


def test_the_sanity_check_is_start_up(heard: Heard) -> None:
    assert heard.phases[:3] == [("startup", 0), ("by epoch", None), ("train", 0)]
    assert heard.scores[0] == (10, 0.5)


def test_each_batch_is_counted_once_when_gradients_accumulate(heard: Heard) -> None:
    part = heard.after("within an epoch")
    assert printed(heard)["within an epoch"]["steps"] == 4
    assert [samples for samples, _ in part.scores] == [4, 8, 10, 14, 18, 20]
    assert part.phases[1:4] == [("eval", 4), ("train", 4), ("eval", 8)]


def test_a_validation_counts_after_the_training_and_not_before(heard: Heard) -> None:
    part = heard.after("validated before and after")
    assert part.phases[0] == ("train", 0)
    assert part.phases[-3:] == [("shutdown", 20), ("eval", 20), ("shutdown", 20)]
    assert [samples for samples, _ in part.scores] == [10, 20, 20]


def test_a_batch_that_holds_no_tensor_is_one_line_naming_the_remedy(heard: Heard) -> None:
    lines = [line for line in heard.stderr.splitlines() if "samples_in=" in line]
    assert len(lines) == 1
    assert "Opaque" in lines[0]
    assert heard.after("opaque").phases[-1] == ("shutdown", 0)
    assert heard.after("counted").phases[-1] == ("shutdown", 20)


def test_at_the_target_the_training_stops(heard: Heard) -> None:
    assert printed(heard)["by epoch"]["steps"] == 6
    assert printed(heard)["aimed"]["steps"] == 3
    assert heard.after("aimed").scores == [(10, 0.5)]


def test_a_metric_that_no_validation_has_is_one_line_and_no_score(heard: Heard) -> None:
    lines = [line for line in heard.stderr.splitlines() if "'f1'" in line]
    assert len(lines) == 1
    assert "val_acc, val_loss" in lines[0]
    assert heard.after("misnamed").scores == []


def test_an_error_in_a_hook_ends_the_telling_and_not_the_training(heard: Heard) -> None:
    assert "energyprof: on_train_batch_end failed; the training goes on" in heard.stderr
    assert printed(heard)["broken"]["steps"] == 6
    assert heard.after("broken").phases == [("train", 0)]


def test_outside_a_profile_nothing_is_said_and_the_training_is_the_same(heard: Heard) -> None:
    assert "alone" not in dict(heard.phases)
    assert printed(heard)["alone"] == printed(heard)["by epoch"]
