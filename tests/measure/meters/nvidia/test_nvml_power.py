"""What is read of each kind of NVIDIA GPU: its counter and its power, or only one of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from energyprof.trace import gains
from fakes import nvml as fake

FIND = """
import json
from dataclasses import asdict
from pathlib import Path
from energyprof.measure.meters import find
from energyprof.measure.selection import select
f = find("nvml", Path("/"))
counted = select([f], ["auto"]).counted if f.sources else ()
print(json.dumps([f.state, [asdict(s.info) for s in f.sources], counted, f.reason, f.notes]))
"""

COUNTER = "nvmlDeviceGetTotalEnergyConsumption"
FIELD = "field 186, instant"
USAGE = "nvmlDeviceGetPowerUsage, "
NOTHING = "neither an energy counter nor a power to read"


@pytest.fixture(scope="session")
def library() -> Path:
    """The fake library."""
    return fake.build()


@pytest.mark.parametrize(
    ("settings", "methods", "windows_s"),
    [
        ({}, [COUNTER, FIELD], [0, 0]),
        # without the fields: averaged over 1 s from Ampere on, but for GA100
        ({"no_fields": 0, "capability": "8.6"}, [COUNTER, USAGE + "mean over 1 s"], [0, 1]),
        ({"no_fields": 0, "capability": "9.0"}, [COUNTER, USAGE + "mean over 1 s"], [0, 1]),
        ({"no_fields": 0, "capability": "12.0"}, [COUNTER, USAGE + "mean over 1 s"], [0, 1]),
        ({"no_fields": 0, "capability": "8.0"}, [COUNTER, USAGE + "instant"], [0, 0]),
        ({"no_fields": 0, "capability": "7.5"}, [COUNTER, USAGE + "instant"], [0, 0]),
        ({"no_fields": 0, "unsupported": "capability"}, [COUNTER, USAGE + "mean over up to 1 s"], [0, 1]),
        # without the counter the power is the meter
        ({"no_counter": 0}, [FIELD], [0]),
        ({"no_counter": 0, "no_fields": 0, "capability": "6.1"}, [USAGE + "instant"], [0]),
        # without any power the counter is not held against anything
        ({"no_power": 0}, [COUNTER], [0]),
        # a superchip's counter is its module's, and so must the power be
        ({"names": "NVIDIA GH200 480GB", "module_w": 100}, [COUNTER, FIELD + ", module"], [0, 0]),
        ({"names": "NVIDIA GH200 480GB"}, [COUNTER], [0]),
        ({"names": "NVIDIA GB200", "module_w": 100, "no_fields": 0}, [COUNTER], [0]),
        ({"names": "NVIDIA GH200 480GB", "module_w": 1, "no_counter": 0}, [FIELD + ", module"], [0]),
    ],
)  # fmt: skip
def test_the_counter_comes_first_and_the_power_is_held_against_it(
    library: Path, settings: dict[str, object], methods: list[str], windows_s: list[float]
) -> None:
    state, infos, counted, *_ = fake.python(FIND, fake.environment(library, **settings))
    assert state == "found"
    assert [info["method"] for info in infos] == methods
    assert [info["window_s"] for info in infos] == windows_s
    assert infos[0]["name"] == "nvml:0" and infos[0]["checks"] == ""
    assert counted == ["nvml:0"]
    for info in infos:
        assert info["reads"] == ("energy_j" if info["method"] == COUNTER else "power_w")
        assert info["ticks"] == (info["method"] == COUNTER)
        assert info["lane"] == ("" if info["method"] == COUNTER else "nvml-power")
        assert info["device"] == fake.uuid(0)
    for twin in infos[1:]:
        assert (twin["name"], twin["checks"], twin["tolerance"]) == ("nvml:0:power", "nvml:0", 0.05)


@pytest.mark.slow
def test_a_driver_without_the_symbol_of_the_counter_gives_the_power() -> None:
    environment = fake.environment(fake.build("-DWITHOUT_ENERGY"), gpus=2)
    state, infos, counted, _, notes = fake.python(FIND, environment)
    assert (state, counted) == ("found", ["nvml:0", "nvml:1"])
    assert {info["method"] for info in infos} == {FIELD}
    assert notes[0].startswith("nvml:0 (NVIDIA Fake 100), nvml:1 (NVIDIA Fake 100): no energy counter")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"no_counter": "0,1", "no_power": "0,1"}, NOTHING),
        ({"no_counter": "0,1", "no_power": "0,1", "virtual": 2}, "the hypervisor keeps the energy to itself"),
        ({"no_counter": "0,1", "no_power": "0,1", "virtual": 1}, NOTHING),  # passed through: a whole board
        ({"names": "NVIDIA GH200", "no_counter": "0,1"}, NOTHING),  # its GPU alone is not its module
        ({"fail": "15:0:1e12"}, "GPU is lost"),
        ({"fail": "4:0:1e12"}, "Insufficient Permissions"),
    ],
)
def test_gpus_without_any_reading_are_blocked_with_the_reason(
    library: Path, settings: dict[str, object], reason: str
) -> None:
    state, _, _, why, _ = fake.python(FIND, fake.environment(library, gpus=2, **settings))
    assert state == "blocked"
    assert why.startswith("nvml:0 (") and "; nvml:1 (" in why
    assert reason in why


def test_a_gpu_without_any_reading_is_named_beside_the_others(library: Path) -> None:
    environment = fake.environment(library, gpus=2, no_counter=0, no_power=0)
    state, infos, counted, _, notes = fake.python(FIND, environment)
    assert (state, counted) == ("found", ["nvml:1"])
    assert [info["name"] for info in infos] == ["nvml:1", "nvml:1:power"]
    assert notes == [f"nvml:0 (NVIDIA Fake 100): {NOTHING}"]


def test_an_error_of_the_counter_is_not_replaced_by_the_power(library: Path, tmp_path: Path) -> None:
    # From 10 s on board 1 does not answer: power was read before, and must not stand for the counter.
    environment = fake.environment(library, gpus=2, fail="999:0:1e12:1")
    state, infos, _, _, notes = fake.python(FIND, environment)
    assert state == "found"
    assert [info["name"] for info in infos] == ["nvml:0", "nvml:0:power"]
    assert notes == ["nvml:1 (NVIDIA Fake 100): Unknown Error"]


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ({"capability": "8.0"}, "sees 25 ms of every 100 ms"),
        ({"capability": "9.0"}, "sees 25 ms of every 100 ms"),
        ({"capability": "8.6"}, ""),
        ({"capability": "8.0", "no_power": 0}, ""),
        ({"virtual": 2}, "a vGPU"),
        ({"virtual": 1}, ""),
        ({"mig": "0:2"}, "the whole board's"),
        ({"names": "NVIDIA GH200 480GB", "module_w": 100}, "its Grace processor included"),
        ({"names": "NVIDIA GH200 480GB"}, "nothing is held against its counter"),
    ],
)
def test_what_to_know_of_a_board_is_noted(library: Path, settings: dict[str, object], note: str) -> None:
    *_, notes = fake.python(FIND, fake.environment(library, **settings))
    if note:
        assert any(note in line for line in notes)
        assert all(line.startswith("nvml:0 (NVIDIA ") for line in notes)
    else:
        assert notes == []


@pytest.mark.parametrize(
    ("capability", "part_time"), [("8.0", True), ("9.0", True), ("8.9", False), ("6.0", False)]
)
def test_a_power_that_is_seen_a_quarter_of_the_time_is_less_certain(
    library: Path, capability: str, part_time: bool
) -> None:
    _, infos, *_ = fake.python(FIND, fake.environment(library, capability=capability))
    counter, power = infos
    assert ("25 ms of 100 ms" in power["gain_source"]) == part_time
    for end in ("gain_below", "gain_above"):
        aside = 2 * 0.13 if part_time else 0.0
        assert power[end] == pytest.approx(math.hypot(counter[end], aside))


@pytest.mark.parametrize(
    ("name", "capability", "row"),
    [
        ("NVIDIA GeForce RTX 3090", "8.6", gains.NVIDIA_MODELS["RTX 3090"]),
        ("NVIDIA A100-PCIE-40GB", "8.0", gains.NVIDIA_MODELS["A100-PCIE-40GB"]),
        ("NVIDIA A100-SXM4-40GB", "8.0", gains.NVIDIA),
        ("NVIDIA GeForce RTX 3090 Ti", "8.6", gains.NVIDIA),
        ("Tesla V100-SXM2-16GB", "7.0", gains.NVIDIA),
        ("Tesla P100-PCIE-16GB", "6.0", gains.NVIDIA_BEFORE_VOLTA),
    ],
)
def test_a_board_is_as_far_off_as_what_is_known_of_its_model(
    library: Path, name: str, capability: str, row: gains.Gain
) -> None:
    _, infos, *_ = fake.python(FIND, fake.environment(library, names=name, capability=capability))
    counter = infos[0]
    assert (counter["gain_below"], counter["gain_above"]) == (row.below, row.above)
    assert counter["gain_source"].startswith(f"{row.row} (")
    assert counter["offset_a_w"] > 0  # what it may show of nothing


@pytest.mark.parametrize(
    ("name", "part", "boundary"),
    [("NVIDIA H100 80GB HBM3", "gpu", "component"), ("NVIDIA GH200 480GB", "soc", "module"),
     ("NVIDIA GB200", "soc", "module")],
)  # fmt: skip
def test_a_superchip_is_metered_as_a_module(library: Path, name: str, part: str, boundary: str) -> None:
    environment = fake.environment(library, names=name, capability="9.0", module_w=150)
    infos: list[dict[str, Any]] = fake.python(FIND, environment)[1]
    assert {(info["part"], info["boundary"]) for info in infos} == {(part, boundary)}
