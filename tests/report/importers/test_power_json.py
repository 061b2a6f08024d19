"""Power logs in JSON: what GPU tools print with a time before it, and tables that pandas wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fakes.importing import imported, noted, refused, watts, written
from fakes.power_logs import SECONDS, at, epoch, lines


def gpustat(second: int) -> dict[str, Any]:
    def gpu(index: int) -> dict[str, Any]:
        return {
            "index": index,
            "uuid": f"GPU-{index}",
            "name": "NVIDIA A40",
            "temperature.gpu": 40,
            "utilization.gpu": 99,
            "power.draw": 200 + index,
            "enforced.power.limit": 300,
            "memory.used": 10,
            "memory.total": 46068,
            "processes": [{"username": "u", "command": "python", "gpu_memory_usage": 10, "pid": 7}],
        }

    stamp = at(second, "%Y-%m-%dT%H:%M:%S") + ".012345"
    return {"hostname": "a", "driver_version": "550.1", "query_time": stamp, "gpus": [gpu(0), gpu(1)]}


def rocm(second: int) -> dict[str, Any]:
    return {
        "card0": {"Average Graphics Package Power (W)": "237.0"},
        "card1": {"Average Graphics Package Power (W)": "N/A (Secondary die)"},
        "card2": {"Current Socket Graphics Package Power (W)": "13.0"},
        "system": {"Driver version": "6.7.0"},
    }


def amd(second: int, **more: object) -> list[dict[str, Any]]:
    def power(watts: int) -> dict[str, Any]:
        return {
            "socket_power": {"value": watts, "unit": "W"},
            "gfx_voltage": {"value": 780, "unit": "mV"},
            "throttle_status": "UNTHROTTLED",
        }

    return [{**more, "gpu": gpu, "power": power(20 + gpu)} for gpu in (0, 1)]


# --- what GPU tools print


@pytest.mark.parametrize("indent", [4, None])
def test_gpustat_in_a_loop_says_when_it_asked(tmp_path, indent):
    text = lines("", lambda s: json.dumps(gpustat(s), indent=indent))
    report = imported(written(tmp_path, text))
    assert watts(report) == pytest.approx(401)
    assert [meter.name for meter in report.meters] == ["gpustat:0", "gpustat:1"]
    assert report.boundary == "component" and report.runs[0].time_s == pytest.approx(SECONDS)
    assert noted(report, "its times have no zone and are taken as UTC")


STAMPS: list[Callable[[int], str]] = [
    lambda s: f"{epoch(s):.0f}",
    lambda s: f"{epoch(s):.3f}",
    lambda s: at(s, "%Y-%m-%dT%H:%M:%S") + "+00:00",
    lambda s: at(s, "%Y-%m-%d %H:%M:%S"),
    lambda s: at(s, "%a %b %e %H:%M:%S UTC %Y"),
    lambda s: at(s, "%a %b %e %I:%M:%S %p UTC %Y"),
    lambda s: at(s, "%a, %d %b %Y %H:%M:%S +0000"),
]


@pytest.mark.parametrize("stamp", STAMPS)
@pytest.mark.parametrize("between", ["\n", " ", ", ", "\t"])
def test_rocm_smi_has_the_time_that_was_printed_before_it(tmp_path, stamp, between):
    text = lines("", lambda s: f"{stamp(s)}{between}{json.dumps(rocm(s))}")
    report = imported(written(tmp_path, text))
    assert watts(report) == pytest.approx(250)
    assert [meter.name for meter in report.meters] == ["rocm-smi:card0", "rocm-smi:card2"]
    assert noted(report, "card1: without a reading in the log, so not in its total")
    assert report.runs[0].clock.utc == "2025-03-01T10:00:00.000Z"


def test_rocm_smi_has_a_time_that_a_script_put_into_it(tmp_path):
    text = lines("", lambda s: json.dumps({"timestamp": epoch(s), **rocm(s)}))
    assert watts(imported(written(tmp_path, text))) == pytest.approx(250)


def test_rocm_smi_without_times_says_what_it_lacks(tmp_path):
    path = written(tmp_path, lines("", lambda s: json.dumps(rocm(s))))
    assert "no column of times" in refused(path)
    assert watts(imported(path, every_s=1.0)) == pytest.approx(250)


@pytest.mark.parametrize("indent", [4, None])
def test_amd_smi_watches_with_a_time_in_each_record(tmp_path, indent):
    words = "'CTRL' + 'C' to stop watching output:"
    text = lines(words, lambda s: json.dumps(amd(s, timestamp=int(epoch(s))), indent=indent))
    report = imported(written(tmp_path, text))
    assert (watts(report), report.boundary) == (pytest.approx(41), "component")
    assert [meter.name for meter in report.meters] == ["amd-smi:0", "amd-smi:1"]


def test_amd_smi_has_the_time_that_was_printed_before_it(tmp_path):
    for wrapped in (lambda s: amd(s), lambda s: {"gpu_data": amd(s)}):
        text = lines("", lambda s, of=wrapped: [f"{epoch(s):.0f}", json.dumps(of(s), indent=4)])
        assert watts(imported(written(tmp_path, text))) == pytest.approx(41)


def test_words_between_records_are_no_times_and_end_nothing(tmp_path):
    text = lines("", lambda s: [f"{epoch(s):.0f}", json.dumps(amd(s), indent=4), "WARNING: of 1 GPU"])
    report = imported(written(tmp_path, text))
    assert (watts(report), report.runs[0].time_s) == (pytest.approx(41), pytest.approx(SECONDS))


def test_what_was_cut_off_within_a_record_is_what_came_before(tmp_path):
    text = lines("", lambda s: [f"{epoch(s):.0f}", json.dumps(amd(s), indent=4)])
    report = imported(written(tmp_path, text[:-200]))
    assert watts(report) == pytest.approx(41)
    assert report.runs[0].time_s == pytest.approx(SECONDS - 1)


def test_a_time_before_a_plugs_record_is_its_time(tmp_path):
    text = lines("", lambda s: f"{at(s, '%Y-%m-%dT%H:%M:%S')}Z " + json.dumps({"apower": 85.5}))
    assert watts(imported(written(tmp_path, text))) == pytest.approx(85.5)


# --- tables that pandas wrote, of the columns "time" and "power_w" or of an index of times


def milli(second: int) -> int:
    return int(epoch(second) * 1000)


RANGE = range(SECONDS + 1)
FRAMES: dict[str, object] = {
    "columns": {
        "time": {str(s): milli(s) for s in RANGE},
        "power_w": {str(s): 100.0 + s for s in RANGE},
        "note": {str(s): None for s in RANGE},
    },
    "columns, filtered": {
        "time": {str(7 * s): milli(s) for s in RANGE},
        "power_w": {str(7 * s): 100.0 + s for s in RANGE},
    },
    "columns, an index of times": {"power_w": {str(milli(s)): 100.0 + s for s in RANGE}},
    "columns, an index of dates": {
        "power_w": {at(s, "%Y-%m-%dT%H:%M:%S") + ".000Z": 100.0 + s for s in RANGE}
    },
    "index": {str(s): {"time": milli(s), "power_w": 100.0 + s} for s in RANGE},
    "index of times": {str(milli(s)): {"power_w": 100.0 + s} for s in RANGE},
    "records": [{"time": milli(s), "power_w": 100.0 + s} for s in RANGE],
    "split": {
        "columns": ["time", "power_w"],
        "index": list(RANGE),
        "data": [[milli(s), 100.0 + s] for s in RANGE],
    },
    "split, an index of times": {
        "columns": ["power_w"],
        "index": [milli(s) for s in RANGE],
        "data": [[100.0 + s] for s in RANGE],
    },
    "table": {
        "schema": {"fields": [{"name": "time", "type": "datetime"}], "pandas_version": "1.4.0"},
        "data": [{"time": at(s, "%Y-%m-%dT%H:%M:%S") + ".000Z", "power_w": 100.0 + s} for s in RANGE],
    },
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_table_of_pandas_is_read_in_each_of_its_orients(tmp_path, name):
    report = imported(written(tmp_path, json.dumps(FRAMES[name]), "power.json"))
    assert watts(report) == pytest.approx(105, rel=0.01)
    assert report.runs[0].clock.utc == "2025-03-01T10:00:00.000Z"


def test_a_table_of_pandas_in_lines_is_read(tmp_path):
    text = lines("", lambda s: json.dumps({"time": milli(s), "power_w": 100.0}))
    assert watts(imported(written(tmp_path, text))) == pytest.approx(100)


def test_nvidia_smis_table_through_pandas_keeps_its_format_and_units(tmp_path):
    table = {
        "timestamp": {str(s): at(s) for s in RANGE},
        " power.draw [W]": {str(s): " 250.00 W" for s in RANGE},
    }
    report = imported(written(tmp_path, json.dumps(table).replace("/", "\\/"), "power.json"))
    assert (watts(report), report.boundary) == (pytest.approx(250), "component")


def test_columns_of_a_table_of_pandas_are_named_as_any_tables_are(tmp_path):
    table = {
        "when": {str(s): milli(s) for s in RANGE},
        "draw": {str(s): 250_000 for s in RANGE},
    }
    path = written(tmp_path, json.dumps(table), "power.json")
    assert "no column of times" in refused(path, power=("draw",))
    assert watts(imported(path, time="when", power=("draw",), unit="mW")) == pytest.approx(250)


def test_an_index_that_counts_rows_is_no_time(tmp_path):
    path = written(tmp_path, json.dumps({"power_w": {str(s): 100.0 for s in RANGE}}), "power.json")
    assert "no column of times" in refused(path)
    assert watts(imported(path, every_s=1.0)) == pytest.approx(100)
