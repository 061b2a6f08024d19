"""Processes of one node: what those that do not meter it know of the one that does."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from energyprof.errors import TrainingError
from energyprof.profile.nodes import local
from energyprof.profile.nodes.local import Local, elected

STEP = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_ID": "0",
    "SLURM_NTASKS": "4",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    "SLURM_NODEID": "0",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the processes of a node find each other."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(local, "HERE_S", 0.0)


def process(number: int) -> Local:
    """One of the two processes of a step on this node; the first meters."""
    found = elected({**STEP, "SLURM_PROCID": str(number), "SLURM_LOCALID": str(number)})
    assert found is not None and found.elected == (number == 0)
    return found


def test_while_the_one_that_meters_is_there_nothing_is_said() -> None:
    _, other = process(0), process(1)
    for _ in range(3):
        other.check()
    assert other.came and other.folder.is_dir()


@pytest.mark.parametrize("comes", ["and sees it", "and looks too late", "too late"])
def test_that_the_one_that_meters_has_ended_is_known_to_who_comes(comes: str) -> None:
    meters = process(0)
    other = process(1) if comes != "too late" else None
    if other is not None and comes == "and sees it":
        other.check()
    said = meters.folder / local.METERS
    pid, started = json.loads(said.read_text())
    said.write_text(json.dumps([pid, started - 1]))  # which runs no more
    meters.close()
    other = other or process(1)
    with pytest.raises(TrainingError, match="the process that meters this node has ended"):
        for _ in range(3):
            other.check()
    assert not other.folder.exists()
