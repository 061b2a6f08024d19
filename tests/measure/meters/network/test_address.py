"""The options that every addressed meter has, and where its password may come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters import find_addressed
from energyprof.measure.meters.network.address import Address, parse
from energyprof.measure.meters.network.credentials import credentials
from energyprof.trace.gains import Gain
from fakes.http_meters import no_credentials


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_credentials(monkeypatch, tmp_path)


DATASHEET = Gain("a plug", "its datasheet", "1", below=0.01, above=0.02)


def address(options: Mapping[str, str] | None = None, place: str = "192.0.2.7", **more: Any) -> Address:
    return parse("shelly", place, options or {}, gain=DATASHEET, own=("channel", "ca"), **more)


def test_without_options_the_kind_decides() -> None:
    plain = address()
    assert (plain.boundary, plain.gain) == ("wall_ac", DATASHEET.info())
    assert plain.name() == "shelly:192.0.2.7"
    assert plain.name(1, "register") == "shelly:192.0.2.7:1:register"
    assert plain.whole_number("channel", 3) == 3
    assert plain.offset_s == 0.0
    assert address(boundary="node_dc").boundary == "node_dc"


def test_options_win_over_the_kind() -> None:
    changed = address({"boundary": "node_dc", "gain": "0.5%", "name": "desk", "channel": "2"})
    assert changed.boundary == "node_dc"
    assert changed.gain == {"gain_a": 0.005, "gain_source": "the user: gain=0.5%"}
    assert changed.name("x") == "shelly:desk:x"
    assert changed.own == {"channel": "2"}


@pytest.mark.parametrize(
    ("words", "half_width"),
    [("2%", 0.02), ("0.02", 0.02), ("±2 %", 0.02), ("1e-3", 0.001), (" 10 %", 0.1)],
)
def test_a_gain_is_a_fraction_or_a_percent(words: str, half_width: float) -> None:
    assert address({"gain": words}).gain["gain_a"] == pytest.approx(half_width)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"gain": "5"}, "gain=5 is invalid: give a half-width such as 2% or 0.02"),
        ({"gain": "0"}, "gain=0 "),
        ({"gain": "-1%"}, "gain=-1% "),
        ({"gain": "100%"}, "gain=100% "),
        ({"gain": "nan"}, "gain=nan "),
        ({"gain": ""}, "gain= "),
        ({"boundary": "component"}, "boundary=component is invalid: give wall_ac or node_dc"),
        ({"name": "a b"}, "name=a b is invalid"),
        ({"name": ""}, "name= is invalid"),
        ({"chanel": "1"}, "shelly has no option 'chanel': choose from boundary, gain, name, channel, ca"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(options: dict[str, str], named: str) -> None:
    with pytest.raises(UsageError) as caught:
        address(options)
    assert named in str(caught.value)


@pytest.mark.parametrize("words", ["", "x", "-1", "1.5", "٣x", "9999999999"])
def test_a_whole_number_is_one(words: str) -> None:
    with pytest.raises(UsageError, match="channel"):
        address({"channel": words}).whole_number("channel", 0)


def test_an_option_that_is_given_has_a_value() -> None:
    with pytest.raises(UsageError, match="the option ca has no value"):
        address({"ca": ""}).text("ca")
    assert address().text("ca") == ""


@pytest.mark.parametrize(("words", "seconds"), [("2.5", 2.5), ("-3600", -3600.0)])
def test_an_offset_is_in_seconds(words: str, seconds: float) -> None:
    recording = parse("csv", "log.csv", {"offset": words}, gain=DATASHEET, own=("offset",))
    assert recording.offset_s == seconds


def test_an_offset_is_a_number() -> None:
    recording = parse("csv", "log.csv", {"offset": "inf"}, gain=DATASHEET, own=("offset",))
    with pytest.raises(UsageError, match="offset=inf"):
        _ = recording.offset_s


@pytest.mark.parametrize("place", ["admin:s3cret@192.0.2.7", "http://admin:s3cr/et@192.0.2.7", ":s3cret@h"])
def test_a_password_in_an_address_is_refused_and_not_repeated(place: str) -> None:
    with pytest.raises(UsageError) as caught:
        address(place=place)
    assert "ENERGYPROF_SHELLY_USER and ENERGYPROF_SHELLY_PASSWORD" in str(caught.value)
    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize("place", ["/data/run@night.csv", "run@night.csv", "[2001:db8::7]", "h:8080"])
def test_what_only_looks_like_a_password_is_an_address(place: str) -> None:
    assert address(place=place).place == place


def test_credentials_come_from_the_environment_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine plug.example login nora password n3trc\ndefault login any password d3fault\n")
    monkeypatch.setenv("NETRC", str(netrc))
    found = credentials("shelly", "plug.example")
    assert found is not None
    assert (found.user, found.password, found.source) == ("nora", "n3trc", "~/.netrc")
    assert "n3trc" not in repr(found)
    assert credentials("shelly", "other.example") is None, "the default of ~/.netrc is for no meter"
    monkeypatch.setenv("ENERGYPROF_SHELLY_USER", "eve")
    monkeypatch.setenv("ENERGYPROF_SHELLY_PASSWORD", "3nv")
    found = credentials("shelly", "plug.example")
    assert found is not None
    assert (found.user, found.password, found.source) == ("eve", "3nv", "ENERGYPROF_SHELLY_PASSWORD")
    other = credentials("redfish", "plug.example")
    assert other is not None
    assert other.user == "nora"


def test_a_kind_with_one_user_needs_only_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENERGYPROF_SHELLY_PASSWORD", "3nv")
    found = credentials("shelly", "h", user="admin")
    assert found is not None
    assert found.user == "admin"
    with pytest.raises(MeterError, match="ENERGYPROF_SHELLY_USER is not set"):
        credentials("shelly", "h")


def test_a_user_without_a_password_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENERGYPROF_SHELLY_USER", "eve")
    with pytest.raises(MeterError, match="ENERGYPROF_SHELLY_PASSWORD is not set"):
        credentials("shelly", "h")


def test_a_netrc_that_cannot_be_understood_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine h login a passwrd s3cret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with pytest.raises(MeterError) as caught:
        credentials("shelly", "h")
    assert str(caught.value).startswith(f"{netrc} cannot be parsed")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("place", ["a\nb", "a\x1b[2J", "wall\r.csv", "\u202eb"])
def test_an_address_is_one_printable_line(place: str) -> None:
    with pytest.raises(UsageError, match="one line of printable characters") as refusal:
        find_addressed([f"csv={place}"])
    assert str(refusal.value).isprintable()
