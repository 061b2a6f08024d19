"""Power logs whose units stand in a column of their own, or nowhere; and intervals that nobody read."""

from __future__ import annotations

import json

import pytest

from fakes.importing import imported, noted, refused, watts, written
from fakes.power_logs import SECONDS, at, epoch, lines


def iso(second: float) -> str:
    return at(second, "%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("value", "unit", "expected"), [(1.5, "kW", 1500), (5500, "mW", 5.5), (90, "Watts", 90)]
)
def test_a_column_of_units_says_what_the_values_are(tmp_path, value, unit, expected):
    text = lines("time,power,unit", lambda s: f"{iso(s)},{value},{unit}")
    assert watts(imported(written(tmp_path, text))) == pytest.approx(expected)


def test_a_column_of_units_holds_for_each_row_by_itself(tmp_path):
    text = lines("time,power,unit", lambda s: f"{iso(s)},{'1.5,kW' if s % 2 else '1500,W'}")
    assert watts(imported(written(tmp_path, text))) == pytest.approx(1500)


def test_a_column_of_units_makes_a_counter_of_what_names_none(tmp_path):
    text = lines("time,energy,uom", lambda s: f"{iso(s)},{s * 0.05:.2f},Wh")
    report = imported(written(tmp_path, text))
    assert (watts(report), report.meters[0].info.reads) == (pytest.approx(180), "energy_j")


def test_a_value_in_a_unit_of_something_else_is_none(tmp_path):
    text = lines("time,power,unit", lambda s: f"{iso(s)},{'21.5,°C' if s == 4 else '100,W'}")
    report = imported(written(tmp_path, text))
    assert watts(report) == pytest.approx(100) and noted(report, "1 readings without a usable value")


def states(unit: str, value: object, name: str, *, each: bool = True) -> str:
    """What Home Assistant's REST interface tells of one entity; the short form names it once."""
    whole = {"entity_id": name, "attributes": {"unit_of_measurement": unit}}
    rows = [
        {**(whole if each or s == 0 else {}), "state": str(value(s)), "last_changed": iso(s)}  # type: ignore[operator]
        for s in range(SECONDS + 1)
    ]
    return json.dumps([rows])


@pytest.mark.parametrize("each", [True, False])
def test_home_assistant_names_the_unit_of_each_state(tmp_path, each):
    house = states("kW", lambda s: 1.5, "sensor.house_power", each=each)
    assert watts(imported(written(tmp_path, house, "a.log"))) == pytest.approx(1500)
    plug = states("Wh", lambda s: 1000 + s, "sensor.plug_energy", each=each)
    assert watts(imported(written(tmp_path, plug, "b.log"))) == pytest.approx(3600)
    rack = states("W", lambda s: 90, "sensor.rack_seven", each=each)
    assert watts(imported(written(tmp_path, rack, "c.log"))) == pytest.approx(90)
    factor = states("%", lambda s: 93, "sensor.plug_power", each=each)
    assert "names no power or energy" in refused(written(tmp_path, factor, "d.log"))


def test_a_unit_that_nobody_says_is_noted(tmp_path):
    table = imported(written(tmp_path, lines("time,power", lambda s: f"{iso(s)},90")))
    assert noted(table, "'power' names no unit: taken as W; --unit … says another")
    assert not noted(imported(written(tmp_path, lines("time,power_w", lambda s: f"{iso(s)},90"))), "no unit")
    text = lines("entity_id,state,last_changed", lambda s: f"sensor.plug_power,{90 + s % 2},{iso(s)}")
    assert noted(imported(written(tmp_path, text)), "it names no unit: taken as W")


def test_a_rack_of_a_power_without_a_unit_is_not_believed(tmp_path):
    said, unsaid = (lines(f"time,{title}", lambda s: f"{iso(s)},95000") for title in ("power_w", "power"))
    assert watts(imported(written(tmp_path, said))) == pytest.approx(95000)
    assert "give --unit mW, or --unit W if it is right" in refused(written(tmp_path, unsaid))
    assert watts(imported(written(tmp_path, unsaid), unit="W")) == pytest.approx(95000)


def perf(second: int, joules: str) -> str:
    return f"{second + 1}.000000000,{joules},Joules,power/energy-pkg/,1000,100.00,,"


def test_an_interval_that_perf_did_not_count_is_not_one_of_no_energy(tmp_path):
    text = lines("", lambda s: perf(s, "<not counted>" if s in (4, 5) else "10.00"))
    run = imported(written(tmp_path, text)).runs[0]
    assert run.energy_j == pytest.approx(110)
    assert run.energy_u_j is not None and run.energy_u_j > 10  # what nobody saw may have been anything
    assert "reset" in [flag.kind for flag in run.flags]


@pytest.mark.parametrize("lost", [(0, 1), (9, 10)])
def test_intervals_at_either_end_that_perf_did_not_count_are_no_part_of_the_run(tmp_path, lost):
    text = lines("", lambda s: perf(s, "<not counted>" if s in lost else "10.00"))
    assert watts(imported(written(tmp_path, text))) == pytest.approx(10)


def test_intervals_stay_such_in_the_unit_that_is_said(tmp_path):
    text = lines("", lambda s: perf(s, "10.00"))
    assert watts(imported(written(tmp_path, text), unit="J")) == pytest.approx(10)
    gpu = text.replace("energy-pkg", "energy-gpu")
    assert watts(imported(written(tmp_path, gpu), unit="J")) == pytest.approx(10)


def test_totals_of_perf_say_how_to_log_them(tmp_path):
    text = "\n Performance counter stats for 'system wide':\n\n      123.45 Joules power/energy-pkg/\n"
    assert "without times: log with perf stat -I 1000" in refused(written(tmp_path, text))


def test_turbostat_in_joules_tells_the_energy_of_each_interval(tmp_path):
    text = lines(
        "Time_Of_Day_Seconds\tPackage\tCPU\tPkg_J\tRAM_J",
        lambda s: [f"{epoch(s)}\t{a}\t{a}\t{joules}\t5.00" for a, joules in (("-", 90), ("0", 90))],
    )
    assert watts(imported(written(tmp_path, text))) == pytest.approx(95)


def test_powermetrics_without_a_sum_counts_the_memory_too(tmp_path):
    stamp = lambda s: at(s, "%a %b %d %H:%M:%S %Y +0000")  # noqa: E731
    text = lines(
        "",
        lambda s: [
            f"*** Sampled system activity ({stamp(s)}) (1000.09ms elapsed) ***",
            "DRAM Power: 200 mW",
            "CPU Power: 1000 mW",
            "GPU Power: 500 mW",
        ],
    )
    assert watts(imported(written(tmp_path, text, "pm.txt"))) == pytest.approx(1.7)


@pytest.mark.parametrize("unit", ["kVA", "dBm", "VAR"])
def test_a_column_of_units_of_something_else_is_refused(tmp_path, unit):
    path = written(tmp_path, lines("time,power,unit", lambda s: f"{iso(s)},1.5,{unit}"))
    assert f"'unit' says '{unit}', which is not a unit of power or energy" in refused(path)
    assert watts(imported(path, unit="kW")) == pytest.approx(1500)
    numbered = lines("time,power_w,unit", lambda s: f"{iso(s)},90,7")
    assert watts(imported(written(tmp_path, numbered))) == pytest.approx(90)


@pytest.mark.slow
def test_a_long_log_with_intervals_that_nobody_counted_is_refused(tmp_path):
    lost = "\n".join(perf(s, "<not counted>" if s == 70_000 else "10.00") for s in range(100_100))
    assert "1 of its intervals have no value" in refused(written(tmp_path, lost))
