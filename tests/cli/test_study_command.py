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

from fakes import levers
from fakes.powercap import LivePowercap
from fakes.waveform import constant

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


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a command in which that plan's study has been run as ``s``."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "work").mkdir()
    powercap = LivePowercap(folder / "machine", constant(50))
    command = Command(folder / "work", folder / "machine")
    (command.folder / "train.py").write_text(SCRIPT)
    plan(command, [0.2, 0.4])
    done = command("study", "run", "p.toml", "-o", "s", *QUICK)
    powercap.close()
    assert done.returncode == 0, done.stderr
    return command.folder


@pytest.fixture
def trained_once(command: Command, once: Path) -> Command:
    """The command in a folder of its own with that study."""
    shutil.copytree(once, command.folder, dirs_exist_ok=True)
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


def test_every_setting_is_trained_from_every_seed_and_its_effect_told(trained_once: Command) -> None:
    assert sorted(trained(trained_once)) == ["0.2 0", "0.2 1", "0.4 0", "0.4 1"]
    study = shown(trained_once)
    assert (study["cells"], study["planned"], study["origin"]) == (4, 4, "measured")
    base, slow = study["settings"]
    assert (base["label"], slow["label"]) == ("base", "argument.pause=0.4")
    energy = slow["effects"]["energy_to_target"]
    assert energy["n"] == 2
    # 50 W throughout: twice the time is about twice the energy, however the machine is loaded.
    times = [s["figures"]["time_to_target"]["mean"] for s in (base, slow)]
    assert energy["ratio"] == pytest.approx(times[1] / times[0], rel=0.2)


def test_what_is_done_is_not_trained_again(trained_once: Command) -> None:
    once = trained(trained_once)
    again = trained_once("study", "run", "p.toml", "-o", "s", "--idle", "0", "--cooldown", "0")
    assert again.returncode == 0
    assert trained(trained_once) == once
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


@pytest.mark.parametrize(
    ("head", "factors", "says"),
    [
        (
            'command = "rum unet"',
            'precision = ["fp32", "bf16"]',
            "command 'rum': begin it with one of",
        ),
        ('command = "study run p.toml"', 'precision = ["fp32", "bf16"]', "command 'study': begin it with"),
        ('command = "run unet"', 'precison = ["fp32", "bf16"]', "No such option '--precison'"),
        (
            'command = "run unet --repeats 3"',
            "prune = [0.1, 0.2]",
            "--repeats: is the same for all",
        ),
        ('command = "run unet"', "lora = [4, 8]", "base: unet has no --lora"),
        ('command = "run unet"', '"lever.cpu.thread" = [1, 2]', "base: --lever cpu.thread: no lever"),
        ('command = "run unet"', '"lever.jetson.mode" = ["MAXN", "15W"]', "base: jetson.mode: not here"),
        ('command = "run unet"\nscan = "cpu.threads"', "prune = [0.1, 0.2]", "cannot be scanned within one"),
        (
            'command = "run unet"\ndesign = "search"',
            '"lever.cpu.thread" = [1, 2]',
            "base: --lever cpu.thread",
        ),
        (
            'command = "exec true"',
            'precision = ["fp32", "bf16"]',
            'of its program it is "argument.precision"',
        ),
    ],
)
def test_what_no_cell_could_be_trained_with_is_one_line_before_anything(
    command: Command, head: str, factors: str, says: str
) -> None:
    (command.folder / "p.toml").write_text(f"{head}\n[factors]\n{factors}\n")
    assert says in one_error_line(command("study", "run", "p.toml", "-o", "s", *QUICK))
    assert not (command.folder / "s").exists()


def turned(planned: Command, text: str) -> dict[str, str]:
    """A plan that turns levers of two processors; where their journal is kept."""
    levers.cpufreq(planned.root)
    (planned.folder / "p.toml").write_text(
        f'command = "run ./train.py --target accuracy>=1"\nrepeats = 1\n[factors]\n{text}\n'
    )
    return {"ENERGYPROF_STATE": str(planned.folder / "state")}


def test_what_is_done_is_shown_where_its_base_could_not_be_trained_again(planned: Command) -> None:
    pause = '"argument.pause" = [0.2, 0.4]'
    state = turned(planned, '"lever.cpu.max_freq" = ["3GHz", "2GHz"]\n' + pause)
    assert planned("study", "run", "p.toml", "-o", "s", *QUICK, environment=state).returncode == 0
    shutil.rmtree(planned.root / levers.CPU / "cpufreq")
    again = planned("study", "run", "p.toml", "-o", "s", *QUICK, environment=state)
    assert again.returncode == 0, again.stderr
    next((planned.folder / "s/cells").glob("*.json")).unlink()
    line = one_error_line(planned("study", "run", "p.toml", "-o", "s", *QUICK, environment=state))
    assert "base: cpu.max_freq: not here" in line


def test_a_lever_that_does_not_take_its_value_is_a_result_of_its_cell(planned: Command) -> None:
    pause = '"argument.pause" = [0.2, 0.4]'
    state = turned(planned, '"lever.cpu.governor" = ["performance", "powersave"]\n' + pause)
    for policy in (0, 1):
        path = planned.root / levers.CPU / f"cpufreq/policy{policy}/scaling_governor"
        path.unlink()
        path.symlink_to("/dev/null")  # takes every write, and keeps none
    done = planned("study", "run", "p.toml", "-o", "s", *QUICK, environment=state)
    assert done.returncode == 2, done.stderr
    study = shown(planned)
    assert study["cells"] == 3
    assert all("something else holds it" in row["problems"][0] for row in study["settings"])
    assert not list((planned.folder / "s/cells").glob("*.json*"))
    assert not (planned.folder / "trained.txt").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_a_study_puts_the_levers_back(planned: Command, number: signal.Signals) -> None:
    frequency = planned.root / levers.CPU / "cpufreq/policy0/scaling_max_freq"
    state = turned(planned, '"lever.cpu.max_freq" = ["3GHz", "2GHz"]\n"argument.pause" = [5, 6]')
    process = started(planned, **state)
    deadline_s = time.monotonic() + 60
    while frequency.read_text().strip() == "3600000":
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(timeout=60) == (-number if number == signal.SIGINT else 128 + number)
    assert frequency.read_text().strip() == "3600000"
    assert not list((planned.folder / "state/levers").glob("*"))


def test_a_training_that_comes_to_nothing_says_why_as_it_ends(planned: Command) -> None:
    plan(planned, [10, 11], repeats=1)
    done = planned("study", "run", "p.toml", "-o", "s", "--idle", "0", "--cooldown", "0")
    assert done.returncode == 2
    assert done.stderr.count("  failed with exit code 1: cannot do that\n") == 2
    assert "left" not in done.stderr  # of failed trainings nothing follows for the others
    assert "Changes are against the base" not in done.stdout  # there is no table to read


def test_a_budget_ends_it_with_the_block(planned: Command) -> None:
    plan(planned, [0.2, 0.4], repeats=3, budget="1 J")
    done = planned("study", "run", "p.toml", "-o", "s", *QUICK)
    assert done.returncode == 0
    assert "the budget is spent; 4 trainings are left" in done.stderr
    assert len(trained(planned)) == 2


def test_a_table_has_a_row_for_each_figure_of_each_training(trained_once: Command) -> None:
    rows = list(csv.DictReader(io.StringIO(trained_once("study", "show", "s", "--csv").stdout)))
    samples = [row for row in rows if row["figure"] == "samples_to_target"]
    assert {(row["argument.pause"], row["block"], row["value"]) for row in samples} == {
        (pause, block, "20") for pause in ("0.2", "0.4") for block in ("0", "1")
    }


def started(command: Command, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command.arguments("study", "run", "p.toml", "-o", "s", *QUICK),
        cwd=command.folder,
        env=command.environment(**environment),
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
    assert process.wait(timeout=60) == -signal.SIGINT
    assert planned("study", "run", "p.toml", "-o", "s", *QUICK).returncode == 0
    assert shown(planned)["cells"] == 4


def test_killed_again_and_again_it_ends_as_if_undisturbed(planned: Command, temporary: Path) -> None:
    rng = random.Random(0)
    for _ in range(8):
        process = started(planned, TMPDIR=str(temporary))
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
    """Two folders, each with one block of the study."""
    for number in (0, 1):
        folder = command.folder / f"half-{number}"
        shutil.copytree(command.folder / "s", folder)
        for path in (folder / "cells").glob(f"b{1 - number}-*"):
            path.unlink()


def test_folders_of_one_plan_are_laid_together(trained_once: Command) -> None:
    halves(trained_once)
    done = trained_once("study", "join", "half-0", "half-1", "-o", "all")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["half-0: 2 trainings", "half-1: 2 trainings"]
    assert shown(trained_once, "all") == shown(trained_once)


def test_what_does_not_belong_together_is_refused(trained_once: Command) -> None:
    halves(trained_once)
    twice = trained_once("study", "join", "half-0", "s", "-o", "all")
    assert "half-0 and s both hold b0-" in one_error_line(twice)
    path = next((trained_once.folder / "half-1/cells").glob("*.json"))
    report = json.loads(path.read_text())
    report["nodes"][0]["machine"].update(cpu="Another CPU", host="elsewhere")
    report["nodes"][0]["machine"].pop("hardware", None)
    report["nodes"][0]["machine"]["id"] = "sha256:other"
    path.write_text(json.dumps(report))
    other = trained_once("study", "join", "half-0", "half-1", "-o", "all")
    assert (other.returncode, len(other.stderr.splitlines())) == (3, 1)
    plan(trained_once, [0.2, 0.4], repeats=3)
    trained_once("study", "run", "p.toml", "-o", "longer", *QUICK)
    assert trained_once("study", "join", "half-0", "longer", "-o", "all").returncode == 3
    assert not (trained_once.folder / "all").exists()


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


def test_a_search_killed_again_and_again_tries_the_same(planned: Command, temporary: Path) -> None:
    (planned.folder / "p.toml").write_text(SEARCH)
    rng = random.Random(1)
    for _ in range(5):
        process = started(planned, TMPDIR=str(temporary))
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
