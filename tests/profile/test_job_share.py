"""A node that other jobs share is said, with the processor time that was the job's beside its joules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from energyprof.profile.job_share import JobShare
from energyprof.report.record import JobRecord
from fakes import sysfs

SLURM = {"SLURM_JOB_ID": "4711", "SLURM_STEP_ID": "0"}
# As the kernel shows them (cgroups(7)), and where it counts; both say the same 4 s.
GROUPS = {
    "2": (
        "0::/system.slice/slurmstepd.scope/job_4711/step_0/user/task_0",
        "cpu.stat",
        "usage_usec {0}000000",
    ),
    "1": ("5:cpuset:/x\n4:cpu,cpuacct:/slurm/uid_0/job_4711/step_0", "cpuacct.usage", "{0}000000000"),
}


def place(root: Path, version: str) -> tuple[Path, str]:
    """The file in which the job's processor time is counted, and how it is written there."""
    line, name, form = GROUPS[version]
    (root / "proc/self").mkdir(parents=True, exist_ok=True)
    (root / "proc/self/cgroup").write_text(line + "\n")
    path = line.rpartition(":")[2].partition("/step_0")[0].strip("/")
    file = root / "sys/fs/cgroup" / ("" if version == "2" else "cpuacct") / path / name
    file.parent.mkdir(parents=True)
    return file, form


@pytest.mark.slow
@pytest.mark.parametrize("version", GROUPS)
@pytest.mark.parametrize(("node_s", "shared"), [(10, True), (4, False)])
def test_the_jobs_share_of_the_processors_stands_beside_the_joules(
    command: Any, tmp_path: Path, version: str, node_s: int, shared: bool
) -> None:
    root = tmp_path / "machine"
    file, form = place(root, version)
    file.write_text(form.format(100))
    sysfs.stat(root, busy_s=1000.0, idle_s=0.0)
    before = (root / "proc/stat").read_text()
    sysfs.stat(root, busy_s=1000.0 + node_s, idle_s=0.0)
    after = (root / "proc/stat").read_text()
    (root / "proc/stat").write_text(before)
    files = {str(file): form.format(104), str(root / "proc/stat"): after}
    moves = f"for path, text in {files!r}.items(): open(path, 'w').write(text)"
    words = ("--idle", "0", "-o", "r.json", "-q", "--", "python3", "-c", moves)
    done = command("exec", *words, environment=SLURM)
    assert done.returncode == 0, done.stderr
    report = command.report()
    (run,) = report["runs"]
    assert run["facts"]["job_cpu"] == {"job_s": 4.0, "node_s": float(node_s)}
    said = [note for note in report["notes"] if "the node was shared" in note]
    assert said == (
        [
            "run 1: the node was shared: 40 % of its processors' time (4 of 10 s) was that of job 4711;"
            " the joules are the whole node's"
        ]
        if shared
        else []
    )
    assert "the same report, digit for digit" in command("recompute", "r.json").stdout


@pytest.mark.parametrize(
    ("manager", "inside"),
    [
        ("oar", "oar.slice/oar-u4711.slice/oar-u4711-j4711.slice"),
        ("oar", "oar/someone_4711"),
        ("slurm", "slurm/uid_4711/job_4711"),
    ],
)
def test_the_group_is_the_jobs_and_not_its_users(tmp_path: Path, manager: Any, inside: str) -> None:
    folder = tmp_path / "sys/fs/cgroup"
    for part in (inside, inside.rpartition("/")[0]):
        sysfs.write(folder / part / "cpu.stat", "usage_usec 1\n")
    sysfs.write(tmp_path / "proc/self/cgroup", f"0::/{inside}/below.scope\n")
    sysfs.stat(tmp_path, busy_s=1.0, idle_s=1.0)
    share = JobShare(JobRecord(manager, "4711", "n"), tmp_path)
    assert share.known
    sysfs.write(folder / inside / "cpu.stat", "usage_usec 3000001\n")
    assert share.facts()["job_cpu"]["job_s"] == 3.0


@pytest.mark.slow
def test_where_no_group_is_the_jobs_nothing_is_said(command: Any, tmp_path: Path) -> None:
    file, form = place(tmp_path / "machine", "2")
    file.write_text(form.format(100))
    words = ("--idle", "0", "-o", "r.json", "-q", "--", "sleep", "0.2")
    assert command("exec", *words, environment={"SLURM_JOB_ID": "99"}).returncode == 0
    assert "job_cpu" not in command.report()["runs"][0]["facts"]
