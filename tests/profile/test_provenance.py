"""A report says of which job and of which commit it is."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

from energyprof.profile.provenance import batch_job, commit_of, commit_of_command
from energyprof.report.record import CommitRecord, JobRecord

HERE = platform.node()


@pytest.mark.parametrize(
    ("environment", "job"),
    [
        ({}, None),
        ({"SLURM_JOB_ID": "4711"}, JobRecord("slurm", "4711", HERE)),
        (
            {"SLURM_JOB_ID": "4711", "SLURM_STEP_ID": "0", "SLURMD_NODENAME": "n3"},
            JobRecord("slurm", "4711", "n3", "0"),
        ),
        (
            {"SLURM_JOB_ID": "4714", "SLURM_ARRAY_JOB_ID": "4711", "SLURM_ARRAY_TASK_ID": "3"},
            JobRecord("slurm", "4714", HERE, array="4711_3"),
        ),
        (
            {"SLURM_JOB_ID": "4711", "SLURM_JOB_ACCOUNT": "physics"},
            JobRecord("slurm", "4711", HERE, account="physics"),
        ),
        ({"OAR_JOB_ID": "12", "OAR_PROJECT_NAME": "ml"}, JobRecord("oar", "12", HERE, account="ml")),
        ({"OAR_JOB_ID": "12", "OAR_ARRAY_ID": "12", "OAR_ARRAY_INDEX": "1"}, JobRecord("oar", "12", HERE)),
        (
            {"OAR_JOB_ID": "13", "OAR_ARRAY_ID": "12", "OAR_ARRAY_INDEX": "2"},
            JobRecord("oar", "13", HERE, array="12_2"),
        ),
    ],
)
def test_the_variables_of_a_batch_system_name_the_job(
    environment: dict[str, str], job: JobRecord | None
) -> None:
    assert batch_job(environment) == job


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One commit of ``train.py``, and a file that git does not track."""
    for words in (
        ("init", "-q"),
        ("config", "user.email", "a@example.org"),
        ("config", "user.name", "A"),
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    (tmp_path / "train.py").write_text("print()\n")
    subprocess.run(["git", "add", "train.py"], cwd=tmp_path, check=True)
    subprocess.run(["git", "commit", "-q", "-m", "first"], cwd=tmp_path, check=True)
    (tmp_path / "notes.py").write_text("")
    return tmp_path


def head(repository: Path) -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repository, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_a_script_has_the_commit_of_its_repository_and_whether_it_was_changed(repository: Path) -> None:
    assert commit_of(repository / "train.py") == CommitRecord(head(repository), modified=False)
    (repository / "train.py").write_text("print(1)\n")
    assert commit_of(repository / "train.py") == CommitRecord(head(repository), modified=True)


def test_what_git_does_not_track_has_no_commit(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert commit_of(repository / "notes.py") is None
    outside = tmp_path_factory.mktemp("outside") / "train.py"
    outside.write_text("")
    assert commit_of(outside) is None


def test_without_git_there_is_no_commit(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert commit_of(repository / "train.py") is None


def test_a_command_has_the_commit_of_the_script_it_names(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    assert commit_of_command(("python", "-u", "train.py", "--lr=0.1")) == CommitRecord(
        head(repository), False
    )
    assert commit_of_command(("sleep", "0.1")) is None
    assert commit_of_command(("python", "-c", "import time\ntime.sleep(0.1)\n" * 200, "\0.py")) is None
