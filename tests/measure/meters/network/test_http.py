"""What every meter on the network has in common: how it fails, and what it keeps to itself."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters.network import kwollect, redfish, shelly, tasmota
from energyprof.measure.meters.network.http import Client, NoAnswer, Service, base_of
from energyprof.measure.meters.network.polled import number
from energyprof.meter import Finding, Meter
from fakes import http_meters
from fakes.http_meters import Device, Fault, serving

KINDS: dict[str, tuple[ModuleType, type[Device]]] = {
    "shelly": (shelly, http_meters.ShellyRpc),
    "tasmota": (tasmota, http_meters.Tasmota),
    "redfish": (redfish, http_meters.Redfish),
    "kwollect": (kwollect, http_meters.Kwollect),
}
SECRET = "s3cr?t&pass word"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    http_meters.no_credentials(monkeypatch, tmp_path)


def find(kind: str, host: str, options: Mapping[str, str] | None = None) -> Finding:
    """As in ``--meters KIND=…``, over plain HTTP."""
    module = KINDS[kind][0]
    if kind == "kwollect":
        return module.find_at("nancy/grappe-3", {"api": f"http://{host}", **(options or {})})
    return module.find_at(f"http://{host}", options or {})


def opened(finding: Finding) -> Meter:
    meter: Any = finding.sources[0].open()
    return cast(Meter, meter)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("500", "HTTP 500 in answer to /"),
        ("html", "text/html where JSON was due, in answer to /"),
        ("empty", "an empty answer to /"),
        ("redirect", "HTTP 302: /"),
        ("cut", "the connection broke: "),
    ],
)
def test_a_device_that_fails_is_blocked_with_a_reason(kind: str, fault: Fault, reason: str) -> None:
    with serving(KINDS[kind][1](fault=fault)) as host:
        finding = find(kind, host)
    assert finding.state == "blocked"
    assert finding.reason.startswith(reason)
    assert "\n" not in finding.reason + finding.remedy


@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_listens_the_connection_is_refused(kind: str) -> None:
    finding = find(kind, http_meters.closed_port())
    assert (finding.state, finding.reason) == (
        "blocked",
        "the connection is refused: nothing listens on that port",
    )
    assert finding.remedy.endswith("ping 127.0.0.1")


@pytest.mark.parametrize("kind", KINDS)
def test_without_httpx_the_extra_is_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    finding = find(kind, "127.0.0.1")
    assert (finding.state, finding.reason) == ("blocked", "the Python package httpx is missing")
    assert finding.remedy == "pip install 'energyprof[external]'"


@pytest.mark.parametrize("kind", KINDS)
def test_a_device_that_asks_for_a_password_says_where_to_put_it(kind: str) -> None:
    with serving(KINDS[kind][1](user="admin", password=SECRET)) as host:
        finding = find(kind, host)
    assert finding.state == "blocked"
    assert finding.reason == "HTTP 401: it asks for a user and a password"
    assert f"export ENERGYPROF_{kind.upper()}_USER=… ENERGYPROF_{kind.upper()}_PASSWORD=…" in finding.remedy
    assert "~/.netrc: machine 127.0.0.1 login" in finding.remedy


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_password_is_refused_and_appears_nowhere(
    kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(f"ENERGYPROF_{kind.upper()}_USER", "admin")
    monkeypatch.setenv(f"ENERGYPROF_{kind.upper()}_PASSWORD", "wr0ng")
    with serving(KINDS[kind][1](user="admin", password=SECRET)) as host:
        finding = find(kind, host)
    assert finding.reason == f"HTTP 401: not with the password in ENERGYPROF_{kind.upper()}_PASSWORD"
    assert "wr0ng" not in repr(finding) + caplog.text


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_password_opens_the_device_and_appears_nowhere(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "s3cret"
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login admin password {secret}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    device = KINDS[kind][1](user="admin", password=secret)
    with serving(device) as host:
        finding = find(kind, host)
        assert finding.state == "found", finding.reason
        if kind != "kwollect":
            meter = opened(finding)
            assert meter.read() == 50.0
            device.password = "changed meanwhile"
            with pytest.raises(MeterError, match=f"^{kind}:.*HTTP 401: not with the password in ~/.netrc"):
                meter.read()
            meter.close()
    assert secret not in repr(finding) + caplog.text
    assert "127.0.0.1" in caplog.text, "the log was looked at"


def test_a_password_with_odd_characters_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("shelly", "tasmota", "redfish"):
        monkeypatch.setenv(f"ENERGYPROF_{kind.upper()}_USER", "admin")
        monkeypatch.setenv(f"ENERGYPROF_{kind.upper()}_PASSWORD", SECRET)
        with serving(KINDS[kind][1](user="admin", password=SECRET)) as host:
            assert find(kind, host).state == "found"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options", [{"password": "s3cret"}, {"interval": "1"}, {"gain": "no"}, {"boundary": "module"}]
)
def test_an_option_that_no_kind_has_is_a_usage_error(kind: str, options: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"no option|is invalid") as caught:
        find(kind, "127.0.0.1", options)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["shelly", "tasmota", "redfish"])
@pytest.mark.parametrize("place", ["a b", "h:99999", "ftp://h", "h:x", "http://", "h?x", "h#x", "[::1"])
def test_an_address_that_is_none_is_a_usage_error(kind: str, place: str) -> None:
    with pytest.raises(UsageError, match="not the address of a device"):
        KINDS[kind][0].find_at(place, {})


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_in_an_address_is_a_usage_error(kind: str) -> None:
    with pytest.raises(UsageError, match=r"belongs? in an address|the address is SITE/NODE"):
        KINDS[kind][0].find_at("nora@127.0.0.1", {})


def test_a_password_in_the_address_of_an_api_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"belongs? in an address") as caught:
        kwollect.find_at("nancy/grappe-3", {"api": "https://nora:s3cret@api.grid5000.fr"})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("192.0.2.7", "http://192.0.2.7"),
        ("plug.example:8080", "http://plug.example:8080"),
        ("https://bmc.example/", "https://bmc.example"),
        ("[2001:db8::7]:80", "http://[2001:db8::7]:80"),
    ],
)
def test_an_address_becomes_a_url(place: str, url: str) -> None:
    assert base_of("shelly", place, "http") == url


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["time-out", "dribble"])
def test_a_read_that_gets_no_answer_ends_in_time_for_a_run_to_end(fault: Fault) -> None:
    device = http_meters.ShellyRpc()
    with serving(device) as host:
        meter = opened(find("shelly", host))
        assert meter.read() == 50.0
        device.fault = fault
        start_s = time.monotonic()
        with pytest.raises(MeterError, match=r"^shelly:http://.*: no (whole )?answer within 1.5 s$"):
            meter.read()
        # 1.5 s are due; the rest is for a machine that is busy.
        assert time.monotonic() - start_s < 4
        device.fault = ""
        assert meter.read() == 50.0, "it is asked again"
        meter.close()


def test_the_connection_is_kept_from_one_reading_to_the_next() -> None:
    device = http_meters.Redfish()
    with serving(device) as host:
        meter = opened(find("redfish", host))
        before = device.connections
        for _ in range(5):
            meter.read()
        meter.close()
        meter.close()
    assert device.connections == before + 1


def test_a_name_that_nobody_has_is_told() -> None:
    finding = shelly.find_at("no-such-plug.invalid", {})
    assert finding.reason == "there is no host no-such-plug.invalid"


def test_a_device_cannot_send_the_password_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(user="nora", password="s3cret")
    monkeypatch.setenv("ENERGYPROF_REDFISH_USER", "nora")
    monkeypatch.setenv("ENERGYPROF_REDFISH_PASSWORD", "s3cret")
    with serving(device) as host, Client(Service("redfish", f"http://{host}", login="basic")) as client:
        for path in (f"http://{host}/x", f"//{host}/x", "relative"):
            with pytest.raises(NoAnswer, match="it refers to another host"):
                client.get(path)
    assert device.asked == []


@pytest.mark.parametrize(("value", "found"), [(5, 5.0), (5.5, 5.5), ("5.5", 5.5), (" 7 ", 7.0), (0, 0.0)])
def test_a_number_may_come_as_text(value: object, found: float) -> None:
    assert number({"a": [{"b": value}]}, "a", 0, "b") == found


@pytest.mark.parametrize("value", [None, True, "", "12 W", "NaN", float("inf"), [], {}, 10**400])
def test_what_is_no_number_is_an_error_that_names_the_place(value: object) -> None:
    with pytest.raises(MeterError, match=r"^a\[0\]\.b is .* not a number$"):
        number({"a": [{"b": value}]}, "a", 0, "b")


@pytest.mark.parametrize("answer", [None, [], {}, {"a": 5}, {"a": []}, {"a": [{}]}, "text", 5])
def test_a_number_that_is_missing_is_an_error_that_names_the_place(answer: object) -> None:
    with pytest.raises(MeterError, match=r"^the answer has no a\[0\]\.b$"):
        number(answer, "a", 0, "b")
