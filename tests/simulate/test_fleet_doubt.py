"""A fleet's carbon by site and time, and how far its figures may lie off."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energyprof.errors import UsageError
from energyprof.formats.console import Screen
from energyprof.formats.fleet import fleet_json, fleet_tables
from energyprof.report.file import write
from energyprof.simulate.fleet.device import Device, Measured, Training
from energyprof.simulate.fleet.fleet import FleetOutcome, Scenario, simulate
from energyprof.simulate.fleet.interval import judged, varied
from energyprof.simulate.fleet.reading import read_fleet
from energyprof.simulate.fleet.sites import FleetSite
from energyprof.simulate.quantity import Quantity
from energyprof.simulate.traces.trace import IntensityTrace
from reports import report, run

pytest.importorskip("numpy")
HOUR_S = 3600.0
# A turn of 100 samples takes an hour, and 5 Wh.
HOURLY = Device("hourly", 100 / HOUR_S, 5.0)
START_S = 1.78e9 - 1.78e9 % HOUR_S


def scenario(
    *devices: Device, rounds: float = 2, of: tuple[int | None, ...] = (), **changes: Any
) -> Scenario:
    said = {"clients": len(devices), "active": len(devices), "samples": 100, "model_bytes": 1000.0} | changes
    sites = said.pop("sites", ())
    doubts = said.pop("doubts", {})
    server_site = said.pop("server_site", None)
    training = Training("fleet", **said)  # type: ignore[arg-type]
    measured = (Measured(training.active, rounds),)
    return Scenario(training, devices, measured, START_S, None, None, sites, of, server_site, doubts)


def hours(*g: float) -> IntensityTrace:
    return IntensityTrace(tuple(START_S + HOUR_S * i for i in range(len(g))), g, HOUR_S, "by hand")


def about(value: float, low: float, high: float, **more: Any) -> Quantity:
    return Quantity(value, low, high, "1", "given", "given", **more)


class TestCarbon:
    def test_each_hour_is_charged_by_its_grid(self) -> None:
        found = simulate(scenario(HOURLY, of=(0,), sites=(FleetSite("a", 1.0, 200.0, hours(100, 300)),)))
        assert found.co2_kg == pytest.approx((5 * 0.1 + 5 * 0.3) / 1e3)
        assert found.sites[0].co2_kg == found.co2_kg

    def test_a_round_over_two_hours_is_charged_by_both(self) -> None:
        slow = dataclasses.replace(HOURLY, samples_per_s=50 / HOUR_S)
        site = FleetSite("a", 1.0, 200.0, hours(100, 300))
        found = simulate(scenario(slow, rounds=1, of=(0,), sites=(site,)))
        assert found.co2_kg == pytest.approx(10 * 0.2 / 1e3)

    def test_overhead_is_a_part_and_emits_too(self) -> None:
        site, hall = FleetSite("a", 1.0, 100.0), FleetSite("hall", 1.5, 400.0)
        made = scenario(HOURLY, of=(0,), sites=(site, hall), server_site=1, server_w=2.0)
        found = simulate(made)
        assert found.parts["overhead"] == pytest.approx(2 * 2 * 0.5 * HOUR_S)
        assert found.energy_j == pytest.approx((10 + 4 + 2) * HOUR_S)
        assert found.co2_kg == pytest.approx((10 * 0.1 + 6 * 0.4) / 1e3)
        assert sum(one.energy_j for one in found.sites) == pytest.approx(found.energy_j)

    def test_standby_waiting_and_asynchronous_turns_are_charged_as_well(self) -> None:
        waits = dataclasses.replace(HOURLY, idle_w=1.0, standby_w=0.5)
        slow = dataclasses.replace(HOURLY, name="slow", samples_per_s=50 / HOUR_S)
        sites = (FleetSite("a", 1.0, 500.0),)
        for how in ("synchronous", "asynchronous"):
            found = simulate(scenario(waits, slow, of=(0, 0), sites=sites, aggregation=how, buffer=1))
            assert found.co2_kg == pytest.approx(found.energy_j / 3.6e6 * 0.5)

    def test_without_a_site_or_with_joules_at_none_it_is_not_known(self) -> None:
        assert math.isnan(simulate(scenario(HOURLY)).co2_kg)
        half = simulate(scenario(HOURLY, HOURLY, of=(0, None), sites=(FleetSite("a", 1.0, 100.0),)))
        assert math.isnan(half.co2_kg)
        assert half.sites[0].co2_kg == pytest.approx(10 * 0.1 / 1e3)

    def test_a_trace_that_ends_before_the_training_is_one_line(self) -> None:
        site = FleetSite("a", 1.0, 100.0, hours(100))
        with pytest.raises(UsageError, match=r"site a: its trace reaches from .* give its mean as intensity"):
            simulate(scenario(HOURLY, of=(0,), sites=(site,)))

    @pytest.mark.slow
    @settings(max_examples=25, deadline=None)
    @given(
        st.sampled_from(["pue", "intensity", "power_w", "idle_w", "rounds"]),
        st.floats(1, 3),
        st.integers(0, 999),
    )
    def test_more_of_anything_never_takes_less(self, what: str, factor: float, seed: int) -> None:
        device = Device("d", 10.0, 5.0, spread=0.5, jitter=0.3, idle_w=1.0)
        made = scenario(
            device,
            of=(0,),
            sites=(FleetSite("a", 1.1, 100.0),),
            clients=20,
            active=5,
            backup=2,
            dropout=0.1,
            seed=seed,
            rounds=4,
        )
        key, value = {
            "pue": ("site.a.pue", 1.1 * factor),
            "intensity": ("site.a.intensity", 100 * factor),
            "power_w": ("device.d.power_w", 5 * factor),
            "idle_w": ("device.d.idle_w", factor),
            "rounds": ("rounds.5.rounds", 4 * factor),
        }[what]
        less, more = simulate(made), simulate(varied(made, {key: value}))
        assert more.energy_j >= less.energy_j * (1 - 1e-12)
        assert more.co2_kg >= less.co2_kg * (1 - 1e-12)


class TestIntervals:
    def of(self, doubts: Mapping[str, Quantity], **changes: Any) -> FleetOutcome:
        sites = (FleetSite("a", 1.0, 100.0),)
        return judged(scenario(HOURLY, of=(0,), sites=sites, doubts=doubts, draws=200, **changes))

    @pytest.mark.slow
    def test_ends_are_those_of_the_inputs_and_enclose_the_draws(self) -> None:
        found = self.of({"device.hourly.power_w": about(5, 4, 8), "rounds.1.rounds": about(2, 2, 4)})
        assert found.doubt is not None
        assert found.doubt.ends["energy_j"] == pytest.approx((2 * 4 * HOUR_S, 4 * 8 * HOUR_S))
        assert found.doubt.ends["time_s"] == pytest.approx((2 * HOUR_S, 4 * HOUR_S))
        assert found.doubt.ends["co2_kg"] == pytest.approx((0.8e-3, 3.2e-3))
        low, high = found.doubt.intervals["energy_j"]
        assert 2 * 4 * HOUR_S < low < high < 4 * 8 * HOUR_S
        assert found.energy_j == pytest.approx(10 * HOUR_S)

    @pytest.mark.slow
    def test_an_end_that_does_not_get_there_has_no_most(self) -> None:
        found = self.of({"rounds.1.rounds": about(2, 1, 9)}, most_rounds=6)
        assert found.doubt is not None and found.doubt.reached < found.doubt.draws
        assert found.doubt.ends["energy_j"] == (pytest.approx(5 * HOUR_S), math.inf)
        screen = Screen(written := io.StringIO())
        screen.print(fleet_tables(found))
        assert "5.0000 Wh … target missed" in written.getvalue()
        data = json.loads(fleet_json(found))
        assert (data["energy_low_j"], data["energy_high_j"]) == (pytest.approx(5 * HOUR_S), None)

    def test_what_a_report_estimated_is_said_to_be(self) -> None:
        kind = dataclasses.replace(HOURLY, source="r.json, boundary component, modelled")
        screen = Screen(written := io.StringIO())
        screen.print(fleet_tables(simulate(scenario(kind))))
        assert "hourly by r.json, boundary component, modelled" in written.getvalue()

    @pytest.mark.slow
    def test_the_middle_of_the_draws_holds_the_figure_itself(self) -> None:
        found = self.of({"device.hourly.power_w": about(5, 5, 8)})
        assert found.doubt is not None
        assert found.doubt.intervals["energy_j"][0] == pytest.approx(found.energy_j)

    @pytest.mark.slow
    def test_the_interval_of_a_meter_is_found_again_in_the_energy(self) -> None:
        gain = about(1, 0.8, 1.25, spread="interval")
        found = self.of({"device.hourly.meter_gain": gain}, seed=3)
        assert found.doubt is not None
        low, high = found.doubt.intervals["energy_j"]
        assert (low / found.energy_j, high / found.energy_j) == pytest.approx((0.8, 1.25), rel=0.08)
        assert found.doubt.intervals["time_s"] == pytest.approx((2 * HOUR_S, 2 * HOUR_S))

    @pytest.mark.slow
    def test_what_is_off_by_one_meter_is_off_together(self) -> None:
        def width(*common: str) -> float:
            devices = [dataclasses.replace(HOURLY, name=name) for name in "abcd"]
            doubts = {
                f"device.{name}.meter_gain": about(1, 0.8, 1.25, spread="interval", common=of)
                for name, of in zip("abcd", common, strict=True)
            }
            found = judged(scenario(*devices, doubts=doubts, draws=200))
            assert found.doubt is not None
            low, high = found.doubt.intervals["energy_j"]
            return math.log(high / low)

        assert width("m", "m", "m", "m") > 1.5 * width("p", "q", "r", "s")

    @pytest.mark.slow
    def test_chance_alone_has_an_interval_too_and_the_seed_decides_it(self) -> None:
        device = Device("d", 10.0, 5.0, spread=0.5, jitter=0.3)

        def made(seed: int) -> FleetOutcome:
            return judged(scenario(device, clients=30, active=5, rounds=5, seed=seed, draws=40))

        first, again, other = made(1), made(1), made(2)
        assert first == again
        assert first.doubt is not None and other.doubt is not None
        assert first.doubt.intervals != other.doubt.intervals
        assert first.doubt.ends == {}
        low, high = first.doubt.intervals["energy_j"]
        assert low < high

    def test_draws_that_miss_the_target_are_counted(self) -> None:
        tight = dataclasses.replace(HOURLY, budget_j=11 * HOUR_S)
        doubts = {"device.hourly.power_w": about(5, 4, 7)}
        found = judged(scenario(tight, doubts=doubts, draws=100))
        assert not found.why and found.doubt is not None
        assert 0 < found.doubt.reached < 100
        assert found.doubt.intervals["energy_j"][1] <= 11 * HOUR_S

    def test_a_fleet_that_takes_long_is_played_once_unless_it_is_said(self) -> None:
        large = scenario(Device("d", 10.0, 5.0), clients=200_000, active=200_000, rounds=1)
        assert judged(large).doubt is None
        few = dataclasses.replace(large, training=dataclasses.replace(large.training, draws=2))
        found = judged(few).doubt
        assert found is not None and found.draws == 2


FILE = """
[fleet]
name = "it"
clients = 4
active = 2
samples = 100
model_bytes = 1000
[[rounds]]
clients = 2
rounds = { value = 10, low = 8, high = 15 }
[[site]]
name = "home"
intensity = { value = 300, low = 50, high = 600 }
[[device]]
name = "board"
site = "home"
report = "r.json"
"""


@pytest.mark.slow
def test_a_report_brings_the_doubt_of_its_meters_and_the_scatter_of_its_runs(tmp_path: Path) -> None:
    runs = [dataclasses.replace(run(1.0 + 0.1 * i, seed=i, u_rel=0.2), time_s=10.0) for i in range(3)]
    write(report(runs), tmp_path / "r.json")
    (tmp_path / "f.toml").write_text(FILE)
    made = read_fleet(tmp_path / "f.toml")
    gain = made.doubts["device.board.meter_gain"]
    assert (gain.low, gain.high) == (pytest.approx(0.8, abs=0.01), pytest.approx(1.2, abs=0.01))
    power = made.doubts["device.board.power_w"]
    assert power.low < made.devices[0].power_w < power.high and power.spread == "interval"
    assert made.doubts["rounds.2.rounds"].high == 15
    found = judged(made)
    assert found.doubt is not None
    low, high = found.doubt.ends["co2_kg"]
    assert low < found.co2_kg / 5 and high > found.co2_kg * 2.9
