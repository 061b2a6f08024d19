"""Power logs as other tools, countries and crashes leave them: the joules in them, or one line."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from energyprof.report.importers import logs
from energyprof.trace.logs.wanted import Wanted
from fakes.importing import imported, noted, refused, watts, written
from fakes.power_logs import at, epoch, lines

SMI = "timestamp, power.draw [W]"


# --- numbers


@pytest.mark.parametrize(
    ("header", "cell", "right"),
    [
        ("time;power (W)", "250,5", 250.5),
        ("time;power (W)", "1.250,5", 1250.5),
        ("time;power (W)", "1 250,5", 1250.5),
        ("time;power (W)", "1\u202f250,5", 1250.5),
        ("time;power (W)", "1'250.5", 1250.5),
        ("time,power (W)", '"250,5"', 250.5),
        ("time,power (W)", '"250,50 W"', 250.5),
        ("time,power (W)", '"1,250.5"', 1250.5),
        ("time|power (W)", "250.5", 250.5),
        ("time power_w", "250.5", 250.5),
    ],
)
def test_a_number_is_read_as_its_country_writes_it(tmp_path, header, cell, right):
    mark = header[4]
    path = written(tmp_path, lines(header, lambda s: f"{epoch(s):.0f}{mark}{cell}"))
    assert watts(imported(path)) == pytest.approx(right)


def test_a_number_that_could_be_two_is_none(tmp_path):
    path = written(tmp_path, lines("time,power (W)", lambda s: f'{epoch(s):.0f},"1,250"'))
    assert "line 2: '1,250' is not a number" in refused(path)


@pytest.mark.parametrize(
    ("header", "cell", "right"),
    [
        ("time,power [W]", "5300 mW", 5.3),
        ("time,power [mW]", "5.3 W", 5.3),
        ("time,power", "0.4 kW", 400),
        ("time,power\ns,kW", "0.4", 400),
        ("time,power\n[s],[W]", "400", 400),
        ("time,gpu_power\ns,mW", "250000", 250),
    ],
)
def test_the_unit_is_that_of_the_cells_or_of_a_row_of_units(tmp_path, header, cell, right):
    path = written(tmp_path, lines(header, lambda s: f"{epoch(s):.0f},{cell}"))
    assert watts(imported(path)) == pytest.approx(right)


@pytest.mark.parametrize(("unit", "per_second"), [("MJ", 1e-4), ("mJ", 1e5), ("Ws", 100), ("kJ", 0.1)])
def test_joules_are_large_or_small_as_their_unit_is_written(tmp_path, unit, per_second):
    path = written(tmp_path, lines(f"time,energy ({unit})", lambda s: f"{epoch(s):.0f},{per_second * s:.5f}"))
    assert watts(imported(path)) == pytest.approx(100)


# --- times


@pytest.mark.parametrize(
    ("title", "per_second"),
    [
        ("time_ms", 1e3),
        ("Time (ms)", 1e3),
        ("elapsedMs", 1e3),
        ("Time [µs]", 1e6),
        ("time_ns", 1e9),
        ("Time (min)", 1 / 60),
        ("time_s", 1),
        ("elapsed", 1),
    ],
)
def test_times_from_a_start_are_in_the_unit_of_their_title(tmp_path, title, per_second):
    asked = {} if title in ("time_ms", "time_ns", "time_s", "elapsed") else {"time": title}
    path = written(tmp_path, lines(f"{title},power_w", lambda s: f"{(3600 + 60 * s) * per_second:.0f},100"))
    report = imported(path, **asked)
    assert (watts(report), report.runs[0].time_s) == (pytest.approx(100), pytest.approx(600))


@pytest.mark.parametrize("per_second", [1, 1e3, 1e6, 1e9])
def test_times_since_1970_are_in_the_unit_of_their_size(tmp_path, per_second):
    path = written(tmp_path, lines("timestamp,power_w", lambda s: f"{epoch(s) * per_second:.0f},100"))
    report = imported(path)
    assert (watts(report), report.runs[0].time_s) == (pytest.approx(100), pytest.approx(10))
    assert report.runs[0].clock.utc == "2025-03-01T10:00:00.000Z"


def test_a_day_and_a_time_between_blanks_are_one(tmp_path):
    text = lines("when watts", lambda s: f"{at(s, '%Y-%m-%d %H:%M:%S')} 100.5")
    assert watts(imported(written(tmp_path, text), time="when")) == pytest.approx(100.5)


# --- series


def blocks(of: Callable[[str, int], float]) -> str:
    rows = [f"{epoch(s):.0f},{name},{of(name, s)}" for name in ("a", "b") for s in range(30)]
    return "\n".join(["time,which,power_w", *rows, ""])


def test_series_one_below_the_other_are_several(tmp_path):
    path = written(tmp_path, blocks(lambda name, s: 100.0))
    assert "2 series in one column, told apart by 'which' (a, b): --by which" in refused(path)
    assert watts(imported(path, by="which")) == pytest.approx(200)


@pytest.mark.parametrize(
    ("most", "why"), [(100_000, "have the time of another row"), (20, "go back in time")]
)
def test_a_second_series_far_below_the_first_is_not_dropped(tmp_path, monkeypatch, most, why):
    monkeypatch.setattr("energyprof.trace.logs.layout.LOOKED_AT", 10)
    monkeypatch.setattr(logs.read_log, "__defaults__", (most,))
    path = written(tmp_path, blocks(lambda name, s: 100.0 + s + (name == "b")) * (1 if most > 20 else 40))
    said = refused(path)
    assert why in said and "--by" in said and "there are time, which, power_w" in said


@pytest.mark.parametrize("after", [0.0, 0.5])
def test_two_logs_one_below_the_other_are_no_mean_of_both(tmp_path, after):
    rows = [f"{epoch(s + log * after):.1f},{100 + 100 * log + s % 5}" for log in (0, 1) for s in range(60)]
    said = refused(written(tmp_path, "\n".join(["time,power_w", *rows, ""])))
    assert "several series" in said and "there are time, power_w" in said


def test_a_log_from_the_newest_row_to_the_oldest_is_turned_round(tmp_path):
    rows = [f"{epoch(s):.0f},{100 + s}" for s in reversed(range(61))]
    report = imported(written(tmp_path, "\n".join(["time,power_w", *rows, ""])))
    assert watts(report) == pytest.approx(130, rel=0.01)


def test_devices_of_two_hosts_that_are_numbered_alike_are_all_added(tmp_path):
    rows = lambda s: [f"{host}, {at(s)}, {gpu}, 100.00 W" for host in "ab" for gpu in (0, 1)]  # noqa: E731
    report = imported(written(tmp_path, lines("host, timestamp, index, power.draw [W]", rows)))
    assert watts(report) == pytest.approx(400)
    assert [meter.name for meter in report.meters] == [f"nvidia-smi:{h}:{g}" for h in "ab" for g in (0, 1)]


def test_two_columns_together_may_tell_devices_apart(tmp_path):
    rows = lambda s: [f"{host},{epoch(s):.0f},{gpu},100" for host in "ab" for gpu in (0, 1)]  # noqa: E731
    path = written(tmp_path, lines("host,time,gpu,power_w", rows))
    assert "rows of one 'host' and one time differ in 'gpu', too: --by host,gpu" in refused(path, by="host")
    assert watts(imported(path, by="host,gpu")) == pytest.approx(400)


def test_dmon_may_have_commas(tmp_path):
    text = lines("#gpu, pwr, gtemp\n#Idx, W, C", lambda s: [f"{gpu}, {100 + gpu}, 40" for gpu in (0, 1)])
    assert watts(imported(written(tmp_path, text), every_s=1.0)) == pytest.approx(201)


def test_columns_of_two_runs_side_by_side_are_not_added(tmp_path):
    titles = ['"Relative Time (Process)"', *(f'"run-{run} - system.gpu.0.powerWatts"' for run in "ab")]
    path = written(tmp_path, lines(",".join(titles), lambda s: f"{s},200,300"))
    assert "several columns of one device, as of several runs" in refused(path)
    assert watts(imported(path, power=("run-b - system.gpu.0.powerWatts",))) == pytest.approx(300)


def test_two_columns_of_one_title_are_two_devices(tmp_path):
    for title in ("power_w", "GPU Power (W)"):
        path = written(tmp_path, lines(f"time,{title},{title}", lambda s: f"{epoch(s):.0f},100,50"))
        assert "several columns of one device" in refused(path)


def test_what_is_left_in_a_battery_is_no_counter(tmp_path):
    path = written(tmp_path, lines("time,energy_wh", lambda s: f"{epoch(60 * s):.0f},{50 - s / 2}"))
    assert "'energy_wh' only falls, as what is left in a battery" in refused(path)


def test_powers_alone_need_their_pace(tmp_path):
    path = written(tmp_path, lines("power_w", lambda s: "100"))
    assert "--every SECONDS" in refused(path)
    assert watts(imported(path, every_s=1.0)) == pytest.approx(100)


def test_what_is_no_power_of_a_plug_is_no_series(tmp_path):
    rows = lambda s: [  # noqa: E731
        f"sensor.plug_{name},{value},{at(s, '%Y-%m-%dT%H:%M:%S')}Z"
        for name, value in (("power", 85), ("voltage", 230), ("energy", 1))
    ]
    report = imported(written(tmp_path, lines("entity_id,state,last_changed", rows)))
    assert watts(report) == pytest.approx(85)


def test_the_sum_of_three_phases_is_the_power(tmp_path):
    text = lines(
        "time,a_act_power,b_act_power,c_act_power,total_act_power", lambda s: f"{epoch(s):.0f},100,50,25,175"
    )
    assert watts(imported(written(tmp_path, text))) == pytest.approx(175)


# --- forms of one tool

STARTED = "# started on Sat Mar  1 10:00:00 2025\n"


@pytest.mark.parametrize(
    "row",
    [
        "     {0},000100200              1.040,00 Joules power/energy-pkg/",
        "     {0}.000100200              1,040.00 Joules power/energy-pkg/",
        "{0},000100200;1040,00;Joules;power/energy-pkg/;1001;100,00;;",
        "{0}.000100200,1040.00,Joules,power/energy-pkg/,1001,100.00,,",
    ],
)
def test_perf_writes_numbers_as_its_locale_does(tmp_path, row):
    report = imported(written(tmp_path, lines(STARTED, lambda s: row.format(s + 1))))
    assert watts(report) == pytest.approx(1040, rel=1e-3)


def test_perf_with_decimal_commas_between_commas_says_what_would_do(tmp_path):
    row = "{0},000100200,40,00,Joules,power/energy-pkg/,1001,100,00,,"
    assert "LC_ALL=C perf stat" in refused(written(tmp_path, lines(STARTED, lambda s: row.format(s + 1))))


def test_tasmotas_console_says_when_and_what_before_its_messages(tmp_path):
    message = '{{"Time":"{0}","ENERGY":{{"Power":85}}}}'
    rows = lambda s: (  # noqa: E731
        f"{at(s, '%H:%M:%S')}.123 MQT: tele/plug/SENSOR = " + message.format(at(s, "%Y-%m-%dT%H:%M:%S"))
    )
    assert watts(imported(written(tmp_path, lines("", rows)))) == pytest.approx(85)


def test_powermetrics_of_an_intel_machine_has_its_package_alone(tmp_path):
    rows = lambda s: [  # noqa: E731
        f"*** Sampled system activity ({at(s, '%a %b %d %H:%M:%S %Y')} +0000) (1000.1ms elapsed) ***",
        "Intel energy model derived package power (CPUs+GT+SA): 21.50W",
    ]
    assert watts(imported(written(tmp_path, lines("", rows)))) == pytest.approx(21.5)


# --- ends


def log(seconds: int = 11) -> list[str]:
    return [SMI, *(f"{at(s)}, 250.00 W" for s in range(seconds))]


@pytest.mark.parametrize(
    "end", [f"{at(11)[:15]}", f"{at(11)},", f"{at(11)}, 2", f"{at(11)}, 25.0", f"{at(11)}, 250.00"]
)
def test_a_last_line_that_was_cut_off_is_left_out_and_said(tmp_path, end):
    report = imported(written(tmp_path, "\n".join([*log(), end])))
    assert (watts(report), report.runs[0].time_s) == (pytest.approx(250), pytest.approx(10))
    assert noted(report, "its last line was cut off: left out")


def test_a_last_line_that_is_whole_counts_without_its_end(tmp_path):
    report = imported(written(tmp_path, "\n".join(log())))
    assert (watts(report), report.runs[0].time_s) == (pytest.approx(250), pytest.approx(10))
    assert not noted(report, "cut off")


def test_a_log_that_ends_between_the_rows_of_one_time_covers_all_of_its_run(tmp_path):
    rows = [f"{at(s)}, {gpu}, {100 + gpu}.00 W" for s in range(11) for gpu in range(4)][:-2]
    report = imported(written(tmp_path, "\n".join(["timestamp, index, power.draw [W]", *rows, ""])))
    assert (watts(report), report.runs[0].time_s) == (pytest.approx(406), pytest.approx(9))
    assert noted(report, "not all of its meters have its first or last rows")


def test_a_device_that_was_lost_on_the_way_is_a_gap(tmp_path):
    rows = [f"{at(s)}, {gpu}, 100.00 W" for s in range(60) for gpu in (0, 1) if gpu == 0 or s < 30]
    report = imported(written(tmp_path, "\n".join(["timestamp, index, power.draw [W]", *rows, ""])))
    assert report.runs[0].time_s == pytest.approx(59)
    assert report.runs[0].coverage is not None and report.runs[0].coverage < 0.6


def packed(folder: Path, text: str, lost: int, name: str = "power.csv.gz") -> Path:
    """A log that was packed as it was written, without its last ``lost`` bytes."""
    path = folder / name
    path.write_bytes(gzip.compress(text.encode(), mtime=0)[:-lost])
    return path


UNLIKE = [200 + s * 7919 % 997 / 10 for s in range(1200)]  # so that little of it packs into little


@pytest.mark.slow
@pytest.mark.parametrize("lost", [4, 300, 2000])
def test_what_was_packed_and_cut_off_is_read_as_far_as_it_goes(tmp_path, lost):
    text = "\n".join([SMI, *(f"{at(s)}, {watts:.2f} W" for s, watts in enumerate(UNLIKE)), ""])
    report = imported(packed(tmp_path, text, lost))
    (run,) = report.runs
    assert noted(report, "it was packed and its end is missing: read as far as it goes")
    assert run.time_s is not None and run.energy_j is not None and run.coverage == 1.0
    count = round(run.time_s)
    assert (count == 1199) if lost == 4 else 200 < count < 1199
    # A power is the mean since the row before it.
    assert run.energy_j == pytest.approx(sum(UNLIKE[1 : count + 1]), rel=1e-3)


@pytest.mark.slow
def test_what_was_packed_and_cut_off_within_lines_of_json_or_blocks_is_read_too(tmp_path):
    rows = {
        "json": lambda s: f'{{"gpu": 0, "socket_power": {UNLIKE[s]:.1f}, "timestamp": {epoch(s):.0f}}}',
        "array": lambda s: f'{{"gpu": 0, "socket_power": {UNLIKE[s]:.1f}, "timestamp": {epoch(s):.0f}}},',
        "blocks": lambda s: (
            f"    Instantaneous power reading: {UNLIKE[s]:.0f} Watts\n"
            f"    IPMI timestamp: {at(s, '%a %b %d %H:%M:%S %Y')}"
        ),
    }
    for name, row in rows.items():
        text = "\n".join([*(["["] if name == "array" else []), *map(row, range(1200)), ""])
        report = imported(packed(tmp_path, text, 1000, f"{name}.gz"))
        assert watts(report) == pytest.approx(250, rel=0.05)
        assert report.runs[0].time_s is not None and 200 < report.runs[0].time_s < 1199
        assert noted(report, "its end is missing")


def test_a_packed_log_of_which_no_line_is_left_or_that_is_broken_is_refused(tmp_path):
    text = "\n".join([SMI, *(f"{at(s)}, {watts:.2f} W" for s, watts in enumerate(UNLIKE)), ""])
    whole = gzip.compress(text.encode())
    assert "no header yet" in refused(packed(tmp_path, text, len(whole) - 12))
    path = tmp_path / "broken.csv.gz"
    path.write_bytes(whole[:2000] + b"\xff" * 200 + whole[2200:])
    assert "not a readable file" in refused(path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_lines_end_as_their_system_ends_them(tmp_path, end, encoding):
    path = tmp_path / "power.csv"
    path.write_bytes(end.join([*log(), ""]).encode(encoding))
    assert watts(imported(path)) == pytest.approx(250)


def test_what_a_table_has_is_said_as_far_as_a_line_goes(tmp_path):
    titles = ["time", *(f"sensor {i} temperature" for i in range(200))]
    said = refused(
        written(tmp_path, lines(",".join(titles), lambda s: ",".join([f"{epoch(s)}", *["1"] * 200])))
    )
    assert "no column of powers or energies" in said and "189 more" in said and len(said) < 700


@pytest.mark.parametrize(
    ("titles", "machines"),
    [
        ("node1.wall_w,node2.wall_w", "node1, node2"),
        ("server1 | GPU 0 power (W),server2 | GPU 0 power (W)", "server1, server2"),
        ("gros-12 power (W),gros-15 power (W)", "gros12, gros15"),
    ],
)
def test_columns_of_two_machines_are_added_only_when_asked(tmp_path, titles, machines):
    path = written(tmp_path, lines(f"time,{titles}", lambda s: f"{epoch(s):.0f},100,50"))
    assert f"of 2 machines ({machines}): name one with --power" in refused(path)
    assert watts(imported(path, power=tuple(titles.split(",")))) == pytest.approx(150)


@pytest.mark.parametrize("title", ["GPU {} power (W)", "psu{}_w", "server1 | Outlet {} [W]", "L{} power (W)"])
def test_columns_of_the_parts_of_a_machine_are_added(tmp_path, title):
    titles = f"time,{title.format(1)},{title.format(2)}"
    path = written(tmp_path, lines(titles, lambda s: f"{epoch(s):.0f},100,50"))
    assert watts(imported(path)) == pytest.approx(150)


def test_what_is_to_be_typed_is_quoted_for_a_shell():
    said = Wanted(style="option")
    assert said.word("power", 'watts{instance="a"}') == """--power 'watts{instance="a"}'"""
    assert said.word("by", "host,gpu") == "--by host,gpu" and said.word("power") == "--power …"
