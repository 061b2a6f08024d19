from __future__ import annotations

import csv
from pathlib import Path

import pytest

from energyprof.compare.comparison import compare
from energyprof.errors import FileError, NotComparable, UsageError
from energyprof.report import importers
from energyprof.report.file import read, trace_path
from energyprof.report.importers.imported import Request
from energyprof.report.importers.save import save
from energyprof.report.record import Report

# A row of codecarbon 3.3: 0.01 kWh CPU, 0.04 kWh GPU, 0.002 kWh memory over 10 min.
ROW = {
    "timestamp": "2026-01-02T10:10:00",
    "project_name": "unet",
    "run_id": "a1",
    "experiment_id": "5b0fa12a-3dd7-45bb-9766-cc326314d9f1",
    "duration": "600.0",
    "emissions": "0.003",
    "emissions_rate": "5e-06",
    "cpu_power": "60.0",
    "gpu_power": "240.0",
    "ram_power": "12.0",
    "cpu_energy": "0.01",
    "gpu_energy": "0.04",
    "ram_energy": "0.002",
    "energy_consumed": "0.052",
    "country_name": "France",
    "os": "Linux-6.1",
    "python_version": "3.11.9",
    "codecarbon_version": "3.3.2",
    "cpu_model": "AMD EPYC 7543",
    "gpu_count": "2",
    "gpu_model": "2 x NVIDIA A100",
    "tracking_mode": "machine",
    "pue": "1.0",
}


def write(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(ROW))
        writer.writeheader()
        writer.writerows({**ROW, **row} for row in rows)
    return path


def imported(path: Path, **asked: object) -> Report:
    return save(importers.read(Request((path,), **asked)), path.with_suffix(".json"), "replaced")  # type: ignore[arg-type]


def test_kilowatt_hours_become_joules_of_the_components(tmp_path):
    report = imported(write(tmp_path / "emissions.csv", {}))
    run = report.runs[0]
    assert run.energy_j == pytest.approx(0.052 * 3.6e6)
    assert run.phases[0].by_meter_j == pytest.approx(
        {"codecarbon:cpu": 36_000.0, "codecarbon:gpu": 144_000.0, "codecarbon:ram": 7_200.0}
    )
    assert (run.time_s, run.status, run.clock.utc) == (600.0, "done", "2026-01-02T10:00:00.000Z")
    assert (report.boundary, report.workload.name) == ("component", "unet")
    assert report.nodes[0].machine["gpus"] == [{"name": "NVIDIA A100"}] * 2
    assert read(tmp_path / "emissions.json") == report


def test_it_is_an_estimate_of_unknown_uncertainty(tmp_path):
    report = imported(write(tmp_path / "emissions.csv", {}))
    assert {report.origin, *(meter.origin for meter in report.meters)} == {"modelled"}
    assert report.runs[0].energy_u_j is None
    assert any("does not tell a metered CPU from a modelled one" in note for note in report.notes)


def test_there_is_no_trace_not_even_an_older_reports(tmp_path):
    path = write(tmp_path / "emissions.csv", {})
    trace = trace_path(tmp_path / "emissions.json")
    trace.write_bytes(b"of a report that is overwritten")
    imported(path)
    assert not trace.exists()


def test_rows_of_one_run_are_its_totals_so_far_and_the_last_counts(tmp_path):
    rows = [{"cpu_energy": "0.005", "duration": "300"}, {}, {"run_id": "b2", "duration": "500"}]
    report = imported(write(tmp_path / "emissions.csv", *rows))
    assert [run.time_s for run in report.runs] == [600.0, 500.0]
    assert any("1 rows are totals of a run before its end" in note for note in report.notes)


def test_several_projects_are_several_works(tmp_path):
    path = write(tmp_path / "emissions.csv", {}, {"project_name": "bert", "run_id": "b2"})
    with pytest.raises(UsageError, match="unet, bert; --only NAME"):
        imported(path)
    assert imported(path, only="bert").workload.name == "bert"
    with pytest.raises(UsageError, match="the projects are none"):
        imported(path, only="vit")


def test_a_cpu_that_used_nothing_was_not_read(tmp_path):
    run = imported(write(tmp_path / "emissions.csv", {"cpu_energy": "0.0"})).runs[0]
    assert (run.energy_j, run.coverage) == (None, None)
    assert any(flag.words.startswith("codecarbon:cpu has 0 J") for flag in run.flags)


def test_a_machine_without_a_gpu_has_no_gpu_meter(tmp_path):
    row = {"gpu_energy": "0.0", "energy_consumed": "0.012", "gpu_model": "", "gpu_count": ""}
    report = imported(write(tmp_path / "emissions.csv", row))
    assert [meter.name for meter in report.meters] == ["codecarbon:cpu", "codecarbon:ram"]
    assert report.runs[0].energy_j == pytest.approx(0.012 * 3.6e6)


def test_a_gpu_that_is_named_but_not_read_is_said(tmp_path):
    report = imported(write(tmp_path / "emissions.csv", {"gpu_energy": "", "energy_consumed": "0.012"}))
    assert any("a GPU is named, but has no energy" in note for note in report.notes)


def test_an_overhead_of_the_data_centre_is_not_in_the_energy_and_said(tmp_path):
    row = {"energy_consumed": str(0.052 * 1.4), "pue": "1.4"}
    report = imported(write(tmp_path / "emissions.csv", row))
    assert report.runs[0].energy_j == pytest.approx(0.052 * 3.6e6)
    assert any("pue 1.4" in note for note in report.notes)


def test_process_mode_is_other_work_than_machine_mode(tmp_path):
    whole = imported(write(tmp_path / "a.csv", {}))
    part = imported(write(tmp_path / "b.csv", {"tracking_mode": "process"}))
    assert any("tracking_mode process" in note for note in part.notes)
    with pytest.raises(NotComparable, match="tracking_mode"):
        compare([whole, part], ["a", "b"])


def test_two_imports_of_one_project_compare(tmp_path):
    less = imported(write(tmp_path / "a.csv", {}, {"run_id": "b"}))
    more = imported(write(tmp_path / "b.csv", {"cpu_energy": "0.02"}, {"run_id": "b"}))
    entry = compare([less, more], ["a", "b"]).entries[1]
    energy = next(estimate for estimate in entry.estimates if estimate.figure == "energy")
    assert energy.n == 2 and energy.change is not None and energy.change.ratio > 1


def test_a_broken_file_is_refused(tmp_path):
    path = tmp_path / "emissions.csv"
    path.write_text("timestamp,project_name,duration,energy_consumed,emissions\n")
    with pytest.raises(FileError, match="cpu_energy"):
        imported(path)
    with pytest.raises(FileError, match="no row"):
        imported(write(tmp_path / "empty.csv"))
