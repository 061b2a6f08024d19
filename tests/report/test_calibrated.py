"""Joules by a calibration: wider where it was not made, and the node's beside its parts', never added."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from energyprof.meter import CalibratedRange, Calibration
from energyprof.report.calibrated import transferred
from energyprof.report.energy import MeterEnergy
from energyprof.report.rebuild import Rebuild
from energyprof.report.transfer import drift_u
from energyprof.trace.rows import Row, Sample
from fakes.node import MAP, UTC, Truth, of_parts, rebuilt, record, rows
from fakes.recording import nvml, rapl
from reports import report

MADE = CalibratedRange(50.0, 250.0, "2027-01-15T07:00:00Z", "2027-01-15T07:30:00Z", 0.012, 0.015)


def test_a_run_has_its_components_energy_and_the_nodes_beside_it() -> None:
    (run,) = of_parts(200.0, 100.0).runs
    assert run.energy_j == pytest.approx(60 * 300)
    assert run.node is not None
    assert run.node.boundary == "wall_ac"
    assert run.node.energy_j == pytest.approx(60 * Truth().node_w(200, 100))
    assert run.node.total_energy_j == pytest.approx(run.node.energy_j)
    power_w = Truth().node_w(200, 100)
    known_w = math.sqrt(4 + 200**2 * 1e-4 + 100**2 * 4e-4)
    budget = run.node.budget_j
    assert budget["gain"] == pytest.approx(60 * 0.005 * power_w)
    assert budget["map"] == pytest.approx(60 * math.hypot(known_w, 0.01 * power_w))
    assert budget["transfer"] == pytest.approx(60 * drift_u(1.0, 0.012) * power_w)
    assert run.node.energy_u_j == pytest.approx(2 * math.hypot(*budget.values()))
    assert run.node.energy_low_j == pytest.approx(run.node.energy_j - (run.node.energy_u_j or 0))
    assert not [flag for flag in run.flags if flag.kind == "extrapolated"]


def test_without_a_map_there_is_no_node() -> None:
    (run,) = of_parts(200.0, 100.0, None).runs
    assert run.node is None


def test_a_map_is_of_readings_not_of_what_a_calibration_makes_of_them() -> None:
    calibration = Calibration(1.06, 0.005, 2.0, 0.5, "by hand")
    gpu, cpu = record(nvml(calibration=calibration)), record(rapl())
    made = report([], meters=(gpu, cpu), boundary="component", node_map=MAP)
    (run,) = rebuilt(made, [(gpu, 200.0), (cpu, 100.0)]).runs
    assert run.energy_j == pytest.approx(60 * (1.06 * 200 + 2 + 100))
    assert run.node is not None
    assert run.node.energy_j == pytest.approx(60 * Truth().node_w(200, 100))


@pytest.mark.parametrize(
    ("loads_w", "utc", "says"),
    [
        ((500.0, 100.0), UTC, "gpu at 500 W, calibrated from 40 to 320 W"),
        ((200.0, 10.0), UTC, "cpu at 10 W, calibrated from 30 to 150 W"),
        ((330.0, 100.0), UTC, ""),  # noise of the range's end
        ((200.0, 100.0), "2027-01-20T08:00:00Z", ""),
        ((200.0, 100.0), "2027-02-15T08:00:00Z", "31 days from its time"),
        ((200.0, 100.0), "", "at a time that is not known"),
    ],
)
def test_outside_of_what_a_map_saw_it_is_wider_and_said(loads_w, utc: str, says: str) -> None:
    (run,) = of_parts(*loads_w, utc=utc).runs
    assert [flag.detail for flag in run.flags if flag.kind == "extrapolated"] == ([says] if says else [])
    assert run.node is not None and run.node.energy_j is not None
    (inside,) = of_parts(200.0, 100.0).runs
    assert inside.node is not None
    wider = run.node.budget_j["transfer"] / run.node.energy_j
    assert (wider > inside.node.budget_j["transfer"] / (inside.node.energy_j or 1.0)) == (
        bool(says) or loads_w == (330.0, 100.0) or utc != UTC
    )


@pytest.mark.parametrize(
    ("warm_c", "says"), [(55.0, ""), (65.0, ""), (80.0, "80 °C, calibrated from 50 to 60 °C")]
)
def test_a_much_warmer_machine_is_said(warm_c: float, says: str) -> None:
    by = replace(MAP, temperature_c=(50.0, 60.0))
    made = replace(MADE, temperature_c=(50.0, 60.0))
    gpu, cpu = record(nvml(calibration=Calibration(1.0, 0.0, 0.0, 0.0, "x", made))), record(rapl())
    rebuild = Rebuild(report([], meters=(gpu, cpu), boundary="component", node_map=by))
    looked = Row(0, "@condition", Sample(20.0, 20.0, None), "", {"device": "nvml:0", "temperature_c": warm_c})
    *before, ended = rows([(gpu, 200.0), (cpu, 100.0)])
    run = rebuild.add(lambda: [*before, looked, ended])
    assert [f.detail for f in run.flags if f.kind == "extrapolated"] == (["", says] if says else [])


def test_a_map_whose_meter_gave_nothing_gives_nothing() -> None:
    gpu, cpu = record(nvml()), record(rapl())
    made = report([], meters=(gpu, cpu), boundary="component", node_map=MAP)
    (run,) = rebuilt(made, [(cpu, 100.0)]).runs
    assert run.node is not None
    assert run.node.energy_j is None
    assert run.energy_j is None


@pytest.mark.parametrize(
    ("levels_w", "share"),
    [
        ((), 1.0),
        ((200.0,) * 30, 1.0),  # all at rest: nothing cancels
        # Thirds of 170 to 631 W begin at 324 and 478 W: joules of 1 : 2 : 3 make √14 / 6.
        ((200.0,) * 10 + (400.0,) * 10 + (600.0,) * 10, math.sqrt(14) / 6),
        ((100.0, 900.0), math.sqrt(0.82)),  # what lies outside belongs to the ends
        ((0.0, 600.0), 1.0),
    ],
)
def test_over_several_levels_of_load_a_part_of_a_maps_misfit_cancels(levels_w, share: float) -> None:
    assert MAP.power_w([40, 30]) == pytest.approx(169.9)
    assert MAP.power_w([320, 150]) == pytest.approx(631.1)
    assert MAP.concentration(levels_w) == pytest.approx(share)
    alone = MAP.terms_w([200, 100], 0.0)["map"] ** 2 - MAP.terms_w([200, 100], 0.0, 0.0)["map"] ** 2
    mixed = MAP.terms_w([200, 100], 0.0, share)["map"] ** 2 - MAP.terms_w([200, 100], 0.0, 0.0)["map"] ** 2
    assert mixed == pytest.approx(share**2 * alone)


def test_a_node_drifts_at_each_level_by_itself() -> None:
    alone, mixed = (MAP.terms_w([200, 100], 12.0, share)["transfer"] for share in (1.0, 0.6))
    assert alone == pytest.approx(drift_u(12.0, MAP.drift_u) * MAP.power_w([200, 100]))
    assert mixed == pytest.approx(0.6 * alone)
    # What lies beyond its loads is no drift: it stays whole.
    assert MAP.terms_w([500, 100], 0.0, 0.0)["transfer"] == pytest.approx(MAP.slope_u * 1.18 * 180)


def test_a_run_at_two_levels_is_doubted_less_than_one_at_their_mean() -> None:
    def doubt(first_w: float, second_w: float) -> float:
        gpu, cpu = record(nvml()), record(rapl())
        found = []
        for row in rows([(gpu, 1.0), (cpu, 60.0)]):
            if row.source == gpu.name:  # a counter at 1 W shows the time
                at_s = row.sample.start_s
                joules = first_w * min(at_s, 40.0) + second_w * max(0.0, at_s - 40.0)
                row = row._replace(sample=row.sample._replace(value=joules))
            found.append(row)
        made = report([], meters=(gpu, cpu), boundary="component", node_map=MAP)
        node = Rebuild(made).add(lambda: found).node
        assert node is not None and node.energy_j == pytest.approx(60 * MAP.power_w([180, 60]), rel=1e-3)
        return node.budget_j["map"] / node.energy_j

    # Half a minute at 215 W of the node and half a minute at 521 W, of its thirds the first and the last.
    misfit = 0.01 * math.hypot(214.4, 521.2) / (214.4 + 521.2)
    known = math.sqrt(4 + 180**2 * 1e-4 + 60**2 * 4e-4) / MAP.power_w([180, 60])
    assert doubt(180.0, 180.0) == pytest.approx(math.hypot(0.01, known), rel=1e-3)
    assert doubt(50.0, 310.0) == pytest.approx(math.hypot(misfit, known), rel=1e-2)


@pytest.mark.parametrize(
    ("hours", "u"),
    [
        (0.0, 0.012 * math.sqrt(1 / 12)),  # no calibration takes less than an hour
        (12.0, 0.012),
        (48.0, 0.024),
        (1e6, 0.043),
        (math.inf, 0.043),
    ],
)
def test_a_calibration_drifts_as_a_random_walk_up_to_what_nodes_wander(hours: float, u: float) -> None:
    assert drift_u(hours, 0.012) == pytest.approx(u)


def calibrated(power_w: float, **changes: Any) -> MeterEnergy:
    calibration = Calibration(1.06, 0.005, 2.0, 0.5, "by hand", replace(MADE, **changes))
    meter = nvml(calibration=calibration)
    joules = meter.corrected_j(100 * power_w, 100.0)
    return transferred(MeterEnergy(meter, joules, {"gain": 1.0}, 1.0, ()), (0.0, 100.0), UTC)


def test_a_calibrated_meter_is_wider_at_other_loads_and_hours() -> None:
    inside = calibrated(200.0)
    assert inside.flags == ()
    assert inside.terms_j["transfer"] == pytest.approx(drift_u(1.0, 0.012) * (inside.joules or 0), rel=1e-6)
    above = calibrated(350.0)
    assert above.flags == ("extrapolated",)
    load_j = 0.015 * 1.06 * 100 * 100
    assert above.terms_j["transfer"] == pytest.approx(
        math.hypot(drift_u(1.0, 0.012) * (above.joules or 0), load_j), rel=1e-6
    )
    later = calibrated(200.0, end="2027-01-14T20:00:00Z", start="2027-01-14T19:00:00Z")
    assert later.terms_j["transfer"] == pytest.approx(0.012 * (later.joules or 0), rel=2e-3)


def test_a_calibration_that_says_not_where_it_holds_is_taken_as_it_is() -> None:
    meter = nvml(calibration=Calibration(1.06, 0.005, 2.0, 0.5, "an older one"))
    energy = MeterEnergy(meter, 100.0, {"gain": 1.0}, 1.0, ())
    assert transferred(energy, (0.0, 10.0), UTC) == energy
