"""``energyprof run --nproc 2``: real torchrun, real processes that die, the machine's energy over both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from energyprof.workload import Settings
from energyprof.workloads import unet as unet_workload
from fakes import nvml, sysfs
from fakes.powercap import LAG_J

pytestmark = pytest.mark.slow

IMPORTS = "import os, signal, sys, time, energyprof\nrank = int(os.environ['RANK'])\n"
PID = """
with open(f"pid-{rank}.new", "w") as file:
    file.write(str(os.getpid()))
os.rename(f"pid-{rank}.new", f"pid-{rank}")
"""
# Only the launcher needs torch: the two train without it.
TRAINS = """
energyprof.mark("train")
for step in range(1, 4):
    time.sleep(0.1)
    energyprof.progress(samples=32 * step, score=step / 4)
    if energyprof.reached(step / 4):
        break
"""
SAYS = "print(f\"process {rank} of {os.environ['WORLD_SIZE']}, seed {energyprof.seed()}\", flush=True)\n"
SCRIPT = IMPORTS + SAYS + PID + TRAINS
# Once one is gone, the other fails as a collective operation would: at once and at length.
ENDINGS = {
    "killed": "if rank == 1: os.kill(os.getpid(), signal.SIGKILL)",
    "raises": "if rank == 1: raise ValueError('cannot go on')",
    "hangs": "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
}
PARTNER = """
def gone(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
if rank == 0:
    while not os.path.exists("pid-1") or not open("pid-1").read(): time.sleep(0.01)
    while not gone(open("pid-1").read()): time.sleep(0.001)
    for _ in range(100): print("frame of a long traceback", file=sys.stderr)
    raise RuntimeError("Connection closed by peer")
"""
# Of seed 6 one fails, and neither gets as far as the target.
FAILS_LATER = IMPORTS + "if energyprof.seed() == 6:\n"
FAILS_LATER += indent((SAYS + PID + ENDINGS["raises"] + PARTNER).replace("pid-", "later-"), "    ")


@pytest.fixture(autouse=True)
def _torch() -> None:
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")


@pytest.fixture
def script(command: Any) -> Callable[..., Any]:
    def run(ending: str, *words: str, beginning: str = "", **options: Any) -> Any:
        (command.folder / "train.py").write_text(beginning + SCRIPT + ending)
        return command("run", "train.py", "--nproc", "2", "--idle", "0", "-o", "r.json", *words, **options)

    return run


def gone(pid: int) -> bool:
    """Whether no such process works any more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def pids(folder: Path, name: str = "pid") -> list[int]:
    return [int((folder / f"{name}-{rank}").read_text()) for rank in (0, 1)]


def expect_not_buried(stderr: str, last: str, says: str) -> None:
    """Assert that the line stands last, behind the last words of the process that it is about."""
    lines = stderr.splitlines()
    assert lines[0] == "the training's last lines:"
    assert lines[-2:] == [f"  {last}", f"error: {says}"]
    assert len(lines) < 15, stderr
    assert "torchrun" not in stderr and "elastic" not in stderr


def test_both_processes_have_the_seed_and_the_target_both_gpus_are_metered_and_a_seed_that_fails_keeps_that(
    command: Any, script: Callable[..., Any]
) -> None:
    found = nvml.environment(nvml.build(), gpus=4, CUDA_VISIBLE_DEVICES="1,2", tick_s=0.02)
    words = ("-q", "--target", "accuracy>=0.5", "--seeds", "5,6,7")
    done = script("", *words, beginning=FAILS_LATER, environment=found)
    assert done.returncode == 2
    says = "process 1 of 2 ended with exit code 1: ValueError: cannot go on"
    expect_not_buried(done.stderr, "ValueError: cannot go on", says)
    report = command.report()
    run, failed = report["runs"]
    assert (failed["seed"], failed["status"]) == (6, "failed")
    assert {"kind": "said", "meter": "", "detail": says} in failed["flags"]
    assert all(gone(pid) for pid in pids(command.folder, "later"))
    # Samples that both count are counted once.
    assert (run["seed"], run["status"], run["samples"], run["score"]) == (5, "reached", 64, 0.5)
    assert [phase["name"] for phase in run["phases"]] == ["idle", "startup", "train", "shutdown"]
    assert run["phases"][2]["samples"] == 64
    assert run["facts"]["processes"] == 2
    counted = {meter["name"] for meter in report["meters"] if meter["counted"]}
    assert counted == {"rapl:package-0", "nvml:1", "nvml:2"}
    assert any("nvml:0, nvml:3 left out by CUDA_VISIBLE_DEVICES" in note for note in report["notes"])
    by_meter_j = {name: sum(phase["by_meter_j"][name] for phase in run["phases"]) for name in counted}
    parts_j = sum(phase["energy_j"] for phase in run["phases"])
    assert sum(by_meter_j.values()) == pytest.approx(parts_j)
    # The processor draws 50 W, the boards 500 W and 750 W.
    assert by_meter_j["rapl:package-0"] == pytest.approx(50 * run["total_time_s"], abs=LAG_J)
    assert parts_j == pytest.approx(1300 * run["total_time_s"], rel=0.1)
    assert run["energy_j"] == pytest.approx(1300 * run["time_s"], rel=0.1)


def test_a_process_that_is_killed_is_named_and_its_words_are_not_buried(
    command: Any, script: Callable[..., Any]
) -> None:
    done = script(ENDINGS["killed"] + PARTNER, "-q")
    assert done.returncode == 2
    says = "process 1 of 2 was killed by SIGKILL"
    expect_not_buried(done.stderr, "process 1 of 2, seed 0", says)
    run = command.report()["runs"][0]
    assert run["status"] == "failed"
    assert {"kind": "said", "meter": "", "detail": says} in run["flags"]
    assert all(gone(pid) for pid in pids(command.folder))


def started(command: Any, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command.arguments(*words),
        cwd=command.folder,
        env=command.environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_ctrl_c_leaves_no_process_behind_even_if_they_do_not_listen(command: Any) -> None:
    (command.folder / "train.py").write_text(SCRIPT + ENDINGS["hangs"])
    process = started(command, "run", "train.py", "--nproc", "2", "--idle", "0", "-o", "r.json", "-q")
    until(lambda: all((command.folder / f"pid-{rank}").exists() for rank in (0, 1)))
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)  # a second signal ends the wait for a clean end
    process.communicate(timeout=100)
    assert process.returncode == -signal.SIGINT
    assert command.report()["runs"][0]["status"] == "interrupted"
    until(lambda: all(gone(pid) for pid in pids(command.folder)))


def test_a_launcher_that_is_killed_leaves_no_process_behind(command: Any) -> None:
    (command.folder / "train.py").write_text(SCRIPT + ENDINGS["hangs"])
    process = started(command, "run", "train.py", "--nproc", "2", "--idle", "0", "-o", "r.json", "-q")
    until(lambda: all((command.folder / f"pid-{rank}").exists() for rank in (0, 1)))
    stat = Path(f"/proc/{pids(command.folder)[0]}/stat").read_text()
    os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)
    process.communicate(timeout=100)
    assert process.returncode == 2
    until(lambda: all(gone(pid) for pid in pids(command.folder)))


def test_an_interpreter_without_torch_says_so(command: Any, tmp_path: Path) -> None:
    (command.folder / "train.py").write_text("")
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    words = ("run", "train.py", "--nproc", "2", "--idle", "0", "-o", "r.json", "-q")
    done = command(*words, "--python", str(bare / "bin/python"))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "torch, needed to train, is not installed" in line
    assert not (command.folder / "r.json").exists()


@pytest.fixture
def unet(command: Any) -> Callable[..., Any]:
    if not all(find_spec(needed) for needed in ("monai", "nilearn", "nibabel")):
        pytest.skip("what the U-Net needs is not installed")
    small = ("--batch-size", "8", "--max-samples", "32", "--data-fraction", "0.05", "--device", "cpu")

    def run(*words: str, **options: Any) -> Any:
        asked = ("run", "unet", *small, "--nproc", "2", "--idle", "0", "-o", "r.json", *words)
        return command(*asked, **options, loaded=["fakes.unet_loaded"])

    return run


def test_two_processes_train_the_standard_workload_together(
    command: Any, unet: Callable[..., Any], tmp_path: Path
) -> None:
    sysfs.stat(tmp_path / "machine", busy_s=5.0, idle_s=5.0)
    done = unet("--meters", "rapl,cpu-model")
    assert done.returncode == 4, done.stderr
    report = command.report()
    run = report["runs"][0]
    assert (run["status"], run["samples"]) == ("missed", 32)
    assert sum(phase["samples"] or 0 for phase in run["phases"]) == 32
    assert run["facts"]["processes"] == 2
    assert run["energy_j"] == pytest.approx(50 * run["time_s"], abs=LAG_J)
    # The same work as in one process: how many train it is no part of what it is.
    assert report["workload"]["work"] == unet_workload.plan(Settings(batch_size=8, data_fraction=0.05)).work()


def test_a_batch_that_cannot_be_split_is_one_line(one_error_line: Any, unet: Callable[..., Any]) -> None:
    assert "cannot be split over 2 process(es)" in one_error_line(unet("--batch-size", "7"))
