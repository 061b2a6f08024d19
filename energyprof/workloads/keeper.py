"""A parent for a training that starts servers: whatever it leaves behind, however it ends, ends with it.

The training goes on in a fork; this process waits for it. As a subreaper (prctl(2)) it is handed what the
training's own processes orphan, daemons in sessions of their own too, and ends all of that when the training
has ended or the profiler is gone, by SIGKILL too. Were this process killed itself, the profiler would be the
subreaper.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from typing import List, Tuple

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
# A training that was asked to stop gets this long; it is less than what the profiler gives all of us.
STOP_S = 5.0
# Who starts processes faster than they are ended is not waited for longer.
END_S = 5.0
_kept = False  # whether this process has a keeper
_ASKED = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def keep() -> None:
    """Return in a child of this process, which ends as that child does, and after all that it started.

    To be called before there are threads. Where there is no prctl (not Linux) it changes nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    keeper = os.getpid()
    pid = os.fork()
    global _kept
    if pid == 0:
        _kept = True
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != keeper:
            os.kill(os.getpid(), signal.SIGKILL)
        return
    try:
        status = _await(pid)
        _end_all()
        _end_as(status)
    finally:
        os._exit(1)


def end(code: int) -> None:
    """End this process at once if it has a keeper: what taking the interpreter apart would end, that ends."""
    if _kept:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _await(pid: int) -> int:
    """The wait status of the child, once it has ended; who asks us to stop asks the child."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {*_ASKED, signal.SIGCHLD})
    kill_at_s = float("inf")
    while True:
        for ended, status in _reaped():
            if ended == pid:
                return status
        found = signal.sigtimedwait({*_ASKED, signal.SIGCHLD}, 0.5)
        if found is not None and found.si_signo in _ASKED:
            kill_at_s = min(kill_at_s, time.monotonic() + STOP_S)
            os.kill(pid, signal.SIGTERM)
        if time.monotonic() > kill_at_s:
            os.kill(pid, signal.SIGKILL)


def _end_all() -> None:
    """End every process that is left, and those that it starts meanwhile."""
    until_s = time.monotonic() + END_S
    while time.monotonic() < until_s:
        list(_reaped())
        family = _children(os.getpid())
        if not family:
            return
        for pid in family:
            family += [child for child in _children(pid) if child not in family]
        # First all are stopped: one that is killed alone could be replaced by the next.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in family:
                with contextlib.suppress(OSError):
                    os.kill(pid, number)
        time.sleep(0.005)


def _end_as(status: int) -> None:
    """End as the process with that wait status did."""
    if not os.WIFSIGNALED(status):
        os._exit(os.WEXITSTATUS(status))
    number = os.WTERMSIG(status)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # its core is written; ours would say nothing
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    os._exit(128 + number)


def _reaped() -> List[Tuple[int, int]]:
    """Those of our children, and of those that the kernel gave us, that have ended; and their wait status."""
    found = []
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            found.append((pid, status))
    return found


def _children(pid: int) -> List[int]:
    found: List[int] = []
    with contextlib.suppress(OSError):  # the thread or the process has just ended
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    return found
