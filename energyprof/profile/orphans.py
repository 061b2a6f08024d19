"""What a program started and left: the kernel hands its orphans to us, so that none is lost and none stays.

A process that starts another and ends, as daemons do, would give it to init. For a subreaper (prctl(2)) its
orphans come to itself: what they use is counted, and they end with the program that they come from. What
another daemon starts on demand (systemd-run, at, docker) was never the program's, for the kernel.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Sequence

from energyprof.profile.processes import children_of, stat_of

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_prctl = ctypes.CDLL(None, use_errno=True).prctl
# A program that starts processes faster than they are ended is not waited for longer.
END_S = 5.0


def adopt() -> None:
    """From now on the orphans of all that we start come to us."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def adopted(program: int) -> list[int]:
    """Our children that the process ``program`` or its own have started.

    They are not in our session, as our own helpers are: ``program`` began one of its own, and no process can
    enter a session that exists.
    """
    own = os.getsid(0)
    found = []
    for pid in children_of(os.getpid()):
        fields = stat_of(pid)
        if pid != program and fields is not None and int(fields[3]) != own:
            found.append(pid)
    return found


def ended(orphans: Sequence[int]) -> list[int]:
    """Those of them that have ended: the kernel keeps their times until they are reaped."""
    return [pid for pid in orphans if (fields := stat_of(pid)) is not None and fields[0] == b"Z"]


def reap(orphans: Sequence[int]) -> None:
    """Let go of those of them that have ended."""
    for pid in orphans:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def end_all(program: int) -> list[str]:
    """End what ``program``, which has ended, left behind; the names of what could not be ended in time."""
    until_s = time.monotonic() + END_S
    while True:
        orphans = adopted(program)
        running = [pid for pid in orphans if _name_if_running(pid)]
        if not running:
            reap(orphans)
            return []
        if time.monotonic() > until_s:
            return sorted({_name_if_running(pid) for pid in running} - {""})
        # First all are stopped: one that is killed alone could be replaced by the next.
        family = _with_descendants(running)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in family:
                with contextlib.suppress(OSError):
                    os.kill(pid, number)
        time.sleep(0.005)
        reap(orphans)


def _with_descendants(pids: Sequence[int]) -> list[int]:
    found = list(pids)
    for pid in found:
        found += [child for child in children_of(pid) if child not in found]
    return found


def _name_if_running(pid: int) -> str:
    fields = stat_of(pid)
    if fields is None or fields[0] in (b"Z", b"X"):
        return ""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", "rb") as file:
        return file.read().decode(errors="replace").strip() or "?"
    return ""
