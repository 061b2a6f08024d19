"""One of several processes: how it ends."""

import subprocess
import sys

import pytest

from energyprof.workloads.training import ranks

PROGRAM = """
import atexit, multiprocessing, time
from energyprof.workloads.training import ranks

atexit.register(print, "taken apart")
worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,), daemon=True)
worker.start()
print("worker", worker.pid)
ranks.end(2)
"""


@pytest.mark.parametrize(("processes", "last"), [("1", "taken apart"), ("2", "worker")])
def test_one_of_several_ends_at_once_with_its_code_its_words_and_no_worker_left(processes, last):
    # capture_output waits for every process that could still write
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"WORLD_SIZE": processes, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1].startswith(last)


def test_data_are_loaded_by_as_many_processes_as_asked_or_a_few(monkeypatch):
    assert [ranks.worker_count(asked) for asked in (0, 7)] == [0, 7]
    assert 1 <= ranks.worker_count(None) <= 4
    monkeypatch.setenv("WORLD_SIZE", "1000")
    assert ranks.worker_count(None) == 1
