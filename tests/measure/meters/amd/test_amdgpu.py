"""AMD's GPUs through a fake of AMD's library in child processes, and through fake files of the kernel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import warm
from fakes import amdsmi as fake
from fakes import hwmon, sysfs

FIRST, SECOND = "0000:03:00.0", "0000:83:00.0"
BOTH = f"{FIRST},{SECOND}"

FIND = """
import json
from dataclasses import asdict
from energyprof.measure.meters import find, sysfs_root
f = find("amdgpu", sysfs_root())
sources = {s.info.name: asdict(s.info) for s in f.sources}
print(json.dumps([f.state, sources, f.reason, f.remedy, f.notes, f.missing]))
"""


def python(script: str, environment: dict[str, str]) -> Any:
    child = warm.run(["-c", script], environment)
    assert (child.returncode, child.stderr) == (0, ""), child.stderr
    return json.loads(child.stdout)


def search(
    environment: dict[str, str],
) -> tuple[str, dict[str, dict[str, Any]], str, str, list[str], list[str]]:
    """State, sources by name, reason, remedy, notes and what is missing."""
    return tuple(python(FIND, environment))


@pytest.fixture(scope="session")
def library() -> Path:
    """The fake library."""
    return fake.build()


def test_each_card_is_a_counter_with_the_kernels_power_held_against_it(library: Path, tmp_path: Path) -> None:
    fake.card(tmp_path, 2, SECOND)
    fake.card(tmp_path, 5, FIRST)
    state, found, _, _, notes, missing = search(
        fake.environment(
            library, tmp_path, places=f"{SECOND},{FIRST}", names="AMD Instinct MI250,AMD Instinct MI210"
        )
    )
    assert (state, notes, missing) == ("found", [], [])
    assert list(found) == ["amdgpu:0", "amdgpu:0:power", "amdgpu:1", "amdgpu:1:power"]
    counter, power = found["amdgpu:0"], found["amdgpu:0:power"]
    assert (counter["part"], counter["boundary"], counter["reads"]) == ("gpu", "component", "energy_j")
    assert counter["resolution"] == pytest.approx(15.259e-6)
    assert counter["max_power_w"] == 3000.0
    assert counter["device"] == "01ff740f-0000-1000-80cc-3af4a15a6b01"
    assert (power["checks"], power["reads"], power["window_s"]) == ("amdgpu:0", "power_w", 1.0)


@pytest.mark.slow
def test_the_counter_gives_joules_by_its_own_step(library: Path, tmp_path: Path) -> None:
    script = """
import json, time
from energyprof.measure.meters import find, sysfs_root
meter = find("amdgpu", sysfs_root()).sources[0].open()
from_s, begin = time.monotonic(), meter.read()
time.sleep(0.5)
to_s, end = time.monotonic(), meter.read()
meter.close(); meter.close()
print(json.dumps((end - begin) / (to_s - from_s)))
"""
    for step in (15.259, 1000.0):
        watts = python(script, fake.environment(library, tmp_path, watts=250, step_uj=step))
        assert watts == pytest.approx(250, rel=0.1)


def test_without_amds_library_the_kernels_power_counts(tmp_path: Path) -> None:
    fake.card(tmp_path, 1, FIRST)
    state, found, _, _, notes, _ = search(fake.environment(None, tmp_path))
    assert (state, list(found)) == ("found", ["amdgpu:0"])
    assert found["amdgpu:0"]["reads"] == "power_w"
    assert found["amdgpu:0"]["device"] == FIRST
    assert any(
        "no libamd_smi.so: the kernel's power is read and integrated instead" in note for note in notes
    )


def test_a_machine_without_cards_is_absent(library: Path, tmp_path: Path) -> None:
    for environment in (fake.environment(None, tmp_path), fake.environment(library, tmp_path, init=34)):
        state, _, reason, remedy, *_ = search(environment)
        assert (state, reason, remedy) == ("absent", "no AMD GPU", "")


def test_a_library_that_may_not_look_is_blocked_with_its_remedy(library: Path, tmp_path: Path) -> None:
    state, _, reason, remedy, *_ = search(fake.environment(library, tmp_path, init=10))
    assert (state, reason) == ("blocked", "amdsmi_init: permission denied (amdsmi 10)")
    assert "render" in remedy


def test_a_card_that_the_driver_holds_and_nothing_reads_is_blocked(tmp_path: Path) -> None:
    sysfs.write(tmp_path / "sys/bus/pci/drivers/amdgpu" / FIRST / "vendor", "0x1002\n")
    state, _, reason, remedy, *_ = search(fake.environment(None, tmp_path))
    assert state == "blocked"
    assert reason == f"{FIRST} gives neither a power nor a counter; no libamd_smi.so"
    assert remedy.startswith("install AMD's library")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "words"),
    [({"watts": 0}, "its counter stands still"), ({"energy": 2}, "not supported")],
)
def test_a_counter_that_is_dead_is_replaced_by_the_power(
    library: Path, tmp_path: Path, settings: dict[str, object], words: str
) -> None:
    fake.card(tmp_path, 1, FIRST)
    state, found, _, _, notes, _ = search(fake.environment(library, tmp_path, **settings))
    assert (state, list(found), found["amdgpu:0"]["reads"]) == ("found", ["amdgpu:0"], "power_w")
    assert any(words in note and "its power is read and integrated instead" in note for note in notes)


@pytest.mark.slow
def test_a_counter_that_is_dead_and_without_a_power_is_missing(library: Path, tmp_path: Path) -> None:
    state, found, _, _, _, missing = search(fake.environment(library, tmp_path, places=BOTH, watts="200,0"))
    assert (state, list(found)) == ("found", ["amdgpu:0"])
    assert [m for m in missing if "amdgpu:1" in m and "stands still" in m] == missing != []


def test_the_second_die_of_a_card_is_in_the_first(library: Path, tmp_path: Path) -> None:
    settings = {"places": BOTH, "watts": "400,0", "start": "5000,0"}
    state, found, _, _, notes, missing = search(fake.environment(library, tmp_path, **settings))
    assert (state, list(found), missing) == ("found", ["amdgpu:0"], [])
    assert any("the first one holds both" in note for note in notes)


def test_a_package_that_holds_a_processor_is_a_module(library: Path, tmp_path: Path) -> None:
    _, found, *_ = search(fake.environment(library, tmp_path, names="AMD Instinct MI300A"))
    assert (found["amdgpu:0"]["part"], found["amdgpu:0"]["boundary"]) == ("soc", "module")


def test_a_gpu_within_the_processor_is_left_to_the_processors_meter(tmp_path: Path) -> None:
    hwmon.chip(tmp_path, 1, "amdgpu", {"power1_average": 9_000_000, "power1_label": "PPT"}, FIRST)
    state, _, reason, *_ = search(fake.environment(None, tmp_path))
    assert state == "absent"
    assert "part of the processor" in reason


@pytest.mark.parametrize(
    ("variables", "left", "words"),
    [
        ({}, [0, 1], ""),
        # the compute driver numbers the second place first
        ({"HIP_VISIBLE_DEVICES": "0"}, [1], "amdgpu:0 left out by HIP_VISIBLE_DEVICES"),
        ({"CUDA_VISIBLE_DEVICES": "1"}, [0], "amdgpu:1 left out by CUDA_VISIBLE_DEVICES"),
        ({"HIP_VISIBLE_DEVICES": "1", "CUDA_VISIBLE_DEVICES": "0"}, [0], ""),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, [0], "ROCR_VISIBLE_DEVICES"),
        ({"ROCR_VISIBLE_DEVICES": "GPU-00000000000000ab"}, [0], ""),
        (
            {"HIP_VISIBLE_DEVICES": "1,7,0"},
            [0],
            "HIP_VISIBLE_DEVICES: '7' names no AMD GPU; the list ends there",
        ),
        ({"HIP_VISIBLE_DEVICES": ""}, [], "hide all 2 GPUs"),
    ],
)
def test_cards_are_left_out_as_rocm_leaves_them_out(
    tmp_path: Path, variables: dict[str, str], left: list[int], words: str
) -> None:
    for number, place in enumerate((FIRST, SECOND)):
        fake.card(tmp_path, number, place)
    fake.node(tmp_path, 1, SECOND, unique_id=0xCD)
    fake.node(tmp_path, 2, FIRST, unique_id=0xAB)
    state, found, reason, _, notes, _ = search(fake.environment(None, tmp_path, **variables))
    assert list(found) == [f"amdgpu:{index}" for index in left]
    assert state == ("found" if left else "absent")
    assert words in "; ".join([reason, *notes])


@pytest.mark.slow
def test_a_card_is_found_again_after_its_driver_was_gone(library: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    script = f"""
import json, time
from pathlib import Path
from energyprof.errors import MeterError
from energyprof.measure.meters import find, sysfs_root
meter = find("amdgpu", sysfs_root()).sources[0].open()
gone, said = Path({str(gone)!r}), []
gone.touch()
for _ in range(3):
    try: meter.read()
    except MeterError as error: said.append(str(error))
gone.unlink()
until_s = time.monotonic() + 30
while time.monotonic() < until_s:
    try: said.append(meter.read() > 1000); break
    except MeterError: time.sleep(0.05)
meter.close()
print(json.dumps(said))
"""
    *errors, back = python(script, fake.environment(library, tmp_path, gone=gone))
    assert len(errors) == 3 and all(error.startswith("amdgpu:0: ") for error in errors)
    assert "driver not loaded (amdsmi 34)" in errors[0]
    assert back is True


def test_the_machines_facts_name_its_cards(library: Path, tmp_path: Path) -> None:
    fake.card(tmp_path, 1, FIRST)
    sysfs.write(tmp_path / "sys/bus/pci/devices" / FIRST / "mem_info_vram_total", f"{64 * 2**30}\n")
    sysfs.write(tmp_path / "sys/module/amdgpu/version", "6.8.5\n")
    script = """
import json
from energyprof.measure.meters import sysfs_root
from energyprof.measure.meters.amd import amdgpu
print(json.dumps(amdgpu.devices(sysfs_root())))
"""
    (card,) = python(script, fake.environment(library, tmp_path))
    assert card == {
        "name": "AMD Instinct MI210",
        "uuid": "00ff740f-0000-1000-80cc-3af4a15a6b00",
        "memory_bytes": 64 * 2**30,
        "driver": "amdgpu 6.8.5",
    }
