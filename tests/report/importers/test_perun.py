from __future__ import annotations

from pathlib import Path

import pytest

from energyprof.errors import FileError
from energyprof.report import importers
from energyprof.report.importers.imported import Request
from energyprof.report.importers.save import save
from energyprof.report.record import Report

REPORT = """PERUN REPORT

App name: finetune
First run: 2023-08-15T18:56:11.202060
Last run: 2023-08-17T13:29:29.969779


RUN ID: 2023-08-17T13:29:29.969779

|   Round # | Host   | RUNTIME   | ENERGY     | CPU_POWER   | GPU_POWER   |
|----------:|:-------|:----------|:-----------|:------------|:------------|
|         0 | n1     | 100.000 s | 10.000 kJ  | 30.000 W    | 70.000 W    |
|         0 | n2     | 99.000 s  | 9.900 kJ   | 30.000 W    | 70.000 W    |
|         0 | All    | 100.000 s | 19.900 kJ  | 60.000 W    | 140.000 W   |
|         1 | n1     | 50.000 s  | 2.500 Wh   | 30.000 W    | 70.000 W    |

Monitored Functions

|   Round # | Function   |   Avg Calls / Rank | Avg Runtime   |
|----------:|:-----------|-------------------:|:--------------|
|         0 | main       |                  1 | 9.000±0.1 s   |
"""


def imported(path: Path, text: str, **asked: object) -> Report:
    path.write_text(text)
    request = Request((path,), **asked)  # type: ignore[arg-type]
    return save(importers.read(request), path.with_suffix(".json"), "replaced")


def test_a_round_is_a_run_of_all_its_hosts(tmp_path):
    report = imported(tmp_path / "finetune.txt", REPORT)
    assert [run.energy_j for run in report.runs] == [pytest.approx(19_900), pytest.approx(9000)]
    assert [run.time_s for run in report.runs] == [100.0, 50.0]
    assert (report.workload.name, report.boundary, report.origin) == ("finetune", "component", "measured")
    assert report.runs[0].facts["hosts"] == ["n1", "n2"]


def test_one_host_can_be_taken(tmp_path):
    report = imported(tmp_path / "finetune.txt", REPORT, only="n2")
    assert [run.energy_j for run in report.runs] == [pytest.approx(9900)]


def test_an_energy_that_cannot_be_read_is_none(tmp_path):
    run = imported(tmp_path / "a.txt", REPORT.replace("19.900 kJ", "n/a")).runs[0]
    assert run.energy_j is None


def test_a_report_without_energies_is_refused(tmp_path):
    with pytest.raises(FileError, match="no table with Round #, Host and ENERGY"):
        imported(tmp_path / "a.txt", REPORT.replace("ENERGY", "CO2"))
