"""A BMC on a loopback server: which chassis, which resource, what is no reading, whom to trust."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters.network import redfish
from energyprof.meter import Finding
from energyprof.trace.gains import BMC
from fakes.http_meters import Redfish, no_credentials, self_signed, serving
from fakes.waveform import Waveform, constant, ramp, square

BOTH = ("Power", "EnvironmentMetrics")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_credentials(monkeypatch, tmp_path)


def find(host: str, **options: str) -> Finding:
    return redfish.find_at(f"http://{host}", options)


def readings(finding: Finding) -> list[float]:
    assert finding.state == "found", finding.reason
    found = []
    for source in finding.sources:
        meter: Any = source.open()
        found.append(meter.read())
        meter.close()
    return found


@pytest.mark.parametrize("wave", [constant(123.4), square(40, 250, 10), ramp(20, 300, 60)])
def test_the_power_is_what_the_device_measures(wave: Waveform) -> None:
    old, new = Redfish(wave), Redfish(wave, chassis={"1": ("EnvironmentMetrics",)})
    with serving(old) as host, serving(new) as other:
        findings = find(host), find(other)
        for at_s in (0.0, 3.3, 1234.5):
            old.at_s = new.at_s = at_s
            assert readings(findings[0])[0] == round(wave.power_w(at_s))
            assert readings(findings[1])[0] == pytest.approx(wave.power_w(at_s))


def test_a_node_with_one_chassis_needs_no_more_words() -> None:
    with serving(Redfish()) as host:
        (source,) = find(host).sources
    info = source.info
    assert (info.name, info.reads, info.part) == (f"redfish:http://{host}", "power_w", "machine")
    assert (info.boundary, info.gain_above, info.min_interval_s) == ("wall_ac", BMC.above, 1.0)
    assert (info.method, info.device) == ("Power PowerControl", "Fake Inc. R1 S1")


def test_the_boundary_is_what_the_user_says() -> None:
    with serving(Redfish()) as host:
        assert find(host, boundary="node_dc").sources[0].info.boundary == "node_dc"


@pytest.mark.parametrize(
    ("key", "step_j"), [("EnergyJoules", 0.1), ("EnergykWh", 360.0 * 10)], ids=["J", "kWh"]
)
def test_an_energy_register_is_held_against_the_power(key: str, step_j: float) -> None:
    device = Redfish(constant(123.5), at_s=12345.0, chassis={"1": BOTH}, energy=key)
    with serving(device) as host:
        finding = find(host)
        power_w, energy_j = readings(finding)
    power, register = (source.info for source in finding.sources)
    assert power_w == 123.5
    assert energy_j == pytest.approx(123.5 * 12345.0, abs=step_j / 2)
    assert power.method == "EnvironmentMetrics PowerWatts"
    assert (register.name, register.checks) == (f"{power.name}:register", power.name)
    assert (register.method, register.resolution) == (f"EnvironmentMetrics {key}", pytest.approx(step_j))


@pytest.mark.parametrize("reading", [None, 0, 0.0, "", "n/a"])
def test_an_empty_resource_gives_way_to_the_other(reading: Any) -> None:
    with serving(Redfish(chassis={"1": BOTH}, reading=reading)) as host:
        finding = find(host)
        assert finding.sources[0].info.method == "Power PowerControl"
        assert readings(finding) == [50.0]


def test_a_power_may_come_as_text() -> None:
    with serving(Redfish(consumed="344")) as host:
        assert readings(find(host)) == [344.0]


def test_enclosures_without_power_are_passed_over() -> None:
    chassis = {"Enclosure.Internal.0-1": (), "System.Embedded.1": ("Power",)}
    with serving(Redfish(chassis=chassis)) as host:
        finding = find(host)
    assert finding.sources[0].info.name == f"redfish:http://{host}:System.Embedded.1"
    assert finding.notes == ("chassis Enclosure.Internal.0-1: it has neither EnvironmentMetrics nor Power",)


def test_of_several_chassis_one_must_be_chosen() -> None:
    with serving(Redfish(chassis={"A": ("Power",), "B": ("Power",)})) as host:
        finding = find(host)
        assert finding.reason == "it measures more than one chassis: there are A, B"
        assert finding.remedy == f"--meters 'redfish=http://{host}?chassis=A'"
        assert find(host, chassis="B").sources[0].info.name == f"redfish:http://{host}:B"
        assert find(host, chassis="C").reason == "it has no chassis C: there are A, B"


def test_a_rack_is_not_searched_through() -> None:
    device = Redfish(chassis={str(n): ("Power",) for n in range(40)})
    with serving(device) as host:
        assert find(host).reason.startswith("it measures more than one chassis: there are 0, 1, 2, ")
        assert device.asked == ["/redfish/v1/Chassis"]


@pytest.mark.parametrize("watts", [0, None, "", "n/a", [], -0.0])
def test_a_bmc_without_a_reading_is_blocked_and_never_read_as_0(watts: Any) -> None:
    device = Redfish(consumed=watts)
    with serving(device) as host:
        finding = find(host)
        assert finding.state == "blocked"
        assert "0 W" in finding.reason or "not a number" in finding.reason
        device.consumed = 100
        meter: Any = find(host).sources[0].open()
        device.consumed = watts
        with pytest.raises(MeterError, match=rf"^redfish:http://{host}: .*(0 W|not a number)"):
            meter.read()
        meter.close()


def test_a_bmc_that_links_elsewhere_is_not_followed() -> None:
    with serving(Redfish(link="http://192.0.2.66/redfish/v1/Chassis/1/Power")) as host:
        assert "it refers to another host" in find(host).reason


def test_a_bmc_without_chassis_is_blocked() -> None:
    with serving(Redfish(chassis={})) as host:
        assert find(host).reason == "it lists no chassis in /redfish/v1/Chassis"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"chassis": "../Systems/1"}, "chassis=../Systems/1 is invalid"),
        ({"chassis": ""}, "the option chassis has no value"),
        ({"insecure": "yes"}, "insecure=yes is invalid: give 0 or 1"),
        ({"insecure": "1", "ca": "x.pem"}, "insecure=1 and ca=FILE do not go together"),
        ({"channel": "1"}, "choose from boundary, gain, name, chassis, insecure, ca"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(options: dict[str, str], named: str) -> None:
    with pytest.raises(UsageError) as caught:
        redfish.find_at("127.0.0.1", options)
    assert named in str(caught.value)


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    missing = redfish.find_at("127.0.0.1", {"ca": str(tmp_path / "none.pem")})
    text = redfish.find_at("127.0.0.1", {"ca": str(tmp_path / "text.pem")})
    assert missing.reason == f"{tmp_path}/none.pem: No such file or directory"
    assert text.reason == f"{tmp_path}/text.pem: holds no certificate in PEM"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
def test_a_certificate_of_its_own_is_believed_only_on_the_users_word(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with serving(Redfish(), certificate) as host:
        finding = redfish.find_at(host, {})
        assert finding.state == "blocked"
        assert finding.reason.startswith("its certificate is not trusted: self")
        assert f"--meters 'redfish={host}?ca=FILE'" in finding.remedy
        assert "?insecure=1" in finding.remedy
        known = redfish.find_at(host, {"ca": str(certificate)})
        assert (readings(known), known.notes) == ([50.0], ())
        anyone = redfish.find_at(host, {"insecure": "1"})
        assert readings(anyone) == [50.0]
        assert anyone.notes == ("the BMC's certificate is not checked (insecure=1)",)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
def test_a_certificate_of_another_name_is_not_believed(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, name="DNS:idrac-7H3K")
    with serving(Redfish(), certificate) as host:
        finding = redfish.find_at(host, {"ca": str(certificate)})
    assert finding.reason.startswith("its certificate is not trusted: ")
    assert "127.0.0.1" in finding.reason


@pytest.mark.slow
def test_tls_where_there_is_none_is_told() -> None:
    with serving(Redfish()) as host:
        finding = redfish.find_at(host, {})
    assert finding.reason == "it does not speak a TLS that this machine accepts"
    assert finding.remedy == "try http:// before the address"
