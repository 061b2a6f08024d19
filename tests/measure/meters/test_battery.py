"""Batteries on fake trees: a power only while discharging, whatever sign and unit their driver likes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import MeterError
from energyprof.measure.meters import battery
from fakes import sysfs


def supply(root: Path, name: str, **files: object) -> Path:
    folder = root / "sys/class/power_supply" / name
    for file, value in {"type": "Battery", "present": 1, "status": "Discharging", **files}.items():
        sysfs.write(folder / file, f"{value}\n")
    return folder


@pytest.mark.parametrize(
    ("files", "power_w", "resolution_w", "method"),
    [
        ({"power_now": 12_340_000}, 12.34, 0.01, "power_supply power_now"),
        ({"power_now": -12_000_000}, 12.0, 1.0, "power_supply power_now"),
        (
            {"voltage_now": 12_000_000, "current_now": 1_500_000},
            18.0,
            0.1 * 12 + 1 * 1.5,
            "power_supply voltage_now × current_now",
        ),
        (
            {"voltage_now": 7_641_000, "current_now": -881_000},
            6.731721,
            0.001 * 7.641 + 0.001 * 0.881,
            "power_supply voltage_now × current_now",
        ),
    ],
)
def test_a_discharging_battery_tells_its_power(
    tmp_path: Path, files: dict[str, object], power_w: float, resolution_w: float, method: str
) -> None:
    supply(tmp_path, "BAT0", manufacturer="SMP", model_name="X1", **files)
    finding = battery.find(tmp_path)
    (source,) = finding.sources
    meter: Any = source.open()
    assert meter.read() == pytest.approx(power_w)
    meter.close()
    info = source.info
    assert (info.name, info.part, info.boundary) == ("battery:BAT0", "machine", "node_dc")
    assert info.resolution == pytest.approx(resolution_w)
    assert (info.method, info.device) == (method, "SMP X1")
    assert info.min_interval_s >= 1 and info.refresh_s >= 1


def test_each_of_two_batteries_is_a_meter_as_long_as_it_gives_power(tmp_path: Path) -> None:
    supply(tmp_path, "BAT1", power_now=3_000_000)
    supply(tmp_path, "BAT0", power_now=9_000_000)
    supply(tmp_path, "BAT2", power_now=0, status="Not charging")
    finding = battery.find(tmp_path)
    assert [source.info.name for source in finding.sources] == ["battery:BAT0", "battery:BAT1"]
    assert finding.notes == ("BAT2 left out: it is not charging",)


@pytest.mark.parametrize(
    ("supplies", "reason"),
    [
        ({}, "no battery in "),
        ({"AC": {"type": "Mains", "online": 1}}, "no battery in "),
        ({"hidpp_battery_0": {"scope": "Device", "power_now": 1_000}}, "no battery in "),
        ({"BAT0": {"present": 0}}, "no battery in "),
        ({"BAT0": {"status": "Full", "power_now": 0}}, "on mains: pull the plug to measure with it"),
        (
            {"BAT0": {"status": "Charging", "power_now": 30_000_000}},
            "on mains: pull the plug to measure with it",
        ),
    ],
)
def test_without_a_discharging_battery_there_is_none(
    tmp_path: Path, supplies: dict[str, dict[str, object]], reason: str
) -> None:
    for name, files in supplies.items():
        supply(tmp_path, name, **files)
    finding = battery.find(tmp_path)
    assert (finding.state, finding.sources) == ("absent", ())
    assert finding.reason.startswith(reason)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"power_now": 0}, "it shows 0 W while discharging"),
        ({"voltage_now": 12_000_000}, "it shows neither its power nor its current"),
        ({"power_now": "unknown"}, "it shows neither its power nor its current"),
    ],
)
def test_a_gauge_that_shows_nothing_is_blocked(tmp_path: Path, files: dict[str, object], words: str) -> None:
    supply(tmp_path, "BAT0", **files)
    finding = battery.find(tmp_path)
    assert finding.state == "blocked"
    assert words in finding.reason


def test_the_plug_in_the_middle_of_a_run_is_no_reading(tmp_path: Path) -> None:
    folder = supply(tmp_path, "BAT0", power_now=9_000_000)
    meter: Any = battery.find(tmp_path).sources[0].open()
    assert meter.read() == 9.0
    (folder / "status").write_text("Charging\n")
    with pytest.raises(MeterError, match="battery:BAT0: it is charging: only a discharging battery"):
        meter.read()
    (folder / "status").write_text("Discharging\n")
    (folder / "power_now").write_text("0\n")
    with pytest.raises(MeterError, match="shows 0 W"):
        meter.read()
    (folder / "status").unlink()
    with pytest.raises(MeterError, match="it is gone"):
        meter.read()
    meter.close()


def test_a_supply_that_gives_power_beside_the_battery_leaves_it_out(tmp_path: Path) -> None:
    folder = supply(tmp_path, "BAT0", power_now=9_000_000)
    plug = supply(tmp_path, "AC", type="Mains", online=0)
    supply(tmp_path, "mouse", type="USB", scope="Device", online=1)
    meter: Any = battery.find(tmp_path).sources[0].open()
    (plug / "online").write_text("1\n")  # a weak one: the battery still gives the rest
    with pytest.raises(MeterError, match="AC gives power beside it"):
        meter.read()
    finding = battery.find(tmp_path)
    assert (finding.state, finding.notes) == ("absent", ())
    sysfs.write(folder / "charge_behaviour", "auto inhibit-charge [force-discharge]\n")
    assert meter.read() == 9.0
    meter.close()
