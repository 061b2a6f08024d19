"""A study's cells as jobs of a cluster, one each; each writes its report into the study's folder.

The folder is the only state: what is done is not submitted, nor what waits or runs in the queue. The same
command again submits what is missing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Literal, Protocol

from energyprof.errors import FileError, MissingPart, UsageError
from energyprof.files import STRICT, Schema, parse, read_text, write_text
from energyprof.storable.frozen import dataclass
from energyprof.study.folder import Cell, cells, done_in, opened
from energyprof.study.plan import Plan

Kind = Literal["slurm", "oar"]
JOBS = "jobs.json"
LOGS = "jobs"
SCHEMA = Schema("energyprof.jobs", 1, "list of jobs")
# What a batch system's program may take to answer.
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class BatchSettings:
    """What each job is asked for."""

    limit_min: int  # the longest a cell may take
    options: tuple[str, ...] = ()  # of sbatch: partition=gpu; of oarsub: -t exotic
    words: tuple[str, ...] = ()  # how each cell is measured: options of `study cell`
    # A measured training has the node to itself; a simulation takes a processor of it.
    node: Literal["whole", "shared"] = "whole"


class Queue(Protocol):
    """One kind of batch system."""

    def submit(self, cell: Cell) -> str:
        """Submit the cell's job; its number. Raises BatchError."""

    def is_there(self, job: str) -> bool:
        """Whether the job waits or runs. Raises BatchError."""


@dataclass
class Submitted:
    """What was submitted now, and what is elsewhere."""

    jobs: dict[str, str] = field(default_factory=dict)  # cell -> job
    queued: int = 0
    done: int = 0


def submit_all(
    plan: Plan, folder: Path, check: Callable[[Plan], object], queue: Queue, say: Callable[[str], None]
) -> Submitted:
    """Submit a job for each cell that is neither done nor in the queue.

    ``check``: raises what is wrong with a cell's command.

    Raises:
        UsageError: a cell's command is invalid, the folder is another plan's, or it is a search.
        FileError: the folder cannot be written.
        BatchError: a job cannot be submitted; those before it are.
    """
    if plan.design == "search":
        raise UsageError("a search goes by what it has seen, one training after the other: leave out --on")
    check(plan)
    opened(folder, plan)
    (folder / LOGS).mkdir(parents=True, exist_ok=True)
    known, found = read_jobs(folder), Submitted()
    for cell in cells(plan):
        if done_in(folder, plan, cell) is not None:
            found.done += 1
        elif cell.name in known and queue.is_there(known[cell.name]):
            found.queued += 1
        else:
            job = queue.submit(cell)
            found.jobs[cell.name] = known[cell.name] = job
            _remember(folder, known)
            say(f"job {job}: {cell.name}")
    return found


def read_jobs(folder: Path) -> dict[str, str]:
    """The last job of each cell. Raises FileError."""
    path = folder / JOBS
    if not path.is_file():
        return {}
    jobs = parse(read_text(path), str(path), SCHEMA, STRICT).get("jobs")
    if not isinstance(jobs, dict) or not all(isinstance(job, str) for job in jobs.values()):
        raise FileError(f"{path}: not a list of jobs")
    return jobs


def _remember(folder: Path, jobs: Mapping[str, str]) -> None:
    data = {"schema": f"{SCHEMA.name}/{SCHEMA.version}", "jobs": jobs}
    write_text(folder / JOBS, json.dumps(data, indent=1) + "\n")


def cell_command(folder: Path, cell: Cell, settings: BatchSettings) -> list[str]:
    """What a job runs: this interpreter, which the node sees in the same place."""
    words = ["-m", "energyprof", "study", "cell", str(folder.resolve()), cell.name]
    return [sys.executable, *words, *settings.words]


def program(name: str, kind: Kind) -> str:
    """Where a program of the batch system is. Raises MissingPart: it is not on the PATH."""
    found = shutil.which(name)
    if found is None:
        raise MissingPart(f"--on {kind}: {name} is not on the PATH: run this where jobs are submitted")
    return found


def answer(command: Sequence[str]) -> tuple[int, str, str]:
    """Exit code, output and errors of a batch system's program; without an answer in time code 124."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 124, "", f"no answer in {TIMEOUT_S:.0f} s"
    return done.returncode, done.stdout, done.stderr.strip()
