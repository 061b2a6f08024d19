"""``energyprof run`` where the training cannot go on: one line, exit code 2, nothing measured is lost."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (find_spec("torch") and find_spec("monai")), reason="trains for real"),
]
TINY = ("--batch-size", "8", "--max-samples", "32", "--data-fraction", "0.05")
FAILING = ("run", "unet", "--idle", "0", *TINY, "--output", "r.json")


def python_after(folder: Path, *lines: str) -> str:
    """An interpreter that runs these lines of shell before it is this one."""
    path = folder / "python"
    path.write_text("\n".join(["#!/bin/sh", *lines, f'exec {shlex.quote(sys.executable)} "$@"', ""]))
    path.chmod(0o755)
    return str(path)


def last_line(done: Any) -> str:
    """The one line that says what went wrong; no traceback may come with it."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return str(done.stderr.strip().splitlines()[-1])


def test_memory_that_does_not_suffice_names_the_batch_size(command: Any, tmp_path: Path) -> None:
    # kB of what may be written: with a batch of 8 half of it is enough. Each thread would want some more.
    small = python_after(tmp_path, "export OMP_NUM_THREADS=1", "ulimit -d 1000000")
    line = last_line(command(*FAILING, "--batch-size", "512", "--max-samples", "512", "--python", small))
    assert "training ran out of memory on cpu at batch size 512: use a smaller --batch-size" in line
    assert command.report()["runs"][0]["status"] == "failed"


def test_the_seeds_before_a_failure_are_kept(command: Any, tmp_path: Path) -> None:
    been = shlex.quote(str(tmp_path / "been"))
    once = python_after(
        tmp_path, f'case "$2" in energyprof.workloads) test -e {been} && kill -9 $$; : > {been};; esac'
    )
    done = command(*FAILING, "--target", "0.001", "--seeds", "5,6,7", "--python", once)
    assert done.returncode == 2
    runs = command.report()["runs"]
    assert [(run["seed"], run["status"]) for run in runs] == [(5, "reached"), (6, "failed")]
    assert runs[0]["energy_j"] > 0


def test_a_checkpoint_that_no_disk_takes_is_one_line(command: Any, tmp_path: Path) -> None:
    nowhere = python_after(tmp_path, "ulimit -f 100")  # blocks: a file may have 50 kB
    line = last_line(command(*FAILING, "--checkpoint", "--python", nowhere))
    assert "the checkpoint cannot be written" in line
    assert "do without --checkpoint" in line
