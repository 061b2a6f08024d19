"""The processor time of a program and everything it started, including what has ended."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Sequence

from energyprof.profile.orphans import adopted, ended, reap
from energyprof.profile.processes import children_of, stat_of
from energyprof.storable.frozen import dataclass

# Ticks of the times in /proc/PID/stat.
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass
class _Process:
    parent: int
    started: int  # ticks since the machine started: tells a process from a later one of the same number
    own_s: float
    reaped_s: float  # of its children that it waited for, as the kernel adds them up
    ended_s: float = 0.0  # of its children that were seen and are no more


class ProcessTree:
    """Follows the program ``pid`` and its descendants.

    Orphans are among them where the kernel hands them to us (``orphans.py``). Elsewhere a process that is
    started and orphaned between two readings is missed, and so is what one of them that was not waited for
    did after the last reading that saw it.
    """

    def __init__(self, pid: int, beside: Callable[[], Sequence[int]] | None = None) -> None:
        """``beside``: other processes that belong to it, none of which it started."""
        self._root, self._own, self._beside = pid, os.getpid(), beside
        self._lock = threading.Lock()
        self._alive: dict[int, _Process] = {}
        self._ended_s = 0.0  # of those whose parent ended before them
        self._highest_s = 0.0
        self._last_s = -math.inf
        self._open = os.path.exists(f"/proc/self/task/{threading.get_native_id()}/children")

    def read(self, spacing_s: float = 0.0) -> tuple[float, float] | None:
        """The time on the monotonic clock, and the processor time in s that was used until then.

        None: the last reading is less than ``spacing_s`` ago, the tree was closed, or the kernel does not say
        which children a process has (it does with CONFIG_PROC_CHILDREN, Linux 4.2).
        """
        with self._lock:
            now_s = time.monotonic()
            if not self._open or now_s - self._last_s < spacing_s:
                return None
            self._last_s = now_s
            self._look()
            used_s = self._ended_s + sum(map(_total_s, self._alive.values()))
            # The kernel cuts what was waited for to whole ticks: it may fall short of what was seen before.
            self._highest_s = max(self._highest_s, used_s)
            return now_s, self._highest_s

    def close(self) -> float | None:
        """The processor time in s at the program's end, before it is waited for; no reading follows.

        None: the kernel does not tell.
        """
        reading = self.read()
        with self._lock:
            self._open = False
        return None if reading is None else reading[1]

    def _look(self) -> None:
        found: dict[int, _Process] = {}
        # Those that were seen are looked up one by one: an orphan hangs on no process of the tree. Parents
        # come before their children: one that is waited for meanwhile is not counted twice.
        orphans = adopted(self._root)
        dead = ended(orphans)
        queue = [*(list(self._alive) or [self._root]), *orphans, *(self._beside() if self._beside else ())]
        for pid in queue:
            # A program may have started us: what measuring costs is told apart.
            process = None if pid in found or pid == self._own else _process(pid)
            seen = self._alive.get(pid)
            if process is None or (seen is not None and seen.started != process.started):
                continue  # it has ended; its number may be another's now
            process.ended_s = seen.ended_s if seen is not None else 0.0
            found[pid] = process
            queue += children_of(pid)
        known = {**self._alive, **found}
        gone = [process for pid, process in self._alive.items() if pid not in found]
        # The youngest first: a child's time goes to its parent before the parent's goes on.
        for process in sorted(gone, key=lambda process: -process.started):
            parent = known.get(process.parent)
            if parent is not None:
                parent.ended_s += _total_s(process)
            else:
                self._ended_s += _total_s(process)
        self._alive = found
        reap(dead)  # all of their time was read


def _total_s(process: _Process) -> float:
    return process.own_s + max(process.reaped_s, process.ended_s)


def _process(pid: int) -> _Process | None:
    """The process as it is now; None: it does not exist."""
    fields = stat_of(pid)
    if fields is None:
        return None
    try:
        # What clock_getcpuclockid(3) gives: the time of all its threads, those that ended too, in ns.
        own_s = time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None
    reaped_s = (int(fields[13]) + int(fields[14])) / _TICKS_PER_S
    return _Process(int(fields[1]), int(fields[19]), own_s, reaped_s)
