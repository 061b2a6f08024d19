from __future__ import annotations

from pathlib import Path

import pytest

from energyprof.compare.exclusions import unmetered
from energyprof.errors import FileError, UsageError
from energyprof.report import importers
from energyprof.report.file import read
from energyprof.report.flags import flag
from energyprof.report.importers.imported import Request
from energyprof.report.importers.save import save
from energyprof.report.record import Report

HEADER = "start_time,window_name,elapsed_time,gpu0_energy,gpu1_energy"
START_S = 1728507600.0


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def row(at_s: float, name: str, span_s: float, *joules: float) -> str:
    return ",".join(map(str, (START_S + at_s, name, span_s, *joules)))


def imported(path: Path, **asked: object) -> Report:
    return save(importers.read(Request((path,), **asked)), path.with_suffix(".json"), "replaced")  # type: ignore[arg-type]


def test_the_gpus_of_a_window_add_up(tmp_path):
    report = imported(write(tmp_path / "log.csv", row(0, "training", 100, 30_000, 28_000)))
    run = report.runs[0]
    assert (run.energy_j, run.energy_u_j, run.time_s, run.coverage) == (58_000.0, None, 100.0, 1.0)
    assert (report.boundary, report.origin) == ("component", "measured")
    assert report.workload.name == "training"
    assert run.clock.utc == "2024-10-09T21:00:00.000Z"
    assert read(tmp_path / "log.json") == report
    assert any("only GPUs" in note for note in report.notes)


def test_windows_within_others_are_not_added_again(tmp_path):
    path = write(
        tmp_path / "log.csv",
        row(10, "epoch", 40, 12_000, 12_000),
        row(50, "epoch", 40, 12_000, 12_000),
        row(0, "training", 100, 30_000, 28_000),
    )
    report = imported(path)
    assert report.runs[0].energy_j == 58_000.0
    assert any("stretches within others are left out: epoch" in note for note in report.notes)
    epochs = imported(path, only="epoch")
    assert (epochs.runs[0].energy_j, epochs.runs[0].time_s) == (48_000.0, 80.0)


def test_what_lies_between_windows_is_not_in_the_run(tmp_path):
    path = write(tmp_path / "log.csv", row(0, "epoch", 40, 1, 1), row(60, "epoch", 40, 1, 1))
    report = imported(path)
    assert report.runs[0].time_s == 80.0
    assert any("20.0 s of 1 min 40 s lie between" in note for note in report.notes)


def test_windows_that_overlap_cannot_be_added(tmp_path):
    path = write(tmp_path / "log.csv", row(0, "a", 60, 1, 1), row(30, "b", 60, 1, 1))
    with pytest.raises(UsageError, match="'a' and 'b' overlap"):
        imported(path)
    assert imported(path, only="b").runs[0].time_s == 60.0


@pytest.mark.parametrize(("joules", "words"), [(0.0, "0 J"), (-668_000.0, "reset")])
def test_a_gpu_with_no_joules_or_fewer_was_not_measured(tmp_path, joules, words):
    report = imported(write(tmp_path / "log.csv", row(0, "training", 100, 30_000, joules)))
    run = report.runs[0]
    assert run.energy_j is None and unmetered(run)
    assert any(flag.meter == "zeus:gpu1" and words in flag.words for flag in run.flags)


def test_files_with_other_gpus_do_not_pass_for_complete(tmp_path):
    both = write(tmp_path / "a.csv", row(0, "training", 100, 30_000, 28_000))
    one = tmp_path / "b.csv"
    one.write_text(f"start_time,window_name,elapsed_time,gpu0_energy\n{START_S + 500},training,100,30000\n")
    report = save(importers.read(Request((both, one))), tmp_path / "r.json", "replaced")
    assert [run.energy_j for run in report.runs] == [58_000.0, None]
    assert flag("no_reading", "zeus:gpu1") in report.runs[1].flags


def test_a_cut_off_row_is_left_out_and_said(tmp_path):
    path = write(tmp_path / "log.csv", row(0, "training", 100, 1, 1), "1728507800.0,trai")
    report = imported(path)
    assert len(report.runs[0].phases) == 1
    assert any("1 rows with a different number of columns" in note for note in report.notes)


def test_a_log_without_windows_or_gpus_is_refused(tmp_path):
    with pytest.raises(FileError, match="no row"):
        imported(write(tmp_path / "log.csv"))
    path = tmp_path / "cpu.csv"
    path.write_text("start_time,window_name,elapsed_time,\n1.0,a,1.0,\n")
    with pytest.raises(FileError, match="gpu0_energy"):
        imported(path)
    with pytest.raises(UsageError, match="no window of that name"):
        imported(write(tmp_path / "c.csv", row(0, "a", 1, 1, 1)), only="b")
