"""Shelly devices of both generations on a loopback server: power, register, channels, faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters.network import shelly
from energyprof.meter import Finding
from fakes.http_meters import Device, ShellyGen1, ShellyRpc, no_credentials, serving
from fakes.waveform import Waveform, constant, ramp, square

WAVES = [constant(123.4), square(40, 250, 10), ramp(20, 300, 60)]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_credentials(monkeypatch, tmp_path)


@contextmanager
def opened(finding: Finding) -> Iterator[dict[str, Any]]:
    """Every meter by what it is: "power", "register"."""
    assert finding.state == "found", finding.reason
    names = {"power_w": "power", "energy_j": "register"}
    with ExitStack() as stack:
        yield {names[s.info.reads]: stack.enter_context(closing(s.open())) for s in finding.sources}


def power_w(finding: Finding) -> float:
    with opened(finding) as meters:
        value: float = meters["power"].read()
    return value


@pytest.mark.parametrize("wave", WAVES)
@pytest.mark.parametrize(
    ("kind", "step_w", "step_j"), [(ShellyRpc, 0.1, 3.6), (ShellyGen1, 0.01, 60.0)], ids=["rpc", "gen1"]
)
def test_power_and_register_are_what_the_device_measures(
    kind: type[Device], step_w: float, step_j: float, wave: Waveform
) -> None:
    device = kind(wave)
    with serving(device) as host, opened(shelly.find_at(host, {})) as meters:
        for device.at_s in (0.0, 3.3, 1234.5, 86400.25):
            assert meters["power"].read() == pytest.approx(device.power_w, abs=step_w / 2 + 1e-9)
            assert 0 <= device.energy_j - meters["register"].read() < step_j + 1e-6
    assert meters["power"].info.resolution == pytest.approx(step_w)
    assert meters["register"].info.resolution == pytest.approx(step_j)


@pytest.mark.parametrize(
    ("device", "method", "named"),
    [
        (ShellyRpc(), "Switch.GetStatus apower", "SNPL-00112EU AABBCCDDEEFF"),
        (ShellyRpc(component="pm1"), "PM1.GetStatus apower", "SNPL-00112EU AABBCCDDEEFF"),
        (ShellyGen1(), "/meter power", "SHPLG-S AABBCCDDEEFF"),
    ],
)
def test_the_power_counts_and_the_register_is_held_against_it(
    device: Device, method: str, named: str
) -> None:
    with serving(device) as host:
        finding = shelly.find_at(host, {})
    power, register = (source.info for source in finding.sources)
    assert (power.name, power.reads, power.method) == (f"shelly:{host}", "power_w", method)
    assert (power.part, power.boundary, power.device) == ("machine", "wall_ac", named)
    assert (power.gain_a, power.checks, power.lane, power.external) == (0.035, "", "", False)
    assert (register.name, register.reads) == (f"shelly:{host}:register", "energy_j")
    assert (register.checks, register.tolerance) == (power.name, 0.05)
    assert register.min_interval_s > power.min_interval_s >= 1.0
    assert not finding.notes


@pytest.mark.parametrize(
    ("component", "method"),
    [("em1", "EM1.GetStatus act_power"), ("em", "EM.GetStatus total_act_power")],
)
def test_an_energy_meter_has_a_power_and_no_register(component: str, method: str) -> None:
    with serving(ShellyRpc(constant(4321.0), component=component, energy=False)) as host:
        finding = shelly.find_at(host, {})
        (power,) = finding.sources
        assert power.info.method == method
        assert power.info.max_power_w > 16_000
        assert power_w(finding) == 4321.0


@pytest.mark.parametrize("device", [ShellyRpc(channels=4), ShellyGen1(channels=2)], ids=["rpc", "gen1"])
def test_of_several_channels_one_must_be_chosen(device: ShellyRpc | ShellyGen1) -> None:
    with serving(device) as host:
        finding = shelly.find_at(host, {})
        assert finding.state == "blocked"
        listed = ", ".join(str(n) for n in range(device.channels))
        assert finding.reason == f"it measures more than one channel: there are {listed}"
        assert finding.remedy == f"--meters 'shelly={host}?channel=0'"
        chosen = shelly.find_at(host, {"channel": "1"})
        assert [source.info.name for source in chosen.sources] == [
            f"shelly:{host}:1",
            f"shelly:{host}:1:register",
        ]
        expected_w = 100.0 if isinstance(device, ShellyRpc) else 50.0
        assert power_w(chosen) == expected_w
        missing = shelly.find_at(host, {"channel": "7"})
        assert missing.reason == f"it has no channel 7: there are {listed}"


def test_the_only_channel_may_be_named() -> None:
    with serving(ShellyRpc()) as host:
        assert shelly.find_at(host, {"channel": "0"}).sources[0].info.name == f"shelly:{host}"


def test_what_the_user_says_of_the_meter_counts() -> None:
    with serving(ShellyRpc()) as host:
        options = {"name": "desk", "gain": "1%", "boundary": "node_dc"}
        info = shelly.find_at(host, options).sources[0].info
    assert (info.name, info.gain_a, info.boundary) == ("shelly:desk", 0.01, "node_dc")
    assert info.gain_source == "the user: gain=1%"


def test_a_channel_that_is_no_number_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="channel=left is invalid"):
        shelly.find_at("127.0.0.1", {"channel": "left"})


@pytest.mark.parametrize("device", [ShellyRpc(channels=0), ShellyGen1(channels=0)], ids=["rpc", "gen1"])
def test_a_shelly_that_measures_nothing_is_told_so(device: Device) -> None:
    with serving(device) as host:
        assert shelly.find_at(host, {}).reason == "it measures no power"


def test_something_else_is_no_shelly() -> None:
    class Router(Device):
        def answer(self, path: str, query: dict[str, str]) -> Any:
            return {"hello": "world"}

    with serving(Router()) as host:
        finding = shelly.find_at(host, {})
    assert finding.reason == "it answers, but it is not a Shelly: /shelly has neither gen nor type"


def test_the_password_of_a_first_generation_is_not_sent_to_a_later_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENERGYPROF_SHELLY_PASSWORD", "s3cret")
    seen = []

    class Curious(ShellyRpc):
        def challenge(self, path: str, query: dict[str, str], authorization: str) -> str | None:
            seen.append(authorization)
            return super().challenge(path, query, authorization)

    with serving(Curious(password="s3cret")) as host:
        assert shelly.find_at(host, {}).state == "found"
    assert any(header.startswith("Digest") for header in seen)
    assert not any(header.startswith("Basic") for header in seen)


def test_the_first_generation_takes_user_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENERGYPROF_SHELLY_USER", "nora")
    monkeypatch.setenv("ENERGYPROF_SHELLY_PASSWORD", "s3cret")
    with serving(ShellyGen1(user="nora", password="s3cret")) as host:
        assert power_w(shelly.find_at(host, {})) == 50.0


@pytest.mark.parametrize("power", [None, "", "much", True, [], float("nan")])
def test_a_reading_that_is_no_power_is_an_error_of_one_line(power: Any) -> None:
    device = ShellyRpc()
    with serving(device) as host, opened(shelly.find_at(host, {})) as meters:
        device.power = power
        with pytest.raises(MeterError, match=rf"^shelly:{host}: apower is .* not a number$"):
            meters["power"].read()


def test_a_meter_that_says_that_it_is_broken_is_not_believed() -> None:
    rpc, gen1 = ShellyRpc(), ShellyGen1()
    with serving(rpc) as host, opened(shelly.find_at(host, {})) as meters:
        rpc.errors = ("power_meter_failure",)
        with pytest.raises(MeterError, match="the device reports power_meter_failure"):
            meters["power"].read()
        rpc.errors = ("overtemp",)
        assert meters["power"].read() == 50.0
    with serving(gen1) as host, opened(shelly.find_at(host, {})) as meters:
        gen1.valid = False
        with pytest.raises(MeterError, match="says that its reading is not valid"):
            meters["power"].read()


def test_a_plug_that_feeds_nothing_is_noted() -> None:
    with serving(ShellyRpc(constant(0.0))) as host:
        finding = shelly.find_at(host, {})
    assert finding.state == "found"
    assert finding.notes == (f"shelly:{host} reads 0 W: is the machine plugged in there?",)


def test_a_register_that_is_missing_is_noted() -> None:
    with serving(ShellyRpc(energy=False)) as host:
        finding = shelly.find_at(host, {})
    assert [source.info.reads for source in finding.sources] == ["power_w"]
    assert finding.notes[0].endswith("the answer has no aenergy.total")
