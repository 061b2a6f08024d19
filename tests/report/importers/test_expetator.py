from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from energyprof.errors import UsageError
from energyprof.report import importers
from energyprof.report.file import to_json
from energyprof.report.importers.imported import Request
from energyprof.report.importers.save import save
from energyprof.report.recompute import recompute
from energyprof.report.record import Report

NAME = "demo_taurus-8.lyon.grid5000.fr_1728507000"
HOST = "taurus-8.lyon.grid5000.fr"
HOSTS = f"{HOST};taurus-9.lyon.grid5000.fr"
START = 1728507600


def bundle(folder: Path, *rows: tuple[str, int, str], watts: tuple[float, ...] = (200.0, 100.0)) -> Path:
    """Experiments of 60 s: their benchmark, start and frequency."""
    table = ["hostname fullname nproc duration startTime endTime fmax hostlist"]
    powers = folder / f"{NAME}_power"
    powers.mkdir(parents=True)
    for fullname, start, fmax in rows:
        table.append(f"{HOST} {fullname} 64 55.2 {start} {start + 60} {fmax} {HOSTS}")
        times = [start - 5 + i for i in range(71)]
        data = [[f"taurus-{8 + i}", times, [w] * len(times)] for i, w in enumerate(watts)]
        (powers / f"{HOST}_{fullname}_{start}").write_text(json.dumps(data))
    (folder / NAME).write_text("\n".join(table) + "\n")
    return folder / NAME


def imported(path: Path, tmp_path: Path, **asked: object) -> Report:
    return save(importers.read(Request((path,), **asked)), tmp_path / "r.json", "replaced")  # type: ignore[arg-type]


def test_the_hosts_of_an_experiment_add_up(tmp_path):
    path = bundle(tmp_path / "b", ("lu.C.64", START, "2300"), ("lu.C.64", START + 100, "2300"))
    report = imported(path, tmp_path)
    assert [run.energy_j for run in report.runs] == [pytest.approx(18_000.0)] * 2
    assert (report.boundary, report.workload.name, report.origin) == ("wall_ac", "lu.C.64", "measured")
    assert report.runs[0].status == "done" and report.runs[0].facts["fmax"] == "2300"
    assert to_json(recompute(tmp_path / "r.json")) == to_json(report)


def test_a_zip_holds_the_same(tmp_path):
    path = bundle(tmp_path / "b", ("sleep-30", START, "2300"))
    packed = tmp_path / f"{NAME}.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted((tmp_path / "b").rglob("*")):
            archive.write(file, str(file.relative_to(tmp_path / "b")))
    plain, zipped = imported(path, tmp_path).runs, imported(packed, tmp_path).runs
    assert plain == zipped


def test_several_benchmarks_are_several_works(tmp_path):
    path = bundle(tmp_path / "b", ("lu", START, "2300"), ("ep", START + 100, "2300"))
    with pytest.raises(UsageError, match="lu, ep; --only NAME"):
        imported(path, tmp_path)
    assert imported(path, tmp_path, only="ep").workload.name == "ep"


def test_runs_at_different_settings_are_said(tmp_path):
    path = bundle(tmp_path / "b", ("lu", START, "1200"), ("lu", START + 100, "2300"))
    assert any("differ in fmax" in note for note in imported(path, tmp_path).notes)


def test_an_experiment_without_powers_has_no_energy(tmp_path):
    path = bundle(tmp_path / "b", ("lu", START, "2300"))
    next((tmp_path / "b" / f"{NAME}_power").iterdir()).unlink()
    report = imported(path, tmp_path)
    assert (report.runs[0].energy_j, report.boundary) == (None, None)
    assert any(f"lu_{START}: the bundle has no powers for it" in note for note in report.notes)


def test_what_the_wattmeters_see_can_be_said(tmp_path):
    path = bundle(tmp_path, ("cg", 1728507600, "1500"))
    report = imported(path, tmp_path, boundary="node_dc")
    assert report.boundary == "node_dc" and not any("names no meter" in note for note in report.notes)
    with pytest.raises(UsageError, match="--meter x=…: there is no such meter"):
        imported(path, tmp_path, boundaries={"x": "node_dc"})
