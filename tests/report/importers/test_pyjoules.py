from __future__ import annotations

from pathlib import Path

import pytest

from energyprof.errors import FileError
from energyprof.report import importers
from energyprof.report.file import read
from energyprof.report.importers.imported import Request
from energyprof.report.importers.save import save
from energyprof.report.record import Report

HEADER = "timestamp;tag;duration;package_0;dram_0;core_0;nvidia_gpu_0"
START_S = 1728507600.0


def imported(path: Path, header: str, *rows: str) -> Report:
    path.write_text("\n".join([header, *rows]) + "\n")
    return save(importers.read(Request((path,))), path.with_suffix(".json"), "replaced")


def test_microjoules_and_millijoules_become_joules_each_once(tmp_path):
    row = f"{START_S};train;10.0;500000000;20000000;300000000;2000000"
    report = imported(tmp_path / "t.csv", HEADER, row)
    run = report.runs[0]
    # 500 J package, 20 J memory, 2000 J GPU; the cores' 300 J are within the package's.
    assert run.energy_j == pytest.approx(2520.0)
    assert run.phases[0].by_meter_j["core_0"] == pytest.approx(300.0)
    assert {meter.name: meter.counted for meter in report.meters}["core_0"] is False
    assert (run.time_s, report.origin, report.workload.name) == (10.0, "measured", "train")
    assert read(tmp_path / "t.json") == report


def test_rows_one_after_the_other_are_one_run(tmp_path):
    rows = [f"{START_S + 10 * n};step{n};10.0;1000000;1;1;1000" for n in range(3)]
    report = imported(tmp_path / "t.csv", HEADER, *rows)
    assert [phase.name for phase in report.runs[0].phases] == ["step0", "step1", "step2"]
    assert report.runs[0].time_s == pytest.approx(30.0)


def test_a_counter_that_went_round_leaves_no_energy(tmp_path):
    row = f"{START_S};train;10.0;-262143000000;20000000;1;1000"
    run = imported(tmp_path / "t.csv", HEADER, row).runs[0]
    assert run.energy_j is None
    assert any("package_0" in flag.meter and "wrapped" in flag.words for flag in run.flags)


def test_columns_of_unknown_unit_are_left_out_and_said(tmp_path):
    header = "timestamp;tag;duration;package_0;tpu_0"
    report = imported(tmp_path / "t.csv", header, f"{START_S};train;10.0;1000000;77")
    assert report.runs[0].energy_j == pytest.approx(1.0)
    assert any("unknown unit are left out: tpu_0" in note for note in report.notes)


def test_only_parts_of_a_whole_are_no_total(tmp_path):
    report = imported(tmp_path / "t.csv", "timestamp;tag;duration;core_0", f"{START_S};train;10.0;1000000")
    assert (report.boundary, report.runs[0].energy_j) == (None, None)


EPOCHS = "epoch,duration,acc,package_0 energy,nvidia_gpu_0 energy,package_0 power,nvidia_gpu_0 power"


@pytest.mark.parametrize("size", [1, 1000, 1_000_000])
def test_a_table_of_epochs_has_the_unit_that_its_powers_tell(tmp_path, size):
    rows = [f"{n},10.0,0.9,{500 * size},{2000 * size},50.0,200.0" for n in (1, 2)]
    run = imported(tmp_path / "t.csv", EPOCHS, *rows).runs[0]
    assert (run.energy_j, run.time_s) == (pytest.approx(5000), 20.0)
    assert [phase.name for phase in run.phases] == ["epoch 1", "epoch 2"]


def test_without_powers_the_unit_is_the_one_that_is_plausible_or_must_be_said(tmp_path):
    header = "epoch,duration,package_0 energy"
    for joules, unit in ((500, "J"), (500_000_000, "uJ")):
        run = imported(tmp_path / f"{unit}.csv", header, f"1,10.0,{joules}").runs[0]
        assert run.energy_j == pytest.approx(500)
    with pytest.raises(FileError, match="the unit of 'package_0 energy' is not clear: give it with --unit"):
        imported(tmp_path / "t.csv", header, "1,10.0,100000")
    with pytest.raises(FileError, match="no unit fits"):
        imported(tmp_path / "u.csv", EPOCHS, "1,10.0,0.9,7,2000,50.0,200.0")
