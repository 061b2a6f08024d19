"""Journals whose owner is dead, or seems so."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from energyprof.profile.lever_journal import own_folder, restore_left
from fakes import levers as fakes

MAX = f"{fakes.CPU}/cpufreq/policy0/scaling_max_freq"
# What a killed run's child does that has not yet become its program: it holds the lock for a while.
HOLDS = "import fcntl, sys, time; fcntl.flock(0, fcntl.LOCK_EX); print(flush=True); time.sleep(0.3)"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fakes.cpufreq(tmp_path, policies=(0,))
    (tmp_path / MAX).write_text("2000000\n")
    monkeypatch.setenv("ENERGYPROF_SYSFS_ROOT", str(tmp_path))
    monkeypatch.setenv("ENERGYPROF_STATE", str(tmp_path / "state"))
    return tmp_path


def journal(pid: int) -> Path:
    """One of a run of process ``pid``, which turned the highest frequency from 3.6 GHz."""
    entry = {"name": "cpu.max_freq:policy0", "address": f"sysfs:{MAX}", "lasts": "boot", "before": "3600000"}
    own_folder().mkdir(parents=True)
    path = own_folder() / "x.json"
    path.write_text(json.dumps({"schema": "energyprof.levers/1", "boot": "", "entries": [entry], "pid": pid}))
    return path


def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_dead_run_s_last_child_is_waited_for(root: Path) -> None:
    path = journal(dead())
    with (
        path.open() as held,
        subprocess.Popen([sys.executable, "-c", HOLDS], stdin=held, stdout=subprocess.PIPE) as child,
    ):
        assert child.stdout is not None
        child.stdout.readline()
        held.close()  # one lock with the child's
        assert restore_left() == [
            "cpu.max_freq:policy0 is put back to 3600000: a run that turned it was killed"
        ]
    assert (root / MAX).read_text().strip() == "3600000"
    assert not path.exists()


def test_what_a_living_run_has_turned_is_left_alone(root: Path) -> None:
    path = journal(os.getpid())
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert restore_left() == []
    assert (root / MAX).read_text().strip() == "2000000"
    assert path.exists()


def test_a_journal_without_its_owner_s_number_is_believed_to_be_held_by_it(root: Path) -> None:
    path = journal(0)
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert restore_left() == []
    assert path.exists()
