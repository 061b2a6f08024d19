"""Studies run, interrupted, killed, shown and joined, with a script whose energy is known."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Command, one_error_line

pytestmark = pytest.mark.slow  # programs that take their time in real seconds

SCRIPT = """
import sys, time, energyprof
pause = float(sys.argv[sys.argv.index("--pause") + 1])
if pause > 9:
    sys.exit("cannot do that")
open("trained.txt", "a").write(f"{pause:g} {energyprof.seed()}\\n")
energyprof.mark("train")
for step in (1, 2):
    time.sleep(pause)
    energyprof.progress(samples=10 * step, score=step / 2)
    if energyprof.reached(step / 2):
        break
"""
PLAN = """
command = "run ./train.py --target accuracy>=1"
repeats = {repeats}
[factors]
"argument.pause" = {values}
"""
QUICK = ("--idle", "0", "--cooldown", "0", "--quiet")


@pytest.fixture
def planned(command: Command) -> Command:
    (command.folder / "train.py").write_text(SCRIPT)
    plan(command, [0.2, 0.4])
    return command


def plan(command: Command, values: list[float], repeats: int = 2, **more: str) -> None:
    text = "".join(f'{name} = "{value}"\n' for name, value in more.items())
    (command.folder / "p.toml").write_text(text + PLAN.format(repeats=repeats, values=values))


def shown(command: Command, folder: str = "s") -> dict[str, Any]:
    done = command("study", "show", folder, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def trained(command: Command) -> list[str]:
    return (command.folder / "trained.txt").read_text().splitlines()


def test_every_setting_is_trained_from_every_seed_and_its_effect_told(planned: Command) -> None:
    done = planned("study", "run", "p.toml", "-o", "s", *QUICK)
    assert done.returncode == 0, done.stderr
    assert sorted(trained(planned)) == ["0.2 0", "0.2 1", "0.4 0", "0.4 1"]
    study = shown(planned)
    assert (study["cells"], study["planned"], study["origin"]) == (4, 4, "measured")
    base, slow = study["settings"]
    assert (base["label"], slow["label"]) == ("base", "argument.pause=0.4")
    energy = slow["effects"]["energy_to_target"]
    assert energy["n"] == 2
    # 50 W throughout: twice the time is about twice the energy, however the machine is loaded.
    times = [s["figures"]["time_to_target"]["mean"] for s in (base, slow)]
    assert energy["ratio"] == pytest.approx(times[1] / times[0], rel=0.2)


def test_what_is_done_is_not_trained_again(planned: Command) -> None:
    assert planned("study", "run", "p.toml", "-o", "s", *QUICK).returncode == 0
    once = trained(planned)
    again = planned("study", "run", "p.toml", "-o", "s", "--idle", "0", "--cooldown", "0")
    assert again.returncode == 0
    assert trained(planned) == once
    assert "4 of 4 trainings done" in again.stdout
    assert all(len(line) <= 80 for line in again.stdout.splitlines())


def test_a_training_that_fails_is_a_result_of_its_cell(planned: Command) -> None:
    plan(planned, [0.2, 10])
    assert planned("study", "run", "p.toml", "-o", "s", *QUICK).returncode == 0
    base, failed = shown(planned)["settings"]
    assert base["problems"] == []
    assert "failed" in failed["problems"][0]
    assert failed["effects"]["energy_to_target"] is None
    assert len(trained(planned)) == 2
    assert planned("study", "run", "p.toml", "-o", "s", *QUICK).returncode == 0
    assert len(trained(planned)) == 2


def test_a_plan_whose_command_is_invalid_trains_nothing(planned: Command) -> None:
    (planned.folder / "p.toml").write_text('command = "run unet"\n[factors]\nprecision = ["fp32", "fp3"]\n')
    line = one_error_line(planned("study", "run", "p.toml", "-o", "s", *QUICK))
    assert "precision=fp3: unknown precision 'fp3'" in line
    assert not (planned.folder / "s").exists()


def test_a_budget_ends_it_with_the_block(planned: Command) -> None:
    plan(planned, [0.2, 0.4], repeats=3, budget="1 J")
    done = planned("study", "run", "p.toml", "-o", "s", *QUICK)
    assert done.returncode == 0
    assert "the budget is spent; 4 trainings are left" in done.stderr
    assert len(trained(planned)) == 2


def test_a_table_has_a_row_for_each_figure_of_each_training(planned: Command) -> None:
    planned("study", "run", "p.toml", "-o", "s", *QUICK)
    rows = list(csv.DictReader(io.StringIO(planned("study", "show", "s", "--csv").stdout)))
    samples = [row for row in rows if row["figure"] == "samples_to_target"]
    assert {(row["argument.pause"], row["block"], row["value"]) for row in samples} == {
        (pause, block, "20") for pause in ("0.2", "0.4") for block in ("0", "1")
    }


def started(command: Command) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command.arguments("study", "run", "p.toml", "-o", "s", *QUICK),
        cwd=command.folder,
        env=command.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(command: Command, count: int) -> None:
    deadline_s = time.monotonic() + 60
    while len(list((command.folder / "s/cells").glob("*.json"))) < count:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_interrupted_it_goes_on_where_it_stopped(planned: Command) -> None:
    process = started(planned)
    wait_for(planned, 2)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert planned("study", "run", "p.toml", "-o", "s", *QUICK).returncode == 0
    assert shown(planned)["cells"] == 4


def test_killed_again_and_again_it_ends_as_if_undisturbed(planned: Command) -> None:
    rng = random.Random(0)
    for _ in range(8):
        process = started(planned)
        time.sleep(rng.uniform(0.5, 3))
        process.kill()
        process.wait()
    assert planned("study", "run", "p.toml", "-o", "s", *QUICK).returncode == 0
    study = shown(planned)
    assert study["cells"] == 4
    cells = sorted(path.name for path in (planned.folder / "s/cells").glob("*.json"))
    shutil.rmtree(planned.folder / "s")
    assert planned("study", "run", "p.toml", "-o", "s", *QUICK).returncode == 0
    assert sorted(path.name for path in (planned.folder / "s/cells").glob("*.json")) == cells
    for row in study["settings"]:
        assert set(row["figures"]["samples_to_target"]["by_block"].values()) == {20}


def halves(command: Command) -> None:
    """Two folders, each with one block of the same study."""
    assert command("study", "run", "p.toml", "-o", "s", *QUICK).returncode == 0
    for number in (0, 1):
        folder = command.folder / f"half-{number}"
        shutil.copytree(command.folder / "s", folder)
        for path in (folder / "cells").glob(f"b{1 - number}-*"):
            path.unlink()


def test_folders_of_one_plan_are_laid_together(planned: Command) -> None:
    halves(planned)
    done = planned("study", "join", "half-0", "half-1", "-o", "all")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["half-0: 2 trainings", "half-1: 2 trainings"]
    assert shown(planned, "all") == shown(planned)


def test_what_does_not_belong_together_is_refused(planned: Command) -> None:
    halves(planned)
    twice = planned("study", "join", "half-0", "s", "-o", "all")
    assert "half-0 and s both hold b0-" in one_error_line(twice)
    path = next((planned.folder / "half-1/cells").glob("*.json"))
    report = json.loads(path.read_text())
    report["nodes"][0]["machine"].update(cpu="Another CPU", host="elsewhere")
    report["nodes"][0]["machine"].pop("hardware", None)
    report["nodes"][0]["machine"]["id"] = "sha256:other"
    path.write_text(json.dumps(report))
    other = planned("study", "join", "half-0", "half-1", "-o", "all")
    assert (other.returncode, len(other.stderr.splitlines())) == (3, 1)
    plan(planned, [0.2, 0.4], repeats=3)
    planned("study", "run", "p.toml", "-o", "longer", *QUICK)
    assert planned("study", "join", "half-0", "longer", "-o", "all").returncode == 3
    assert not (planned.folder / "all").exists()


def test_a_folder_that_is_no_study_is_one_line(planned: Command, tmp_path: Path) -> None:
    assert "not a study" in one_error_line(planned("study", "show", "."))


SEARCH = """
command = "run ./train.py --target accuracy>=1"
design = "search"
trials = 5
repeats = 2
objectives = ["energy", "time"]
[factors]
"argument.pause" = [0.3, 0.2, 0.4, 0.25, 10]
"argument.width" = [1, 2]
"""


def test_a_search_killed_again_and_again_tries_the_same(planned: Command) -> None:
    (planned.folder / "p.toml").write_text(SEARCH)
    rng = random.Random(1)
    for _ in range(5):
        process = started(planned)
        time.sleep(rng.uniform(0.5, 3))
        process.kill()
        process.wait()
    done = planned("study", "run", "p.toml", "-o", "s", *QUICK)
    assert done.returncode == 0, done.stderr
    tried = json.loads((planned.folder / "s/search.json").read_text())["tried"]
    assert len(tried) == 4  # and the base
    study = shown(planned)
    assert [row["label"] == "base" for row in study["settings"]] == [True, False, False, False, False]
    again = [
        row
        for row in study["settings"]
        if "1" in row["figures"].get("energy_to_target", {"by_block": ()})["by_block"]
    ]
    assert again  # the front was measured a second time
    once = trained(planned)
    assert planned("study", "run", "p.toml", "-o", "s", *QUICK).returncode == 0
    assert trained(planned) == once
