"""Grid'5000's log on a loopback server: rows, their edges, two supplies, rows that come late."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters.network import kwollect, kwollect_log
from energyprof.measure.meters.network.http import Client, Service
from energyprof.measure.meters.network.kwollect import Patience
from energyprof.measure.meters.network.kwollect_log import KwollectLog, TimedPower, added
from energyprof.meter import Finding
from fakes import http_meters
from fakes.http_meters import no_credentials, serving
from fakes.waveform import constant, ramp

# Some night in the past: nothing waits for its rows.
NIGHT_S = 1_738_500_000.0
TWO = ("wattmetre1-port33", "wattmetre2-port4")
NO_PATIENCE = Patience(settle_s=0.0, limit_s=0.0, pause_s=0.0)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_credentials(monkeypatch, tmp_path)


def find(host: str, **options: str) -> Finding:
    return kwollect.find_at("nancy/grappe-3", {"api": f"http://{host}", **options})


@contextmanager
def opened(finding: Finding, patience: Patience = NO_PATIENCE) -> Iterator[kwollect.Kwollect]:
    """As the source opens it, with another patience."""
    assert finding.state == "found", finding.reason
    make: Any = finding.sources[0].open
    recording: kwollect.Kwollect = make(patience=patience)
    yield recording
    recording.close()
    recording.close()


def rows_of(
    device: http_meters.Kwollect, start_s: float, end_s: float, **options: str
) -> Sequence[TimedPower]:
    with serving(device) as host, opened(find(host, **options)) as recording:
        return recording.between(start_s, end_s)


def test_the_rows_reach_from_before_the_start_to_after_the_end() -> None:
    device = http_meters.Kwollect(ramp(20, 300, 600))
    rows = rows_of(device, NIGHT_S + 10.4, NIGHT_S + 20.6)
    assert [t - NIGHT_S for t, _ in rows] == [float(n) for n in range(10, 22)]
    assert [w for _, w in rows] == [pytest.approx(device.wave.power_w(NIGHT_S + n)) for n in range(10, 22)]


def test_an_edge_on_a_row_needs_no_further_row() -> None:
    rows = rows_of(http_meters.Kwollect(), NIGHT_S, NIGHT_S + 5)
    assert [t - NIGHT_S for t, _ in rows] == [0, 1, 2, 3, 4, 5]


def test_what_it_is() -> None:
    with serving(http_meters.Kwollect()) as host:
        finding = find(host)
    info = finding.sources[0].info
    assert (info.name, info.kind, info.part) == ("kwollect:nancy/grappe-3", "kwollect", "machine")
    assert (info.reads, info.boundary, info.external) == ("power_w", "wall_ac", True)
    assert (info.refresh_s, info.window_s, info.resolution) == (1.0, 1.0, 0.1)
    assert (info.method, info.device) == ("Kwollect wattmetre_power_watt", "wattmetre1-port33")
    assert finding.notes == ()


def test_the_bmcs_metric_is_read_only_when_asked_for() -> None:
    device = http_meters.Kwollect(metric="bmc_node_power_watt")
    with serving(device) as host:
        missing, asked = find(host), find(host, metric="bmc_node_power_watt")
    assert missing.state == "blocked"
    assert missing.reason == "it has no wattmetre_power_watt of grappe-3 in the last 120 s"
    assert missing.remedy.endswith("/stable/sites/nancy/clusters/grappe | jq .metrics")
    info = asked.sources[0].info
    assert (info.refresh_s, info.window_s, info.window_assumed) == (5.0, 5.0, True)


@pytest.mark.parametrize("place", ["nancy", "grappe-3", "nancy/", "/grappe-3", "a/b/c", "nancy/../x", "n/G"])
def test_site_and_node_are_never_guessed(place: str) -> None:
    with pytest.raises(
        UsageError, match="the address is SITE/NODE, such as --meters kwollect=nancy/grappe-3"
    ):
        kwollect.find_at(place, {})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"metric": "watts"}, "metric=watts is invalid: give wattmetre_power_watt or bmc_node_power_watt"),
        ({"node": "x"}, "choose from boundary, gain, name, metric, api, offset"),
        ({"offset": "late"}, "offset=late is invalid: give a number"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(options: dict[str, str], named: str) -> None:
    with pytest.raises(UsageError) as caught:
        kwollect.find_at("nancy/grappe-3", options)
    assert named in str(caught.value)


def test_two_supplies_are_added_up() -> None:
    device = http_meters.Kwollect(constant(100.0), ports=TWO)
    with serving(device) as host:
        finding = find(host)
    assert finding.notes == ("2 power supplies, added up",)
    assert finding.sources[0].info.device == ", ".join(TWO)
    assert {w for _, w in rows_of(device, NIGHT_S, NIGHT_S + 60)} == {300.0}


def drop(port: str, second: int) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """Leaves out one row of one port."""
    stamp = http_meters.Kwollect.stamp(NIGHT_S + second)

    def change(row: dict[str, Any]) -> dict[str, Any] | None:
        return None if (row["timestamp"], row["labels"]["_device_orig"]) == (stamp, [port]) else row

    return change


def test_where_one_supply_is_missing_there_is_no_number() -> None:
    rows = rows_of(http_meters.Kwollect(ports=TWO, change=drop(TWO[1], 5)), NIGHT_S, NIGHT_S + 9)
    assert [t - NIGHT_S for t, w in rows if w is None] == [5.0]
    assert {w for _, w in rows if w is not None} == {150.0}


@pytest.mark.slow
def test_a_supply_that_vanished_is_not_forgotten() -> None:
    device = http_meters.Kwollect(ports=TWO)
    with serving(device) as host, opened(find(host)) as recording:
        device.ports = TWO[:1]
        assert {w for _, w in recording.between(NIGHT_S, NIGHT_S + 9)} == {None}
        device.ports = TWO[1:]
        with pytest.raises(MeterError, match="no row of this run"):
            recording.between(NIGHT_S, NIGHT_S + 9)


@pytest.mark.parametrize(
    ("value", "power_w"),
    [(None, None), ("", None), ("12.5", 12.5), (True, None), (float("nan"), None), (0, 0.0)],
)
def test_a_value_that_is_no_number_is_none(value: Any, power_w: float | None) -> None:
    def change(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "value": value}

    assert {w for _, w in rows_of(http_meters.Kwollect(change=change), NIGHT_S, NIGHT_S + 3)} == {power_w}


def test_rows_of_others_are_left_out() -> None:
    def change(row: dict[str, Any]) -> dict[str, Any]:
        odd = row["timestamp"].endswith("1+01:00")
        return {**row, "device_id": "grappe-4", "value": 9999} if odd else row

    rows = rows_of(http_meters.Kwollect(change=change), NIGHT_S, NIGHT_S + 30)
    assert {w for _, w in rows} == {50.0}
    assert len(rows) == 28


def test_a_clock_that_is_ahead_is_put_back() -> None:
    device = http_meters.Kwollect(ramp(20, 300, 600))
    rows = rows_of(device, NIGHT_S, NIGHT_S + 5, offset="-2.0")
    assert [t - NIGHT_S for t, _ in rows] == [0, 1, 2, 3, 4, 5]
    assert [w for _, w in rows] == [pytest.approx(device.wave.power_w(NIGHT_S + 2 + n)) for n in range(6)]


@pytest.mark.slow
def test_a_long_run_is_asked_for_by_the_hour_and_no_row_comes_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kwollect_log, "CHUNK_S", 10.5)
    device = http_meters.Kwollect()
    rows = rows_of(device, NIGHT_S, NIGHT_S + 60)
    assert [t - NIGHT_S for t, _ in rows] == [float(n) for n in range(61)]
    assert len([asked for asked in device.asked if f"start_time={int(NIGHT_S) // 1000}" in asked]) >= 6


def test_the_end_is_waited_for() -> None:
    end_s = math.floor(time.time()) + 0.5
    device = http_meters.Kwollect(until_s=end_s - 5, grows_s=1.0)
    patience = Patience(settle_s=0.0, limit_s=60.0, pause_s=0.0)
    with serving(device) as host, opened(find(host), patience) as recording:
        recording.settle(end_s, time.monotonic())
        rows = recording.between(end_s - 20, end_s)
    assert rows[-1][0] == end_s + 0.5
    assert len(device.asked) >= 6


def test_an_end_that_never_comes_is_not_waited_for_ever() -> None:
    end_s = math.floor(time.time()) + 0.5
    device = http_meters.Kwollect(until_s=end_s - 5.5)
    patience = Patience(settle_s=0.0, limit_s=0.3, pause_s=0.05)
    with serving(device) as host, opened(find(host), patience) as recording:
        recording.settle(end_s, time.monotonic())
        rows = recording.between(end_s - 20, end_s)
    assert rows[-1][0] == end_s - 5.5
    assert len(device.asked) >= 3


def test_a_run_long_past_is_not_waited_for() -> None:
    device = http_meters.Kwollect()
    patience = Patience(settle_s=60.0, limit_s=600.0, pause_s=60.0)
    with serving(device) as host, opened(find(host), patience) as recording:
        before, began_s = len(device.asked), time.monotonic()
        recording.settle(NIGHT_S, time.monotonic() - 1000)
        assert len(device.asked) == before
        assert time.monotonic() - began_s < 50


def test_a_log_without_a_row_of_the_run_is_an_error() -> None:
    device = http_meters.Kwollect()
    with serving(device) as host, opened(find(host)) as recording:
        device.until_s = NIGHT_S - 100
        with pytest.raises(MeterError, match=r"^kwollect:nancy/grappe-3: Kwollect has no row of this run$"):
            recording.between(NIGHT_S, NIGHT_S + 5)


def test_a_fault_is_tried_again_and_then_told() -> None:
    device = http_meters.Kwollect()
    with serving(device) as host, opened(find(host)) as recording:
        before = len(device.asked)
        device.fault = "500"
        with pytest.raises(MeterError, match=r"^kwollect:nancy/grappe-3: HTTP 500 in answer to /stable/"):
            recording.between(NIGHT_S, NIGHT_S + 5)
        assert len(device.asked) == before + 3


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("2025-02-02T14:39:37+01:00", 1738503577.0),
        ("2025-02-02T14:39:37.003778+01:00", 1738503577.003778),
        ("2022-02-25T09:02:15.40325+01:00", 1645776135.40325),
        ("2025-02-02T13:39:37Z", 1738503577.0),
        ("2025-02-02 13:39:37.5+00", 1738503577.5),
        ("2025-02-02T14:39:37.1+0100", 1738503577.1),
    ],
)
def test_times_are_written_in_many_ways(stamp: str, seconds: float) -> None:
    assert one_stamp(stamp) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("stamp", ["2025-02-02T14:39:37", "", None, 1738503577, "2025-13-02T14:39:37Z"])
def test_a_time_without_a_zone_is_none(stamp: Any) -> None:
    with pytest.raises(MeterError, match="a row has no time with a zone"):
        one_stamp(stamp)


def one_stamp(stamp: Any) -> float:
    """What becomes of the time of a row."""

    def change(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "timestamp": stamp}

    with serving(http_meters.Kwollect(change=change)) as host:
        service = Service("kwollect", f"http://{host}")
        with Client(service) as client:
            log = KwollectLog(service, "nancy", "grappe-3", "wattmetre_power_watt")
            ((time_s, _),) = log.rows(client, NIGHT_S, NIGHT_S + 1)["wattmetre1-port33"]
    return time_s


@pytest.mark.parametrize(
    ("supplies", "together"),
    [
        ({"a": [(0.0, 1.0), (1.0, 2.0)], "b": [(0.0, 10.0), (1.0, 20.0)]}, [(0.0, 11.0), (1.0, 22.0)]),
        ({"b": [(0.4, 10.0), (1.4, 20.0)], "a": [(0.0, 1.0), (1.0, 2.0)]}, [(0.0, 11.0), (1.0, 22.0)]),
        ({"a": [(0.0, 1.0), (1.0, 2.0)], "b": [(0.6, 10.0), (1.8, None)]}, [(0.0, None), (1.0, 12.0)]),
        ({"a": [(0.0, 1.0)], "b": [(0.0, None)]}, [(0.0, None)]),
        ({"a": [(0.0, 1.0)], "b": []}, [(0.0, None)]),
        ({"a": [], "b": [(0.0, 1.0)]}, []),
        ({"a": [(0.0, 5.0)]}, [(0.0, 5.0)]),
    ],
)
def test_rows_of_supplies_belong_together_within_half_a_period(
    supplies: dict[str, list[TimedPower]], together: list[TimedPower]
) -> None:
    assert added(supplies, 0.5) == together


def test_one_port_with_two_values_at_one_time_has_none() -> None:
    device = http_meters.Kwollect(ports=("p", "p"))
    assert {w for _, w in rows_of(device, NIGHT_S, NIGHT_S + 3)} == {None}
