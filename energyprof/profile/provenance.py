"""Where a report comes from: the job of a batch system, and the commit of what is trained."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from energyprof.errors import UsageError
from energyprof.profile.git import git
from energyprof.report.record import CommitRecord, JobRecord


def batch_job(environment: Mapping[str, str]) -> JobRecord | None:
    """The job that Slurm's (sbatch(1), srun(1)) or OAR's (oarsub(1)) variables tell of; ``None``: of none."""
    node = node_name(environment)
    if job := environment.get("SLURM_JOB_ID"):
        array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
        of_array = f"{array}_{task}" if array and task else ""
        return JobRecord(
            "slurm",
            job,
            node,
            environment.get("SLURM_STEP_ID", ""),
            of_array,
            environment.get("SLURM_JOB_ACCOUNT", ""),
        )
    if job := environment.get("OAR_JOB_ID") or environment.get("OAR_JOBID"):
        array, task = environment.get("OAR_ARRAY_ID"), environment.get("OAR_ARRAY_INDEX")
        several = array and task and array != job
        of_array, project = f"{array}_{task}" if several else "", environment.get("OAR_PROJECT_NAME", "")
        return JobRecord("oar", job, os.uname().nodename, "", of_array, project)
    return None


def node_name(environment: Mapping[str, str]) -> str:
    """What the batch system calls this node, or what it calls itself."""
    return environment.get("SLURMD_NODENAME") or os.uname().nodename


def commit_of(file: Path) -> CommitRecord | None:
    """The commit of the git repository that holds ``file``; ``None``: none does, or there is no git."""
    folder = Path(os.path.abspath(file)).parent
    try:
        # A file that git does not track is not part of the commit, whatever folder it lies in.
        git(folder, "ls-files", "--error-unmatch", Path(file).name)
        revision = git(folder, "rev-parse", "HEAD")
        changed = git(folder, "status", "--porcelain", "--untracked-files=no")
    except UsageError:
        return None
    return CommitRecord(revision, bool(changed))


def commit_of_command(command: Sequence[str]) -> CommitRecord | None:
    """The commit of the first word that names a tracked file: the ``train.py`` in ``python train.py``."""
    # Words are anything, code that is longer than a file's name may be, too: isfile() then says no.
    found = (commit_of(Path(word)) for word in command if "." in word and os.path.isfile(word))
    return next((commit for commit in found if commit is not None), None)
