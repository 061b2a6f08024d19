"""``energyprof control``: a real load on fake machines, kept, judged and asked for before a verdict."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from energyprof.measure import machine
from energyprof.profile.control import work
from energyprof.report.file import read, write
from energyprof.report.record import Report
from fakes import nvml
from fakes.controls import FIVE, control
from fakes.loaded import LoadedMachine, one_processor

# Of a fake's powers a short look and a short load tell as much as long ones.
QUICK = {"energyprof.profile.control:IDLE_S": 1.0, "energyprof.profile.control_load:WARM_S": 0.5}
TORCH = Path(__file__).parent.parent / "fakes" / "gpu_torch"


@pytest.mark.slow
def test_a_control_is_a_report_with_figures_and_is_never_written_over(command: Any, tmp_path: Path) -> None:
    command.root = tmp_path / "loaded"
    loaded = LoadedMachine(command.root)
    loaded.zone(0)
    with loaded.running(), one_processor():
        done = command("control", "--seconds", "2", "--json", constants=QUICK)
        work_id = work(2.0).work
    # Others may be busy on this machine: then it is no control of it, and that is said.
    assert done.returncode in (0, 4), done.stderr
    data = json.loads(done.stdout)
    assert data["standing"] in ("unknown", "disturbed")
    assert "UNKNOWN" in done.stderr or "DISTURBED" in done.stderr
    path = command.folder / data["report"]
    report = read(path)
    assert (report.workload.name, report.workload.work) == ("control", work_id)
    assert [phase.name for phase in report.runs[0].phases].count("cpu") == 1
    assert command("show", data["report"]).returncode == 0
    figures = {one["figure"]: one["value"] for one in data["readings"]}
    assert figures["energy of a million rounds, CPU"] > 0
    assert figures["time of a million rounds, CPU package 0"] > 0
    kept = path.read_bytes()
    with one_processor():
        again = command("control", "--seconds", "2", "--quiet", constants=QUICK)
    assert again.returncode in (0, 4), again.stderr
    assert path.read_bytes() == kept
    assert len(list((command.folder / "energyprof-control").glob("control-*.json"))) == 2


@pytest.mark.slow
def test_without_a_meter_a_control_says_what_it_has(command: Any, tmp_path: Path) -> None:
    command.root = tmp_path / "bare"
    LoadedMachine(command.root)
    words = ("control", "--seconds", "2", "--meters", "none")
    with one_processor():
        done = command(*words, environment={"COLUMNS": "80"}, constants=QUICK)
    assert "no meter measures this machine: seconds of work and clocks only" in " ".join(done.stdout.split())
    assert "time of a million rounds" in done.stdout and "idle power" not in done.stdout.split("no meter")[0]
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if not line.startswith("control "))


@pytest.mark.slow
def test_gpus_are_loaded_after_the_processors_and_each_has_its_figures(command: Any, tmp_path: Path) -> None:
    work_folder = tmp_path / "gpus"
    work_folder.mkdir()
    settings = {"gpus": 2, "wave": "constant:25:25", "load": work_folder, "load_order": "0,1"}
    environment = nvml.environment(nvml.build(), **settings)
    environment |= {"FAKE_TORCH_WORK": str(work_folder), "FAKE_TORCH_GPUS": "2", "PYTHONPATH": str(TORCH)}
    with one_processor():
        words = ("control", "--seconds", "2", "--json", "--meters", "nvml")
        done = command(*words, environment=environment, constants=QUICK)
    assert done.returncode in (0, 4), done.stderr
    data = json.loads(done.stdout)
    figures = {one["figure"] for one in data["readings"]}
    assert {f"time of a thousand products, GPU {n}" for n in (0, 1)} <= figures
    assert {"energy of a thousand products, GPU", "idle power", "nvml:0 temperature"} <= figures
    run = read(command.folder / data["report"]).runs[0]
    names = [phase.name for phase in run.phases]
    assert names.index("cpu") < names.index("gpu")
    assert "PyTorch 2.13.0" in run.facts["control"]["about"]["GPU 1"]


def folder_of(path: Path, *more: Report, **changes: Any) -> Path:
    """A folder of five sessions, and more."""
    path.mkdir()
    for i, one in enumerate([*(control(day, f, **changes) for day, f in enumerate(FIVE, 1)), *more]):
        write(one, path / f"c{i}.json")
    return path


@pytest.mark.slow
def test_the_history_of_a_machine_is_drawn(command: Any, tmp_path: Path) -> None:
    folder_of(command.folder / "c", control(8, 1.2))
    done = command("control", "--folder", "c", "--history", environment={"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "6 controls, 2026-01-01 to 2026-01-08"
    assert lines[1].startswith("idle power") and lines[1].endswith("24 W")
    assert next(line for line in lines if line.startswith("judged")).endswith("?????X")
    data = json.loads(command("control", "--folder", "c", "--history", "--json").stdout)
    assert [one["standing"] for one in data["controls"]] == ["unknown"] * 5 + ["drifted"]


def test_the_first_control_is_one_of_one_day(command: Any) -> None:
    (command.folder / "c").mkdir()
    write(control(1, FIVE[0]), command.folder / "c" / "c0.json")
    done = command("control", "--folder", "c", "--history")
    assert done.stdout.splitlines()[0] == "1 control, 2026-01-01"


@pytest.mark.slow
def test_a_change_is_accepted_and_shows_in_the_history(command: Any) -> None:
    folder_of(command.folder / "c", control(8, 1.2))
    done = command("control", "--folder", "c", "--accept", "a new fan")
    assert done.returncode == 0 and "from c5 on the machine is another" in done.stdout
    drawn = command("control", "--folder", "c", "--history").stdout
    assert "2026-01-08  accepted: a new fan" in drawn
    assert "?????│?" in drawn


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--history",), "not a folder of reports"),
        (("--accept", " "), "--accept: say why"),
        (("--history", "--accept", "x"), "one at a time"),
        (("--seconds", "0.1"), "--seconds 0.1: give 2 to 600 s"),
        (("--python", "no-such-python"), "no-such-python: there is no such program"),
    ],
)
def test_what_cannot_be_done_is_one_line(command: Any, words: tuple[str, ...], said: str) -> None:
    done = command("control", *words)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_a_check_by_controls_and_waivers(command: Any) -> None:
    folder_of(command.folder / "c", control(8, 1.2))
    for name in ("new", "base"):
        report = control(8, name="training", config={}, hour=9)
        write(report, command.folder / f"{name}.json")
    words = ("check", "new.json", "-b", "base.json", "--limit", "time:3%")
    assert command(*words).returncode == 0
    done = command(*words, "--control", "c")
    assert done.returncode == 4
    assert "new, control c5: idle power: 24 W" in done.stdout
    (command.folder / "w.toml").write_text(
        '[[waiver]]\ncode = "machine_drifted"\ntask = "training"\nreason = "known"\nexpires = 2999-01-01\n'
    )
    done = command(*words, "--control", "c", "--waivers", "w.toml")
    assert done.returncode == 0
    assert "waived until 2999-01-01: new, control c5" in " ".join(done.stdout.split())
    (command.folder / "w.toml").write_text("[[waiver]]\n")
    done = command(*words, "--waivers", "w.toml")
    assert done.returncode == 2 and done.stderr.startswith("error: w.toml: waiver 1: code: give a text")


@pytest.mark.slow
def test_ab_on_an_unfit_machine_trains_nothing_and_is_invalid(command: Any, tmp_path: Path) -> None:
    command.root = tmp_path / "loaded"
    here = LoadedMachine(command.root)
    here.zone(0)
    with here.running(), one_processor():
        facts = machine.describe(command.root, [])
        about = {"CPU package 0": f"1 of {os.cpu_count()} CPUs"}
        # Sessions in which this very machine was a thousand times as fast: it has drifted, if it is at rest.
        folder_of(command.folder / "mine", machine=facts)
        for path in (command.folder / "mine").iterdir():
            made = read(path)
            told = {**made.runs[0].facts["control"], "python": platform.python_version(), "about": about}
            rounds = {"kind": "cpu", "rounds": 10**12, "seconds": 10.0}
            run = replace(made.runs[0], facts={"control": {**told, "work": {"CPU package 0": rounds}}})
            write(replace(made, workload=work(2.0), runs=(run,)), path)
        quick = {"energyprof.cli.fit:IDLE_S": 1.0, "energyprof.cli.fit:CONTROL_S": 2.0}
        words = ("ab", "--control", "mine", "--json", "exec touch a", "exec touch b")
        done = command(*words, constants={**QUICK, **quick})
    assert done.returncode == 4, done.stderr
    found = json.loads(done.stdout)
    assert found["outcome"] == "INVALID"
    assert {one["code"] for one in found["reasons"]} in ({"machine_drifted"}, {"machine_disturbed"})
    assert "this machine, control control-" in found["invalid"][0]
    assert not (command.folder / "a").exists() and not (command.folder / "b").exists()
