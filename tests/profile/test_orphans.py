"""What a workload starts and orphans is counted with it, and ends with it."""

from __future__ import annotations

import os
import queue
import sys
import time
from pathlib import Path

import pytest

from energyprof.profile.child import Child
from energyprof.profile.processes import stat_of

# A daemon by the book: a process of no session, no parent and no environment of ours.
DAEMON = """
import os, sys, time
def daemon(work):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.environ.clear()
            work()
        os._exit(0)
    os.wait()
"""
BUSY = """
def work():
    until = time.process_time() + 0.5
    while time.process_time() < until:
        pass
    os.write(end, b"x")
begin, end = os.pipe()
daemon(work)
os.read(begin, 1)
"""
# Each lives for 10 ms, in which it starts the next.
RUNNER = """
def work():
    while True:
        with open(sys.argv[1], "w") as file:
            file.write(str(os.getpid()))
        if os.fork():
            os._exit(0)
        time.sleep(0.01)
daemon(work)
"""


def started(program: str, *words: str) -> tuple[Child, queue.SimpleQueue[tuple[int, float | None]]]:
    ended: queue.SimpleQueue[tuple[int, float | None]] = queue.SimpleQueue()
    command = [sys.executable, "-c", DAEMON + program, *words]
    return Child(command, os.environ, lambda code, cpu_s: ended.put((code, cpu_s)), "keep"), ended


@pytest.mark.slow
def test_what_an_orphan_used_is_counted_although_nobody_looked_while_it_ran() -> None:
    child, ended = started(BUSY)
    code, cpu_s = ended.get(timeout=60)
    child.end()
    assert code == 0
    assert cpu_s is not None and cpu_s >= 0.5


@pytest.mark.slow
def test_an_orphan_that_always_starts_another_ends_with_its_program(tmp_path: Path) -> None:
    child, ended = started(RUNNER, str(tmp_path / "last"))
    ended.get(timeout=60)
    while not (tmp_path / "last").exists():  # on a busy machine the first may not have begun
        time.sleep(0.01)
    assert child.left() == []
    last = int((tmp_path / "last").read_text() or 0)
    assert stat_of(last) is None
    child.end()


@pytest.mark.slow
def test_a_helper_of_ours_is_no_orphan_of_a_program() -> None:
    read, write = os.pipe()
    helper = os.fork()
    if helper == 0:
        os.read(read, 1)
        os._exit(7)
    child, ended = started("")
    ended.get(timeout=60)
    child.left()
    child.end()
    os.write(write, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(helper, 0)[1]) == 7
