"""The kernel's sensors on fake trees: which count, what lies within another, and every way to have none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import MeterError
from energyprof.measure.meters import hwmon
from energyprof.meter import Finding, MeterInfo
from energyprof.trace.gains import BMC
from fakes import hwmon as fake
from fakes import sysfs

RADEON = {"power1_average": 35_000_000, "power1_label": "PPT", "power1_cap": 250_000_000}


def readings(finding: Finding) -> dict[str, float]:
    found = {}
    for source in finding.sources:
        meter: Any = source.open()
        found[source.info.name] = meter.read()
        meter.close()
        meter.close()
    return found


def only(finding: Finding) -> MeterInfo:
    (source,) = finding.sources
    return source.info


def test_an_amd_gpu_is_named_by_its_place_and_not_by_its_number(tmp_path: Path) -> None:
    fake.chip(tmp_path, 7, "amdgpu", {**RADEON, "power1_cap_max": 300_000_000}, "0000:03:00.0")
    finding = hwmon.find(tmp_path)
    assert readings(finding) == {"hwmon:amdgpu:ppt:0000:03:00.0": 35.0}
    info = only(finding)
    assert (info.part, info.boundary, info.reads) == ("gpu", "component", "power_w")
    assert info.max_power_w == 2000.0
    assert info.resolution == 1.0
    assert (info.window_s, info.window_assumed) == (1.0, True)  # the driver does not tell


def test_each_gpu_is_a_meter(tmp_path: Path) -> None:
    fake.chip(tmp_path, 4, "amdgpu", RADEON, "0000:83:00.0")
    fake.chip(tmp_path, 3, "amdgpu", RADEON, "0000:03:00.0")
    names = [source.info.name for source in hwmon.find(tmp_path).sources]
    assert names == ["hwmon:amdgpu:ppt:0000:03:00.0", "hwmon:amdgpu:ppt:0000:83:00.0"]


@pytest.mark.parametrize(
    "files",
    [
        {"power1_average": 9_000_000, "power1_label": "PPT"},  # no limit to set
        {"power1_average": 9_000_000, "power1_label": "slowPPT", "power1_cap": 15_000_000},  # Van Gogh
    ],
)
def test_a_gpu_inside_the_processor_holds_the_processor(tmp_path: Path, files: dict[str, object]) -> None:
    fake.chip(tmp_path, 1, "amdgpu", files, "0000:c1:00.0")
    finding = hwmon.find(tmp_path)
    assert only(finding).part == "soc"
    assert any("holds the CPU too" in note for note in finding.notes)


def test_the_mean_power_is_taken_before_that_of_an_instant(tmp_path: Path) -> None:
    fake.chip(tmp_path, 1, "amdgpu", {**RADEON, "power1_input": 99_000_000}, "0000:03:00.0")
    finding = hwmon.find(tmp_path)
    assert list(readings(finding).values()) == [35.0]
    assert only(finding).method == "hwmon amdgpu power1_average"


def test_an_intel_card_holds_its_package_and_its_tiles(tmp_path: Path) -> None:
    energies = {
        "energy1_input": 5_000_001,
        "energy1_label": "card",
        "energy2_input": 4_000_000,
        "energy2_label": "pkg",
    }
    fake.chip(tmp_path, 1, "xe", energies, "0000:04:00.0")
    fake.chip(tmp_path, 2, "i915", {"energy1_input": 7_000_000}, "0000:05:00.0")
    fake.chip(tmp_path, 3, "i915_gt0", {"energy1_input": 6_000_000}, "0000:05:00.0")
    finding = hwmon.find(tmp_path)
    assert readings(finding) == {
        "hwmon:i915:energy1:0000:05:00.0": 7.0,
        "hwmon:xe:card:0000:04:00.0": 5.000001,
    }
    assert {source.info.reads for source in finding.sources} == {"energy_j"}
    assert finding.notes == ("xe:pkg:0000:04:00.0 left out: inside xe:card:0000:04:00.0",)


def test_amd_energy_counts_its_sockets_and_not_their_cores(tmp_path: Path) -> None:
    files = {f"energy{n + 1}_input": 1_000_000 * n for n in range(10)}
    files |= {f"energy{n + 1}_label": f"Ecore{n:03}" if n < 8 else f"Esocket{n - 8}" for n in range(10)}  # type: ignore[misc]
    fake.chip(tmp_path, 1, "amd_energy", files, "amd_energy.0", bus="platform")
    finding = hwmon.find(tmp_path)
    assert readings(finding) == {
        "hwmon:amd_energy:esocket0:amd_energy.0": 8.0,
        "hwmon:amd_energy:esocket1:amd_energy.0": 9.0,
    }
    assert [source.info.checks for source in finding.sources] == ["rapl:package-0", "rapl:package-1"]
    assert finding.sources[0].info.tolerance > 0
    assert any("ecore007" in note and "inside" in note for note in finding.notes)


def test_a_servers_acpi_meter_is_the_whole_node(tmp_path: Path) -> None:
    fake.acpi_meter(tmp_path, 1, watts=412.5, accuracy="98.500%", interval_ms=2000)
    finding = hwmon.find(tmp_path)
    assert readings(finding) == {"hwmon:power_meter:power1:ACPI000D:01": 412.5}
    info = only(finding)
    assert (info.part, info.boundary) == ("machine", "node_dc")
    assert (info.refresh_s, info.window_s, info.resolution) == (2.0, 2.0, pytest.approx(0.1))
    assert info.gain_a == pytest.approx(0.015)
    assert "firmware" in info.gain_source


def test_a_firmware_that_claims_to_be_perfect_is_not_believed(tmp_path: Path) -> None:
    fake.acpi_meter(tmp_path, 1, watts=400, accuracy="100.0%")
    assert only(hwmon.find(tmp_path)).gain_above == BMC.above


def test_of_several_acpi_meters_none_is_guessed_to_be_the_whole(tmp_path: Path) -> None:
    fake.acpi_meter(tmp_path, 1, watts=400)
    fake.acpi_meter(tmp_path, 2, watts=200)
    finding = hwmon.find(tmp_path)
    assert (finding.state, finding.sources) == ("absent", ())
    assert "nothing says which of them holds which" in finding.reason


@pytest.mark.parametrize(
    ("sensors", "name", "part", "boundary"),
    [
        (("CPU", "SysIO", "Grace", "Module"), "module", "soc", "module"),
        (("CPU", "SysIO", "Grace"), "grace", "cpu", "component"),
        (("CPU", "SysIO"), "cpu", "cpu", "component"),
    ],
)
def test_grace_counts_the_outermost_sensor_of_each_socket(
    tmp_path: Path, sensors: tuple[str, ...], name: str, part: str, boundary: str
) -> None:
    for socket in (0, 1):
        for place, sensor in enumerate(sensors):
            fake.acpi_meter(
                tmp_path, 10 * socket + place, 50 + place, f"{sensor} Power Socket {socket}", interval_ms=50
            )
    finding = hwmon.find(tmp_path)
    infos = [source.info for source in finding.sources]
    assert [info.name.split(":")[2] for info in infos] == [f"{name}-power-socket-0", f"{name}-power-socket-1"]
    assert {(info.part, info.boundary) for info in infos} == {(part, boundary)}
    assert {info.window_s for info in infos} == {0.05}
    left_out = " ".join(finding.notes)
    assert left_out.count("power-socket-0:ACPI") == len(sensors)
    assert ("holds its GPU" in left_out) == (name == "module")


def test_a_power_supply_counts_its_total_and_not_its_rails(tmp_path: Path) -> None:
    files = {"power1_input": 210_000_000, "power1_label": "power total"}
    files |= {"power2_input": 180_000_000, "power2_label": "power +12v"}
    fake.chip(tmp_path, 1, "corsairpsu", files, "0003:1B1C:1C07.0001", bus="usb1")
    finding = hwmon.find(tmp_path)
    assert readings(finding) == {"hwmon:corsairpsu:power-total:0003:1B1C:1C07.0001": 210.0}
    assert (only(finding).part, only(finding).boundary) == ("machine", "node_dc")


def test_one_unknown_sensor_is_a_rail_of_the_board(tmp_path: Path) -> None:
    fake.chip(tmp_path, 1, "ina226", {"power1_input": 0, "power1_label": "VDD 5V"}, "1-0040", bus="i2c-1")
    finding = hwmon.find(tmp_path)
    assert readings(finding) == {"hwmon:ina226:vdd-5v:1-0040": 0.0}  # a rail may be off
    assert (only(finding).part, only(finding).boundary) == ("board", "component")


def test_unknown_sensors_that_may_lie_within_each_other_are_not_added(tmp_path: Path) -> None:
    fake.chip(tmp_path, 1, "ina226", {"power1_input": 12_000_000}, "1-0040", bus="i2c-1")
    fake.chip(tmp_path, 2, "ina226", {"power1_input": 4_000_000}, "1-0041", bus="i2c-1")
    fake.chip(tmp_path, 3, "amdgpu", RADEON, "0000:03:00.0")
    finding = hwmon.find(tmp_path)
    assert list(readings(finding)) == ["hwmon:amdgpu:ppt:0000:03:00.0"]
    assert "ina226:power1:1-0040, ina226:power1:1-0041 left out" in finding.notes[0]


def test_rails_and_batteries_of_other_kinds_are_left_to_them(tmp_path: Path) -> None:
    fake.chip(tmp_path, 1, "ina3221", {"power1_input": 5_000_000}, "1-0040", bus="i2c-1")
    fake.chip(tmp_path, 2, "BAT0", {"power1_input": 5_000_000}, "BAT0", bus="power_supply")
    sysfs.write(tmp_path / "sys/devices/power_supply/BAT0/type", "Battery\n")
    fake.chip(tmp_path, 3, "k10temp", {"temp1_input": 45_000}, "0000:00:18.3")
    assert hwmon.find(tmp_path).state == "absent"


def test_a_machine_without_sensors_says_so(tmp_path: Path) -> None:
    finding = hwmon.find(tmp_path)
    assert finding.state == "absent"
    assert finding.reason == f"no sensor of power or energy in {tmp_path}/sys/class/hwmon"


@pytest.mark.parametrize(
    ("value", "words"), [("0", "shows 0 W"), ("", "not a number"), ("-5000000", "not a number")]
)
def test_a_gpu_without_a_reading_is_blocked_with_its_words(tmp_path: Path, value: str, words: str) -> None:
    fake.chip(tmp_path, 1, "amdgpu", {**RADEON, "power1_average": value}, "0000:03:00.0")
    finding = hwmon.find(tmp_path)
    assert (finding.state, finding.sources) == ("blocked", ())
    assert words in finding.reason


def test_a_reading_that_fails_midway_is_an_error(tmp_path: Path) -> None:
    folder = fake.chip(tmp_path, 1, "amdgpu", RADEON, "0000:03:00.0")
    meter: Any = hwmon.find(tmp_path).sources[0].open()
    assert meter.read() == 35.0
    for text, words in [("0\n", "shows 0 W"), ("N/A\n", "b'N/A' is not a number"), ("40000000\n", "")]:
        (folder / "power1_average").write_text(text)
        if words:
            with pytest.raises(MeterError, match=words):
                meter.read()
        else:
            assert meter.read() == 40.0
    meter.close()


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="gives up root's rights")
def test_a_counter_that_may_not_be_read_comes_with_its_remedy(tmp_path: Path) -> None:
    files = {"energy1_input": 5_000_000, "energy1_label": "Esocket0"}
    folder = fake.chip(tmp_path, 1, "amd_energy", files, "amd_energy.0", bus="platform")
    (folder / "energy1_input").chmod(0o440)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and parent.name.startswith(("pytest", "popen", tmp_path.name)):
            parent.chmod(0o755)
    script = f"""
import os
from pathlib import Path
from energyprof.measure.meters import hwmon
from energyprof.trace.gains import BMC
os.setgid(65534)
os.setuid(65534)
finding = hwmon.find(Path({str(tmp_path)!r}))
print(finding.state, finding.reason, finding.remedy, sep="\\n")
"""
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    state, reason, remedy = child.stdout.splitlines()
    assert state == "blocked"
    assert "Permission denied" in reason
    assert remedy.startswith("sudo chmod a+r ") and "energy1_input" in remedy and "CVE-2020-12912" in remedy


def test_two_chips_without_a_device_are_two_meters(tmp_path: Path) -> None:
    fake.chip(tmp_path, 0, "corsairpsu", {"power1_input": 200_000_000})
    fake.chip(tmp_path, 1, "corsairpsu", {"power1_input": 100_000_000})
    assert sorted(readings(hwmon.find(tmp_path)).values()) == [100, 200]
