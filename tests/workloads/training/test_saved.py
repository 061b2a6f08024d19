"""What levers save an inference, end to end, on a machine on which every product takes the same joules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from conftest import Command

import warm
from energyprof.compare.comparison import compare
from energyprof.compare.inference import inferences
from energyprof.report.file import read
from fakes import sysfs

pytestmark = pytest.mark.slow
JOULES = 1e-8  # a product


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The report of a U-Net with these words, measured once."""
    found: dict[tuple[str, ...], Any] = {}
    folder = tmp_path_factory.mktemp("saved")
    zone = sysfs.zone(folder / "machine", "intel-rapl:0", "package-0", "00000000000001000000")
    sysfs.cpuinfo(folder / "machine")
    command = Command(folder, folder / "machine")
    environment = {
        "PYTHONPATH": str(Path(__file__).parents[2] / "fakes/products"),
        "ENERGYPROF_TEST_COUNTER": str(zone / "energy_uj"),
        "ENERGYPROF_TEST_JOULES": str(JOULES),
        "OMP_NUM_THREADS": "1",
    }

    def of(*words: str) -> Any:
        if words not in found:
            name = "".join(["r", *words]) + ".json"
            short = ("--max-samples", "16", "--target", "0.001", "--idle", "0", "--inference", "1.2")
            read_often = ("--interval", "0.02")  # a window of inferences is 0.2 s
            asked = ("run", "unet", *short, *read_often, *words, "--output", name)
            done = command(*asked, environment=environment)
            assert done.returncode == 0, done.stderr
            found[words] = (read(folder / name), command("show", name).stdout)
        return found[words]

    return of


# The multiplications of one inference, as torch counts them.
PRODUCTS = """
import torch
from torch.utils.flop_counter import FlopCounterMode
from energyprof.settings import Settings
from energyprof.workloads import unet, unet_slices
network = unet_slices.network(unet.plan(Settings()).config).eval()
with torch.no_grad(), FlopCounterMode(display=False) as counter:
    network(torch.zeros(1, 1, 80, 96))
print(counter.get_total_flops() // 2)
"""


def test_an_inference_takes_the_joules_of_its_products(measured: Any) -> None:
    counted = warm.run(["-c", PRODUCTS], os.environ, loaded=["fakes.unet_loaded"])
    assert counted.returncode == 0, counted.stderr
    wanted_j = JOULES * int(counted.stdout)
    for found in inferences(measured()[0]):
        assert found.energy_j is not None
        low, high = found.energy_j.ends
        assert low <= wanted_j <= high
        assert found.energy_j.value == pytest.approx(wanted_j, rel=0.2)


def test_a_third_of_the_channels_less_takes_fewer_joules_beyond_the_interval(measured: Any) -> None:
    pytest.importorskip("torch_pruning")
    plain, pruned = measured()[0], measured("--prune", "0.33")[0]
    for whole, less in zip(inferences(plain), inferences(pruned), strict=True):
        assert less.energy_j.ends[1] < whole.energy_j.ends[0]
    assert {life.outcome for life in compare([plain, pruned], ["whole", "pruned"]).lives} <= {
        "always",
        "from",
    }


def test_zeros_that_stay_save_nothing_and_nothing_is_said_to_be_saved(measured: Any) -> None:
    plain, (masked, shown) = measured()[0], measured("--prune", "0.33", "--prune-kind", "mask")
    for whole, zeros in zip(inferences(plain), inferences(masked), strict=True):
        assert zeros.energy_j.value == pytest.approx(whole.energy_j.value, rel=0.2)
    # Chance alone may tell equal joules apart at one batch size, a twentieth of the time, and either way.
    outcomes = [life.outcome for life in compare([plain, masked], ["whole", "masked"]).lives]
    assert "always" not in outcomes and set(outcomes) != {"from"}
    assert "weights are masked, and multiplied as any others: nothing is saved" in " ".join(shown.split())
