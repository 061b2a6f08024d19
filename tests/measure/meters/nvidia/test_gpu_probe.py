"""The conditions under which an NVIDIA GPU works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes import nvml as fake

READ = """
import json
from pathlib import Path
from energyprof.measure.meters import find
probes = [opener() for opener in find("nvml", Path("/")).probes]
print(json.dumps([[probe.name, dict(probe.read())] for probe in probes]))
for probe in probes:
    probe.close()
    probe.close()
"""

ALL = {
    "sm_mhz": 1410,
    "memory_mhz": 1593,
    "temperature_c": 45,
    "power_limit_w": 400.0,
    "default_power_limit_w": 400.0,
    "pstate": "P0",
    "throttled": [],
    "processes": [],
}


@pytest.fixture(scope="session")
def library() -> Path:
    """The fake library."""
    return fake.build()


def conditions(library: Path, **settings: Any) -> dict[str, Any]:
    """What the probe of the only board says."""
    ((name, answer),) = fake.python(READ, fake.environment(library, **settings))
    assert name == "nvml:0"
    return answer


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ALL),
        ({"clocks": "1980:2619", "temperature": 83, "pstate": 2},
         {**ALL, "sm_mhz": 1980, "memory_mhz": 2619, "temperature_c": 83, "pstate": "P2"}),
        ({"enforced_w": 250, "default_w": 300}, {**ALL, "power_limit_w": 250, "default_power_limit_w": 300}),
        # a board of which the meters cannot be read still has conditions; see below for one that is gone
        ({"no_power": 0}, ALL),
    ],
)  # fmt: skip
def test_a_board_tells_its_conditions(library: Path, settings: dict[str, Any], expected: Any) -> None:
    assert conditions(library, **settings) == expected


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"unsupported": "clock"}, {"sm_mhz", "memory_mhz"}),
        ({"unsupported": "temperature"}, {"temperature_c"}),
        ({"unsupported": "limit"}, {"power_limit_w", "default_power_limit_w"}),
        ({"unsupported": "pstate"}, {"pstate"}),
        ({"pstate": 32}, {"pstate"}),  # unknown
        ({"unsupported": "throttle"}, {"throttled"}),
        ({"unsupported": "processes"}, {"processes"}),
        ({"unsupported": "mps"}, set()),
        ({"unsupported": "clock,temperature,limit,pstate,throttle,processes"}, set(ALL)),
    ],
)
def test_what_a_board_does_not_support_is_left_out(
    library: Path, settings: dict[str, Any], missing: set[str]
) -> None:
    assert set(ALL) - set(conditions(library, **settings)) == missing


@pytest.mark.parametrize(
    ("bits", "reasons"),
    [
        (0x0, []),
        (0x1, []),  # idle
        (0x100, []),  # the display's clock
        (0x2, ["applications_clocks"]),
        (0x4, ["sw_power_cap"]),
        (0x8 | 0x80, ["hw_slowdown", "hw_power_brake"]),
        (0x10, ["sync_boost"]),
        (0x1 | 0x20 | 0x40, ["sw_thermal", "hw_thermal"]),
    ],
)
def test_what_slows_a_board_is_in_words(library: Path, bits: int, reasons: list[str]) -> None:
    assert conditions(library, throttle=bits)["throttled"] == reasons


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"processes": "12=/usr/bin/python3,7=./train"}, [(7, "./train"), (12, "/usr/bin/python3")]),
        ({"processes": "12=python3", "mps": "12=python3,30=worker"}, [(12, "python3"), (30, "worker")]),
        ({"processes": "12=python3", "mps": "30=w", "unsupported": "mps"}, [(12, "python3")]),
        ({"processes": "12"}, [(12, "unknown")]),  # gone before it could be named
        ({"graphics": "5=/usr/lib/xorg/Xorg"}, []),
    ],
)
def test_who_computes_on_a_board(
    library: Path, settings: dict[str, Any], expected: list[tuple[int, str]]
) -> None:
    found = conditions(library, **settings)["processes"]
    assert found == [{"pid": pid, "name": name} for pid, name in expected]


@pytest.mark.slow
def test_a_driver_that_knows_only_the_older_names_is_asked_by_them() -> None:
    folder = fake.build("-DWITHOUT_EVENT_REASONS", "-DWITHOUT_PROCESSES_V3")
    found = conditions(folder, throttle=4, processes="12=python3")
    assert found["throttled"] == ["sw_power_cap"]
    assert found["processes"] == [{"pid": 12, "name": "python3"}]


@pytest.mark.parametrize(("asked", "names"), [("1,0", ["nvml:1", "nvml:0"]), ("2", ["nvml:2"])])
def test_only_the_gpus_a_program_may_see_are_probed(library: Path, asked: str, names: list[str]) -> None:
    answers = fake.python(READ, fake.environment(library, gpus=3, CUDA_VISIBLE_DEVICES=asked))
    assert [name for name, _ in answers] == names


@pytest.mark.slow
def test_a_board_that_is_gone_says_so_and_is_found_again(library: Path, tmp_path: Path) -> None:
    script = """
import json, os, time
from pathlib import Path
from energyprof.errors import MeterError
from energyprof.measure.meters import find
clock = Path(os.environ["FAKE_NVML_CLOCK"])
def value():
    try:
        return probe.read()["sm_mhz"]
    except MeterError as error:
        return str(error)
probe = find("nvml", Path("/")).probes[0]()
answers = [value()]
clock.write_text("12")
answers += [value(), value()]
clock.write_text("25")
deadline = time.monotonic() + 30
while isinstance(value(), str) and time.monotonic() < deadline:
    time.sleep(0.05)
print(json.dumps([*answers, value()]))
"""
    (tmp_path / "clock").write_text("0")
    environment = fake.environment(library, clock=tmp_path / "clock", lost="10:20")
    assert fake.python(script, environment) == [1410, "nvml:0: GPU is lost", "nvml:0: GPU is lost", 1410]
