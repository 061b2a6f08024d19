"""Power logs on their own: each kind gives the joules in it, or one line on what would make it so."""

from __future__ import annotations

import dataclasses
import gzip
import json
import math
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from energyprof.errors import EnergyprofError, FileError, UsageError
from energyprof.report import importers
from energyprof.report.file import to_json
from energyprof.report.importers import logs
from energyprof.report.importers.imported import ANY, Request
from energyprof.report.importers.save import save
from energyprof.report.recompute import recompute
from energyprof.report.record import Report
from fakes.power_logs import LOGS, SECONDS, at, epoch, lines


def imported(path: Path, *more: Path, **asked: object) -> Report:
    said = {
        key: asked.pop(key) for key in ("time", "energy", "unit", "by", "every_s", "zone") if key in asked
    }
    wanted = dataclasses.replace(ANY, **said)  # type: ignore[arg-type]
    request = Request((path, *more), wanted=wanted, **asked)  # type: ignore[arg-type]
    return save(importers.read(request), path.with_suffix(".json"), "replaced")


def write(folder: Path, text: str, name: str = "power.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def mean_w(report: Report) -> float:
    run = report.runs[0]
    assert run.energy_j is not None and run.time_s is not None and run.energy_u_j is not None
    assert run.energy_u_j < 0.5 * run.energy_j
    return run.energy_j / run.time_s


def noted(report: Report, words: str) -> bool:
    return any(words in note for note in report.notes)


def refused(path: Path, **asked: object) -> str:
    with pytest.raises(EnergyprofError) as raised:
        imported(path, **asked)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("name", LOGS)
def test_every_log_gives_its_power_within_its_own_boundary(tmp_path, name):
    text, watts, boundary = LOGS[name]
    report = imported(write(tmp_path, text, "log.txt"))
    assert mean_w(report) == pytest.approx(watts, rel=1e-3)
    assert report.boundary == boundary
    assert all(meter.counted for meter in report.meters)
    assert (report.runs[0].status, report.runs[0].samples) == ("done", None)
    assert report.runs[0].coverage == pytest.approx(1, abs=0.01)
    assert to_json(recompute(tmp_path / "log.json")) == to_json(report)


def test_the_meters_are_named_after_their_devices(tmp_path):
    names = {
        "nvidia-smi, by uuid": ["nvidia-smi:GPU-1", "nvidia-smi:GPU-2"],
        "nvidia-smi, several without a key": [f"nvidia-smi:{gpu}" for gpu in range(4)],
        "turbostat": ["turbostat:cpu", "turbostat:ram"],
        "perf, text": ["perf:pkg", "perf:ram"],
        "any table": ["log"],
    }
    for name, meters in names.items():
        report = imported(write(tmp_path, LOGS[name][0], "log.txt"))
        assert [meter.name for meter in report.meters] == meters


def test_estimates_say_that_they_are(tmp_path):
    assert imported(write(tmp_path, LOGS["powermetrics"][0])).origin == "modelled"
    assert imported(write(tmp_path, LOGS["turbostat"][0])).origin == "measured"


TWO = lines("host,time,power_w", lambda s: [f"a,{epoch(s)},100", f"b,{epoch(s)},50"])
KWOLLECT = lines(
    "timestamp,device_id,metric_id,value,labels",
    lambda s: [
        f"{epoch(s)},{node},wattmetre_power_watt,{watts},{{}}" for node, watts in (("n-1", 90), ("n-2", 60))
    ],
)
HOME = lines(
    "entity_id,state,last_changed",
    lambda s: [
        f"sensor.{plug}_power,{watts},{at(s, '%Y-%m-%dT%H:%M:%S')}Z" for plug, watts in (("a", 90), ("b", 60))
    ],
)


@pytest.mark.parametrize(
    ("text", "key", "one", "together"),
    [
        (TWO, "host", ("a", 100), 150),
        (KWOLLECT, "device_id", ("n-2", 60), 150),
        (HOME, "entity_id", ("sensor.a_power", 90), 150),
    ],
)
def test_several_series_in_one_column_are_added_when_asked_and_refused_else(
    tmp_path, text, key, one, together
):
    path = write(tmp_path, text)
    said = refused(path)
    assert "2 series in one column" in said and f"--by {key}" in said and "--only NAME" in said
    assert mean_w(imported(path, by=key)) == pytest.approx(together, rel=1e-3)
    assert mean_w(imported(path, only=one[0])) == pytest.approx(one[1], rel=1e-3)
    assert "there is no series 'c'" in refused(path, only="c")


def test_a_second_device_that_comes_late_is_no_less_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("energyprof.trace.logs.layout.LOOKED_AT", 4)
    rows = [f"{epoch(s)},{'n-1' if s < 8 else 'n-2'},wattmetre_power_watt,90,{{}}" for s in range(20)]
    path = write(tmp_path, "\n".join(["timestamp,device_id,metric_id,value,labels", *rows, ""]))
    assert "2 series in one column" in refused(path)


def test_times_that_repeat_without_a_key_are_refused(tmp_path):
    path = write(tmp_path, lines("time,power_w", lambda s: [f"{at(s)},{100 + g}" for g in range(3)]))
    assert "its times repeat (3 rows each), and no column tells devices apart" in refused(path)


def test_rows_that_repeat_each_other_count_once(tmp_path):
    path = write(tmp_path, lines("time,power_w", lambda s: [f"{epoch(s)},{100 + s}"] * 2))
    report = imported(path)
    assert mean_w(report) == pytest.approx(105, rel=0.01)
    assert noted(report, "11 readings that repeat the stamp of another, which count once")


@pytest.mark.parametrize(
    ("header", "value", "unit", "right"),
    [
        ("timestamp,gpu_power_w", "6400", "mW", 6.4),
        ("timestamp,cpu_power_w", "45000", "mW", 45.0),
        ("time,jetson power", "9500", "mW", 9.5),
        ("timestamp,power_w", "450000", "mW", 450.0),
        ("timestamp,power_w", "0.085", "kW", 85.0),
        ("timestamp, power.draw [W]", "63860", "mW", 63.86),
    ],
)
def test_powers_that_no_such_part_draws_are_not_believed_unless_their_unit_is_said(
    tmp_path, header, value, unit, right
):
    path = write(tmp_path, lines(header, lambda s: f"{epoch(s)},{value}"))
    said = refused(path)
    assert "is not believed of" in said and f"--unit {unit}" in said
    assert mean_w(imported(path, unit=unit)) == pytest.approx(right)
    assert mean_w(imported(path, unit="W")) == pytest.approx(float(value))


def test_a_counter_is_held_against_what_its_part_draws_too(tmp_path):
    path = write(tmp_path, lines("timestamp,gpu_energy_j", lambda s: f"{epoch(s)},{250_000 * s}"))
    assert "--unit mJ" in refused(path)
    assert mean_w(imported(path, unit="mJ")) == pytest.approx(250)


@pytest.mark.parametrize(
    ("text", "asked", "words"),
    [
        ("time,colour\n1,2\n3,4\n", {}, "no column of powers or energies: name it with --power"),
        ("when,watts\n1,2\n2,2\n", {}, "no column of times: name it with --time …, or --every SECONDS"),
        ("time,gpu_power,wall_power\n1,2,3\n", {}, "several columns of powers"),
        ("time,power_w\n1,2\n", {"power": ("watts",)}, "no column 'watts' for --power: there are time"),
        ("time,power_w\n1,2\n", {"by": "host"}, "no column 'host' for --by: there are time, power_w"),
        ("time,total\n1,2\n", {"energy": "total"}, "has no unit: give it with --unit J"),
        ("time,power (MW)\n1,2\n", {}, "may mean mW: if so, give --unit mW"),
        ("1,2,3\n4,5,6\n", {}, "this is not a header: it must name the columns"),
        ("time,power_w\n", {}, "no readings below its header"),
        ("time,power_w\nsoon,3\nlater,4\n", {}, "line 2: 'soon' is not a time"),
        ("time,power_w\n1714564800,3\n", {}, "readings of one moment alone tell no energy"),
        ("time,power_w\n1714564800,3\n9714564800,3\n", {}, "its times span 254 years"),
        ("time,power_w\n1,\n2,\n", {}, "no readings below its header"),
        ("time,power_w\n1,\n2,x\n", {}, "line 3: 'x' is not a number"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_line_that_says_what_would_make_it_so(tmp_path, text, asked, words):
    assert words in refused(write(tmp_path, text), **asked)


def test_any_table_is_read_when_its_columns_are_named(tmp_path):
    text = lines("when;a;b;name", lambda s: f"{at(s, '%d.%m.%Y %H:%M:%S')};100,5;50,5;x")
    path = write(tmp_path, text)
    assert mean_w(imported(path, time="when", power=("a",))) == pytest.approx(100.5)
    assert mean_w(imported(path, time="when", power=("a", "b"))) == pytest.approx(151.0)
    assert mean_w(imported(path, time="when", power=("a",), unit="kW")) == pytest.approx(100_500)
    bare = write(tmp_path, lines("", lambda s: f"{epoch(s)},85.5"), "bare.csv")
    asked = {"time": "column 1", "power": ("column 2",), "unit": "W"}
    assert mean_w(imported(bare, **asked)) == pytest.approx(85.5)


def test_rows_without_times_come_at_the_pace_that_is_said(tmp_path):
    rows = "".join(f"{gpu}, {100 + gpu}.00 W\n" for _ in range(11) for gpu in (0, 1))
    path = write(tmp_path, "index, power.draw [W]\n" + rows)
    assert "--every SECONDS" in refused(path)
    report = imported(path, every_s=2.0)
    assert (mean_w(report), report.runs[0].time_s) == (pytest.approx(201), 20.0)
    assert report.runs[0].clock.utc == ""


def test_the_boundary_is_what_the_user_says_it_is(tmp_path):
    path = write(tmp_path, LOGS["any table, a column a device"][0])
    assert imported(path, boundary="node_dc").boundary == "node_dc"
    one = imported(path, boundaries={"power:gpu1": "module"})
    assert (one.boundary, [meter.counted for meter in one.meters]) == ("component", [True, False])
    assert mean_w(one) == pytest.approx(100)
    assert noted(one, "power:gpu1: module, the total is component")
    with pytest.raises(UsageError, match="--meter gpu9=…: there is no such meter: there are power:gpu0"):
        imported(path, boundaries={"gpu9": "module"})


def test_a_table_that_does_not_say_what_it_measures_says_so(tmp_path):
    assert noted(
        imported(write(tmp_path, LOGS["any table"][0])), "taken as a wall meter of the whole machine"
    )
    said = imported(write(tmp_path, LOGS["any table"][0]), boundary="wall_ac")
    assert not noted(said, "taken as a wall meter")


@pytest.mark.parametrize(
    ("title", "boundary", "said"),
    [
        ("AC Power (W)", "wall_ac", True),
        ("wall socket power (W)", "wall_ac", True),
        ("DC Power (W)", "node_dc", True),
        ("GPU DC power (W)", "component", True),
        ("socket0 power (W)", "component", True),
        ("Server Power (W)", "wall_ac", False),
        ("AC/DC Power (W)", "wall_ac", False),
    ],
)
def test_the_boundary_is_what_a_title_says_it_is(tmp_path, title, boundary, said):
    report = imported(write(tmp_path, lines(f"date,{title}", lambda s: f"{at(s, '%Y-%m-%d %H:%M:%S')},410")))
    assert report.boundary == boundary
    assert noted(report, "taken as a wall meter") is not said


def test_a_device_that_gave_no_reading_is_named(tmp_path):
    rows = [
        f"{at(s, '%Y/%m/%d %H:%M:%S.000')}, {gpu}, {'[N/A]' if gpu else '120.00 W'}"
        for s in range(10)
        for gpu in (0, 1)
    ]
    report = imported(write(tmp_path, "timestamp, index, power.draw [W]\n" + "\n".join(rows) + "\n"))
    assert [meter.name for meter in report.meters] == ["nvidia-smi:0"]
    assert noted(report, "1: without a reading in the log, so not in its total")


def test_dates_of_which_the_order_is_not_clear_are_said(tmp_path):
    unclear = write(tmp_path, lines("date,power_w", lambda s: f"{at(s, '%m/%d/%Y %H:%M:%S')},85"))
    assert noted(imported(unclear), "are taken as month, day, year")
    clear = write(tmp_path, lines("date,power_w", lambda s: f"13/03/2025 10:00:{s:02d},85"))
    assert imported(clear).runs[0].clock.utc == "2025-03-13T10:00:00.000Z"


def test_several_files_are_runs_in_order_of_time_and_a_copy_counts_once(tmp_path):
    days = [lines("time,power_w", lambda s, d=day: f"{epoch(s + 100 * d)},{100 + 10 * d}") for day in (1, 0)]
    paths = [write(tmp_path, text, f"day{i}.csv") for i, text in enumerate([*days, days[0]])]
    report = imported(*paths)
    assert [run.energy_j for run in report.runs] == [pytest.approx(1000), pytest.approx(1100)]
    assert noted(report, "day2.csv is day0.csv to the last byte: it counts once")
    beside = write(tmp_path, lines("time,power_w", lambda s: f"{epoch(s + 3)},50"), "beside.csv")
    with pytest.raises(UsageError, match="are of one time: import each alone"):
        imported(paths[1], beside)


def test_a_gap_is_not_covered_and_a_reading_without_a_value_is_counted(tmp_path):
    rows = [f"{epoch(s)},{'' if s == 5 else 100}" for s in range(100) if not 40 < s < 60]
    report = imported(write(tmp_path, "time,power_w\n" + "\n".join(rows) + "\n"))
    assert report.runs[0].coverage == pytest.approx(79 / 99, abs=0.01)
    assert noted(report, "1 readings without a usable value")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gzip"])
def test_a_log_is_read_however_it_is_encoded_or_packed(tmp_path, encoding):
    text, watts, _ = LOGS["nvidia-smi"]
    path = tmp_path / "power.csv"
    path.write_bytes(gzip.compress(text.encode()) if encoding == "gzip" else text.encode(encoding))
    assert mean_w(imported(path)) == pytest.approx(watts)


def test_windows_line_ends_and_zeros_after_a_crash_are_no_trouble(tmp_path):
    path = tmp_path / "power.csv"
    path.write_bytes(LOGS["nvidia-smi"][0].replace("\n", "\r\n").encode() + b"\0" * 64)
    assert mean_w(imported(path)) == pytest.approx(250)


def test_json_that_was_cut_off_gives_what_came_before(tmp_path):
    text = LOGS["kwollect, JSON"][0]
    assert mean_w(imported(write(tmp_path, text[: len(text) // 2]))) == pytest.approx(120.5)
    assert "not readable JSON" in refused(write(tmp_path, '{"host": '), every_s=1.0)


def load(i: int) -> float:
    return 200 + 50 * math.sin(i / 7) + (i * 37 % 11)


def long_log(path: Path, count: int, gap: range = range(0)) -> Path:
    with path.open("w") as file:
        file.write("time,power_w\n")
        file.writelines(f"{epoch(i / 10):.1f},{load(i):.3f}\n" for i in range(count) if i not in gap)
    return path


@pytest.mark.slow
def test_a_long_log_becomes_blocks_of_the_same_energy_and_the_same_doubt(tmp_path, monkeypatch):
    path = long_log(tmp_path / "long.csv", 20_000)
    whole = imported(path)
    monkeypatch.setattr(logs, "MOST_READINGS", 2000)
    monkeypatch.setattr(logs.read_log, "__defaults__", (2000,))
    blocks = imported(path)
    assert noted(blocks, "20000 readings are kept as blocks of")
    exact = sum((round(load(i), 3) + round(load(i + 1), 3)) / 20 for i in range(19_999))
    assert whole.runs[0].energy_j == pytest.approx(
        exact, rel=1e-4
    )  # powers are taken as means up to their stamp
    assert blocks.runs[0].energy_j == pytest.approx(exact, rel=1e-9)
    assert blocks.runs[0].budget_j["shape"] == pytest.approx(whole.runs[0].budget_j["shape"], rel=0.1)
    assert blocks.runs[0].coverage == 1.0
    assert to_json(recompute(path.with_suffix(".json"))) == to_json(blocks)


@pytest.mark.slow
def test_a_gap_in_a_long_log_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(logs.read_log, "__defaults__", (2000,))
    for first, last in ((9_000, 10_000), (9_000, 9_015)):
        path = long_log(tmp_path / "long.csv", 20_000, range(first, last))
        coverage = imported(path).runs[0].coverage
        assert coverage is not None and 1 - (last - first) / 20_000 - 0.003 < coverage < 1


@pytest.mark.slow
def test_a_long_counter_keeps_its_energy(tmp_path, monkeypatch):
    monkeypatch.setattr(logs.read_log, "__defaults__", (2000,))
    path = write(
        tmp_path, "time,energy_j\n" + "".join(f"{epoch(i / 10):.1f},{25 * i}\n" for i in range(20_000))
    )
    run = imported(path).runs[0]
    assert (run.energy_j, run.coverage) == (pytest.approx(25 * 19_999, rel=1e-4), 1.0)


@pytest.mark.slow
def test_readings_that_are_never_near_each_other_are_refused_and_not_hoarded(tmp_path, monkeypatch):
    monkeypatch.setattr(logs.read_log, "__defaults__", (2000,))
    times = [i / 10 if i < 12_000 else 1200 + (i - 12_000) // 2 * 7 + i % 2 / 10 for i in range(20_000)]
    path = write(tmp_path, "time,power_w\n" + "".join(f"{epoch(t):.1f},25\n" for t in sorted(times)))
    assert "come too unevenly" in refused(path)


def test_names_of_devices_are_text_and_no_event(tmp_path):
    rows = [{"gpu": "@run\u202e\ud800", "socket_power": 100, "timestamp": epoch(s)} for s in range(SECONDS)]
    path = write(tmp_path, "\n".join(json.dumps(row) for row in rows) + "\n")
    report = imported(path)
    assert report.meters[0].name == "amd-smi:@run??"
    assert mean_w(report) == pytest.approx(100)


def test_an_offset_moves_the_clock(tmp_path):
    path = write(tmp_path, LOGS["any table"][0])
    assert imported(path, offsets_h={"": -1.0}).runs[0].clock.utc == "2025-03-01T09:00:00.000Z"
    with pytest.raises(UsageError, match="no log of that name"):
        imported(path, offsets_h={"other": 1.0})


def test_a_directory_and_a_binary_file_are_refused(tmp_path):
    (tmp_path / "b.bin").write_bytes(bytes(range(256)) * 50)
    with pytest.raises(FileError, match="not of a known kind"):
        importers.read(Request((tmp_path / "b.bin",)))
    with pytest.raises(FileError):
        importers.read(Request((tmp_path / "b.bin",)), "power")
    with pytest.raises(FileError, match="Is a directory"):
        importers.read(Request((tmp_path,)), "power")


def test_a_broken_or_other_property_list_is_refused_in_a_line(tmp_path):
    whole = LOGS["powermetrics, property lists"][0]
    assert "its last property list was cut off" in refused(write(tmp_path, whole[:-40], "cut.plist"))
    broken = whole.replace("<real>4000</real>", "<real>4000</integer>", 1)
    assert "sample 1 is not a property list" in refused(write(tmp_path, broken, "broken.plist"))
    without = whole.replace("_power<", "_energy<")
    assert "--samplers cpu_power,gpu_power" in refused(write(tmp_path, without, "without.plist"))
    path = write(tmp_path, '<?xml version="1.0"?>\n<plist version="1.0"><dict/></plist>\n', "power.plist")
    assert "XML that is not a property list of powermetrics" in refused(path)


def test_a_start_that_is_no_time_is_none(tmp_path):
    text = LOGS["perf, text"][0].replace("Sat Mar  1", "Sat Mar 99")
    report = imported(write(tmp_path, text))
    assert (mean_w(report), report.runs[0].clock.utc) == (pytest.approx(45), "")


BERLIN = ZoneInfo("Europe/Berlin")


def put_back(folder: Path, from_min: int, until_min: int, watts: float = 100.0) -> Path:
    """A log by a wall clock, so many minutes before and after it is put back from 3:00 to 2:00."""
    back = datetime(2025, 10, 26, 1, tzinfo=timezone.utc)
    times = [back + timedelta(seconds=30 * i) for i in range(2 * from_min, 2 * until_min)]
    rows = [f"{time.astimezone(BERLIN):%Y-%m-%d %H:%M:%S},{watts}" for time in times]
    return write(folder, "\n".join(["timestamp,power (W)", *rows, ""]))


@pytest.mark.slow
@pytest.mark.parametrize("most", [100_000, 100])
def test_times_without_a_zone_that_come_twice_are_refused_until_it_is_said(tmp_path, monkeypatch, most):
    monkeypatch.setattr(logs, "MOST_READINGS", most)
    monkeypatch.setattr(logs.read_log, "__defaults__", (most,))
    for begins in (-120, -30):  # before the hour, and in it
        path = put_back(tmp_path, begins, 90)
        assert "--tz Europe/Paris" in refused(path)
        run = imported(path, zone=BERLIN).runs[0]
        assert run.energy_j == pytest.approx(100 * 60 * (90 - begins), rel=0.01)
        assert run.time_s == pytest.approx(60 * (90 - begins), rel=0.01)
        assert run.coverage == pytest.approx(1, abs=0.01)


def test_a_log_that_begins_in_the_hour_that_came_twice_loses_no_row(tmp_path):
    for begins, which in ((-30, "first"), (30, "second")):
        report = imported(put_back(tmp_path, begins, 100), zone=BERLIN)
        assert report.runs[0].energy_j == pytest.approx(100 * 60 * (100 - begins), rel=0.01)
        assert report.runs[0].coverage == pytest.approx(1, abs=0.01)
        assert noted(report, f"begins in the hour that came twice, taken as the {which}")
        assert not noted(report, "without a readable time")


def test_rows_out_of_order_are_no_clock_that_was_put_back(tmp_path):
    path = put_back(tmp_path, -120, 90)
    assert imported(path, zone=timezone(timedelta(0), "UTC")).runs  # as it was said
