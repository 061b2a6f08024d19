from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from energyprof.report.file import read
from fakes.installed import needs
from fakes.profiler import Heard, listen

needs("torch", "accelerate")

pytestmark = pytest.mark.slow

SCRIPT = """
import json, os
import torch
from accelerate import Accelerator
import energyprof
from energyprof.callbacks.accelerate import EnergyprofTracker

told = {}

def train(name, phases=True, metric="accuracy", score=0.5):
    torch.manual_seed(0)
    tracker = EnergyprofTracker(metric)
    energyprof.mark(name)
    accelerator = Accelerator(cpu=True, log_with=tracker)
    accelerator.init_trackers("mine", config={"rate": 0.1})
    accelerator.log({"note": "before the training"})
    model = torch.nn.Linear(3, 1)
    rows = torch.utils.data.DataLoader(torch.randn(10, 3), batch_size=4)
    model, rows, optimiser = accelerator.prepare(model, rows, torch.optim.SGD(model.parameters(), 0.1))

    def loop():
        samples = 0
        for epoch in range(2):
            for batch in rows:
                loss = model(batch).square().mean()
                accelerator.backward(loss)
                optimiser.step()
                optimiser.zero_grad()
                samples += len(batch)
                accelerator.log({"samples": samples, "loss": loss.item()}, step=epoch)
            with tracker.phase("eval"):
                accelerator.log({"accuracy": score})
            with tracker.phase("checkpoint"):
                accelerator.save_state("state")
            if tracker.reached():
                break
        return samples, loss.item()

    if phases:
        with tracker.phase("train"):
            samples, loss = loop()
    else:
        samples, loss = loop()
    accelerator.end_training()
    told[name] = {"samples": samples, "loss": loss}

def main():
    train("alone")
    os.environ["ENERGYPROF_WIRE"] = os.environ["WIRE"]
    train("by epoch")
    train("without a phase of its own", phases=False)
    train("broken", score="good")
    os.environ["ENERGYPROF_TARGET"] = "accuracy>=0.5"
    train("aimed")
    print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    return listen(SCRIPT + "\nmain()", tmp_path_factory.mktemp("accelerate"), "torch._dynamo", "accelerate")


def printed(heard: Heard) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(heard.stdout.splitlines()[-1])
    return result


EPOCHS = [
    ("train", 0),
    ("eval", 10),
    ("train", 10),
    ("checkpoint", 10),
    ("train", 10),
    ("eval", 20),
    ("train", 20),
    ("checkpoint", 20),
    ("train", 20),
    ("shutdown", 20),
]


def test_a_phase_ends_in_the_one_around_it(heard: Heard) -> None:
    assert heard.after("by epoch").phases == EPOCHS
    assert heard.phases[0] == ("startup", 0)


def test_what_is_logged_as_the_metric_is_the_score(heard: Heard) -> None:
    assert heard.after("by epoch").scores == [(10, 0.5), (20, 0.5)]


def test_without_a_phase_of_its_own_training_begins_with_the_first_samples(heard: Heard) -> None:
    assert heard.after("without a phase of its own").phases == EPOCHS


def test_samples_from_before_the_training_was_told_of_are_one_warning(heard: Heard) -> None:
    lines = [line for line in heard.stderr.splitlines() if 'tracker.phase("train")' in line]
    assert len(lines) == 1 and "4 samples were trained before" in lines[0]


def test_at_the_target_the_tracker_says_so(heard: Heard) -> None:
    assert printed(heard)["by epoch"]["samples"] == 20
    assert printed(heard)["aimed"]["samples"] == 10


def test_a_score_that_is_no_number_ends_the_telling_and_not_the_training(heard: Heard) -> None:
    assert "energyprof: log failed; the training goes on" in heard.stderr
    assert printed(heard)["broken"]["samples"] == 20
    assert heard.after("broken").phases == [("train", 0), ("eval", 10)]


def test_outside_a_profile_nothing_is_said_and_the_training_is_the_same(heard: Heard) -> None:
    assert "alone" not in dict(heard.phases)
    assert printed(heard)["alone"] == printed(heard)["by epoch"]


def test_a_report_of_exec_holds_the_phases_and_the_scores(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT + '\ntrain("mine")\n')
    options = ["--meters", "none", "--idle", "0", "-o", "r.json", "-q"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ENERGYPROF_")}
    subprocess.run(
        [sys.executable, "-m", "energyprof", "exec", *options, "--", sys.executable, str(script)],
        cwd=tmp_path,
        env={**environment, "OMP_NUM_THREADS": "1"},
        timeout=300,
        check=True,
    )
    run = read(tmp_path / "r.json").runs[0]
    named = [(phase.name, phase.samples) for phase in run.phases]
    assert named[-10:] == [
        ("train", 10),
        ("eval", 0),
        ("train", 0),
        ("checkpoint", 0),
        ("train", 10),
        ("eval", 0),
        ("train", 0),
        ("checkpoint", 0),
        ("train", 0),
        ("shutdown", 0),
    ]
    assert [(step.samples, step.score) for step in run.history] == [(10, 0.5), (20, 0.5)]
