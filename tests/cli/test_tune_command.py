"""A lever scanned within trainings, on a machine whose power and speed follow the lever."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import Command, one_error_line

from energyprof.report.file import trace_path
from energyprof.trace.file import read_rows
from fakes import levers as fakes
from fakes.capped import CappedPackage

pytestmark = pytest.mark.slow  # windows take their time in real seconds

MAX = f"{fakes.CPU}/cpufreq/policy0/scaling_max_freq"
# A step takes 1 / f; 20 W stand still, the rest goes with the square of the frequency. Joules a step by GHz:
# 1.0: 30, 1.4: 28.3, 2.0: 30, 3.6: 41.6, so the least lies at √2 GHz.
SCRIPT = f"""
import os, sys, time, energyprof
path = os.environ["ENERGYPROF_SYSFS_ROOT"] + "/{MAX}"
energyprof.mark("train", samples=0)
done = 0
due = time.monotonic()
until = due + float(sys.argv[1])
while (now := time.monotonic()) < until:
    # What one step was late the next ones make up for: a busy machine wakes late.
    due = max(due, now - 0.2) + 0.02 / (int(open(path).read() or 3600000) * 1e-6)
    time.sleep(max(0.0, due - time.monotonic()))
    done += 1
    energyprof.progress(samples=done)
energyprof.progress(samples=done, score=1.0)
"""
QUICK = ("--idle", "0", "--window", "0.5", "--settle", "0.1", "--blocks", "3", "-o", "r.json")
# Of a study.
SHORT = {"energyprof.study.scanning:WINDOW_S": 0.9, "energyprof.study.scanning:SETTLE_S": 0.2}
VALUES = "cpu.max_freq=1GHz,1.4GHz,2GHz"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Command]:
    root = tmp_path / "machine"
    fakes.cpufreq(root, policies=(0,))

    def power_w() -> float:
        try:
            ghz = int((root / MAX).read_text()) * 1e-6
        except ValueError:  # between the truncation and the write
            ghz = 3.6
        return 20 + 10 * ghz**2

    package = CappedPackage(root, power_w)
    (tmp_path / "work").mkdir()
    (tmp_path / "work/train.py").write_text(SCRIPT)
    yield Command(tmp_path / "work", root)
    package.close()


def tune(machine: Command, *words: str, seconds: float = 14) -> subprocess.CompletedProcess[str]:
    state = {"ENERGYPROF_STATE": str(machine.folder.parent / "state")}
    command = ("tune", "./train.py", "--target", "accuracy>=1", *QUICK, *words, "--", str(seconds))
    return machine(*command, environment=state)


def data(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_value_with_the_least_joules_is_found_and_the_lever_put_back(machine: Command) -> None:
    done = tune(machine, "--lever", VALUES)
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "ESTIMATE" not in done.stdout
    assert "least: cpu.max_freq = 1.40 GHz" in done.stdout
    assert (machine.root / MAX).read_text().strip() == "3600000"
    assert list((machine.folder.parent / "state/levers").glob("*")) == []
    found = data(machine("tune", "r.json", "--json"))
    ratios = {row["value"]: row["energy"]["ratio"] for row in found["values"] if row["energy"]}
    # 28.3 : 41.6 and so on; a busy machine is late now and then for longer than is made up for.
    assert ratios["1.40 GHz"] == pytest.approx(28.3 / 41.6, rel=0.1)
    assert found["samples"] is not None
    slow = machine("tune", "r.json", "--max-slowdown", "100%", "--json")
    assert json.loads(slow.stdout)["best"] == "2.00 GHz"
    assert json.loads(slow.stdout)["zeus"]["value"] == "2.00 GHz"
    report = machine.report()
    assert "cpu.max_freq was scanned" in report["notes"][-1]
    assert report["runs"][0]["levers"][0]["got"].startswith("scanned: 3.60 GHz, 1.00 GHz")
    assert machine("recompute", "r.json", "-o", "again.json").returncode == 0
    assert machine.report("again.json")["runs"] == report["runs"]


def test_trainings_follow_until_there_are_enough_blocks(machine: Command) -> None:
    words = ("--lever", "cpu.max_freq=2GHz,3.6GHz", "--window", "0.5", "--settle", "0.1")
    done = tune(machine, *words, "--json", seconds=5)  # a block lasts some 2.4 s
    found = data(done)
    assert all(row["n"] >= 3 for row in found["values"])
    assert len(machine.report()["runs"]) > 1
    rows = list(read_rows(trace_path(machine.folder / "r.json")))
    turns = [(row.run, row.sample.end_s) for row in rows if row.source == "@turn"]
    lengths_s = [end_s - start_s for (run, start_s), (of, end_s) in pairwise(turns) if run == of]
    # Four counts take a second; readings, which go to the trace twice a second, make no window longer.
    assert min(lengths_s) < 2.0


def test_a_script_gets_its_own_options_after_two_dashes(machine: Command) -> None:
    (machine.folder / "train.py").write_text("import sys\nsys.exit(' '.join(sys.argv[1:]))\n")
    words = ("--lever", VALUES, "--target", "accuracy>=1", *QUICK, "--", "--lr", "3", "--lever", "x")
    done = machine("tune", "./train.py", *words)
    assert done.returncode == 2
    assert "  --lr 3 --lever x\n" in done.stderr
    assert "0 of 3 blocks were measured" in done.stderr


def test_a_training_that_marks_no_phase_is_told_that_nothing_was_tried(machine: Command) -> None:
    (machine.folder / "train.py").write_text("import time\ntime.sleep(0.2)\n")
    done = tune(machine, "--lever", VALUES, seconds=1)
    assert done.returncode == 4
    assert "training 1 never came to its phase `train`, which scripts mark" in done.stderr


def test_a_training_too_short_for_a_block_ends_it(machine: Command) -> None:
    done = tune(machine, "--lever", VALUES, seconds=1)
    assert done.returncode == 4
    assert "too short for one block" in done.stderr
    assert (machine.root / MAX).read_text().strip() == "3600000"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lever", "cpu.threads=1,2"), 'make it a factor of a study, "lever.cpu.threads"'),
        (("--lever", "cpu.max_freq=1GHz,9GHz"), "use 800 MHz … 3.60 GHz"),
        (("--lever", "gpu.power_limit"), "no NVIDIA driver; no AMD GPU"),
        (("--lever", "cpu.max_freq=2GHz"), "name one lever to scan"),
        ((), "name one lever to scan"),
        (("--lever", VALUES, "--lever", "cpu.max_freq=2GHz"), "cpu.max_freq is scanned already"),
        (("--lever", VALUES, "--max-slowdown", "5"), "give a percentage"),
        (("--lever", VALUES, "--max-power", "5"), "give a number with its unit"),
        (("--lever", VALUES, "--window", "0"), "give seconds between"),
        (("--lever", VALUES, "--meters", "none"), "tune needs a meter"),
    ],
)
def test_what_cannot_be_scanned_is_one_line(machine: Command, words: tuple[str, ...], said: str) -> None:
    assert said in one_error_line(tune(machine, *words))
    assert not (machine.folder / "r.json").exists()
    assert (machine.root / MAX).read_text().strip() == "3600000"


def started(machine: Command, *words: str, **environment: str) -> subprocess.Popen[bytes]:
    state = {"ENERGYPROF_STATE": str(machine.folder.parent / "state"), **environment}
    command = ("tune", "./train.py", *QUICK, *words, "--quiet", "--", "60")
    process = subprocess.Popen(
        machine.arguments(*command),
        cwd=machine.folder,
        env=machine.environment(**state),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline_s = time.monotonic() + 60
    while (machine.root / MAX).read_text().strip() in ("3600000", ""):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    return process


def test_a_signal_puts_it_back(machine: Command) -> None:
    process = started(machine, "--lever", VALUES)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == -signal.SIGINT
    assert (machine.root / MAX).read_text().strip() == "3600000"


def test_killed_the_next_start_puts_it_back(machine: Command, temporary: Path) -> None:
    process = started(machine, "--lever", VALUES, TMPDIR=str(temporary))
    process.kill()
    process.wait()
    state = {"ENERGYPROF_STATE": str(machine.folder.parent / "state")}
    done = machine("levers", "restore", environment=state)
    assert "cpu.max_freq:policy0 is put back to 3600000" in done.stdout
    assert (machine.root / MAX).read_text().strip() == "3600000"


def test_cores_are_taken_from_a_training_that_runs(command: Command) -> None:
    """For real: every thread of the training moves, and the affinity is what it was afterwards."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("one processor")
    (command.folder / "train.py").write_text(
        "import os, time, energyprof\n"
        "energyprof.mark('train', samples=0)\n"
        "seen, until, n, cores = set(), time.monotonic() + 30, 0, os.sched_getaffinity(0)\n"
        f"wanted = {{({cores[0]},), ({cores[1]},)}}\n"
        "while time.monotonic() < until and not (wanted <= seen and os.sched_getaffinity(0) == cores):\n"
        "    time.sleep(0.02)\n"
        "    n += 1\n"
        "    energyprof.progress(samples=n)\n"
        "    seen.add(tuple(sorted(os.sched_getaffinity(0))))\n"
        "open('seen.txt', 'w').write(repr(sorted(seen)))\n"
        "energyprof.progress(samples=n, score=1.0)\n"
    )
    words = ("--lever", f"cpu.cores={cores[0]},{cores[1]}", *QUICK[:-4], "--blocks", "2", "-o", "r.json")
    done = command("tune", "./train.py", "--target", "accuracy>=1", *words)
    assert done.returncode in (0, 4), done.stderr
    seen = (command.folder / "seen.txt").read_text()
    assert f"({cores[0]},)" in seen
    assert f"({cores[1]},)" in seen


def test_a_study_scans_a_lever_within_each_of_its_trainings(machine: Command) -> None:
    (machine.folder / "p.toml").write_text(
        'command = "run ./train.py --target accuracy>=1"\nrepeats = 1\nscan = "cpu.max_freq=1.4GHz"\n'
        '[factors]\n"argument.seconds" = [5, 4]\n'
    )
    script = (machine.folder / "train.py").read_text().replace("sys.argv[1]", "sys.argv[2]")
    (machine.folder / "train.py").write_text(script)
    state = {"ENERGYPROF_STATE": str(machine.folder.parent / "state")}
    words = ("study", "run", "p.toml", "-o", "s", "--idle", "0", "--cooldown", "0")
    done = machine(*words, environment=state, constants=SHORT)
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "within the trainings of argument.seconds=4" in done.stdout
    found = json.loads(machine("study", "show", "s", "--json").stdout)["scans"]
    assert [scan["label"] for scan in found] == ["base", "argument.seconds=4"]
    for scan in found:
        found_at, other = scan["values"]
        assert (found_at["value"], other["value"]) == ("3.60 GHz", "1.40 GHz")
        assert other["energy"]["ratio"] == pytest.approx(28.3 / 41.6, rel=0.15)
    assert machine("study", "show", "s", "--html", "page.html").returncode == 0
    assert "Within the trainings of base" in (machine.folder / "page.html").read_text()
    assert (machine.root / MAX).read_text().strip() == "3600000"
