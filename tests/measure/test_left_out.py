"""GPUs that are there and not in the total."""

from __future__ import annotations

from pathlib import Path

import pytest

from energyprof.measure.left_out import with_left_out
from energyprof.measure.meters import find_asked
from energyprof.measure.selection import select
from fakes import amdsmi, hwmon, nvml, sysfs

PLACE = "0000:03:00.0"


def said(root: Path, asked: str) -> tuple[str, ...]:
    words = asked.split(",")
    return with_left_out(select(find_asked(root, words), words), root).left_out


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in amdsmi.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    sysfs.intel_client(tmp_path)
    amdsmi.card(tmp_path, 1, PLACE, watts=250)
    return tmp_path


def test_a_card_that_was_not_asked_for_is_named_with_its_watts(machine: Path) -> None:
    (line,) = said(machine, "rapl")
    assert line.startswith("hwmon:amdgpu:ppt:0000:03:00.0 is not in the total: a GPU that now draws 250 W")


def test_what_cannot_be_a_power_is_not_said_to_be_drawn(machine: Path) -> None:
    (power,) = machine.glob("sys/class/hwmon/*/power1_average")
    power.write_text("4294967295000\n")
    (line,) = said(machine, "rapl")
    assert "a GPU whose power cannot be read: it shows 4.29497e+06 W" in line


@pytest.mark.parametrize(
    "asked", ["auto", "rapl,amdgpu", "amdgpu:0", "rapl,hwmon:amdgpu:ppt:0000:03:00.0", "none"]
)
def test_a_card_that_is_counted_is_not(machine: Path, asked: str) -> None:
    assert said(machine, asked) == ()


def test_a_card_that_a_variable_hides_is_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "")
    (line,) = said(machine, "auto")
    assert "250 W" in line and "a variable hides it" in line


def test_cards_of_other_drivers_are_named_too_and_a_processors_own_is_not(machine: Path) -> None:
    hwmon.chip(machine, 2, "nouveau", {"power1_input": 33_000_000}, "0000:05:00.0")
    hwmon.chip(machine, 3, "xe", {"energy1_input": 5_000_000}, "0000:06:00.0")
    hwmon.chip(machine, 4, "amdgpu", {"power1_average": 9_000_000, "power1_label": "PPT"}, "0000:c1:00.0")
    amd, nouveau, xe = said(machine, "rapl")
    assert "250 W" in amd
    assert nouveau.startswith("hwmon:nouveau:power1:0000:05:00.0") and "33 W" in nouveau
    assert xe.startswith("hwmon:xe:energy1:0000:06:00.0") and "0 W" in xe


def test_a_whole_machine_leaves_nothing_out(machine: Path) -> None:
    hwmon.acpi_meter(machine, 5, watts=400)
    assert said(machine, "hwmon:power_meter:power1:ACPI000D:05") == ()


def test_a_card_without_a_bus_is_counted_once_or_named(tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    shown = {"power1_average": 250_000_000, "power1_label": "PPT", "power1_cap": 300_000_000}
    for number in (4, 5):
        hwmon.chip(tmp_path, number, "amdgpu", shown)
    assert len(said(tmp_path, "rapl")) == 2
    assert said(tmp_path, "auto") == ()


def test_nvidias_cards_are_named_where_they_were_not_asked_for(tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    script = f"""
import json
from pathlib import Path
from energyprof.measure.left_out import with_left_out
from energyprof.measure.meters import find_asked
from energyprof.measure.selection import select
root, said = Path({str(tmp_path)!r}), []
for words in (["rapl"], ["auto"]):
    said.append(with_left_out(select(find_asked(root, words), words), root).left_out)
print(json.dumps(said))
"""
    without, with_them = nvml.python(script, nvml.environment(nvml.build(), gpus=2))
    first, second = without
    assert first.startswith("nvml:0 is not in the total: a GPU that now draws 250 W")
    assert second.startswith("nvml:1 is not in the total: a GPU that now draws 500 W")
    assert with_them == []
