"""Signals before there is a program to pass them on to: each ends us; a report is left, or nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Sends itself a signal at the n-th moment: a file of the work's folder is opened, renamed or removed, or a
# program started. Says on stdout that it did.
AT_A_MOMENT = """
import os, sys
here, number, moment = os.getcwd(), int(sys.argv[1]), int(sys.argv[2])
MOMENTS = ("open", "os.rename", "os.remove", "subprocess.Popen")
seen = 0
def hook(event, args):
    global seen
    if event not in MOMENTS: return
    path = os.fsdecode(args[0]) if isinstance(args[0], (str, bytes, os.PathLike)) else ""
    if event == "subprocess.Popen" or (path and os.path.abspath(path).startswith(here)):
        seen += 1
        if seen == moment:
            os.write(1, f"{event} {os.path.basename(path)}\\n".encode())
            os.kill(os.getpid(), number)
sys.addaudithook(hook)
sys.argv = ["energyprof", *sys.argv[3:]]
from energyprof.cli import main
main()
"""


def sent_at(command: Any, number: int, moment: int, *words: str) -> subprocess.CompletedProcess[str]:
    temporary = command.folder.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", AT_A_MOMENT, str(int(number)), str(moment), *words],
        cwd=command.folder,
        env=command.environment(TMPDIR=str(temporary)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", [1, 2, 3, 5, 7])
def test_a_signal_at_any_moment_leaves_a_report_that_reads_or_nothing(
    command: Any, number: signal.Signals, moment: int
) -> None:
    words = ("exec", "--idle", "0.1", "--quiet", "-o", "r.json", "--", "sleep", "0.3")
    done = sent_at(command, number, moment, *words)
    assert done.stdout.strip(), "the moment never came"
    assert "Traceback" not in done.stderr
    assert done.returncode in (-number, 128 + number)
    assert left(command.folder) in (set(), {"r.json", "r.trace.csv.gz"})
    assert not left(command.folder.parent / "tmp")
    if (command.folder / "r.json").exists():
        assert json.loads((command.folder / "r.json").read_text())["runs"]


# Sends itself SIGINT when this module is about to be loaded.
AS_IT_LOADS = """
import os, runpy, signal, sys
class Sends:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Sends())
sys.argv[1:] = sys.argv[1:][:1] + ["workloads"]
runpy.run_module("energyprof", run_name="__main__", alter_sys=False)
"""


@pytest.mark.parametrize("module", ["energyprof.cli", "energyprof.errors", "energyprof.profile.unwinding"])
def test_ctrl_c_while_energyprof_is_loaded_is_no_traceback(command: Any, module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AS_IT_LOADS, module],
        env=command.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
