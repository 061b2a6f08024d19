"""Under srun: one profiler a node, whatever the processes; attempts that go on with what is there."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.powercap import LAG_J, LivePowercap
from fakes.slurm import slurm
from fakes.waveform import constant

pytestmark = pytest.mark.slow

WATTS = {"node0": 50.0, "node1": 30.0}
EXAMPLES = Path(__file__).parents[2] / "examples"


class Cluster:
    """Two nodes, of 50 W and of 30 W, and a folder that both see."""

    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, home / "shared"
        self.folder.mkdir(parents=True)
        self._path = slurm(home)
        self._meters = []
        for number, (node, watts) in enumerate(WATTS.items()):
            self._meters.append(LivePowercap(home / node / "machine", constant(watts)))
            uuid = home / node / "machine/sys/class/dmi/id/product_uuid"
            uuid.parent.mkdir(parents=True)
            uuid.write_text(f"4c4c4544-0000-1000-8000-00000000000{number}\n")

    def start(self, *words: str, nodes: int = 2, each: int = 4) -> subprocess.Popen[str]:
        environment = {k: v for k, v in os.environ.items() if k not in ("ENERGYPROF_WIRE", "COLUMNS")}
        job = {
            "SLURM_JOB_ID": "4711",
            "SLURM_JOB_NUM_NODES": str(nodes),
            "SLURM_NTASKS_PER_NODE": str(each),
            "SLURM_JOB_ACCOUNT": "green",
        }
        return subprocess.Popen(
            words,
            cwd=self.folder,
            env={**environment, **(job if words[0] == "srun" else {}), "PATH": self._path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str, nodes: int = 2, each: int = 4) -> subprocess.CompletedProcess[str]:
        process = self.start(*words, nodes=nodes, each=each)
        try:
            out, error = process.communicate(timeout=500)
        finally:
            process.kill()
        return subprocess.CompletedProcess(words, process.returncode, out, error)

    def report(self, name: str = "r.json") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name).read_text())
        return found

    def close(self) -> None:
        for meter in self._meters:
            meter.close()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path / "c")
    yield found
    found.close()


def expect_each_node_once(report: Any, run: Any) -> None:
    assert [node["job"]["node"] for node in report["joined"]] == ["node0", "node1"]
    exact_j = 0.0
    for node, watts in zip(run["nodes"], WATTS.values(), strict=True):
        exact_j += watts * node["time_s"]
    assert run["energy_j"] == pytest.approx(exact_j, abs=run["energy_u_j"] + 2 * LAG_J)
    assert len(report["meters"]) == 2


EXEC = ("srun", "energyprof", "exec", "--idle", "0", "-o", "r.json", "-q", "--")
BURNS = """
import os, sys, time, energyprof
energyprof.mark("train")
while time.process_time() < 0.3:
    pass
time.sleep(1)
energyprof.progress(samples=10, score=0.5)
open("rank-" + os.environ["SLURM_PROCID"], "w").write(str(energyprof.wire.connect() is not None))
sys.exit(int(os.environ.get("FAILS") == os.environ["SLURM_PROCID"]) * 3)
"""


def test_four_processes_a_node_count_the_node_once(cluster: Cluster) -> None:
    (cluster.folder / "train.py").write_text(BURNS)
    done = cluster(*EXEC, "python", "train.py")
    assert (done.returncode, done.stderr) == (0, "")
    heard = {path.name: path.read_text() for path in cluster.folder.glob("rank-*")}
    assert heard == {f"rank-{rank}": str(rank in (0, 4)) for rank in range(8)}
    report = cluster.report()
    (run,) = report["runs"]
    expect_each_node_once(report, run)
    assert report["job"]["id"] == "4711"
    assert report["job"]["account"] == "green"
    # All processes of a node are the training's: none is taken for somebody else's.
    assert run["cpu_s"] > 0.5 * 8 * 0.3
    assert not any(flag["kind"] == "foreign_load" for flag in run["flags"])
    # Nothing stays but the reports.
    assert not list(cluster.folder.glob(".energyprof*"))
    assert not list(cluster.home.glob("node*/tmp/.energyprof*"))


def test_exit_codes_and_signals_are_the_programs(cluster: Cluster) -> None:
    (cluster.folder / "train.py").write_text(BURNS)
    done = cluster("env", "FAILS=3", "SLURM_MPI_TYPE=pmi2", *_job(), *EXEC, "python", "train.py", each=2)
    assert done.returncode == 3
    # PMI's variables, which each task has beside Slurm's, make no node count more than once.
    names = sorted(path.name for path in cluster.folder.glob("*.json"))
    assert names == ["r.json", "r.node-0.json", "r.node-2.json"]
    waits = "import os, time; open('pid-' + os.environ['SLURM_PROCID'], 'w'); time.sleep(60)"
    again = [word.replace("r.json", "again.json") for word in EXEC]
    process = cluster.start(*again, "python", "-c", waits, each=2)
    until(lambda: len(list(cluster.folder.glob("pid-*"))) == 4)
    time.sleep(0.5)
    (cluster.home / "signal").touch()
    _, error = process.communicate(timeout=100)
    assert process.returncode == 143, error


def _job() -> list[str]:
    return ["SLURM_JOB_ID=1", "SLURM_JOB_NUM_NODES=2", "SLURM_NTASKS_PER_NODE=2"]


def until(holds: Any) -> None:
    deadline_s = time.monotonic() + 400
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


# Every process of the training says where it stands, and meets the others as torch.distributed would.
MEETS = """
import os, socket, time, energyprof
rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
if rank == 0:
    server = socket.create_server(place)
    others = [server.accept()[0] for _ in range(world - 1)]
    for other in others:
        other.sendall(b"x")
else:
    for _ in range(1000):
        try:
            other = socket.create_connection(place)
            break
        except OSError:
            time.sleep(0.05)
    assert other.recv(1) == b"x"
energyprof.mark("train")
open(f"began-{os.environ.get('SLURM_ARRAY_TASK_ID')}-{energyprof.seed()}", "w")
# The second training of a task of an array goes on once its first attempt has been preempted.
waits = "SLURM_ARRAY_TASK_ID" in os.environ and energyprof.seed() == 1
while waits and not os.path.exists("preempted-" + os.environ["SLURM_ARRAY_TASK_ID"]):
    time.sleep(0.05)
time.sleep(0.5)
energyprof.progress(samples=10 * world, score=0.5)
open(f"seed-{energyprof.seed()}-{rank}", "w").write(os.environ["LOCAL_RANK"])
"""


def test_srun_with_no_other_option_trains_on_all_nodes(cluster: Cluster) -> None:
    (cluster.folder / "train.py").write_text(MEETS)
    words = ("srun", "energyprof", "run", "./train.py", "--repeats", "2", "--idle", "0", "-o", "r.json", "-q")
    done = cluster(*words, each=2)
    assert (done.returncode, done.stderr) == (0, "")
    found = {path.name: path.read_text() for path in cluster.folder.glob("seed-*")}
    assert found == {f"seed-{seed}-{rank}": str(rank % 2) for seed in (0, 1) for rank in range(4)}
    report = cluster.report()
    assert [(run["seed"], run["status"], run["samples"]) for run in report["runs"]] == [
        (0, "done", 40),
        (1, "done", 40),
    ]
    for run in report["runs"]:
        expect_each_node_once(report, run)


def test_a_process_that_fails_ends_the_training_of_all(cluster: Cluster) -> None:
    (cluster.folder / "train.py").write_text(
        MEETS + "\nif rank == 3: raise SystemExit('rank 3 is no good')\n"
    )
    words = ("srun", "energyprof", "run", "./train.py", "--repeats", "3", "--idle", "0", "-o", "r.json", "-q")
    done = cluster(*words, each=2)
    assert done.returncode == 2  # srun's is the highest: on both nodes repeats are missing
    assert "rank 3 is no good" in done.stderr
    assert done.stderr.count("error: 2 of the trainings were not begun") == 2
    assert len(cluster.report()["runs"]) == 1


def test_who_trains_with_one_that_could_not_begin_does_not_wait_for_it(cluster: Cluster) -> None:
    """Of each node one process meters, and finds that the report is there already."""
    (cluster.folder / "train.py").write_text(MEETS)
    (cluster.folder / "r.json").write_text("{}")
    done = cluster(*["srun", "energyprof", "run", "./train.py", "--idle", "0", "-o", "r.json", "-q"], each=3)
    assert done.returncode == 2
    exists = "error: r.json: already exists; choose another --output, or use --force to overwrite it"
    lines = [line for line in done.stderr.splitlines() if not line.startswith("could not begin: ")]
    assert lines.count(exists) == 2
    others = [line for line in lines if line != exists]
    # They hear it from a node, or find that whoever meters theirs is gone.
    heard = ("no training: ", "error: the process that meters this node has ended: it says why")
    assert len(others) == 4 and all(line.startswith(heard) for line in others), done.stderr
    assert not list(cluster.home.glob("node*/tmp/.energyprof*"))


def test_the_example_goes_on_after_a_preemption(cluster: Cluster) -> None:
    script = (EXAMPLES / "slurm/train.sh").read_text()
    for words, quicker in (
        ("--ntasks-per-node=4", "--ntasks-per-node=2"),
        ("--quiet", "--quiet --idle 0"),
        ("--repeats 3", "--repeats 2"),
    ):
        assert words in script
        script = script.replace(words, quicker)
    (cluster.folder / "train.sh").write_text(script)
    (cluster.folder / "train.py").write_text(MEETS)
    (cluster.folder / "preempted-1").touch()  # the array's other task is left in peace
    preempted = threading.Event()

    def preempt() -> None:
        """Once, in the middle of the first task's second training."""
        codes = cluster.home / "codes"
        until((cluster.folder / "began-0-1").exists)
        (cluster.home / "signal").touch()
        until(lambda: codes.exists() and "4711 0 143" in codes.read_text())
        (cluster.folder / "preempted-0").touch()
        preempted.set()

    thread = threading.Thread(target=preempt, daemon=True)
    thread.start()
    done = cluster("sbatch", "--wait", "train.sh")
    assert preempted.is_set()
    assert done.returncode == 0, done.stderr
    assert (cluster.home / "codes").read_text().splitlines() == ["4711 0 143", "4711 1 0", "4712 0 0"]
    for task in (0, 1):
        report = cluster.report(f"energyprof-reports/train-{task}.json")
        finished = [run["seed"] for run in report["runs"] if run["status"] == "done"]
        assert sorted(finished) == [0, 1]
        interrupted = [run["status"] for run in report["runs"]].count("interrupted")
        assert interrupted == (task == 0)
        assert report["job"]["array"] == f"4711_{task}"
