"""Slurm, through submitit: a job a cell, the whole node, begun again after a preemption.

Slurm signals a job's steps some time before its limit, or when it is preempted (sbatch --signal). submitit
then calls ``checkpoint``: the training is ended, which puts its levers back, and the job is queued again.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from energyprof.errors import BatchError, MissingPart, UsageError
from energyprof.study.cluster import LOGS, BatchSettings, answer, cell_command, program
from energyprof.study.folder import Cell

# Between the signal and the end: a training has so long to end, and its levers to be put back.
SIGNAL_S = 120
ENDING_S = 60.0
# A cell that did not fit into its limit begins from nothing: once may be the node's fault.
TIMEOUTS = 1
_GONE = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE")


class CellJob:
    """What submitit runs on the node, and calls when the job is about to end."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> None:
        """Raises RuntimeError: the cell could not be trained."""
        self._process = subprocess.Popen(self._command)
        # Not wait(): it holds a lock that checkpoint, called in the middle of it, could not get.
        while self._process.poll() is None:
            time.sleep(0.1)
        if self._process.returncode != 0:
            raise RuntimeError(f"exit code {self._process.returncode}")

    def checkpoint(self) -> Any:
        """End the training; what submitit is to queue again."""
        from submitit.helpers import DelayedSubmission

        if self._process is not None:
            self._process.terminate()
            until_s = time.monotonic() + ENDING_S
            while time.monotonic() < until_s and not _ended(self._process.pid):
                time.sleep(0.05)
        return DelayedSubmission(CellJob(self._command))


def _ended(pid: int) -> bool:
    """Whether the child has ended; it is left to be waited for."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


class SlurmQueue:
    """Submits cells of one study."""

    def __init__(self, folder: Path, settings: BatchSettings) -> None:
        """Raises MissingPart: submitit or Slurm is not here. UsageError: an option is none of sbatch's."""
        for name in ("sbatch", "srun", "squeue", "scontrol"):
            program(name, "slurm")
        try:
            import submitit
        except ImportError:
            raise MissingPart("--on slurm needs submitit: pip install 'energyprof[cluster]'") from None
        self._folder, self._settings = folder, settings
        self._executor = submitit.AutoExecutor(folder / LOGS, cluster="slurm", slurm_max_num_timeout=TIMEOUTS)
        self._executor.update_parameters(
            timeout_min=settings.limit_min,
            nodes=1,
            tasks_per_node=1,
            slurm_exclusive=True if settings.node == "whole" else None,
            slurm_signal_delay_s=SIGNAL_S,
            # A step would be bound to one core of the node that is all ours.
            slurm_srun_args=["--cpu-bind=none"],
            slurm_additional_parameters={"requeue": True, **_options(settings.options)},
        )

    def submit(self, cell: Cell) -> str:
        """Raises BatchError: sbatch refused."""
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        self._executor.update_parameters(name=f"energyprof-{cell.name}"[:80])
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # submitit passes on what sbatch says, too
                job = self._executor.submit(CellJob(cell_command(self._folder, cell, self._settings)))
        except (FailedJobError, FailedSubmissionError) as error:
            raise BatchError(" ".join(str(error).split())[-200:]) from None
        return str(job.job_id)

    def is_there(self, job: str) -> bool:
        """By squeue, which knows what waits, runs, and what has just ended. Raises BatchError."""
        code, told, error = answer(
            [program("squeue", "slurm"), "--noheader", "--jobs", job, "--format", "%T"]
        )
        if code != 0:
            if "Invalid job id" in error:
                return False  # it is forgotten
            raise BatchError(f"squeue: {error or f'exit code {code}'}")
        return any(state not in _GONE for state in told.split())


def _options(words: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.lstrip("-").partition("=")
        if not name:
            raise UsageError(f"--batch {word}: write what sbatch takes, such as partition=gpu")
        found[name] = value if equals else True
    return found
