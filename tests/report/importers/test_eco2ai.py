from __future__ import annotations

from pathlib import Path

import pytest

from energyprof.errors import FileError, UsageError
from energyprof.report import importers
from energyprof.report.importers.imported import Request
from energyprof.report.importers.save import save
from energyprof.report.record import Report

HEADER = (
    "id,project_name,experiment_description,epoch,start_time,duration(s),power_consumption(kWh),"
    "CO2_emissions(kg),CPU_name,GPU_name,OS,region/country"
)


def row(
    name: str = "a1",
    epoch: str = "N/A",
    start: str = "10:00:00",
    span_s: float = 10.0,
    kwh: float = 0.001,
    cpu: str = "i7/1 device(s), TDP:65.0",
) -> str:
    return f'{name},p,e,{epoch},2024-05-01 {start},{span_s},{kwh},0.1,"{cpu}",A100 1 device(s),Linux,DE'


def imported(path: Path, *rows: str, header: str = HEADER, **asked: object) -> Report:
    path.write_text("\n".join([header, *rows]) + "\n")
    request = Request((path,), **asked)  # type: ignore[arg-type]
    return save(importers.read(request), path.with_suffix(".json"), "replaced")


def test_a_tracker_is_a_run_and_its_epochs_are_phases(tmp_path):
    rows = [
        row(epoch='"epoch: 1, lr 1"'),
        row(epoch="epoch: 2", start="10:00:10", kwh=0.002),
        row("b2", start="11:00:00"),
    ]
    report = imported(tmp_path / "emission.csv", *rows)
    assert [run.energy_j for run in report.runs] == [pytest.approx(10_800), pytest.approx(3600)]
    assert [phase.name for phase in report.runs[0].phases] == ["epoch 1", "epoch 2"]
    assert (report.origin, report.boundary, report.workload.name) == ("modelled", "component", "p")


def test_rows_that_start_together_are_totals_until_then(tmp_path):
    report = imported(tmp_path / "e.csv", row(span_s=5, kwh=0.0004), row(span_s=10, kwh=0.001))
    assert [run.energy_j for run in report.runs] == [pytest.approx(3600)]


def test_an_old_title_and_the_parts_of_new_ones_are_known(tmp_path):
    old = imported(tmp_path / "old.csv", row(), header=HEADER.replace("(kWh)", "(kWTh)"))
    assert old.runs[0].energy_j == pytest.approx(3600)
    titles = "cpu_power_consumption(kWh),gpu_power_consumption(kWh),ram_power_consumption(kWh),"
    header = HEADER.replace("power_consumption(kWh)", f"{titles}power_consumption(kWh)")
    new = imported(
        tmp_path / "new.csv", row().replace(",0.001,", ",0.0001,0.0008,0.0001,0.001,"), header=header
    )
    assert [meter.name for meter in new.meters] == ["eco2ai:cpu", "eco2ai:gpu", "eco2ai:ram"]
    assert new.runs[0].energy_j == pytest.approx(3600)
    hot = imported(tmp_path / "hot.csv", row().replace(",0.001,", ",0.01,0,0,0.01,"), header=header)
    assert hot.runs[0].energy_j is None
    assert any("where its TDP is 65.0 W" in flag.words for flag in hot.runs[0].flags)


def test_trackers_of_one_time_and_rows_of_several_machines_are_refused(tmp_path):
    long = {"span_s": 600.0, "kwh": 0.05}
    with pytest.raises(UsageError, match=r"2 trackers ran at one time .*--only ID"):
        imported(tmp_path / "a.csv", row(**long), row("b2", start="10:00:02", **long))
    with pytest.raises(UsageError, match="of 2 machines"):
        imported(tmp_path / "b.csv", row(), row("b2", start="11:00:00", cpu="i9/1 device(s), TDP:125.0"))
    assert len(imported(tmp_path / "c.csv", row(**long), row("b2", **long), only="b2").runs) == 1


def test_a_broken_time_is_one_line(tmp_path):
    with pytest.raises(FileError, match="'2024-05-01 soon' is not a time"):
        imported(tmp_path / "a.csv", row(start="soon"))
