"""Studies on clusters: a job a cell, the same folder, nothing trained twice whatever the queue does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Command, one_error_line

from fakes import levers as fakes
from fakes.batch import batch_system, codes, ends

pytestmark = pytest.mark.slow  # jobs take their time in real seconds

MAX = f"{fakes.CPU}/cpufreq/policy0/scaling_max_freq"
SCRIPT = """
import os, sys, time, energyprof
energyprof.mark("train", samples=0)
pause = float(sys.argv[sys.argv.index("--pause") + 1])
for step in (1, 2):
    until = time.monotonic() + pause
    while time.monotonic() < until:
        time.sleep(0.05)
        if os.path.exists("long") and step == 2:
            until = time.monotonic() + 1
    energyprof.progress(samples=10 * step, score=step / 2)
open("trained.txt", "a").write(f"{pause:g} {energyprof.seed()}\\n")
"""
PLAN = """
command = "run ./train.py --target accuracy>=1"
repeats = 2
[factors]
"argument.pause" = [0.2, 0.4]
"lever.cpu.max_freq" = ["3.6GHz", "2GHz"]
"""
SMALL = """
command = "run ./train.py --target accuracy>=1"
repeats = 1
[factors]
"argument.pause" = [0.1, 0.2]
"""
QUICK = ("--idle", "0", "--cooldown", "0")


class Cluster:
    """The command where jobs are submitted from."""

    def __init__(self, command: Command, home: Path) -> None:
        self.command, self.home = command, home
        self.environment = {"PATH": batch_system(home), "ENERGYPROF_STATE": str(home / "state")}
        fakes.cpufreq(command.root, policies=(0,))
        (command.folder / "train.py").write_text(SCRIPT)
        (command.folder / "p.toml").write_text(PLAN)

    def __call__(self, *words: str):  # type: ignore[no-untyped-def]
        return self.command(*words, environment=self.environment)

    def submit(self, kind: str, *words: str):  # type: ignore[no-untyped-def]
        return self("study", "run", "p.toml", "-o", "s", "--on", kind, *QUICK, *words)

    def trained(self) -> list[str]:
        path = self.command.folder / "trained.txt"
        return sorted(path.read_text().splitlines()) if path.exists() else []

    def frequency(self) -> str:
        return (self.command.root / MAX).read_text().strip()

    def states(self) -> list[str]:
        return [path.read_text() for path in sorted(self.home.glob("*.state"))]


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


@pytest.fixture
def cluster(command: Command, tmp_path: Path) -> Cluster:
    return Cluster(command, tmp_path / "cluster")


KINDS = [("slurm", "COMPLETED", "FAILED"), ("oar", "Terminated", "Error")]
ALL = ["0.2 0", "0.2 0", "0.2 1", "0.2 1", "0.4 0", "0.4 1"]


@pytest.mark.parametrize(("kind", "ended", "failed"), KINDS)
def test_every_cell_is_a_job_and_the_folder_is_a_study(
    cluster: Cluster, kind: str, ended: str, failed: str
) -> None:
    done = cluster.submit(kind)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 jobs submitted, 0 in the queue, 0 trainings done")
    again = cluster.submit(kind)
    told = again.stdout.splitlines()[0]
    assert told.startswith("0 jobs submitted, ")  # whether one has just ended is the machine's affair
    until(lambda: cluster.states() == [ended] * 6)
    assert codes(cluster.home) == [0] * 6
    assert cluster.trained() == ALL
    study = json.loads(cluster("study", "show", "s", "--json").stdout)
    assert (study["cells"], study["planned"]) == (6, 6)
    report = json.loads(next((cluster.command.folder / "s/cells").glob("b0-000*.json")).read_text())
    assert report["job"]["manager"] == kind
    scripts = [path.read_text() for path in (cluster.command.folder / "s/jobs").glob("*.sh")]
    assert scripts and all(("--exclusive" if kind == "slurm" else "-l host=1") in text for text in scripts)
    assert cluster.frequency() == "3600000"
    assert cluster.submit(kind).stdout.splitlines() == ["0 jobs submitted, 0 in the queue, 6 trainings done"]


@pytest.mark.parametrize(("kind", "ended", "failed"), KINDS)
def test_a_job_that_is_preempted_puts_its_levers_back_and_trains_anew(
    cluster: Cluster, kind: str, ended: str, failed: str
) -> None:
    """Before its limit, or for another's sake, the queue signals a job that has a lever turned."""
    (cluster.command.folder / "long").write_text("")
    (cluster.command.folder / "p.toml").write_text(
        'command = "run ./train.py --target accuracy>=1 -- --pause 0.2"\nrepeats = 1\n'
        '[factors]\n"lever.cpu.max_freq" = ["2GHz", "1GHz"]\n'
    )
    (cluster.home / "watch").write_text(str(cluster.command.root / MAX))
    assert cluster.submit(kind).returncode == 0
    until(lambda: cluster.frequency() in ("2000000", "1000000"))
    (cluster.home / "signal").write_text("")
    until(lambda: len(codes(cluster.home)) > 0)
    (cluster.command.folder / "long").unlink()
    until(lambda: cluster.states() == [ended] * 2)
    assert [code != 0 for code in codes(cluster.home)] == [True, False, False]
    assert {left for _, left in ends(cluster.home)} == {"3600000"}
    assert cluster.trained() == ["0.2 0", "0.2 0"]
    assert cluster.submit(kind).stdout.splitlines() == ["0 jobs submitted, 0 in the queue, 2 trainings done"]


def test_on_slurm_a_job_has_the_node_and_comes_again(cluster: Cluster) -> None:
    (cluster.command.folder / "p.toml").write_text(SMALL)
    assert cluster.submit("slurm", "--batch", "partition=gpu", "--limit", "90min").returncode == 0
    asked = eval((cluster.home / "asked").read_text().splitlines()[0])
    assert {"exclusive", "requeue"} <= asked.keys()
    assert (asked["partition"], asked["time"], asked["nodes"]) == ("gpu", "90", "1")
    assert asked["signal"] == "USR2@120"
    until(lambda: set(cluster.states()) == {"COMPLETED"})


def test_on_oar_a_job_reads_its_nodes_wattmetre_where_that_is_asked_for(cluster: Cluster) -> None:
    (cluster.command.folder / "p.toml").write_text(SMALL)
    assert (
        cluster.submit("oar", "--batch", "-t monitor=wattmetre_power_watt", "--batch", "-t exotic").returncode
        == 0
    )
    asked = eval((cluster.home / "asked").read_text().splitlines()[0])
    assert asked[asked.index("-l") + 1] == "host=1,walltime=2:00:00"
    assert {"exotic", "idempotent", "monitor=wattmetre_power_watt"} <= set(asked)
    until(lambda: set(cluster.states()) <= {"Terminated", "Error"})
    log = next((cluster.command.folder / "s/jobs").glob("*.txt")).read_text()
    assert "kwollect" in log and "nancy/gros-12" in log  # it cannot be asked from here


def test_what_the_batch_system_refuses_is_one_line(cluster: Cluster) -> None:
    refused = cluster.submit("slurm", "--batch", "partition=none", "--quiet")
    assert "invalid partition specified: none" in one_error_line(refused)
    for words, said in (
        (("--limit", "soon"), "give a time, such as 90min"),
        (("--on", "here", "--batch", "x=1"), "only with --on slurm or --on oar"),
    ):
        assert said in one_error_line(cluster.submit("slurm", *words))
    for kind, name in (("slurm", "sbatch"), ("oar", "oarsub")):
        alone = cluster.command("study", "run", "p.toml", "-o", "s", "--on", kind)
        assert f"--on {kind}: {name} is not on the PATH" in one_error_line(alone)


def test_a_cell_that_is_not_the_studys_is_one_line(cluster: Cluster) -> None:
    (cluster.command.folder / "p.toml").write_text(SMALL)
    assert cluster.submit("oar").returncode == 0
    assert "has no cell b9" in one_error_line(cluster("study", "cell", "s", "b9"))
    until(lambda: set(cluster.states()) == {"Terminated"})
