"""Processor time: of real processes and all they start, by phase, and again from the trace."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from energyprof.profile.process_tree import ProcessTree
from energyprof.report.cpu_time import spent

pytestmark = pytest.mark.slow  # programs that take their time in real seconds

BURN = """
import time
def burn(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
"""
# What else a process costs: an interpreter's start and end.
START_S = 0.3


def spawn(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-S", "-c", BURN + code], stdout=subprocess.PIPE)


def ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"


def test_between_two_readings_the_load_is_even() -> None:
    readings = [(0.0, 0.0), (2.0, 4.0), (4.0, 4.0)]
    assert spent(readings, 0, 4) == 4
    assert spent(readings, 1, 3) == 2
    assert spent(readings, 2, 4) == 0
    assert spent(readings, 3, 3) == 0


def test_outside_the_readings_it_is_not_known() -> None:
    assert spent([], 0, 1) is None
    assert spent([(1.0, 0.0), (2.0, 1.0)], 0.5, 2) is None
    assert spent([(1.0, 0.0), (2.0, 1.0)], 1, 2.5) is None


def test_two_readings_at_one_time_do_no_harm() -> None:
    assert spent([(0.0, 0.0), (1.0, 1.0), (1.0, 2.0), (2.0, 3.0)], 0, 2) == 3


def test_a_program_counts_with_the_children_that_it_waits_for() -> None:
    code = f"""
import subprocess, sys
burn(0.2)
subprocess.run([sys.executable, "-S", "-c", {BURN!r} + "burn(0.4)"])
print("ready", flush=True)
input()
"""
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", BURN + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    ready(process)
    reading = ProcessTree(process.pid).read()
    process.communicate(b"\n")
    assert reading is not None
    assert 0.58 <= reading[1] <= 0.6 + 2 * START_S


CHILD = """
import os, sys, time
if os.fork() == 0:
    burn(0.4)
    print("ready", flush=True)
    time.sleep(60)
    os._exit(0)
time.sleep(60)
"""


def test_a_child_that_still_runs_counts() -> None:
    process = spawn(CHILD)
    try:
        ready(process)
        reading = ProcessTree(process.pid).read()
        assert reading is not None
        assert 0.4 <= reading[1] <= 0.4 + START_S
    finally:
        subprocess.run(["kill", "-9", *children(process.pid)], check=True)
        process.kill()
        process.communicate()


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


ORPHAN = """
import os, signal, sys, time
middle = os.fork()
if middle == 0:
    if os.fork() == 0:
        burn(0.3)
        print("ready", flush=True)
        time.sleep(60)
    time.sleep(60)
sys.stdin.readline()
os.kill(middle, signal.SIGKILL)
os.wait()
print("ready", flush=True)
sys.stdin.readline()
"""


def test_what_was_seen_stays_when_its_parent_ends_and_when_it_ends_itself() -> None:
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", BURN + ORPHAN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    ready(process)
    tree = ProcessTree(process.pid)
    before = tree.read()
    (middle,) = children(process.pid)
    (orphan,) = children(int(middle))
    process.stdin.write(b"\n")
    process.stdin.flush()
    ready(process)
    orphaned = tree.read()
    subprocess.run(["kill", "-9", orphan], check=True)
    deadline_s = time.monotonic() + 10
    while Path(f"/proc/{orphan}").exists() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    ended = tree.read()
    process.communicate(b"\n")
    assert before is not None and orphaned is not None and ended is not None
    assert 0.3 <= before[1] <= orphaned[1] <= ended[1] <= 0.3 + START_S


def test_readings_keep_the_distance_that_is_asked_for_and_end_with_the_program() -> None:
    process = spawn("burn(0.2)")
    tree = ProcessTree(process.pid)
    assert tree.read() is not None
    assert tree.read(spacing_s=1000) is None
    assert process.stdout is not None
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    used_s = tree.close()
    process.communicate()
    assert used_s is not None and 0.2 <= used_s <= 0.2 + START_S
    assert tree.read() is None


SCRIPT = (
    BURN
    + """
import os, energyprof
energyprof.mark("train")
burn(0.5)
if os.fork() == 0:
    burn(0.5)
    os._exit(0)
os.wait()
energyprof.mark("eval")
burn(0.3)
energyprof.progress(samples=100, score=1.0)
energyprof.mark("train")
burn(0.3)
"""
)


@pytest.fixture
def trained(command: Any) -> Any:
    (command.folder / "train.py").write_text(SCRIPT)
    words = ("--target", "1", "--idle", "0.2", "--meters", "none", "-o", "r.json")
    done = command("run", "train.py", *words)
    assert done.returncode == 0, done.stderr
    return command


def test_each_phase_has_the_time_of_all_processes_and_the_run_has_it_up_to_the_target(trained: Any) -> None:
    run = trained.report()["runs"][0]
    by_name = [(phase["name"], phase["cpu_s"]) for phase in run["phases"]]
    names = [name for name, _ in by_name]
    assert names == ["idle", "startup", "train", "eval", "train", "shutdown", "cooldown", "idle"]
    assert by_name[0][1] is None and by_name[-1][1] is None  # there was no process
    assert by_name[2][1] == pytest.approx(1.0, abs=0.1)
    assert by_name[3][1] == pytest.approx(0.3, abs=0.1)
    assert by_name[4][1] == pytest.approx(0.3, abs=0.1)
    assert run["cpu_s"] == pytest.approx(by_name[2][1] + by_name[3][1], abs=0.05)  # the target ends it
    assert run["energy_j"] is None


def test_recompute_finds_the_same_in_the_trace(trained: Any) -> None:
    before = (trained.folder / "r.json").read_bytes()
    assert trained("recompute", "r.json").returncode == 0
    assert (trained.folder / "r.json").read_bytes() == before


def test_a_short_program_under_exec_has_all_of_its_time(command: Any) -> None:
    words = ("exec", "--idle", "0", "--meters", "none", "-o", "r.json", "--")
    done = command(*words, sys.executable, "-S", "-c", BURN + "burn(0.4)")
    assert done.returncode == 0, done.stderr
    run = command.report()["runs"][0]
    assert 0.4 <= run["cpu_s"] <= 0.4 + START_S
    assert run["phases"][-1]["cpu_s"] == run["cpu_s"]
