"""A whole below its parts is impossible: named, and not the total."""

from __future__ import annotations

from dataclasses import replace

import pytest

from energyprof.report.rebuild import Rebuild
from energyprof.trace.rows import Row
from fakes.node import BMC, CPU, GPU, below, rows
from reports import report


def test_a_node_above_its_parts_is_the_total() -> None:
    made = below(520.0)
    assert made.boundary == "node_dc"
    assert made.runs[0].energy_j == pytest.approx(60 * 520)
    assert not [flag for flag in made.runs[0].flags if flag.kind == "below_parts"]


def test_a_node_below_its_parts_is_named_and_they_are_the_total() -> None:
    made = below(360.0)
    (run,) = made.runs
    (odd,) = [flag for flag in run.flags if flag.kind == "below_parts"]
    assert odd.words == (
        "redfish:bmc read 360 W, less than its parts (400 W): impossible, so its joules are not the total"
    )
    assert made.boundary == "component"
    assert run.energy_j == pytest.approx(60 * 400)
    assert [meter.counted for meter in made.meters] == [False, True, True]
    assert set(run.budget_by_meter_j) == {"nvml:0", "rapl:package-0"}


def test_one_impossible_run_makes_all_runs_of_the_report_those_of_the_parts() -> None:
    made = below(520.0, 360.0, 520.0)
    assert [run.energy_j for run in made.runs] == pytest.approx([60 * 400] * 3)
    assert [bool([f for f in run.flags if f.kind == "below_parts"]) for run in made.runs] == [
        False,
        True,
        False,
    ]


def test_the_report_comes_back_the_same_from_its_rows() -> None:
    made = below(360.0)
    rebuild = Rebuild(made)
    whole = made.meters[0]
    rebuild.add(lambda: rows([(whole, 360.0), (GPU, 300.0), (CPU, 100.0)]))
    assert rebuild.report() == made


def test_a_difference_within_the_readings_is_none() -> None:
    coarse = replace(BMC.info, resolution=50.0)  # steps of 50 W
    assert below(380.0, whole=coarse).boundary == "node_dc"
    assert below(380.0).boundary == "component"


def test_what_checks_a_meter_or_models_one_is_no_part() -> None:
    modelled = replace(CPU, info=replace(CPU.info, origin="modelled"), origin="modelled")
    bmc = replace(BMC, info=BMC.info)
    rebuild = Rebuild(report([], meters=(bmc, GPU, modelled), boundary="node_dc"))
    found: list[Row] = rows([(bmc, 360.0), (GPU, 300.0), (modelled, 100.0)])
    rebuild.add(lambda: found)
    assert rebuild.report().boundary == "node_dc"
