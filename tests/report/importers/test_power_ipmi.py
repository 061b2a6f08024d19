"""What ipmitool prints of its sensors in a loop, with the time before it or without."""

from __future__ import annotations

import pytest

from fakes.importing import imported, noted, refused, watts, written
from fakes.power_logs import SECONDS, at, epoch, lines

TEMPERATURE = "Inlet Temp       | 23.000     | degrees C  | ok    | na        | -7.000    | 3.000"
FORMS = {
    "sensor": "{:<16} | {}.000    | Watts      | ok    | na        | na        | na        | 896.000   | na",
    "sdr": "{:<16} | {} Watts         | ok",
    "elist": "{:<16} | 77h | ok  |  7.1 | {} Watts",
}


def block(form: str, **watts: int) -> list[str]:
    return [
        TEMPERATURE,
        *(FORMS[form].format(name.replace("_", " "), value) for name, value in watts.items()),
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("stamp", ["%s", "%Y-%m-%dT%H:%M:%S+00:00", "%a %b %e %H:%M:%S UTC %Y"])
def test_a_sensor_has_the_time_that_was_printed_before_it(tmp_path, form, stamp):
    time = lambda s: f"{epoch(s):.0f}" if stamp == "%s" else at(s, stamp)  # noqa: E731
    own = lines("", lambda s: [time(s), *block(form, Pwr_Consumption=182)])
    before = lines("", lambda s: f"{time(s)} {block(form, Pwr_Consumption=182)[1]}")
    for text in (own, before):
        report = imported(written(tmp_path, text, "ipmi.log"))
        assert (watts(report), report.boundary) == (pytest.approx(182), "wall_ac")
        assert report.runs[0].time_s == pytest.approx(SECONDS)
        assert report.runs[0].clock.utc == "2025-03-01T10:00:00.000Z"


def test_sensors_without_a_time_say_what_they_lack(tmp_path):
    path = written(tmp_path, lines("", lambda s: block("sdr", Pwr_Consumption=182)), "ipmi.log")
    assert "no column of times" in refused(path) and "--every SECONDS" in refused(path)
    assert watts(imported(path, every_s=1.0)) == pytest.approx(182)


@pytest.mark.parametrize(("sensor", "boundary"), [("PSU1_POUT", "node_dc"), ("Outlet_Power", "wall_ac")])
def test_what_a_supply_gives_is_no_power_at_the_wall(tmp_path, sensor, boundary):
    text = lines("", lambda s: [f"{epoch(s):.0f}", *block("sdr", **{sensor: 90})])
    assert imported(written(tmp_path, text, "ipmi.log")).boundary == boundary


def test_of_several_sensors_those_of_the_machine_are_added_only_when_asked(tmp_path):
    supplies = {"PS1_Input_Power": 100, "PS2_Input_Power": 90, "PS1_Output_Power": 95, "CPU_Power": 70}
    text = lines("", lambda s: [f"{epoch(s):.0f}", *block("sensor", **supplies, Pwr_Limit=800)])
    path = written(tmp_path, text, "ipmi.log")
    assert "2 series in one column" in refused(path)
    assert watts(imported(path, by="ipmi sensor")) == pytest.approx(190)
    assert watts(imported(path, only="PS2 Input Power")) == pytest.approx(90)
    one = imported(path, only="CPU Power")
    assert (watts(one), one.boundary) == (pytest.approx(70), "component")


@pytest.mark.parametrize(
    ("sensor", "boundary", "unsure"),
    [
        ("Pwr_Consumption", "wall_ac", True),
        ("System_Board_1_Pwr_Consumption", "wall_ac", True),
        ("PSU1_Power_In", "wall_ac", False),
        ("AC_Power", "wall_ac", False),
        ("HSC_Input_Power", "node_dc", False),
        ("NIC_Power", "component", False),
        ("P12V_VR", "component", False),
    ],
)
def test_what_a_sensor_sees_is_what_its_name_says_and_else_is_noted(tmp_path, sensor, boundary, unsure):
    text = lines("", lambda s: [f"{epoch(s):.0f}", *block("sdr", **{sensor: 90})])
    report = imported(written(tmp_path, text, "ipmi.log"))
    assert report.boundary == boundary
    assert noted(report, "does not say AC or DC") == unsure


def test_a_hostile_name_takes_no_time(tmp_path):
    name = "ps1" * 60 + "1" * 60 + "z"
    text = lines("", lambda s: [f"{epoch(s):.0f}", *block("sdr", **{name: 90})])
    assert imported(written(tmp_path, text, "ipmi.log")).boundary == "component"
