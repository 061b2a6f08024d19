"""A Tasmota plug on a loopback server: power, register, several channels, old and new firmware."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters.network import tasmota
from energyprof.meter import Finding
from fakes.http_meters import Tasmota, no_credentials, serving
from fakes.waveform import Waveform, constant, ramp, square


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_credentials(monkeypatch, tmp_path)


def readings(finding: Finding) -> list[float]:
    assert finding.state == "found", finding.reason
    found = []
    for source in finding.sources:
        meter: Any = source.open()
        found.append(meter.read())
        meter.close()
    return found


@pytest.mark.parametrize("wave", [constant(123.4), square(40, 250, 10), ramp(20, 300, 60)])
def test_power_and_register_are_what_the_device_measures(wave: Waveform) -> None:
    device = Tasmota(wave)
    with serving(device) as host:
        finding = tasmota.find_at(host, {})
        for device.at_s in (0.0, 3.3, 1234.5, 86400.25):
            power_w, energy_j = readings(finding)
            assert power_w == pytest.approx(device.power_w, abs=0.5)
            assert 0 <= device.energy_j - energy_j < 3600 + 1e-6


def test_the_power_counts_and_the_register_is_held_against_it() -> None:
    with serving(Tasmota()) as host:
        power, register = (source.info for source in tasmota.find_at(host, {}).sources)
    assert (power.name, power.reads) == (f"tasmota:{host}", "power_w")
    assert (power.method, power.device) == ("Status 8 ENERGY.Power", "2C:3A:E8:00:00:01")
    assert (power.part, power.boundary, power.resolution) == ("machine", "wall_ac", 1.0)
    assert power.gain_a == 0.05
    assert (register.name, register.reads) == (f"tasmota:{host}:register", "energy_j")
    assert (register.resolution, register.checks, register.tolerance) == (3600.0, power.name, 0.05)


def test_old_firmware_has_its_sensors_in_status_10() -> None:
    with serving(Tasmota(status="Status 10")) as host:
        finding = tasmota.find_at(host, {})
        assert readings(finding)[0] == 50.0
    assert finding.sources[0].info.method == "Status 10 ENERGY.Power"


@pytest.mark.parametrize(
    ("channel", "expected", "name"),
    [
        ("1", [100.0, 1e6], ":1"),
        ("3", [300.0, 3e6], ":3"),
        ("all", [600.0, 6e6], ":all"),
    ],
)
def test_of_several_channels_one_is_chosen_or_all(channel: str, expected: list[float], name: str) -> None:
    device = Tasmota(powers=[100, 200, 300], total=[1 / 3.6, 2 / 3.6, 3 / 3.6])
    with serving(device) as host:
        finding = tasmota.find_at(host, {"channel": channel})
        assert readings(finding) == pytest.approx(expected)
        assert finding.sources[0].info.name == f"tasmota:{host}{name}"


def test_of_several_channels_one_must_be_chosen() -> None:
    with serving(Tasmota(powers=[100, 200])) as host:
        finding = tasmota.find_at(host, {})
    assert finding.reason == "it measures more than one channel: there are 1, 2, all"
    assert finding.remedy == f"--meters 'tasmota={host}?channel=1'"


def test_one_total_for_all_channels_is_no_register_of_one() -> None:
    device = Tasmota(powers=[100, 200], total=1.0)
    with serving(device) as host:
        one, both = (tasmota.find_at(host, {"channel": channel}) for channel in ("2", "all"))
        assert readings(one) == [200.0]
        assert one.notes[0].endswith("Total is not told by channels")
        assert readings(both) == [300.0, 3.6e6]


def test_a_list_of_one_is_one_channel() -> None:
    with serving(Tasmota(powers=[100], total=[1.0])) as host:
        finding = tasmota.find_at(host, {})
        assert readings(finding) == [100.0, 3.6e6]
        assert finding.sources[0].info.name == f"tasmota:{host}"


def test_numbers_may_come_as_text() -> None:
    with serving(Tasmota(powers="22.5", total="102.550")) as host:
        assert readings(tasmota.find_at(host, {})) == pytest.approx([22.5, 102.55 * 3.6e6])


def test_a_plug_without_a_meter_is_told_so() -> None:
    with serving(Tasmota(meter=False)) as host:
        assert tasmota.find_at(host, {}).reason.startswith("this Tasmota has no power meter")


def test_something_else_is_no_tasmota() -> None:
    with serving(Tasmota(status="none")) as host:
        assert tasmota.find_at(host, {}).reason == "it answers, but it is not a Tasmota: it has no StatusSNS"


@pytest.mark.parametrize("channel", ["0", "left", "-1"])
def test_a_channel_that_makes_no_sense_is_a_usage_error(channel: str) -> None:
    with pytest.raises(UsageError, match=f"channel={channel} is invalid: give a whole number from 1"):
        tasmota.find_at("127.0.0.1", {"channel": channel})


def test_a_refusal_of_old_firmware_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Tasmota(password="s3cret", refusal=200)
    with serving(device) as host:
        finding = tasmota.find_at(host, {})
        assert finding.reason.startswith("it asks for a user and a password")
        assert "ENERGYPROF_TASMOTA_PASSWORD" in finding.remedy
        monkeypatch.setenv("ENERGYPROF_TASMOTA_PASSWORD", "s3cret")
        meter: Any = tasmota.find_at(host, {}).sources[0].open()
        assert meter.read() == 50.0
        device.password = "changed meanwhile"
        with pytest.raises(MeterError, match=rf"^tasmota:{host}: it asks for a user and a password"):
            meter.read()
        meter.close()


@pytest.mark.parametrize("power", [None, "", "much", True, {}])
def test_a_reading_that_is_no_power_is_an_error_of_one_line(power: Any) -> None:
    device = Tasmota()
    with serving(device) as host:
        meter: Any = tasmota.find_at(host, {}).sources[0].open()
        device.powers = power
        with pytest.raises(
            MeterError, match=rf"^tasmota:{host}: StatusSNS\.ENERGY\.Power is .* not a number$"
        ):
            meter.read()
        meter.close()
