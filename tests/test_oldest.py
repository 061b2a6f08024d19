"""Python 3.8 with torch 2.0 or 2.1 and the last libraries for it trains, too (``make test-oldest``).

``ENERGYPROF_OLDEST_PYTHON`` names the interpreter, which has what constraints-oldest.txt lists.
"""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes import decathlon

PACKAGE = Path(__file__).parent.parent / "energyprof"
MICRO = ("--max-samples", "16", "--batch-size", "8", "--device", "cpu")
# What is the same however a version draws first weights: what the models make of weights made from their
# names, the frozen parts, the averages, what is counted.
WORK = """
import json, sys, zlib
import torch
from energyprof.workload import Settings
from energyprof.workloads import classifier, latent, transformer, diffusion, unet
from energyprof.workloads.training import device, tensors
from energyprof.workloads import unet_slices

def filled(model, part=""):
    for name, weight in model.named_parameters():
        if part in name:
            chance = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            spread = 0.02 if weight.dim() > 1 else 0.1
            with torch.no_grad():
                weight.copy_(torch.randn(weight.shape, generator=chance) * spread)
    return model.eval()

def rounded(tensor):
    values = tensor.double().flatten()
    return [round(value, 3) for value in [*values[:6].tolist(), values.std().item()]]

def counted(compute):
    counter = device.flop_counter()
    if counter is None:
        return None
    with counter:
        compute().sum().backward()
    return counter.get_total_flops()

cpu, found = torch.device("cpu"), {}
made = classifier.Classifier(transformer.plan(Settings()).config, None, 3)
texts = made.tokenised(["a bad flight", "the very best of all the airlines", "meh"])
parts = latent.drawn(diffusion.plan(Settings()).config["model"], "v_prediction")
layer = torch.nn.ConvTranspose2d(3, 5, 2, stride=2)
heads = torch.ones(1, 2, 3, 8, requires_grad=True)
with torch.no_grad():
    network = filled(made.network(), "classifier")
    found["logits"] = rounded(classifier.logits(network, texts[0], made.attention(network)(texts[1])))
    found["latents"] = rounded(parts.vae.eval().encode(torch.ones(1, 3, 64, 64)).latent_dist.mode())
    text = parts.text_encoder.eval()(parts.tokens(["axial slice 92, T1"]))[0]
    noisy = torch.linspace(-1, 1, 1024).view(1, 4, 16, 16)
    found["noise"] = rounded(filled(parts.unet())(noisy, torch.tensor([500]), text, return_dict=False)[0])
    slices = filled(unet_slices.network(unet.plan(Settings()).config))
    found["slices"] = rounded(slices(torch.linspace(-1, 1, 6400).view(1, 1, 80, 80)))
averages, weights = [torch.zeros(3)], [torch.ones(3)]
tensors.average(averages, weights, 0.25)
found["average"] = averages[0].tolist()
for asked in (True, False):
    device._allow_tf32(torch, asked)
scaler = device.gradient_scaler(cpu, "fp32")
found["scale"] = scaler.scale(torch.ones(1)).item()
found["counted"] = [
    counted(lambda: layer(torch.ones(1, 3, 4, 4))),
    counted(lambda: torch.nn.functional.scaled_dot_product_attention(heads, heads, heads)),
]
print(json.dumps(found))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "ENERGYPROF_OLDEST_PYTHON" not in os.environ, reason="ENERGYPROF_OLDEST_PYTHON names no interpreter"
    ),
]


@pytest.fixture(scope="module")
def oldest() -> str:
    """The interpreter's path; a link of a virtual environment stays one."""
    return str(Path(os.environ["ENERGYPROF_OLDEST_PYTHON"]).absolute())


def trained(command: Any, oldest: str, *words: str) -> dict[str, Any]:
    """The only run of a training by ``oldest`` that ends before its target."""
    done = command(
        "run",
        *words,
        *("--python", oldest, "--meters", "none", "--idle", "0", "--output", "r.json"),
        environment={"OMP_NUM_THREADS": "1", "ENERGYPROF_CACHE": str(command.folder / "cache")},
    )
    assert done.returncode == 4, done.stderr
    (run,) = command.report()["runs"]
    assert run["status"] == "missed"
    assert run["facts"]["python"].startswith("3.8.")
    assert math.isfinite(run["score"])
    assert run["samples"] == run["history"][-1]["samples"]
    return run  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "words",
    [
        ("unet", *MICRO, "--checkpoint", "--grad-accum", "2", "--breakdown", "0.1"),
        ("unet", *MICRO, "--nproc", "2", "--channels-last"),
        ("transformer", *MICRO, "--data-fraction", "0.02"),
        ("transformer", *MICRO, "--data-fraction", "0.02", "--lora", "4"),
        ("diffusion", *MICRO, "--data-fraction", "0.1", "--ema", "--prediction", "v_prediction"),
        ("speech", *MICRO, "--data-fraction", "0.1"),
    ],
    ids=" ".join,
)
def test_an_old_interpreter_trains_the_standard_workloads(
    command: Any, oldest: str, words: tuple[str, ...]
) -> None:
    assert trained(command, oldest, *words)["samples"] == 16


def test_an_old_interpreter_trains_on_the_users_volumes(command: Any, oldest: str, tmp_path: Path) -> None:
    pytest.importorskip("nibabel")
    data = str(decathlon.write(tmp_path / "blobs"))
    run = trained(
        command, oldest, *("unet", "--size", "full", "--data", data, "--max-samples", "2", "--device", "cpu")
    )
    assert run["facts"]["workers"] > 0


def test_an_old_interpreter_trains_on_the_users_texts(command: Any, oldest: str, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        rows.writerows([f"word {i} is {('bad', 'good')[i % 2]}", i % 2] for i in range(100))
    assert trained(command, oldest, "transformer", *MICRO, "--data", str(path))["samples"] == 16


def test_an_old_interpreter_trains_on_the_users_images(command: Any, oldest: str, tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    (tmp_path / "images").mkdir()
    with (tmp_path / "images/metadata.jsonl").open("w") as file:
        for i in range(6):
            pillow.new("RGB", (80, 70), (40 * i, 0, 90)).save(tmp_path / f"images/{i}.png")
            file.write(json.dumps({"file_name": f"{i}.png", "text": f"colour {i}"}) + "\n")
    run = trained(command, oldest, "diffusion", *MICRO, "--data", str(tmp_path / "images"))
    assert run["facts"]["training_items"] == 5


def test_models_counts_and_draws_are_the_same_in_old_and_new_libraries(oldest: str, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    (tmp_path / "energyprof").symlink_to(PACKAGE)
    old, new = (
        json.loads(
            subprocess.run(
                [python, "-W", "ignore", "-c", WORK],
                env={"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1", "PATH": os.environ["PATH"]},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for python in (oldest, sys.executable)
    )
    if old["counted"] == [None, None]:  # torch 2.0 cannot count
        old["counted"] = new["counted"]
    for name in new:
        assert old[name] == pytest.approx(new[name], abs=2e-3), name
