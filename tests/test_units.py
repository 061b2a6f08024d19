from __future__ import annotations

import math
import re
import signal
from pathlib import Path

import pytest

import energyprof
from energyprof.units import ending, joules, moment, percent, plus_minus, seconds, share, watts, with_ends


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 J"),
        (1, "1.00 J"),
        (999.4, "999 J"),
        (999.6, "1.00 kJ"),
        (12345, "12.3 kJ"),
        (1.2e7, "12.0 MJ"),
        (0.01234, "12.3 mJ"),
        (-1500, "-1.50 kJ"),
        (math.inf, "inf J"),
    ],
)
def test_energy(value: float, text: str) -> None:
    assert joules(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.35, "0.35 s"),
        (12.34, "12.3 s"),
        (59.96, "1 min 00 s"),
        (123, "2 min 03 s"),
        (3599.7, "1 h 00 min"),
        (18420, "5 h 07 min"),
        (-5, "-5.0 s"),
    ],
)
def test_durations(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "expanded", "text"),
    [
        (12345, 600, "12.35 ± 0.60 kJ"),
        (12345, 5000, "12.3 ± 5.0 kJ"),
        (100, 2.3, "100.0 ± 2.3 J"),
        (100, 148, "100 ± 148 J"),
        (1000, 0, "1.00 kJ"),
        (0, 1, "0 ± 1.00 J"),
        (0, 0, "0 ± 0 J"),
        (2.9e-11, 347e3, "0 ± 347 kJ"),  # of joules less as many
        (0.075, 31.7, "75.0 mJ (-31.6 J … 31.8 J)"),
        (-0.0003, 0.0102, "-300 µJ (-10.5 mJ … 9.90 mJ)"),
        (8.615, 13e6, "8.62 J (-13.0 MJ … 13.0 MJ)"),
    ],
)
def test_a_value_is_shown_no_finer_than_its_uncertainty(value: float, expanded: float, text: str) -> None:
    assert plus_minus(value, expanded, "J") == text


def test_a_change_has_its_sign_and_a_share_is_never_rounded_up_to_the_whole() -> None:
    assert percent(0.0321) == "+3.2 %"
    assert percent(-0.5) == "-50.0 %"
    assert share(1.0) == "100 %"
    assert share(0.99999) == "99.9 %"
    assert watts(0.5) == "500 mW"


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (139.0, 159.0, "149 ± 10 J"),
        (120.0, 160.0, "149 J (-19 % +7.4 %)"),
        (149.0, 149.0, "149 J"),
        (None, None, "149 J"),
    ],
)
def test_an_interval_that_is_not_symmetric_shows_both_its_ends(
    low: float | None, high: float | None, shown: str
) -> None:
    assert with_ends(149.0, low, high, "J") == shown


@pytest.mark.parametrize(
    ("text", "time_s"),
    [
        ("1970-01-02T00:00:00Z", 86400.0),
        ("1970-01-02T00:00:00.250Z", 86400.25),
        ("1970-01-02T02:00:00+02:00", 86400.0),
        ("1970-01-01T23:30-00:30", 86400.0),
        ("1970-13-01T00:00:00Z", -math.inf),
        ("", -math.inf),
        ("yesterday", -math.inf),
    ],
)
def test_a_time_is_what_it_says_in_whatever_zone(text: str, time_s: float) -> None:
    assert moment(text) == time_s


def test_a_percent_sign_stands_apart_from_its_number_wherever_people_read() -> None:
    found = re.compile(r"\.\d%\}").findall
    files = Path(energyprof.__file__).parent.rglob("*.py")
    assert [path.name for path in files if found(path.read_text())] == []


def test_a_program_that_a_signal_ended_is_told_by_its_name() -> None:
    assert list(map(ending, (7, -15, -9, -200))) == ["exit code 7", "SIGTERM", "SIGKILL", "signal 200"]
    told = {number: ending(-number) for number in range(1, 65)}
    assert {n: name for n, name in told.items() if name.startswith("SIG")}.items() <= {
        (number.value, number.name) for number in signal.Signals
    }
