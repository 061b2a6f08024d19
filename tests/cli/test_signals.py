"""Signals to the profiler: the program hears of each, warnings end nothing, the report is whole."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from energyprof.profile.inbox import name_of

EXEC = ("exec", "--idle", "0", "--meters", "none", "-o", "r.json")
SAVES = """
import signal, sys, time
def save(number, frame):
    print("saved", number, flush=True)
signal.signal(int(sys.argv[1]), save)
print("ready", flush=True)
sys.stdin.readline()
"""
# Each ends a process that does not catch it; Slurm's and OAR's warnings are among them.
WARNINGS = [
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU, signal.SIGALRM, signal.SIGVTALRM),
    *(signal.SIGPROF, signal.SIGIO, signal.SIGPWR, signal.SIGABRT, signal.SIGRTMIN + 3),
]


# Says which process it is, and waits.
TELLS = 'echo $$. > "$0"; exec sleep 600'


def started(command: Any, *words: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        command.arguments(*words),
        cwd=command.folder,
        env=command.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_a_warning_is_passed_on_and_the_training_goes_on(command: Any) -> None:
    process = started(command, *EXEC, "--", sys.executable, "-c", SAVES, str(int(signal.SIGUSR1)))
    process.send_signal(signal.SIGUSR1)
    assert process.stdout is not None
    assert process.stdout.readline() == f"saved {int(signal.SIGUSR1)}\n"
    process.communicate("go on\n", timeout=60)
    assert process.returncode == 0
    run = command.report()["runs"][0]
    assert run["status"] == "done"
    assert {"kind": "warned", "meter": "", "detail": "SIGUSR1"} in run["flags"]
    assert "interrupted" not in [flag["kind"] for flag in run["flags"]]


@pytest.mark.slow
def test_a_warning_reaches_the_one_that_cares_behind_a_shell_that_does_not(command: Any) -> None:
    words = f"{sys.executable} -c '{SAVES}' {int(signal.SIGUSR2)}; exit 5"
    process = started(command, *EXEC, "--", "sh", "-c", words)
    process.send_signal(signal.SIGUSR2)
    assert process.stdout is not None
    assert process.stdout.readline() == f"saved {int(signal.SIGUSR2)}\n"
    process.communicate("go on\n", timeout=60)
    assert process.returncode == 5


@pytest.mark.slow
@pytest.mark.parametrize("number", WARNINGS)
def test_a_program_that_a_warning_ends_ends_as_without_us(command: Any, number: int) -> None:
    process = started(command, *EXEC, "--", "sh", "-c", "echo ready; exec sleep 600")
    while b"sleep" not in b"".join(p.read_bytes() for p in _children(process.pid)):
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    run = command.report()["runs"][0]
    assert run["status"] == "interrupted"
    assert {"kind": "interrupted", "meter": "", "detail": name_of(number)} in run["flags"]


def _children(pid: int) -> list[Path]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path(f"/proc/{child}/cmdline") for child in children]


@pytest.mark.slow
@pytest.mark.parametrize("first", ["program", "profiler"])
def test_a_signal_for_the_whole_job_interrupts_it_whoever_dies_of_it_first(command: Any, first: str) -> None:
    """A batch system signals all processes at once: the program may be dead before we have heard of it."""
    program = command.folder / "program"
    words = ("exec", "--idle", "0", "--meters", "rapl", "-o", "r.json", "--", "sh", "-c", TELLS)
    process = subprocess.Popen(
        command.arguments(*words, str(program)), cwd=command.folder, env=command.environment()
    )
    deadline_s = time.monotonic() + 60
    while not program.exists() or not program.read_text().endswith(".\n"):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    numbers = [int(program.read_text().rstrip(".\n")), process.pid]
    for number in numbers if first == "program" else reversed(numbers):
        with contextlib.suppress(ProcessLookupError):  # it has been passed on already
            os.kill(number, signal.SIGUSR2)
        time.sleep(0.05)
    process.wait(60)
    (run,) = command.report()["runs"]
    assert (run["status"], run["exit_code"]) == ("interrupted", -signal.SIGUSR2)
    assert {"kind": "interrupted", "meter": "", "detail": "SIGUSR2"} in run["flags"]


@pytest.mark.slow
def test_a_script_that_does_not_know_a_warning_goes_on(command: Any) -> None:
    (command.folder / "train.py").write_text(
        "import os, signal, time, energyprof\n"
        "energyprof.mark('train')\n"
        "os.kill(os.getppid(), signal.SIGUSR1)\n"
        "time.sleep(1)\n"
        "energyprof.progress(samples=8)\n"
    )
    done = command("run", "./train.py", "--idle", "0", "--meters", "none", "-o", "r.json")
    assert done.returncode == 0, done.stderr
    run = command.report()["runs"][0]
    assert run["status"] == "done"
    assert run["samples"] == 8
    assert {"kind": "warned", "meter": "", "detail": "SIGUSR1"} in run["flags"]


@pytest.mark.slow
def test_a_warning_before_the_program_is_there_waits_for_it(command: Any) -> None:
    words = ("exec", "--idle", "1", "--meters", "none", "-o", "r.json", "--")
    process = subprocess.Popen(
        command.arguments(*words, sys.executable, "-c", SAVES, str(int(signal.SIGUSR1))),
        cwd=command.folder,
        env=command.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while (
        not (command.folder / "r.json").exists()
        or b"unfinished" not in (command.folder / "r.json").read_bytes()
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGUSR1)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert process.stdout.readline() == f"saved {int(signal.SIGUSR1)}\n"
    process.communicate("go on\n", timeout=60)
    assert process.returncode == 0
    assert command.report()["runs"][0]["status"] == "done"


LEFT = """
import contextlib
import json
import os
import shlex
import signal
from energyprof.profile.inbox import signals
with signals():
    left = [int(n) for n in signal.valid_signals() if signal.getsignal(n) == signal.SIG_DFL]
print(*sorted(left))
"""


def test_no_signal_that_could_be_caught_is_left_to_end_the_profiler() -> None:
    done = subprocess.run([sys.executable, "-c", LEFT], capture_output=True, text=True, check=True)
    end_nothing = ["CHLD", "CONT", "URG", "WINCH", "TSTP", "TTIN", "TTOU"]
    own_faults_or_for_all = ["SEGV", "BUS", "FPE", "ILL", "SYS", "KILL", "STOP"]
    names = [signal.Signals(int(number)).name[3:] for number in done.stdout.split()]
    assert sorted(names) == sorted(end_nothing + own_faults_or_for_all)


@pytest.mark.slow
def test_a_parent_that_ignores_its_children_keeps_no_exit_code_from_us(command: Any) -> None:
    ignores = "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
    ignores = f"import os, signal, sys; {ignores}; os.execv(sys.argv[1], sys.argv[1:])"
    words = [sys.executable, "-c", ignores, *command.arguments(*EXEC, "--", "sh", "-c", "exit 7")]
    done = subprocess.run(
        words, cwd=command.folder, env=command.environment(), capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 7, done.stderr
    assert command.report()["runs"][0]["status"] == "failed"


@pytest.mark.slow
@pytest.mark.parametrize("of", ["run", "exec"])
def test_ctrl_c_ends_the_loop_of_trainings_that_a_script_makes(command: Any, of: str) -> None:
    """A shell goes on with its script unless what it waited for was itself ended by the signal."""
    program = (
        "import signal, time\nprint('ready', flush=True)\nopen('began', 'a').write('.')\ntime.sleep(600)\n"
    )
    (command.folder / "train.py").write_text(program)
    words = {"run": ("run", "train.py"), "exec": ("exec", "--", sys.executable, "train.py")}[of]
    line = shlex.join(command.arguments(words[0], "--idle", "0", "--meters", "none", *words[1:]))
    loop = ["bash", "-c", f"for i in 1 2 3; do {line}; done; touch went_on"]
    process = subprocess.Popen(
        loop, cwd=command.folder, env=command.environment(), start_new_session=True, stderr=subprocess.PIPE
    )
    began = command.folder / "began"
    deadline_s = time.monotonic() + 60
    while not (began.exists() and began.read_text()):  # it is there before anything is in it
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == -signal.SIGINT, said
    assert began.read_text() == "." and not (command.folder / "went_on").exists()
    (report,) = command.folder.glob("energyprof-reports/*.json")
    assert json.loads(report.read_text())["runs"][0]["status"] == "interrupted"


def test_a_program_that_exits_with_130_by_itself_ends_no_loop(command: Any) -> None:
    assert command(*EXEC, "--", "sh", "-c", "exit 130").returncode == 130
