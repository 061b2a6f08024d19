"""The conditions of an AMD GPU, from fake files of the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import MeterError
from energyprof.measure.meters.amd.gpus import read_gpus
from energyprof.measure.meters.amd.probe import AmdProbe
from fakes import amdsmi as fake
from fakes import sysfs

PLACE = "0000:03:00.0"


def look(root: Path) -> dict[str, Any]:
    gpus, _ = read_gpus(None, root)
    return dict(AmdProbe(gpus[0], root).read())


def test_clocks_heat_and_limits_come_in_our_units(tmp_path: Path) -> None:
    fake.card(tmp_path, 1, PLACE)
    assert look(tmp_path) == {
        "sm_mhz": 1700.0,
        "memory_mhz": 1600.0,
        "temperature_c": 41.0,
        "power_limit_w": 280.0,
        "default_power_limit_w": 300.0,
    }


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0, []),
        (1, ["sw_power_cap"]),
        (1 << 22, ["current_limit"]),
        (1 << 36, ["sw_thermal"]),
        (1 << 47 | 1, ["sw_power_cap", "hw_thermal"]),
    ],
)
def test_what_slows_the_card_is_named_as_for_other_cards(tmp_path: Path, bits: int, words: list[str]) -> None:
    fake.card(tmp_path, 1, PLACE)
    fake.metrics(tmp_path, PLACE, bits)
    assert look(tmp_path)["throttled"] == words


def test_a_table_of_another_version_says_nothing_of_throttling(tmp_path: Path) -> None:
    fake.card(tmp_path, 1, PLACE)
    fake.metrics(tmp_path, PLACE, 1, content=6)
    assert "throttled" not in look(tmp_path)


def test_processes_are_those_that_hold_memory_of_this_card(tmp_path: Path) -> None:
    fake.card(tmp_path, 1, PLACE)
    fake.node(tmp_path, 4, PLACE)
    for pid, used in ((41, 4096), (42, 0)):
        sysfs.write(tmp_path / f"sys/class/kfd/kfd/proc/{pid}/vram_104", f"{used}\n")
    sysfs.write(tmp_path / "proc/41/comm", "python\n")
    assert look(tmp_path)["processes"] == [{"pid": 41, "name": "python"}]


def test_a_card_of_which_nothing_is_told_is_an_error(tmp_path: Path) -> None:
    folder = fake.card(tmp_path, 1, PLACE)
    gpus, _ = read_gpus(None, tmp_path)
    for file in folder.iterdir():
        file.unlink()
    with pytest.raises(MeterError, match="amdgpu:0: the kernel tells nothing of it"):
        AmdProbe(gpus[0], tmp_path).read()
