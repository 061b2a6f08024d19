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
    before = {"timestamp": "2026-01-02T10:05:00", "cpu_energy": "0.005", "duration": "300"}
    rows = [before, {}, {"timestamp": "2026-01-02T10:20:00", "run_id": "b2", "duration": "500"}]
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
    later = {"run_id": "b", "timestamp": "2026-01-02T11:10:00"}
    less = imported(write(tmp_path / "a.csv", {}, later))
    more = imported(write(tmp_path / "b.csv", {"cpu_energy": "0.02"}, later))
    entry = compare([less, more], ["a", "b"]).entries[1]
    energy = next(estimate for estimate in entry.estimates if estimate.figure == "energy")
    assert energy.n == 2 and energy.change is not None and energy.change.ratio > 1


def test_a_broken_file_is_refused(tmp_path):
    path = tmp_path / "emissions.csv"
    path.write_text("timestamp,project_name,duration,experiment_id,emissions\n")
    with pytest.raises(FileError, match="energy_consumed"):
        imported(path)
    with pytest.raises(FileError, match="no row"):
        imported(write(tmp_path / "empty.csv"))


def task(name: str, end: str, span_s: float, kwh: float) -> dict[str, str]:
    return {
        "task_name": name,
        "timestamp": f"2026-01-02T{end}",
        "duration": str(span_s),
        "cpu_energy": str(kwh),
        "gpu_energy": "0.0",
        "ram_energy": str(kwh),
        "energy_consumed": str(2 * kwh),
    }


def write_tasks(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["task_name", *ROW])
        writer.writeheader()
        writer.writerows({**ROW, "gpu_model": "", "gpu_count": "", **row} for row in rows)
    return path


def test_the_tasks_of_a_run_are_its_phases_also_within_one_second(tmp_path):
    rows = [task("load", "10:00:03", 3.0, 1e-5), task("train", "10:00:09", 6.0, 2e-5)]
    run = imported(write_tasks(tmp_path / "a.csv", *rows)).runs[0]
    assert [(p.name, p.energy_j) for p in run.phases] == [
        ("load", pytest.approx(72.0)),
        ("train", pytest.approx(144.0)),
    ]
    assert (run.energy_j, run.time_s) == (pytest.approx(216.0), 9.0)
    rows = [task(name, "10:00:03", 0.2, 1e-5) for name in ("a", "b", "b", "c")]
    rows[2]["cpu_energy"] = "1.1e-05"
    run = imported(write_tasks(tmp_path / "b.csv", *rows)).runs[0]
    assert [phase.name for phase in run.phases] == ["a", "b", "b", "c"]
    assert run.energy_j == pytest.approx(4 * 72.0 + 3.6)


def test_a_whole_run_beside_its_tasks_counts_once(tmp_path):
    rows = [
        task("load", "10:00:03", 3.0, 1e-5),
        task("train", "10:00:09", 6.0, 2e-5),
        task("", "10:00:09", 9.0, 3e-5),
    ]
    assert imported(write_tasks(tmp_path / "a.csv", *rows)).runs[0].energy_j == pytest.approx(216.0)


def test_the_first_version_has_the_whole_alone(tmp_path):
    path = tmp_path / "emissions.csv"
    path.write_text(
        "timestamp,experiment_id,project_name,duration,emissions,energy_consumed,country_name\n"
        "2021-01-01T10:00:10,E,p,10.0,0.1,0.001,France\n"
        "2021-01-01T10:05:10,E,p,20.0,0.1,0.002,France\n"
    )
    report = imported(path)
    assert [run.energy_j for run in report.runs] == [pytest.approx(3600), pytest.approx(7200)]
    assert ([meter.name for meter in report.meters], report.origin) == (["codecarbon:total"], "modelled")


def test_titles_and_cells_may_be_padded(tmp_path):
    path = write(tmp_path / "emissions.csv", {}, {"run_id": "b", "timestamp": "2026-01-02T11:10:00"})
    path.write_text("\n".join(" ,".join(line.split(",")) for line in path.read_text().splitlines()) + "\n")
    report = imported(path)
    assert [run.energy_j for run in report.runs] == [pytest.approx(0.052 * 3.6e6)] * 2


def test_rows_of_several_machines_are_refused_and_one_can_be_taken(tmp_path):
    other = {"run_id": "b", "timestamp": "2026-01-02T11:10:00", "cpu_model": "Xeon"}
    path = write(tmp_path / "emissions.csv", {}, other)
    with pytest.raises(UsageError, match=r"of 2 machines \(AMD EPYC 7543 with 2 x NVIDIA A100, .*--only a1"):
        imported(path)
    assert len(imported(path, only="b").runs) == 1


def test_runs_of_seconds_that_begin_and_end_together_ran_beside_each_other(tmp_path):
    rows = [{"run_id": f"r{i}", "timestamp": "2026-01-02T10:10:00", "duration": "3.0"} for i in range(2)]
    with pytest.raises(UsageError, match="2 rows are of one machine and one time"):
        imported(write(tmp_path / "beside.csv", *rows))
    rows[1]["timestamp"] = "2026-01-02T10:10:02"  # whole seconds: it may have ended three after the first
    assert len(imported(write(tmp_path / "after.csv", *rows)).runs) == 2


def test_ranks_of_one_run_are_not_repeats_of_it(tmp_path):
    rows = [{"run_id": f"r{n}", "timestamp": f"2026-01-02T10:10:0{n}"} for n in range(4)]
    path = write(tmp_path / "emissions.csv", *rows)
    with pytest.raises(UsageError, match=r"4 rows are of one machine and one time \(r0, r1, r2 and 1 more"):
        imported(path)
    assert len(imported(path, only="r2").runs) == 1


def test_a_row_that_repeats_another_counts_once(tmp_path):
    report = imported(write(tmp_path / "emissions.csv", {}, {}))
    assert len(report.runs) == 1
    assert any("1 rows repeat another to the last character" in note for note in report.notes)


@pytest.mark.parametrize(
    ("row", "believed"),
    [
        # 354 W of a desktop's processor that says 36 W itself.
        ({"cpu_model": "Intel(R) Core(TM) i7-7700K", "cpu_energy": "0.059", "cpu_power": "36"}, False),
        ({"cpu_energy": "0.059", "cpu_power": "36"}, False),
        # A server's last reading may well be some times less than its mean.
        ({"cpu_energy": "0.059", "cpu_power": "100"}, True),
        ({"gpu_energy": "2.0"}, False),
    ],
)
def test_a_mean_that_no_such_part_draws_is_named_and_no_energy(tmp_path, row, believed):
    run = imported(write(tmp_path / "emissions.csv", row)).runs[0]
    assert (run.energy_j is not None) == believed
    assert any(flag.kind == "implausible_total" for flag in run.flags) != believed


def test_a_spreadsheet_may_have_saved_it_with_semicolons_and_decimal_commas(tmp_path):
    path = write(tmp_path / "emissions.csv", {})
    lines = path.read_text().splitlines()
    saved = [lines[0].replace(",", ";"), lines[1].replace(",", ";").replace("0.", "0,")]
    path.write_text("\r\n".join([*saved, ""]), encoding="utf-8-sig", newline="")
    assert imported(path).runs[0].energy_j == pytest.approx(0.052 * 3.6e6)
