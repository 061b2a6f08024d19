"""What a training leaves behind ends with it, however it ends: real processes, and daemons among them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# A training that starts a daemon, as servers do, and a helper; it prints their ids and does as it is told.
TRAINING = """
import os, signal, subprocess, sys, time
from energyprof.workloads import keeper

if sys.argv[1] != "alone":
    keeper.keep()
sleep = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"]
starts = f"import subprocess; print(subprocess.Popen({sleep!r}, start_new_session=True).pid)"
daemon = subprocess.Popen(
    [sys.executable, "-c", starts],
    stdout=subprocess.PIPE, start_new_session=True, text=True)
helper = subprocess.Popen(sleep)
print(os.getpid(), daemon.stdout.readline().strip(), helper.pid, flush=True)
if sys.argv[1] == "ends":
    sys.exit(3)
if sys.argv[1] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(60)
"""


class Kept:
    """A kept training, and the processes of it: itself, a daemon, a helper."""

    def __init__(self, how: str) -> None:
        self.keeper = subprocess.Popen(
            [sys.executable, "-c", TRAINING, how], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.keeper.stdout is not None
        self.pids = [int(word) for word in self.keeper.stdout.readline().split()]
        self.training = self.pids[0]

    def all_gone(self) -> bool:
        return not any(running(pid) for pid in self.pids)


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    found = Kept(request.param)
    yield found
    for pid in [found.keeper.pid, *found.pids]:
        if running(pid):
            os.kill(pid, signal.SIGKILL)
    found.keeper.communicate()


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def until(found: object, for_s: float = 30.0) -> bool:
    end_s = time.monotonic() + for_s
    while time.monotonic() < end_s:
        if found():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["ends"], indirect=True)
def test_a_training_that_ends_leaves_nothing_and_its_exit_code_stays(kept: Kept) -> None:
    assert kept.keeper.wait(30) == 3
    assert kept.all_gone()


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["runs"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_training_that_is_killed_leaves_nothing_and_ends_by_that_signal(kept: Kept, number: int) -> None:
    os.kill(kept.training, number)
    assert kept.keeper.wait(30) == -number
    assert kept.all_gone()


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["runs", "deaf"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_asks_the_keeper_to_stop_stops_all_even_one_that_does_not_listen(kept: Kept, number: int) -> None:
    kept.keeper.send_signal(number)
    assert kept.keeper.wait(30) in (-signal.SIGTERM, -signal.SIGKILL)
    assert kept.all_gone()


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["runs"], indirect=True)
def test_a_keeper_that_is_killed_takes_the_training_with_it(kept: Kept) -> None:
    kept.keeper.kill()
    assert until(lambda: not running(kept.training))


@pytest.mark.parametrize("kept", ["alone"], indirect=True)
def test_without_a_keeper_the_daemon_would_stay(kept: Kept) -> None:
    """That the tests above can fail."""
    kept.keeper.kill()
    kept.keeper.wait(30)
    assert not kept.all_gone()
