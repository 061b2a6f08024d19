"""Programs of several processes that speak: real ones, one fake meter."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.slow

EXEC = ("exec", "--idle", "0", "--output", "r.json")

TRAINS = """
import os, subprocess, sys, time, energyprof
{head}
energyprof.mark("train")
for step in range(1, 9):
    time.sleep(0.1)
    energyprof.progress(samples=100 * step)
    if step == 3:
        {third}
energyprof.progress(samples=800, score=0.9)
"""
EVALUATOR = """
import energyprof, time
energyprof.mark("eval")
time.sleep(0.1)
energyprof.progress(samples=5, score=0.1)
energyprof.mark("train")
"""


def trained(command: Any, *words: str) -> Mapping[str, Any]:
    done = command(*words)
    assert done.returncode == 0, done.stderr
    run: Mapping[str, Any] = command.report()["runs"][0]
    return run


def kinds(run: Mapping[str, Any]) -> set[str]:
    return {flag["kind"] for flag in run["flags"]} & {"resumed", "summed", "beside", "left"}


def phases(run: Mapping[str, Any]) -> list[str]:
    return [phase["name"] for phase in run["phases"] if phase["name"] not in ("idle", "run", "startup")]


@pytest.mark.parametrize("kind", ["run", "exec"])
def test_an_evaluator_in_a_process_of_its_own_ends_nothing(command: Any, tmp_path: Any, kind: str) -> None:
    (tmp_path / "work" / "evaluator.py").write_text(EVALUATOR)
    third = 'subprocess.run([sys.executable, "evaluator.py"], check=True)'
    (tmp_path / "work" / "trains.py").write_text(TRAINS.format(head="", third=third))
    words = ("run", "./trains.py", "--idle", "0", "--output", "r.json")
    run = trained(command, *(words if kind == "run" else (*EXEC, "--", sys.executable, "trains.py")))
    assert phases(run) == ["train", "shutdown"][: 2 if kind == "run" else 1]
    assert run["samples"] == 800
    assert run["score"] == 0.9
    assert kinds(run) == set()


def test_workers_that_import_the_script_again_end_nothing(command: Any, tmp_path: Any) -> None:
    head = "import multiprocessing"
    third = """if __name__ == "__main__":
            worker = multiprocessing.get_context("spawn").Process(target=print)
            worker.start(); worker.join()"""
    (tmp_path / "work" / "trains.py").write_text(TRAINS.format(head=head, third=third))
    run = trained(command, *EXEC, "--", sys.executable, "trains.py")
    assert phases(run) == ["train"]
    assert run["samples"] == 800
    assert kinds(run) == set()


@pytest.mark.parametrize(("variable", "said"), [("PMI_RANK", set()), ("MY_OWN", {"beside"})])
def test_ranks_beside_each_other_are_recognised_or_named(
    command: Any, tmp_path: Any, variable: str, said: set[str]
) -> None:
    (tmp_path / "work" / "trains.py").write_text(TRAINS.format(head="", third="pass"))
    launch = f'for r in 2 1 0; do {variable}=$r "$@" & done; wait'
    run = trained(command, *EXEC, "--", "sh", "-c", launch, "sh", sys.executable, "trains.py")
    assert run["samples"] == 800
    assert phases(run) == ["train"]
    assert kinds(run) == said


def test_clients_of_a_program_that_waits_are_summed(command: Any, tmp_path: Any) -> None:
    script = """
import multiprocessing, time, energyprof
def client():
    for step in range(1, 4):
        time.sleep(0.1)
        energyprof.progress(samples=100 * step)
    energyprof.progress(samples=300, score=0.5)
if __name__ == "__main__":
    energyprof.mark("train")
    clients = [multiprocessing.get_context("fork").Process(target=client) for _ in range(3)]
    [one.start() for one in clients]
    [one.join() for one in clients]
"""
    (tmp_path / "work" / "clients.py").write_text(script)
    run = trained(command, *EXEC, "--", sys.executable, "clients.py")
    assert run["samples"] == 900
    assert [phase["samples"] for phase in run["phases"] if phase["name"] == "train"] == [900]
    assert kinds(run) == {"summed"}


def test_a_resumed_training_counts_what_it_trained(command: Any, tmp_path: Any) -> None:
    script = TRAINS.format(head="", third="pass").replace("100 * step", "50000 + 100 * step")
    (tmp_path / "work" / "trains.py").write_text(script.replace("samples=800", "samples=50800"))
    run = trained(command, *EXEC, "--", sys.executable, "trains.py")
    assert run["samples"] == 800
    assert [entry["samples"] for entry in run["history"] if entry.get("score") is not None] == [50800]
    assert kinds(run) == {"resumed"}


def test_what_a_program_leaves_running_is_named(command: Any) -> None:
    # Between its fork and its start it has no name, and on a busy machine that takes its time.
    run = trained(command, *EXEC, "--", "sh", "-c", "setsid sleep 5 & sleep 1")
    assert [flag["detail"] for flag in run["flags"] if flag["kind"] == "left"] == ["sleep"]


def test_what_a_program_left_running_is_not_the_next_program(command: Any, tmp_path: Any) -> None:
    late = "import os, time, energyprof as e; p = os.getppid()\nwhile os.getppid() == p: time.sleep(0.01)\n"
    (tmp_path / "work" / "late.py").write_text(late + "e.mark('late'); e.progress(samples=9999, score=1.0)\n")
    head = 'subprocess.Popen([sys.executable, "late.py"], start_new_session=True)'
    (tmp_path / "work" / "trains.py").write_text(TRAINS.format(head=head, third="pass"))
    # The shell lives on, so that there may be a next one.
    words = f"{sys.executable} trains.py; sleep 1.5"
    run = trained(command, *EXEC, "--", "sh", "-c", words)
    assert (run["samples"], run["score"]) == (800, 0.9)
    assert phases(run) == ["train"]


def test_a_parent_that_speaks_after_its_child_is_the_program(command: Any, tmp_path: Any) -> None:
    (tmp_path / "work" / "evaluator.py").write_text(EVALUATOR)
    head = 'early = subprocess.Popen([sys.executable, "evaluator.py"]); time.sleep(1)'
    (tmp_path / "work" / "trains.py").write_text(TRAINS.format(head=head, third="early.wait()"))
    run = trained(command, *EXEC, "--", sys.executable, "trains.py")
    assert run["samples"] == 800
    assert run["score"] == 0.9
