"""The machine's busy time beside a real training's: read, recorded, and said at the start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from energyprof.measure.busy_time import BusyTime
from fakes import sysfs

pytestmark = pytest.mark.slow  # programs that take their time in real seconds

BURN = "import time\nwhile time.process_time() < 0.5:\n    pass"
# Others' load is what the kernel's file says: the program writes it, 40 s of 20 processors' work at a time.
BUSY = """
import sys, time
for busy in (40, 80, 120, 160, 200):
    time.sleep(0.6)
    open(sys.argv[1], "w").write(f"cpu  {busy * 100} 0 0 0 0 0 0 0 0 0\\ncpu0 0\\ncpu1 0\\n")
"""


def test_a_busy_loop_of_half_a_second_is_in_the_machines_busy_time() -> None:
    if not Path("/proc/stat").exists():
        pytest.skip("no /proc/stat here")
    busy = BusyTime(Path("/"))
    before_s = busy.read()
    subprocess.run([sys.executable, "-S", "-c", BURN], check=True)
    after_s = busy.read()
    if before_s is None or after_s is None or after_s == before_s == 0:
        pytest.skip("this kernel does not tell")
    # Others may only add to it; ticks are cut to 10 ms, and sampled on most kernels.
    assert after_s - before_s > 0.4


def test_what_is_no_proc_stat_is_not_known(tmp_path: Path) -> None:
    assert BusyTime(tmp_path).read() is None
    sysfs.write(tmp_path / "proc/stat", "cpu  1 2\ncpu0 1 2\n")
    assert BusyTime(tmp_path).read() is None
    sysfs.stat(tmp_path, busy_s=5.0, idle_s=5.0)
    assert BusyTime(tmp_path).read() == pytest.approx(5.0)
    assert BusyTime(tmp_path).cpus == 2


def test_others_are_warned_of_at_the_start_and_spoil_the_run(command: Any, tmp_path: Path) -> None:
    stat = sysfs.stat(tmp_path / "machine", busy_s=0.0, idle_s=5.0)
    words = ("exec", "--idle", "0", "-o", "r.json", "-q", "--", sys.executable, "-c", BUSY, str(stat))
    done = command(*words)
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: other programs use ")
    (run,) = command.report()["runs"]
    assert [(one["kind"], one["meter"]) for one in run["flags"] if one["kind"] != "short"] == [
        ("foreign", "the CPUs")
    ]


def test_a_machine_that_does_nothing_else_is_not_warned_of(command: Any, tmp_path: Path) -> None:
    sysfs.stat(tmp_path / "machine", busy_s=5.0, idle_s=5.0)
    done = command("exec", "--idle", "1.2", "-o", "r.json", "-q", "--", sys.executable, "-c", BURN)
    assert done.stderr == ""
    assert {"foreign", "not_idle"}.isdisjoint(f["kind"] for f in command.report()["runs"][0]["flags"])
