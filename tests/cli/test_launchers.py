"""Four processes of one node, however they were started: one meters it, and all are the training's."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from fakes.powercap import LAG_J

pytestmark = pytest.mark.slow

RANKS = 4
# They wait for each other: the one that is metered is begun last.
PROGRAM = """
import os, sys, time, energyprof
open(f"here-{os.getpid()}", "w").close()
while len([name for name in os.listdir() if name.startswith("here-")]) < 4:
    time.sleep(0.02)
energyprof.mark("train")
until = time.process_time() + 0.3  # what it took to start may lie before the run, of those that start first
while time.process_time() < until:
    pass
energyprof.progress(samples=10, score=0.5)
"""
# What somebody sets by hand for torch.distributed: the last two need not be.
BY_HAND = {"WORLD_SIZE": str(RANKS), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29777"}


def by_hand(words: list[str], environment: dict[str, str], folder: Path, *more: str) -> str:
    """Four processes, each started by itself; what they said."""
    started = []
    for rank in range(RANKS):
        own = {"RANK": str(rank), **BY_HAND, **dict.fromkeys(more, str(rank))}
        if more:
            own["LOCAL_WORLD_SIZE"] = str(RANKS)
        started.append(
            subprocess.Popen(words, cwd=folder, env={**environment, **own}, stderr=subprocess.PIPE, text=True)
        )
    said = "".join(one.communicate(timeout=200)[1] for one in started)
    assert [one.returncode for one in started] == [0] * RANKS, said
    return said


def launched(launcher: list[str], words: list[str], environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [*launcher, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


LAUNCHERS = {
    "torchrun": [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "4", "--no-python"],
    "mpirun": ["mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-np", "4"],
    "mpiexec": ["mpiexec.hydra", "-n", "4"],
}


@pytest.fixture
def own_temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where processes of one launch find each other; short, for addresses of sockets."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="l") as folder:
        yield folder


@pytest.mark.parametrize(
    "way",
    [
        "by hand",
        "by hand, unnumbered on their node",
        pytest.param(
            "torchrun",
            marks=[pytest.mark.slow, pytest.mark.skipif(find_spec("torch") is None, reason="no torchrun")],
        ),
        pytest.param(
            "mpirun", marks=pytest.mark.skipif(shutil.which("mpirun.openmpi") is None, reason="no Open MPI")
        ),
        pytest.param(
            "mpiexec", marks=pytest.mark.skipif(shutil.which("mpiexec.hydra") is None, reason="no MPICH")
        ),
    ],
)
def test_four_processes_count_the_node_once(command: Any, way: str, own_temporary: str) -> None:
    (command.folder / "train.py").write_text(PROGRAM)
    words = command.arguments("exec", "--idle", "0", "-q", "-o", "r.json", "--", sys.executable, "train.py")
    environment = command.environment(TMPDIR=own_temporary)
    if way in LAUNCHERS:
        said = launched(LAUNCHERS[way], words, environment, command.folder)
    else:
        more = () if "unnumbered" in way else ("LOCAL_RANK",)
        said = by_hand(words, environment, command.folder, *more)
    assert [path.name for path in command.folder.glob("*.json")] == ["r.json"], said
    report = json.loads((command.folder / "r.json").read_text())
    (run,) = report["runs"]
    assert len(report["meters"]) == 1
    assert run["energy_j"] == pytest.approx(50 * run["time_s"], abs=run["energy_u_j"] + LAG_J)
    assert run["cpu_s"] > 0.8 * RANKS * 0.3
    assert not any(flag["kind"] == "foreign_load" for flag in run["flags"])
    # Nothing stays of how they found each other.
    for folder in (Path(own_temporary), command.folder):
        assert not list(folder.glob(".energyprof*"))
