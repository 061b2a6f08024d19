"""Logs in CSV files: which columns and times are understood, how a run is joined, and what is refused."""

from __future__ import annotations

import threading
import time
import tracemalloc
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters import csv
from energyprof.meter import ExternalLog, Finding
from energyprof.report.integrator import Integrator
from energyprof.trace.rows import Sample

NOON_S = datetime(2024, 5, 1, 12, tzinfo=timezone.utc).timestamp()  # 1714564800

PARIS = {"tz": "Europe/Paris"}

SIMPLE = "timestamp,power_w\n" + "".join(f"{NOON_S + n:.1f},{100 + n}.5\n" for n in range(10))


def find(path: Path, text: str | None = None, **options: str) -> Finding:
    if text is not None:
        path.write_text(text)
    return csv.find_at(str(path), options)


def opened(finding: Finding) -> ExternalLog:
    assert finding.state == "found", finding.reason
    recording: Any = finding.sources[0].open()
    return recording  # type: ignore[no-any-return]


@pytest.fixture
def wall(tmp_path: Path) -> Path:
    return tmp_path / "wall.csv"


def test_a_run_gets_its_rows_and_one_on_each_side(wall: Path) -> None:
    finding = find(wall, SIMPLE)
    recording = opened(finding)
    rows = recording.between(NOON_S + 2.5, NOON_S + 4.0)
    assert rows == [(NOON_S + n, 100.5 + n) for n in (2, 3, 4, 5)]
    assert recording.between(NOON_S - 5, NOON_S + 99) == [(NOON_S + n, 100.5 + n) for n in range(10)]
    info = finding.sources[0].info
    assert recording.info is info
    assert (info.external, info.part, info.boundary, info.reads) == (True, "machine", "wall_ac", "power_w")
    assert (info.resolution, info.refresh_s) == (pytest.approx(0.1), 1.0)
    assert (info.window_s, info.window_assumed) == (1.0, True)  # up to a mean since the last row
    assert info.gain_a == 0.05
    assert "give gain=0.01" in info.gain_source and "give gain=0.01" in finding.notes[0]


def test_the_options_describe_the_instrument(wall: Path) -> None:
    options = {"gain": "0.01", "boundary": "node_dc", "name": "lab", "resolution": "0.5", "window": "1"}
    finding = find(wall, SIMPLE, **options)
    info = finding.sources[0].info
    assert (info.name, info.boundary, info.gain_a) == ("csv:lab", "node_dc", 0.01)
    assert (info.resolution, info.window_s) == (0.5, 1.0)
    assert finding.notes == ()


def test_a_log_of_a_part_says_of_which(wall: Path) -> None:
    info = find(wall, SIMPLE, boundary="component", part="gpu").sources[0].info
    assert (info.part, info.boundary) == ("gpu", "component")
    with pytest.raises(UsageError, match="boundary=component needs part=: give cpu or gpu or dram"):
        find(wall, SIMPLE, boundary="component")
    with pytest.raises(UsageError, match="is of the whole machine: leave out part="):
        find(wall, SIMPLE, part="gpu")


def test_the_offset_is_added_to_the_files_times(wall: Path) -> None:
    recording = opened(find(wall, SIMPLE, offset="-1.5"))
    assert recording.between(NOON_S - 1.5, NOON_S - 1.5)[0] == (NOON_S - 1.5, 100.5)


@pytest.mark.parametrize(
    ("header", "row", "options", "value", "reads"),
    [
        ("timestamp,power", "T,150.25", {}, 150.25, "power_w"),
        ("time,watts", "T,150", {}, 150.0, "power_w"),
        ("epoch,Power (W),note", "T,150,x", {}, 150.0, "power_w"),
        ("Time;Power [W]", "T;150,25", {}, 150.25, "power_w"),  # decimal comma
        ("t\tpower_mw", "T\t150250", {}, 150.25, "power_w"),
        ("timestamp,power_kw", "T,0.15", {}, 150.0, "power_w"),
        ('"timestamp","power_w"', '"T","150"', {}, 150.0, "power_w"),
        ("timestamp, power.draw [W]", "T, 150.25 W", {}, 150.25, "power_w"),  # nvidia-smi
        ("timestamp,energy_j", "T,150", {}, 150.0, "energy_j"),
        ("timestamp,Energy (Wh)", "T,2", {}, 7200.0, "energy_j"),
        ("timestamp,kWh", "T,0.5", {}, 1.8e6, "energy_j"),
        ("timestamp,power_w,energy_wh", "T,150,2", {}, 150.0, "power_w"),
        ("timestamp,power_w,energy_wh", "T,150,2", {"unit": "Wh"}, 7200.0, "energy_j"),
        ("timestamp,power_w,energy_wh", "T,150,2", {"energy": "energy_wh"}, 7200.0, "energy_j"),
        ("timestamp,gpu,cpu", "T,90,60", {"power": "cpu"}, 60.0, "power_w"),
        ("timestamp,gpu,cpu", "T,90,60", {"power": "cpu", "unit": "mW"}, 0.06, "power_w"),
        ("timestamp,total", "T,90", {"energy": "total", "unit": "kWh"}, 90 * 3.6e6, "energy_j"),
        ("when,power,start", "T,90,5", {"time": "when"}, 90.0, "power_w"),
        ("\ufefftimestamp,power", "T,90", {}, 90.0, "power_w"),
        ("# logger 3\n\ntimestamp,power", "T,90", {}, 90.0, "power_w"),
    ],
)  # fmt: skip
def test_columns_are_found_by_their_headers(
    wall: Path, header: str, row: str, options: dict[str, str], value: float, reads: str
) -> None:
    comma = ";" in header
    time = f"{NOON_S:.1f}".replace(".", ",") if comma else f"{NOON_S:.1f}"
    finding = find(wall, f"{header}\n{row.replace('T', time, 1)}\n", **options)
    assert opened(finding).between(NOON_S, NOON_S) == [(NOON_S, pytest.approx(value))]
    assert finding.sources[0].info.reads == reads


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("1714564800", {}),
        ("1714564800.000", {}),
        ("1.7145648e9", {}),
        ("1714564800000", {}),
        ("1714564800000000", {}),
        ("1714564800000000000", {}),
        ("2024-05-01T12:00:00Z", {}),
        ("2024-05-01 12:00Z", {}),
        ("2024-05-01T12:00:00.000000000Z", {}),
        ("2024-05-01T14:00:00+02:00", {}),
        ("2024-05-01T08:30:00-0330", {}),
        ("2024-05-01 12:00:00 UTC", {}),
        ("2024-05-01 12:00:00", {"tz": "UTC"}),
        ("2024/05/01 14:00:00.000", {"tz": "Europe/Paris"}),
        ("2024-05-01T12:00:00Z", {"tz": "Europe/Paris"}),
    ],
)
def test_times_may_be_numbers_or_iso_8601(wall: Path, text: str, options: dict[str, str]) -> None:
    recording = opened(find(wall, f"timestamp,power\n{text},90\n", **options))
    assert recording.between(NOON_S - 1, NOON_S + 1) == [(NOON_S, 90.0)]


def test_a_fraction_of_a_second_counts(wall: Path) -> None:
    text = "timestamp,power\n2024-05-01T12:00:00.25Z,1\n2024-05-01T12:00:00.123456789Z,2\n"
    rows = opened(find(wall, text)).between(NOON_S, NOON_S + 1)
    assert rows == [(NOON_S + 0.25, 1.0), (pytest.approx(NOON_S + 0.123456, abs=1e-6), 2.0)]


def test_a_date_and_a_time_may_be_two_columns(wall: Path) -> None:
    recording = opened(find(wall, "Date,Time,Power\n2024-05-01,12:00:01,90\n", tz="UTC"))
    assert recording.between(NOON_S, NOON_S + 2) == [(NOON_S + 1, 90.0)]


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("", {}, "no header yet"),
        ("timestamp,power", {}, "no header yet"),  # its line is not finished
        ("1714564800,90\n", {}, "line 1: this is not a header"),
        ("timestamp,colour\n", {}, "line 1: no column of powers or energies: name it with power=…"),
        ("when,power\n", {}, "line 1: no column of times: name it with time=…; there are when, power"),
        ("timestamp,power\n", {"power": "gpu"}, "line 1: no column 'gpu' for power=: there are timestamp"),
        ("timestamp,total\n", {"energy": "total"}, "line 1: 'total' has no unit: give it with unit=J, Wh"),
        ("timestamp,Power (MW)\n", {}, "line 1: 'Power (MW)' may mean mW"),
        ("timestamp,x_wh\n", {"power": "x_wh"}, "line 1: 'x_wh' is in Wh, not power"),
        ("timestamp,power\n2024-05-01 12:00:00,90\n", {}, "line 2: '2024-05-01 12:00:00' has no time zone"),
        ("# a\ntimestamp,power\n0.5,90\n", {}, "line 3: '0.5' is not a time since 1970"),
        ("timestamp,power\n01.05.2024 12:00:00,90\n", {}, "line 2: '01.05.2024 12:00:00' has no time zone"),
        ("timestamp,power\n01.05.24 12:00:00,90\n", {}, "line 2: '01.05.24 12:00:00' is not a time"),
        ("timestamp,power\n1st May 12:00,90\n", {}, "line 2: '1st May 12:00' is not a time"),
        ("timestamp,power\n01/05/2024 12:00:00,90\n", {}, "line 2: '01/05/2024 12:00:00' may be of two days"),
        ("timestamp,gpu_power_w\n1714564800,90000\n", {}, "'gpu_power_w': in W its mean is 9e+04 W"),
        ("host,time,power_w\n" + "".join(f"{h},{NOON_S + n},9\n" for n in range(9) for h in "ab"), {},
         "2 series in one column, told apart by 'host' (a, b): by=host adds them up, only=NAME takes one"),
        ("timestamp,power\n2024-13-01 12:00:00Z,90\n", {}, "line 2: '2024-13-01 12:00:00Z' is not a time:"),
        ("timestamp,power\n2024-10-27 02:30:00,90\n", PARIS, "line 2: '2024-10-27 02:30:00' comes twice"),
        ("timestamp,power\n1714564800\n", {}, "line 2: 1 columns, where the header has more"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_such_table_is_blocked_with_the_line(
    wall: Path, text: str, options: dict[str, str], reason: str
) -> None:
    finding = find(wall, text, **options)
    assert (finding.state, finding.sources) == ("blocked", ())
    assert finding.reason.startswith(f"{wall}: {reason}")
    assert "\n" not in finding.reason


def test_the_file_must_be_there_when_the_run_starts(wall: Path) -> None:
    finding = find(wall)
    assert (finding.state, finding.reason) == ("blocked", f"{wall}: no such file")
    assert "start the logger" in finding.remedy
    wall.mkdir()
    assert find(wall).reason == f"{wall}: Is a directory"


@pytest.mark.parametrize(
    "options",
    [
        {"tz": "Mars/Olympus"},
        {"unit": "horsepower"},
        {"power": "a", "energy": "b"},
        {"power": "a", "unit": "Wh"},
        {"energy": "a", "unit": "W"},
        {"offset": "soon"},
        {"window": "-1"},
        {"boundary": "moon"},
        {"boundary": "component"},
        {"boundary": "component", "part": "machine"},
        {"boundary": "wall_ac", "part": "gpu"},
        {"colour": "red"},
        {"gain": "lots"},
    ],
)
def test_an_option_that_makes_no_sense_is_refused(wall: Path, options: dict[str, str]) -> None:
    with pytest.raises(UsageError) as raised:
        find(wall, SIMPLE, **options)
    assert str(raised.value).startswith("csv") and "\n" not in str(raised.value)


def test_a_file_with_only_a_header_is_read_when_it_has_grown(wall: Path) -> None:
    recording = opened(find(wall, "timestamp,power_w\n"))
    with pytest.raises(MeterError, match="no row below its header"):
        recording.between(NOON_S, NOON_S + 1)
    wall.write_text(SIMPLE)
    assert len(recording.between(NOON_S, NOON_S + 9)) == 10
    recording.close()


@pytest.mark.slow
def test_the_row_after_a_run_that_ended_just_now_is_waited_for(wall: Path) -> None:
    now_s = time.time()
    header = "timestamp,power\n" + "".join(f"{now_s - 5 + 0.5 * n:.3f},{n}\n" for n in range(10))
    recording = opened(find(wall, header))  # a row each half second

    def log() -> None:
        time.sleep(0.3)
        with wall.open("a") as file:
            file.write(f"{time.time() + 1:.3f},99\n")

    logger = threading.Thread(target=log)
    logger.start()
    end_s = time.time()
    recording.settle(end_s, time.monotonic())
    logger.join()
    assert recording.between(now_s - 3, end_s)[-1][1] == 99.0


@pytest.mark.parametrize(("end_s", "ago_s"), [(NOON_S + 8.5, 0.0), (NOON_S + 600, 60.0)])
def test_a_row_that_is_there_or_will_not_come_is_not_waited_for(
    wall: Path, monkeypatch: pytest.MonkeyPatch, end_s: float, ago_s: float
) -> None:
    recording, slept = opened(find(wall, SIMPLE)), list[float]()
    monkeypatch.setattr(time, "sleep", slept.append)
    recording.settle(end_s, time.monotonic() - ago_s)
    assert slept == []


def test_a_row_is_waited_for_no_longer_than_two_periods_whatever_the_wall_clock_shows(
    wall: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording, slept = opened(find(wall, SIMPLE)), list[float]()
    monkeypatch.setattr(time, "sleep", slept.append)
    recording.settle(NOON_S + 3600, time.monotonic())  # as if it were set back by an hour since
    assert len(slept) == 1 and 0 < slept[0] <= 2.0


def test_rows_come_in_the_order_of_the_file(wall: Path) -> None:
    """Set back by 3 s, the logger's clock shows the same times again."""
    text = "timestamp,power\n" + "".join(
        f"{NOON_S + n},{i}\n" for i, n in enumerate((0, 1, 2, 3, 1, 2, 3, 4))
    )
    rows = opened(find(wall, text)).between(NOON_S + 0.5, NOON_S + 3)
    assert [(t - NOON_S, value) for t, value in rows] == [
        (0, 0), (1, 1), (2, 2), (3, 3), (1, 4), (2, 5), (3, 6), (4, 7),
    ]  # fmt: skip


def test_a_line_that_is_still_being_written_is_not_a_reading(wall: Path) -> None:
    recording = opened(find(wall, f"timestamp,power\n{NOON_S},90\n{NOON_S + 1},12"))
    assert recording.between(NOON_S, NOON_S + 5) == [(NOON_S, 90.0)]


@pytest.mark.parametrize("garbage", ["", "nan", "NaN", "inf", "-", "unavailable", "1_0", "12 V"])
def test_what_is_no_number_is_a_row_without_a_value(wall: Path, garbage: str) -> None:
    recording = opened(find(wall, f"timestamp,power\n{NOON_S},90\n{NOON_S + 1},{garbage}\n{NOON_S + 2},91\n"))
    assert recording.between(NOON_S, NOON_S + 2) == [(NOON_S, 90.0), (NOON_S + 1, None), (NOON_S + 2, 91.0)]


@pytest.mark.parametrize("line", ["", "soon,95", "95", 'x"y'])
def test_a_line_without_its_place_in_time_leaves_a_mark(wall: Path, line: str) -> None:
    text = f"timestamp,power\n{NOON_S},90\n{NOON_S + 1},91\n{line}\n{NOON_S + 2},92\n"
    rows = opened(find(wall, text)).between(NOON_S, NOON_S + 2)
    mark = [(NOON_S + 1, None)] if line else []  # an empty line is none
    assert rows == [(NOON_S, 90.0), (NOON_S + 1, 91.0), *mark, (NOON_S + 2, 92.0)]


def test_a_log_whose_days_are_out_of_order_gives_each_day(wall: Path) -> None:
    day_s = 86400.0
    text = "timestamp,power\n" + "".join(
        f"{NOON_S + day * day_s + n},{10 * day + n}\n" for day in (2, 0, 1) for n in range(3)
    )
    recording = opened(find(wall, text))
    rows = recording.between(NOON_S + day_s, NOON_S + day_s + 2)
    assert rows == [
        (NOON_S + 2, 2.0),
        *((NOON_S + day_s + n, 10.0 + n) for n in range(3)),
        (NOON_S + 2 * day_s, 20.0),
    ]


def test_a_run_outside_the_log_is_told_what_the_log_covers(wall: Path) -> None:
    recording = opened(find(wall, SIMPLE, name="wall"))
    with pytest.raises(MeterError) as raised:
        recording.between(NOON_S + 3600, NOON_S + 3660)
    assert str(raised.value) == (
        f"csv:wall: {wall}: no row from 2024-05-01T13:00:00Z to 2024-05-01T13:01:00Z:"
        " the file covers 2024-05-01T12:00:00Z to 2024-05-01T12:00:09Z;"
        " is the logger's clock wrong? offset=SECONDS corrects it"
    )


def test_a_log_that_went_away_is_an_error_and_no_crash(wall: Path) -> None:
    recording = opened(find(wall, SIMPLE))
    wall.write_text("timestamp,power_w\nsoon,90\n")
    with pytest.raises(MeterError, match="line 2: 'soon' is not a time"):
        recording.between(NOON_S, NOON_S + 1)
    wall.unlink()
    with pytest.raises(MeterError, match="No such file"):
        recording.between(NOON_S, NOON_S + 1)


def test_a_relative_path_means_the_folder_of_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wall.csv").write_text(SIMPLE)
    monkeypatch.chdir(tmp_path)
    finding = csv.find_at("wall.csv", {})
    monkeypatch.chdir("/")
    assert finding.sources[0].info.name == "csv:wall.csv"
    assert len(opened(finding).between(NOON_S, NOON_S + 9)) == 10


@pytest.mark.slow
def test_of_a_long_log_only_the_run_is_held(wall: Path) -> None:
    count = 100_000
    with wall.open("w") as file:
        file.write("timestamp,power\n")
        file.writelines(f"{NOON_S + n},{n}\n" for n in range(count))
    recording = opened(find(wall))
    tracemalloc.start()
    try:
        rows = recording.between(NOON_S + count - 10, NOON_S + count)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(rows) == 11
    assert peak_bytes < 1_000_000  # the rows in memory would be ten times that


def gpus(count: int) -> str:
    rows = [f"{NOON_S + n:.1f}, {gpu}, {100 + gpu}.00 W" for n in range(10) for gpu in range(count)]
    return "\n".join(["timestamp, index, power.draw [W]", *rows, ""])


def test_the_devices_of_a_log_are_meters_of_their_own_within_its_boundary(wall: Path) -> None:
    finding = find(wall, gpus(3), name="smi")
    infos = [source.info for source in finding.sources]
    assert [info.name for info in infos] == ["csv:smi:0", "csv:smi:1", "csv:smi:2"]
    assert {(info.part, info.boundary) for info in infos} == {("gpu", "component")}
    assert "NVIDIA" in infos[0].gain_source
    for gpu, source in enumerate(finding.sources):
        log: Any = source.open()
        rows = log.between(NOON_S + 2, NOON_S + 3)
        assert rows == [(NOON_S + n, 100.0 + gpu) for n in (1, 2, 3, 4)]


def test_one_device_of_a_log_can_be_read_alone(wall: Path) -> None:
    finding = find(wall, gpus(3), only="2")
    assert [value for _, value in opened(finding).between(NOON_S, NOON_S + 1)] == [102.0, 102.0, 102.0]
    assert find(wall, gpus(2), boundary="node_dc").sources[0].info.boundary == "node_dc"


def test_the_energies_of_intervals_are_added_up(wall: Path) -> None:
    rows = "".join(f"{NOON_S + 60 * n:.0f},6.0,400\n" for n in range(5))
    finding = find(wall, "timestamp,total_act_energy,max_act_power\n" + rows)
    assert finding.sources[0].info.reads == "energy_j"
    rows_of = opened(finding).between(NOON_S + 60, NOON_S + 180)
    assert rows_of == [(NOON_S + 60 * n, pytest.approx(21_600.0 * n)) for n in (1, 2, 3, 4)]


def test_an_interval_without_a_value_is_unseen_and_not_without_energy(wall: Path) -> None:
    cells = ["50", "50", "nan", "", "50", "50", "50", "50", "50", "50"]
    text = "time,energy_j\n" + "".join(f"{NOON_S + n},{cell}\n" for n, cell in enumerate(cells))
    finding = find(wall, text)
    rows = opened(finding).between(NOON_S, NOON_S + 9)
    integrator = Integrator(replace(finding.sources[0].info, max_power_w=500.0), 1.0, [(0.5, 8.5)])
    for at_s, value in rows:
        integrator.push(Sample(at_s - NOON_S, at_s - NOON_S, value))
    (energy,) = integrator.finish()
    assert energy.joules == pytest.approx(50 * 8)
    assert {"failed_read", "reset"} <= set(energy.flags)
    assert energy.terms_j["unseen"] > 50


def test_a_log_that_is_no_table_of_cells_is_read_too(wall: Path) -> None:
    lines = [
        f"05-01-2024 12:00:0{n} RAM 1/2MB (lfb 1x4MB) CPU [9%@1190] CPU@40C VDD_IN 6000mW/6000mW"
        for n in range(9)
    ]
    finding = find(wall, "\n".join(lines) + "\n", tz="UTC")
    info = finding.sources[0].info
    assert (info.part, info.boundary) == ("soc", "module")
    assert opened(finding).between(NOON_S + 1, NOON_S + 2)[0] == (NOON_S, 6.0)


def test_how_many_devices_there_are_must_be_known_at_the_start(wall: Path) -> None:
    finding = find(wall, "timestamp, index, power.draw [W]\n")
    assert "no rows yet that tell how many devices it holds" in finding.reason
