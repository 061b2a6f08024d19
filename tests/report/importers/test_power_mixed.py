"""Files that hold more than one series, or not what their header says; and what none of them is."""

from __future__ import annotations

import json

import pytest

from fakes.importing import imported, noted, refused, watts, written
from fakes.power_logs import SECONDS, at, epoch, lines


def iso(second: float) -> str:
    return at(second, "%Y-%m-%dT%H:%M:%SZ")


def prometheus(**series: float) -> str:
    """A range query of several metrics, a value each second; those of joules count."""
    result = [
        {
            "metric": {"__name__": name, "instance": "n1"},
            "values": [[epoch(s), str(value * s if "joules" in name else value)] for s in range(SECONDS + 1)],
        }
        for name, value in series.items()
    ]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def test_metrics_of_two_names_are_added_only_when_asked(tmp_path):
    text = prometheus(node_rapl_package_joules_total=60, node_rapl_dram_joules_total=5)
    path = written(tmp_path, text, "p.log")
    assert "2 series in one column, told apart by 'prometheus name,prometheus labels'" in refused(path)
    assert watts(imported(path, by="prometheus name,prometheus labels")) == pytest.approx(65)
    assert watts(imported(path, only="node_rapl_dram_joules_total")) == pytest.approx(5)


def test_the_cores_of_a_package_are_not_counted_again(tmp_path):
    text = prometheus(node_rapl_package_joules_total=60, node_rapl_core_joules_total=40)
    assert watts(imported(written(tmp_path, text, "p.log"))) == pytest.approx(60)


@pytest.mark.parametrize("other", ["gpu_enforced_power_limit_watts", "plug_power_factor", "max_power_watts"])
def test_a_limit_or_a_factor_is_no_power(tmp_path, other):
    both = prometheus(**{"gpu_power_draw_watts": 90, other: 300})
    assert watts(imported(written(tmp_path, both, "p.log"))) == pytest.approx(90)
    alone = written(tmp_path, prometheus(**{other: 300}), "p.log")
    assert "names no power or energy that is known" in refused(alone)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("plug_milliwatts", 9.0), ("rack_kilowatts", 9000e3), ("node_millijoules_total", 9.0)],
)
def test_a_metrics_name_says_its_unit(tmp_path, name, expected):
    path = written(tmp_path, prometheus(**{name: 9000}), "p.log")
    if expected > 300_000:
        assert "in kW its mean is 9e+06 W" in refused(path)
    else:
        assert watts(imported(path)) == pytest.approx(expected)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [10, 1500])
def test_machines_that_come_one_after_the_other_are_no_single_one(tmp_path, rows):
    text = lines(
        "time,host,power_w",
        lambda block: [f"{iso(block * rows + i)},n{block // 6},{100 + block // 6 * 50}" for i in range(rows)],
    )
    path = written(tmp_path, text)
    assert "2 series in one column, told apart by 'host'" in refused(path)
    assert imported(path, only="n0").runs[0].time_s == pytest.approx(6 * rows - 1)


def test_what_a_column_calls_phases_is_one_series(tmp_path):
    text = lines("time,phase,power_w", lambda s: f"{iso(s)},p{s // 6},{100}")
    assert watts(imported(written(tmp_path, text))) == pytest.approx(100)


@pytest.mark.parametrize("before", [5, 1500])
def test_another_header_further_down_ends_the_reading(tmp_path, before):
    for header, row in (("time,temp,power_w", "55,100"), ("power_w,time", "")):
        own = [f"{iso(s)},100" for s in range(before)]
        after = [f"{iso(before + s)},{row}" if row else f"100,{iso(before + s)}" for s in range(50)]
        path = written(tmp_path, "\n".join(["time,power_w", *own, header, *after, ""]))
        assert f"line {before + 2}: another header, with other columns: split the file" in refused(path)


def test_decimal_commas_between_commas_are_refused(tmp_path):
    path = written(tmp_path, lines("time,power_w", lambda s: f"{iso(s)},1,5"))
    assert "line 2: 3 cells below 2 titles, as where decimal commas stand between commas" in refused(path)
    quoted = lines("time,power_w", lambda s: f'{iso(s)},"1,5"')
    assert watts(imported(written(tmp_path, quoted))) == pytest.approx(1.5)
    trailing = lines("time,power_w", lambda s: f"{iso(s)},1.5,")
    assert watts(imported(written(tmp_path, trailing))) == pytest.approx(1.5)


def test_a_row_that_two_programs_wrote_at_once_is_none(tmp_path):
    rows = [f"{iso(s)},100" for s in range(40)]
    rows[20] = f"{iso(20)},1{iso(20)},100,7"
    report = imported(written(tmp_path, "\n".join(["time,power_w", *rows, ""])))
    assert watts(report) == pytest.approx(100)
    assert noted(report, "line 22: 4 cells, where the others have 2")


@pytest.mark.parametrize("start", [0, 13 * 3600 + 3595])
def test_times_of_day_go_on_behind_midnight(tmp_path, start):
    text = lines("#Time gpu pwr", lambda s: f" {at(start + s, '%H:%M:%S')} 0 {100}")
    report = imported(written(tmp_path, text))
    assert (watts(report), report.runs[0].time_s) == (pytest.approx(100), pytest.approx(SECONDS))
    assert noted(report, "the date is not known")


def test_days_without_times_say_what_they_lack(tmp_path):
    text = lines("date,energy_kwh", lambda s: f"2025-03-{s + 1:02},{s * 2.4:.1f}")
    assert "'2025-03-01' is a day without a time of day" in refused(written(tmp_path, text))


def test_a_spreadsheets_first_line_is_no_header(tmp_path):
    text = lines("sep=;\ntime;power_w", lambda s: f"{iso(s)};100,5")
    assert watts(imported(written(tmp_path, text))) == pytest.approx(100.5)


def test_a_file_of_no_kind_says_what_its_own_reader_would(tmp_path):
    powers = lines("", lambda s: f"{at(s)}, 0, 100.00 W, 300.00 W")
    assert "no header tells which is the power" in refused(written(tmp_path, powers))
    failed = json.dumps({"status": "error", "errorType": "bad_data", "error": "parse error at char 3"})
    assert "without a result: parse error at char 3" in refused(written(tmp_path, failed, "p.log"))
    assert refused(written(tmp_path, "", "p.csv")).endswith("it is empty")


SHELLY = {
    "status": lambda s: {
        "switch:0": {"apower": 90.5, "aenergy": {"total": 9}},
        "sys": {"unixtime": epoch(s)},
    },
    "message": lambda s: {"method": "NotifyStatus", "params": {"ts": epoch(s), "switch:0": {"apower": 90.5}}},
    "first": lambda s: {"unixtime": epoch(s), "meters": [{"power": 90.5, "total": 9, "is_valid": True}]},
}


@pytest.mark.parametrize("kind", SHELLY)
def test_a_shelly_is_read_in_each_form_of_its_generations(tmp_path, kind):
    text = lines("", lambda s: json.dumps(SHELLY[kind](s)))
    report = imported(written(tmp_path, text, "shelly.log"))
    assert (watts(report), report.boundary) == (pytest.approx(90.5), "wall_ac")


def test_a_rail_that_the_first_line_lacks_is_counted(tmp_path):
    rails = lambda s: "" if s == 0 else " VIN_SYS_5V0 3000mW/3000mW"  # noqa: E731
    text = lines(
        "",
        lambda s: f"{at(s, '%m-%d-%Y %H:%M:%S')} RAM 2/7MB CPU@40C VDD_GPU_SOC 4000mW/4000mW{rails(s)}",
    )
    report = imported(written(tmp_path, text, "tegra.log"))
    assert [meter.name for meter in report.meters] == ["tegrastats:gpu", "tegrastats:vin_sys_5v0"]


@pytest.mark.parametrize("order", [1, -1])
def test_the_power_of_a_module_is_not_its_gpus(tmp_path, order):
    block = [
        f"        {line}"
        for name, power in (("GPU", "300.00 W"), ("Module", "520.00 W"))[::order]
        for line in (f"{name} Power Readings", f"    Power Draw   : {power}")
    ]
    text = lines(
        "",
        lambda s: [
            "====NVSMI LOG====",
            f"Timestamp  : {at(s, '%a %b %d %H:%M:%S %Y')}",
            "GPU 00000009:01:00.0",
            *block,
        ],
    )
    assert watts(imported(written(tmp_path, text, "q.log"))) == pytest.approx(300)


def test_other_xml_is_not_called_cut_off(tmp_path):
    text = '<?xml version="1.0" ?>\n<nvidia_smi_log><power_draw>200.00 W</power_draw></nvidia_smi_log>\n'
    assert "XML that is not a property list of powermetrics" in refused(written(tmp_path, text, "smi.xml"))
