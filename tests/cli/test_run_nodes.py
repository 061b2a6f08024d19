"""Several nodes that train together: network namespaces with a link between them, each with its own meter."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from fakes.constants.sitecustomize import variables
from fakes.namespaces import Namespaces, NotPermitted
from fakes.powercap import LAG_J, LivePowercap
from fakes.waveform import constant

needs_the_unet = pytest.mark.skipif(
    not all(map(find_spec, ("torch", "monai", "nilearn"))), reason="what the U-Net needs is not installed"
)
WATTS = (50.0, 30.0)
TINY = ("--batch-size", "8", "--max-samples", "32", "--data-fraction", "0.05", "--device", "cpu")
TOKEN = "a-token-of-this-test"


class TwoNodes:
    """Two machines, of 50 W and of 30 W, that see each other at 10.77.0.1 and 10.77.0.2."""

    def __init__(self, folder: Path) -> None:
        self.net = Namespaces()
        self.folders = [folder / "one", folder / "other"]
        self._roots = [folder / "machine-0", folder / "machine-1"]
        for path in self.folders:
            path.mkdir()
        self.temporary = [tempfile.mkdtemp(prefix="n") for _ in WATTS]  # short, for addresses of sockets
        self._meters = [
            LivePowercap(root, constant(watts)) for root, watts in zip(self._roots, WATTS, strict=True)
        ]

    def start(self, number: int, words: Sequence[str], **changes: str) -> subprocess.Popen[str]:
        environment = {k: v for k, v in os.environ.items() if k not in ("ENERGYPROF_WIRE", "COLUMNS")}
        environment |= {"ENERGYPROF_SYSFS_ROOT": str(self._roots[number]), "OMP_NUM_THREADS": "1", **changes}
        return subprocess.Popen(
            self.net.inside(number, words),
            cwd=self.folders[number],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def energyprof(
        self, number: int, *words: str, machine: bool = True, **changes: str
    ) -> subprocess.Popen[str]:
        named = ["--machine", f"machine {number}"] if machine else []
        command = [sys.executable, "-m", "energyprof", *words, *named]
        own = {"ENERGYPROF_TOKEN": TOKEN, "TMPDIR": self.temporary[number]}
        return self.start(number, command, **{**own, **changes})

    def report(self, number: int, name: str = "r.json") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folders[number] / name).read_text())
        return found

    def close(self) -> None:
        self.net.close()
        for folder in self.temporary:
            shutil.rmtree(folder, ignore_errors=True)
        for meter in self._meters:
            meter.close()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[TwoNodes]:
    try:
        nodes = TwoNodes(tmp_path)
    except NotPermitted as reason:
        pytest.skip(f"network namespaces are not permitted here: {reason}")
    yield nodes
    nodes.close()


def ended(process: subprocess.Popen[str], timeout_s: float = 500) -> subprocess.CompletedProcess[str]:
    try:
        out, error = process.communicate(timeout=timeout_s)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, error)


def rendezvous(number: int) -> tuple[str, ...]:
    return ("--nnodes", "2", "--node-rank", str(number), "--rdzv", "10.77.0.1:29400")


def expect_the_closed_form(run: Mapping[str, Any]) -> None:
    """A constant power times each node's own time, and their sum, within U."""
    exact_j = 0.0
    for node, watts in zip(run["nodes"], WATTS, strict=True):
        own_j = watts * node["time_s"]
        assert node["energy_j"] == pytest.approx(own_j, abs=node["energy_u_j"] + LAG_J)
        exact_j += own_j
    assert run["energy_j"] == pytest.approx(exact_j, abs=run["energy_u_j"] + 2 * LAG_J)


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(find_spec, ("torch", "monai", "nilearn"))), reason="needs the U-Net's libraries"
)
def test_two_nodes_train_the_standard_workload_together(two: TwoNodes) -> None:
    words = ("run", "unet", *TINY, "--idle", "0", "-o", "r.json", "-q")
    processes = [two.energyprof(number, *words, *rendezvous(number)) for number in (0, 1)]
    for process in processes:
        done = ended(process)
        assert done.returncode == 4, done.stderr  # the target was missed
        assert done.stderr == ""
    report = two.report(0)
    (run,) = report["runs"]
    assert [node["name"] for node in report["nodes"]] == ["node-0", "node-1"]
    assert (run["status"], run["samples"], run["facts"]["processes"]) == ("missed", 32, 2)
    assert {phase["actor"] for phase in run["phases"] if phase["name"] == "train"} == {"node-0", "node-1"}
    expect_the_closed_form(run)
    # One clock in truth: what the nodes measured of it holds that, and is no wider than a round trip.
    other = report["joined"][1]
    assert abs(other["ahead_s"]) < 0.5
    assert 0 < other["ahead_u_s"] < 0.5
    assert two.report(1, "r.node-1.json") == two.report(0, "r.node-1.json")
    again = subprocess.run(
        [sys.executable, "-m", "energyprof", "recompute", "r.json"],
        cwd=two.folders[0],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr


# What a rank of MPI needs to know to meet the others by torch.distributed.
RANK = """
export RANK=$OMPI_COMM_WORLD_RANK WORLD_SIZE=$OMPI_COMM_WORLD_SIZE LOCAL_RANK=$OMPI_COMM_WORLD_LOCAL_RANK
export MASTER_ADDR=10.77.0.1 MASTER_PORT=29511 GLOO_SOCKET_IFNAME=n0
exec "$@"
"""
JOB = {
    "name": "unet",
    "settings": {"nproc": 2, "batch_size": 8, "max_samples": 32, "data_fraction": 0.05, "device": "cpu"},
    "seed": 0,
}


def mpirun(two: TwoNodes, folder: Path, each: int, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Open MPI's, with ``each`` processes on both nodes; the other one is reached in its namespace."""
    agent, node = folder / "agent", folder / "node"
    agent.write_text(f'#!/bin/sh\nshift\n{shlex.join(two.net.inside(1, ["sh", "-c"]))} "$*"\n')
    machine = f"{folder.parent}/machine-$(hostname | tail -c 2)"
    node.write_text(f'#!/bin/sh\ncd {folder}\nexport ENERGYPROF_SYSFS_ROOT={machine}\nexec "$@"\n')
    for script in (agent, node):
        script.chmod(0o755)
    asked = (
        "--allow-run-as-root",
        "--oversubscribe",
        "--bind-to",
        "none",
        "-H",
        f"10.77.0.1:{each},10.77.0.2:{each}",
    )
    links = ("--mca", "plm_rsh_agent", str(agent), "--mca", "oob_tcp_if_include", "n0")
    links += ("--mca", "btl_tcp_if_include", "n0", "-np", str(2 * each))
    return ended(two.start(0, ["mpirun", *asked, *links, str(node), *words]))


@pytest.mark.slow
@needs_the_unet
@pytest.mark.skipif(shutil.which("mpirun") is None, reason="Open MPI is not installed")
def test_under_mpirun_exec_meters_each_node_and_makes_one_report(two: TwoNodes, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    energyprof = [sys.executable, "-m", "energyprof", "exec", "--idle", "0", "-o", "r.json", "-q"]
    (shared / "rank.sh").write_text(RANK)
    program = ["sh", "rank.sh", sys.executable, "-m", "energyprof.workloads", json.dumps(JOB)]
    machine = ["sh", "-c", 'exec "$0" "$@" --machine "$(hostname)" -- ' + shlex.join(program)]
    done = mpirun(two, shared, 1, [*machine, *energyprof])
    assert done.returncode == 0, done.stderr
    assert "joined" not in done.stderr, done.stderr
    report = json.loads((shared / "r.json").read_text())
    (run,) = report["runs"]
    assert [node["name"] for node in report["nodes"]] == ["node-0", "node-1"]
    assert (run["status"], run["samples"]) == ("done", 32)
    expect_the_closed_form(run)
    assert sorted(path.name for path in shared.glob("*.json")) == [
        "r.json",
        "r.node-0.json",
        "r.node-1.json",
    ]
    assert not list(shared.glob(".energyprof*"))


@pytest.mark.slow
def test_a_link_that_drops_costs_neither_node_its_report(two: TwoNodes) -> None:
    processes = exec_on_both(two, IMPATIENT, IMPATIENT)
    two.net.cut()
    for folder in two.folders:
        (folder / "end").touch()
    second = ended(processes[1])
    processes[0].send_signal(signal.SIGINT)  # it would wait for some time
    first = ended(processes[0])
    assert (first.returncode, second.returncode) == (0, 0), (first.stderr, second.stderr)
    assert "node-1 never delivered its report" in first.stderr
    assert "node 0 at 10.77.0.1:29400" in second.stderr
    assert "r.node-1.json; lay it beside the others with energyprof join" in second.stderr
    (run,) = two.report(0)["runs"]
    assert run["energy_j"] is None
    for number, watts in enumerate(WATTS):
        (own,) = two.report(number, f"r.node-{number}.json")["runs"]
        assert own["status"] == "done"
        assert own["energy_j"] == pytest.approx(watts * own["time_s"], abs=own["energy_u_j"] + LAG_J)


@pytest.mark.slow
def test_a_node_0_that_is_killed_costs_the_other_nothing(two: TwoNodes) -> None:
    processes = exec_on_both(two)
    processes[0].send_signal(signal.SIGKILL)
    processes[0].wait()
    for folder in two.folders:
        (folder / "end").touch()
    ended(processes[0])  # its program went on, and held on to its output
    second = ended(processes[1])
    assert second.returncode == 0, second.stderr
    assert "lay it beside the others with energyprof join" in second.stderr
    (own,) = two.report(1, "r.node-1.json")["runs"]
    assert (own["status"], own["coverage"] > 0.9) == ("done", True)
    assert two.report(0, "r.node-0.json")["runs"][0]["status"] == "interrupted"


@pytest.mark.slow
def test_who_waits_for_a_node_0_that_cannot_begin_hears_why_and_has_not_trained(two: TwoNodes) -> None:
    (two.folders[1] / "train.py").write_text("")
    (two.folders[0] / "train.py").write_text("")
    (two.folders[0] / "r.json").write_text("{}")
    words = ("run", "./train.py", "--repeats", "2", "--meters", "none", "-o", "r.json", "-q")
    second = two.energyprof(1, *words, *rendezvous(1))
    first = ended(two.energyprof(0, *words, *rendezvous(0)))
    other = ended(second)  # sooner than the ten minutes that nodes wait for each other
    assert (first.returncode, other.returncode) == (2, 2), (first.stderr, other.stderr)
    assert first.stderr.splitlines()[-1].startswith("error: r.json: already exists")
    assert "no training: " in other.stderr and "r.json: already exists" in other.stderr
    assert other.stderr.splitlines()[-1] == "error: of 2 trainings, none was begun"
    # Nothing stays in the way of the next try.
    assert [sorted(path.name for path in folder.iterdir()) for folder in two.folders] == [
        ["r.json", "train.py"],
        ["train.py"],
    ]


@pytest.mark.slow
def test_a_token_that_is_missing_is_one_line(two: TwoNodes) -> None:
    words = ("exec", *EXEC, *rendezvous(1), "--", "true")
    without = ended(two.energyprof(1, *words, machine=False, ENERGYPROF_TOKEN=""))
    assert without.returncode == 2
    line = without.stderr.splitlines()[-1]
    assert "set ENERGYPROF_TOKEN to the token of this run, which node 0 printed" in line


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """A disk of 1 MiB at the empty ``folder``, and what fills it to its last byte."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("no disk may be mounted here")

    def fill() -> None:
        with open(folder / "filled", "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 512)

    try:
        yield fill
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


def finished(report: Path) -> bool:
    return report.exists() and json.loads(report.read_text())["runs"][0]["status"] == "done"


# A machine whose clock is an hour ahead, as Python's programs see it.
AN_HOUR_AHEAD = """
import time
true, true_ns = time.time, time.time_ns
time.time = lambda: true() + 3600
time.time_ns = lambda: true_ns() + 3600 * 10**9
"""


@pytest.mark.slow
def test_a_link_that_drops_for_a_while_a_full_disk_and_a_wrong_clock_cost_nothing(
    two: TwoNodes, tmp_path: Path
) -> None:
    """All of them of node 1, in one run: it is joined all the same, and what was wrong is named."""
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock/sitecustomize.py").write_text(AN_HOUR_AHEAD)
    with small_disk(two.folders[1]) as fill:
        processes = exec_on_both(two, of_second={"PYTHONPATH": str(tmp_path / "clock")})
        two.net.cut()
        time.sleep(1.0)
        two.net.mend()
        (two.folders[1] / "end").touch()
        fill()
        (two.folders[0] / "end").touch()
        first, second = (ended(process) for process in processes)
    assert first.returncode == 0, first.stderr
    (spare,) = Path(two.temporary[1]).glob("*/r.node-1.json")
    assert f"the disk is full; the report is at {spare}" in second.stderr
    report = two.report(0)
    (run,) = report["runs"]
    expect_the_closed_form(run)
    (apart,) = (flag["detail"] for flag in run["flags"] if flag["kind"] == "clocks_apart")
    assert apart.startswith("node-1's was 1 h 00 min ahead")
    assert abs(report["joined"][1]["ahead_s"] - 3600) < 0.5
    assert two.report(0, "r.node-1.json") == json.loads(spare.read_text())


@pytest.mark.slow
def test_a_disk_that_fills_while_node_0_gathers_costs_no_node_its_report(two: TwoNodes) -> None:
    with small_disk(two.folders[0]) as fill:
        processes = exec_on_both(two, IMPATIENT, IMPATIENT)
        (two.folders[0] / "end").touch()
        until(lambda: finished(two.folders[0] / "r.node-0.json"))
        fill()
        (two.folders[1] / "end").touch()
        second = ended(processes[1])
        processes[0].send_signal(signal.SIGINT)  # it waits for no other any more
        first = ended(processes[0])
        assert "node-1 never delivered its report" in first.stderr
        assert "could not be joined: r.json: cannot be written: No space left on device" in first.stderr
        assert "No space left on device: this node's report is whole, at r.node-1.json" in second.stderr
        for number, watts in enumerate(WATTS):
            (own,) = two.report(number, f"r.node-{number}.json")["runs"]
            assert own["status"] == "done"
            assert own["energy_j"] == pytest.approx(watts * own["time_s"], abs=own["energy_u_j"] + LAG_J)


def exec_on_both(
    two: TwoNodes,
    of_first: Mapping[str, str] = MappingProxyType({}),
    of_second: Mapping[str, str] = MappingProxyType({}),
) -> list[subprocess.Popen[str]]:
    """A program on each node that ends with the file ``end``, and has been metered for a second."""
    processes = [
        two.energyprof(
            number,
            *("exec", *EXEC, "--machine", f"machine {number}", *rendezvous(number), *PROGRAM),
            machine=False,
            **more,
        )
        for number, more in enumerate((of_first, of_second))
    ]
    until(lambda: all((folder / "began").exists() for folder in two.folders))
    time.sleep(1.0)
    return processes


EXEC = ("--idle", "0", "-o", "r.json", "-q")
# For a node that does not come any more, and a link that does not come back.
IMPATIENT = variables(
    {"energyprof.profile.nodes.gather:STOPPED_S": 1.0, "energyprof.profile.nodes.remote:REACHED_S": 2.0}
)
WAITS = "touch began; until [ -e end ]; do sleep 0.05; done"
PROGRAM = ("--", "sh", "-c", WAITS)


def until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 400
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
