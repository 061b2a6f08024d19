"""``energyprof doctor --test`` of AMD's GPUs under a load: what follows, and each sort of what does not.

The fake library adds up what fakes/gpu_torch works, and the kernel's power shows it. A busy machine may make
a level unsure: what is well is never called broken, and what is broken for certain always is.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from fakes import amdsmi
from fakes.constants.sitecustomize import variables
from fakes.loaded import LoadedMachine, one_processor

pytestmark = pytest.mark.slow  # loads in real seconds

TORCH = Path(__file__).parent.parent / "fakes" / "gpu_torch"
PLACE = "0000:03:00.0"
IDLE_W, LOAD_W = 25.0, 100.0
WINDOW_S = 0.1


def judged(
    command: Any,
    folder: Path,
    meters: str = "amdgpu",
    scale: float = 1.0,
    still_s: float = 0.0,
    **settings: Any,
) -> tuple[dict[str, dict[str, Any]], str]:
    """The results by meter, and what was said. The kernel shows ``scale`` times the power; the counter stands
    still from ``still_s`` after the load's first work on."""
    command.root, work, still = folder / "loaded", folder / "gpus", folder / "still"
    work.mkdir()
    machine = LoadedMachine(command.root)

    def power_uw(at_s: float) -> str:
        worked = amdsmi.worked_s(work, 0, at_s) - amdsmi.worked_s(work, 0, at_s - WINDOW_S)
        return f"{round(1e6 * scale * (IDLE_W + LOAD_W * worked / WINDOW_S))}"

    machine.shows(amdsmi.card(command.root, 0, PLACE) / "power1_average", power_uw)
    environment = amdsmi.environment(
        amdsmi.build(), command.root, watts=IDLE_W, load=work, still=still, **settings
    )
    environment |= {"FAKE_TORCH_WORK": str(work), "FAKE_TORCH_GPUS": "1", "PYTHONPATH": str(TORCH)}
    environment |= variables({"energyprof.profile.meter_test:SETTLE_S": 0.2}, environment["PYTHONPATH"])
    words = command.arguments("doctor", "--test", "--json", "--seconds", "0.6", "--meters", meters)
    with (
        machine.running(),
        one_processor(),
        subprocess.Popen(
            words,
            cwd=command.folder,
            env=command.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        while still_s and not (work / "0").exists() and process.poll() is None:
            time.sleep(0.02)
        if still_s:
            time.sleep(still_s)
            still.write_text(f"{time.monotonic()}")
        stdout, stderr = process.communicate(timeout=300)
    assert process.returncode in (0, 4), stderr
    return {result["meter"]: result for result in json.loads(stdout)["results"]}, " ".join(stderr.split())


def well(result: dict[str, Any]) -> bool:
    return result["state"] in ("follows", "unclear") and not result["broken"]


def test_counter_and_power_follow_and_so_does_the_kernels_own_sensor(command: Any, tmp_path: Path) -> None:
    found, said = judged(command, tmp_path, meters="amdgpu,hwmon")
    assert list(found) == ["amdgpu:0", "amdgpu:0:power", f"hwmon:amdgpu:ppt:{PLACE}"]
    assert all(map(well, found.values()))
    assert "GPU 0: Fake GPU" in said


def test_a_counter_that_stops_is_named_and_not_the_power_beside_it(command: Any, tmp_path: Path) -> None:
    found, said = judged(command, tmp_path, still_s=1.5)
    assert (found["amdgpu:0"]["state"], found["amdgpu:0"]["broken"]) == ("frozen", True)
    assert well(found["amdgpu:0:power"])
    assert "Not to be trusted: amdgpu:0." in said


@pytest.mark.parametrize(
    ("scale", "settings", "meter", "implausible"),
    [
        (1e-3, {}, "amdgpu:0:power", "below_"),  # mW in a file of µW
        (1.0, {"told_uj": 15259}, "amdgpu:0", "above_"),  # nJ told as µJ
    ],
)
def test_another_unit_is_told_from_what_such_a_card_can_draw(
    command: Any, tmp_path: Path, scale: float, settings: dict[str, Any], meter: str, implausible: str
) -> None:
    found, said = judged(command, tmp_path, scale=scale, **settings)
    assert found[meter]["implausible"].startswith(implausible) and found[meter]["broken"]
    (other,) = found.keys() - {meter}
    assert well(found[other])
    assert f"Not to be trusted: {meter}." in said


def test_a_counter_and_a_power_that_disagree_are_both_in_doubt(command: Any, tmp_path: Path) -> None:
    found, said = judged(command, tmp_path, scale=0.5)
    twin = found["amdgpu:0:power"]["twin"]
    assert twin["agrees"] is False and twin["ratio"] < 0.75
    assert "Not to be trusted: amdgpu:0:power or amdgpu:0." in said
