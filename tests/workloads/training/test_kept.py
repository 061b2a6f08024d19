"""Networks that are kept, and teach later trainings: what they took stands in their report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads.training import kept

MODEL: dict[str, Any] = {
    "schema": kept.SCHEMA,
    "name": "unet",
    "size": "tiny",
    "work": "sha256:1",
    "seed": 0,
    "samples": 512,
    "score": 0.9,
    "reached": True,
    "config": {"precision": "fp32"},
}
REPORT: dict[str, Any] = {
    "schema": "energyprof.report/2",
    "workload": {"work": "sha256:1"},
    "runs": [
        {
            "seed": 0,
            "energy_j": 40.0,
            "energy_u_j": 4.0,
            "cpu_s": 8.0,
            "energy_low_j": 38.0,
            "energy_high_j": 44.0,
        }
    ],
}


def folder(tmp_path: Path, report: Any = REPORT, **changed: Any) -> Path:
    made = tmp_path / "teacher"
    about = {**MODEL, **changed}
    inner = made / f"seed-{about['seed']}"
    inner.mkdir(parents=True)
    (inner / kept.WEIGHTS).write_bytes(b"weights")
    (inner / kept.MODEL).write_text(json.dumps(about))
    if report is not None:
        (made / "report.json").write_text(json.dumps(report))
    return made


def test_a_teacher_has_its_joules_from_the_report_beside_it(tmp_path: Path) -> None:
    made = folder(tmp_path)
    for named in (made, made / "seed-0"):
        found = kept.teacher("unet", str(named))
        assert (found.energy_j, found.energy_u_j, found.cpu_s) == (40.0, 4.0, 8.0)
        assert (found.energy_low_j, found.energy_high_j) == (38.0, 44.0)
        assert (found.samples, found.score) == (512, 0.9)
        assert found.fingerprint.startswith(kept.FINGERPRINT)


def test_without_a_meter_its_joules_are_unknown(tmp_path: Path) -> None:
    report = {**REPORT, "runs": [{"seed": 0, "energy_j": None, "cpu_s": 8.0}]}
    found = kept.teacher("unet", str(folder(tmp_path, report)))
    assert (found.energy_j, found.energy_low_j, found.cpu_s) == (None, None, 8.0)


def test_the_lowest_seed_that_reached_the_target_teaches(tmp_path: Path) -> None:
    made = folder(tmp_path, reached=False)
    folder(tmp_path, seed=2)
    folder(tmp_path, {**REPORT, "runs": [{"seed": n, "energy_j": float(n)} for n in range(3)]}, seed=1)
    assert kept.teacher("unet", str(made)).energy_j == 1.0


@pytest.mark.parametrize(
    ("changed", "report", "says"),
    [
        ({"name": "transformer"}, REPORT, "a network of transformer cannot teach unet"),
        ({"reached": False}, REPORT, "no network in it reached its target"),
        (
            {"config": {"precision": "fp32", "prune": 0.3, "qat": "int8"}},
            REPORT,
            "--prune, --qat made it another network than its size",
        ),
        ({}, None, "has no report of what this teacher took to train"),
        ({}, {**REPORT, "workload": {"work": "sha256:2"}}, "has no report of what this teacher took"),
        ({"schema": "other"}, REPORT, "neither a size nor a folder that --keep has written"),
    ],
)
def test_who_cannot_teach_is_refused_in_one_line(
    tmp_path: Path, changed: dict[str, Any], report: Any, says: str
) -> None:
    with pytest.raises(WorkloadError, match=says) as error:
        kept.teacher("unet", str(folder(tmp_path, report, **changed)))
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_kept_network_teaches_a_smaller_one(command: Any) -> None:
    pytest.importorskip("torch_pruning")
    here: dict[str, Any] = {"environment": {"OMP_NUM_THREADS": "1"}, "loaded": ["fakes.unet_loaded"]}
    short = ("--target", "0.001", "--max-samples", "16", "--idle", "0", "--device", "cpu")
    done = command("run", "unet", *short, "--keep", "teacher", "--output", "teacher/report.json", **here)
    assert done.returncode == 0, done.stderr
    (taught,) = command.report("teacher/report.json")["runs"]
    done = command(
        "run", "unet", *short, "--prune", "0.5", "--distil", "teacher", "--output", "r.json", **here
    )
    assert done.returncode == 0, done.stderr
    report = command.report()
    (run,) = report["runs"]
    assert report["workload"]["config"]["distil"] == run["facts"]["teacher_sha256"]
    assert run["facts"]["teacher_energy_j"] == taught["energy_j"] > 0
    assert run["facts"]["teacher_samples"] == taught["samples"]
    assert not any(phase["name"] == "teacher" for phase in run["phases"])
    assert "of an earlier run" in command("show", "r.json").stdout
