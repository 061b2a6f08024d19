from __future__ import annotations

from pathlib import Path

import pytest

from energyprof.errors import FileError, UsageError
from energyprof.report import importers
from energyprof.report.file import read
from energyprof.report.flags import flag
from energyprof.report.importers.imported import Request
from energyprof.report.importers.save import save
from energyprof.report.record import Report

NAME = "unet_812.4711_2026-01-02T100000Z_carbontracker.log"
DEVICES = "GPU with device(s) NVIDIA A100, NVIDIA A100. CPU with device(s) cpu:0."


def log(path: Path, *epochs: tuple[str, ...], devices: str = DEVICES, also: str = "") -> Path:
    def say(text: str) -> str:
        return f"2026-01-02 10:0{{}}:00 - {text}"

    lines = [
        say("carbontracker version 2.4.7").format(0),
        say("Only predicted and actual consumptions are multiplied by a PUE coefficient of 1.58").format(0),
        say(f"The following components were found: {devices}").format(0),
    ]
    for number, epoch in enumerate(epochs, 1):
        lines.append(say(f"Epoch {number}:").format(number))
        lines += [say(text).format(number) for text in epoch]
    lines += [say(also).format(9)] if also else []
    path.write_text("\n".join(lines) + "\n")
    return path


def epoch(gpu: str, cpu: str = "40.0") -> tuple[str, ...]:
    return (
        "Duration: 0:00:30.00",
        f"Average power usage (W) for gpu: {gpu}",
        f"Average power usage (W) for cpu: {cpu}",
    )


def imported(*paths: Path) -> Report:
    return save(importers.read(Request(paths)), paths[0].with_suffix(".json"), "replaced")


def test_the_powers_of_all_devices_times_the_epochs_add_up(tmp_path):
    path = log(tmp_path / NAME, epoch("[150.0 160.0]"), epoch("[150.0 160.0]"))
    report = imported(path)
    run = report.runs[0]
    assert run.energy_j == pytest.approx(2 * 30 * (310 + 40))
    assert [(p.name, p.end_s - p.start_s) for p in run.phases] == [("epoch 1", 30.0), ("epoch 2", 30.0)]
    assert (run.time_s, report.origin, report.workload.name) == (60.0, "modelled", "unet")
    assert run.facts["carbontracker_version"] == "2.4.7"
    assert read(path.with_suffix(".json")) == report


def test_a_mean_over_devices_is_taken_times_their_number_and_said(tmp_path):
    report = imported(log(tmp_path / NAME, epoch("155.0")))
    assert report.runs[0].phases[0].by_meter_j["carbontracker:gpu"] == pytest.approx(155 * 2 * 30)
    assert any("gpu is a mean over 2 devices" in note for note in report.notes)


def test_a_list_of_powers_may_go_on_in_the_next_line(tmp_path):
    path = log(tmp_path / NAME, epoch("[150.0"))
    path.write_text(path.read_text().replace("gpu: [150.0\n", "gpu: [150.0\n 160.0]\n"))
    assert imported(path).runs[0].phases[0].by_meter_j["carbontracker:gpu"] == pytest.approx(310 * 30)


def test_an_epoch_without_a_reading_leaves_no_energy(tmp_path):
    run = imported(log(tmp_path / NAME, epoch("[150.0 160.0]"), epoch("None"))).runs[0]
    assert run.energy_j is None
    assert run.phases[0].energy_j == pytest.approx(30 * 350)
    assert [phase.coverage for phase in run.phases] == [1.0, None]
    assert flag("no_reading", "carbontracker:gpu") in run.flags


def test_a_stopped_training_is_said(tmp_path):
    also = "Training was interrupted before all 100 epochs were monitored."
    report = imported(log(tmp_path / NAME, epoch("[150.0 160.0]"), also=also))
    assert any("stopped before all its epochs" in note for note in report.notes)


def test_the_output_log_is_refused_for_its_overhead(tmp_path):
    path = tmp_path / NAME.replace("tracker.log", "tracker_output.log")
    path.write_text(
        "2026-01-02 10:00:00 - CarbonTracker: \nActual consumption for 2 epoch(s):\n"
        "\tTime:\t0:01:00\n\tEnergy:\t0.010000 kWh\n"
    )
    with pytest.raises(FileError, match=f"import {NAME} beside it"):
        imported(path)


def test_logs_of_several_works_and_logs_without_epochs_are_refused(tmp_path):
    one = log(tmp_path / NAME, epoch("[1 2]"))
    with pytest.raises(UsageError, match="unet, bert"):
        imported(one, log(tmp_path / NAME.replace("unet", "bert"), epoch("[1 3]")))
    with pytest.raises(FileError, match="no epoch"):
        imported(log(tmp_path / f"x_{NAME}"))


def test_epochs_that_the_log_lacks_are_named(tmp_path):
    path = log(tmp_path / NAME, *(epoch("[100.0]") for _ in range(5)))
    text = path.read_text().replace("Epoch 3:", "Epoch 4:").replace("- Epoch 2:", "- stopped")
    path.write_text(text)
    report = imported(path)
    assert any("it has no duration of epoch 2, 3: no part of the total" in note for note in report.notes)
    assert not any("no duration" in note for note in imported(log(tmp_path / NAME, epoch("[1 2]"))).notes)
