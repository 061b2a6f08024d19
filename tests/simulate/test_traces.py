"""Grids over time as their publishers write them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from energyprof.errors import FileError
from energyprof.simulate.presence import presence
from energyprof.simulate.traces import read_trace

DAY = "2025-01-01T"
MAPS = "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),{column},Low Carbon\n"
LCA = "Carbon Intensity gCO₂eq/kWh (LCA)"


def maps(hours: dict[int, object], column: str = LCA) -> str:
    rows = [f"2025-01-01 {hour:02d}:00:00,France,France,FR,1.0,{value},90" for hour, value in hours.items()]
    return MAPS.format(column=column) + "\n".join(rows) + "\n"


def wrote(folder: Path, text: str, name: str = "trace.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_electricity_maps(tmp_path: Path) -> None:
    path = wrote(tmp_path, maps({0: 50, 1: 60, 2: 70}))
    found = read_trace(path)
    assert (found.g_per_kwh, found.step_s) == ((50, 60, 70), 3600)
    assert found.times_s[0] == 1735689600
    assert read_trace(path, "Carbon Intensity gCO₂eq/kWh (direct)").g_per_kwh == (1, 1, 1)
    assert "LCA" in found.said and "FR" in found.said


def test_half_hours_of_great_britain(tmp_path: Path) -> None:
    items = [
        {
            "from": f"{DAY}0{i // 2}:{30 * (i % 2):02d}Z",
            "to": f"{DAY}0{(i + 1) // 2}:00Z",
            "intensity": {"forecast": 100 + i, "actual": None if i == 1 else 200 + i, "index": "low"},
        }
        for i in range(4)
    ]
    path = wrote(tmp_path, json.dumps({"data": items}), "gb.json")
    assert read_trace(path).g_per_kwh == (200, 201, 202, 203)  # the hole is filled by a line
    assert read_trace(path, "forecast").g_per_kwh == (100, 101, 102, 103)


def test_the_carbon_aware_sdk(tmp_path: Path) -> None:
    items = [
        {"location": place, "time": f"{DAY}0{i}:00:00+00:00", "rating": rating + i, "duration": "01:00:00"}
        for place, rating in (("eastus", 400), ("westus", 300))
        for i in range(2)
    ]
    path = wrote(tmp_path, json.dumps({"Emissions": items}), "c.json")
    assert read_trace(path, "westus").g_per_kwh == (300, 301)
    with pytest.raises(FileError, match=r"which location.*eastus, westus"):
        read_trace(path)


def test_watttime_is_in_pounds(tmp_path: Path) -> None:
    data = {
        "data": [{"point_time": f"{DAY}00:0{i}:00+00:00", "value": 1000} for i in (0, 5)],
        "meta": {"region": "CAISO_NORTH", "units": "lbs_co2_per_mwh", "signal_type": "co2_moer"},
    }
    found = read_trace(wrote(tmp_path, json.dumps(data), "w.json"))
    assert found.g_per_kwh == pytest.approx((453.59237, 453.59237))
    assert "marginal" in found.said
    rows = f"timestamp,MOER,version\n{DAY}00:00:00Z,1000,3\n{DAY}00:05:00Z,1000,3\n"
    assert read_trace(wrote(tmp_path, rows)).g_per_kwh == pytest.approx((453.59237, 453.59237))


def test_vessim_in_seconds_or_times(tmp_path: Path) -> None:
    assert read_trace(wrote(tmp_path, "s,a,b\n0,1,2\n3600,3,4\n"), "b").g_per_kwh == (2, 4)
    assert read_trace(
        wrote(tmp_path, "time,a (kg/kWh)\n2025-01-01 00:00,0.1\n2025-01-01 01:00,0.2\n")
    ).g_per_kwh == (
        100,
        200,
    )


def test_clocks_that_are_put_back_change_nothing(tmp_path: Path) -> None:
    local = "time,a\n2025-10-26T02:00:00+02:00,1\n2025-10-26T02:00:00+01:00,2\n2025-10-26T03:00:00+01:00,3\n"
    found = read_trace(wrote(tmp_path, local))
    assert found.g_per_kwh == (1, 2, 3)
    assert found.times_s[1] - found.times_s[0] == 3600


def test_two_hours_are_filled_and_three_are_not(tmp_path: Path) -> None:
    filled = read_trace(wrote(tmp_path, maps({0: 0, 1: 10, 3: 30, 4: 40})))
    assert filled.g_per_kwh == (0, 10, 20, 30, 40)
    with pytest.raises(FileError, match=r"nothing between 2025-01-01T01:00:00.000Z and 2025.*, 3 h"):
        read_trace(wrote(tmp_path, maps({0: 0, 1: 10, 4: 40, 5: 50})))


def test_a_value_a_day_has_no_holes(tmp_path: Path) -> None:
    assert read_trace(wrote(tmp_path, "day,a\n2025-01-01,1\n2025-01-02,2\n2025-01-03,3\n")).step_s == 86400


@pytest.mark.parametrize(
    ("stamps", "weights"),
    [
        (["00:00", "01:00", "02:00", "03:00", "03:15", "03:30"], [1, 1, 1, 0.25, 0.25, 0.25]),
        (["00:00", "00:30", "01:00", "02:30"], [1, 1, 3, 1]),
    ],
)
def test_values_count_by_how_long_they_hold(tmp_path: Path, stamps: list[str], weights: list[float]) -> None:
    """Grids that went from hours to quarters in one file, and a hole, filled by a line."""
    values = [100.0, 100.0, 400.0, 400.0, 400.0, 400.0][: len(stamps)]
    rows = "".join(f"{DAY}{stamp}Z,{value}\n" for stamp, value in zip(stamps, values, strict=True))
    mean = sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)
    found = read_trace(wrote(tmp_path, "time,a\n" + rows))
    assert found.quantity().value == pytest.approx(mean)
    awake = presence("here", 1.0, found, 200)
    assert (awake.awake, awake.g_per_kwh) == (pytest.approx(2 / sum(weights)), 100)


def test_months_and_leap_years_are_steps(tmp_path: Path) -> None:
    months = "".join(f"2025-{month:02d}-01,{100 * month}\n" for month in (2, 3, 4, 5))
    found = read_trace(wrote(tmp_path, "day,a\n" + months)).quantity()
    assert found.value == pytest.approx((28 * 200 + 31 * 300 + 30 * 400 + 30 * 500) / 119)
    years = "".join(f"{year}-01-01,{year}\n" for year in (2022, 2023, 2024, 2025))
    assert len(read_trace(wrote(tmp_path, "day,a\n" + years)).times_s) == 4
    days = "".join(f"2025-10-{25 + i}T00:00+0{2 if i < 2 else 1}:00,1\n" for i in range(4))
    assert len(read_trace(wrote(tmp_path, "day,a\n" + days)).times_s) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("hello\n", "not a trace of intensities"),
        (maps({0: -5, 1: 5}), "-5 g/kWh"),
        (maps({0: 5, 1: "nan"}), "'nan' is not a number"),
        (maps({0: 5, 1: "1e400"}), "is not a number"),
        (maps({0: 5, 1: 99999}), "99999 g/kWh"),
        (maps({0: 5}, "Carbon Intensity furlong/kWh (LCA)"), "unknown unit 'furlong/kWh'"),
        (maps({0: 5}).replace("2025-01-01", "yesterday"), "is not a time"),
        (maps({}), "holds no intensity"),
        (maps({0: 5}) + "2025-01-01 00:00:00,France,France,FR,1,7,90\n", "is there twice, with 5 and 7"),
        (maps({0: 5}) + "2025-01-01 01:00:00,France\n", "2 cells under 7 columns"),
        ("time,a (furlong)\n2025-01-01,1\n", "unknown unit 'furlong'"),
        ("time,a,b\n2025-01-01,1,2\n", "which site.*a, b"),
        ('{"data": [], "meta": {"units": "stones"}}', "unknown unit 'stones'"),
        ('{"data": [7], "meta": {"units": "lbs_co2_per_mwh"}}', "objects with point_time"),
        ('[{"from": 7, "to": 8, "intensity": {"actual": 1}}]', "from is missing, or no text"),
        ('[{"time": "2025-01-01", "rating": "x"}]', "'x' is not a number"),
        ('[{"time": "2025-01-01", "rating": true}]', "is not a number"),
    ],
)
def test_a_broken_trace_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FileError, match=said) as caught:
        read_trace(wrote(tmp_path, text))
    assert "\n" not in str(caught.value)


ENTSOE = '"Area","MTU","Fossil Gas  - Actual Aggregated [MW]","Nuclear  - Actual Aggregated [MW]",{other}\n'


def entsoe(*rows: str, other: str = '"Waste  - Actual Aggregated [MW]"') -> str:
    return ENTSOE.format(other=other) + "\n".join(f'"BZN|FR",{row}' for row in rows) + "\n"


def test_a_mix_of_sources_by_their_factors(tmp_path: Path) -> None:
    text = entsoe(
        '"01.01.2025 00:00 - 01.01.2025 01:00 (UTC)","100","300","n/e"',
        '"01.01.2025 01:00 - 01.01.2025 02:00 (UTC)","0","300","10"',
    )
    found = read_trace(wrote(tmp_path, text))
    assert found.g_per_kwh == (pytest.approx((490 + 3 * 12) / 4), 12)


def test_the_hour_that_comes_twice_is_two_hours(tmp_path: Path) -> None:
    hours = ("01:00", "02:00", "02:00", "03:00")
    rows = [f'"26.10.2025 {h} - 26.10.2025 00:00 (CET/CEST)","{i}","1","0"' for i, h in enumerate(hours)]
    found = read_trace(wrote(tmp_path, entsoe(*rows)))
    assert [b - a for a, b in zip(found.times_s, found.times_s[1:], strict=False)] == [3600] * 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            entsoe('"01.01.2025 00:00 (UTC)","1","1","8"'),
            "80 % of the generation is of types without a factor",
        ),
        (entsoe('"01.01.2025 00:00 (UTC)","-1","1","0"'), "-1 MW"),
        (entsoe('"01.01.2025 00:00 (PST)","1","1","0"'), "is not a time unit in UTC or CET/CEST"),
        (entsoe('"41.01.2025 00:00 (UTC)","1","1","0"'), "41.01.2025"),
        (
            entsoe('"01.01.2025 00:00 (UTC)","1","1","0"', other='"Solar - Actual Aggregated [GW]"'),
            "unknown unit 'GW'",
        ),
    ],
)
def test_a_broken_mix_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FileError, match=said):
        read_trace(wrote(tmp_path, text))
