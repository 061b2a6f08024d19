"""Wakes those who wait when the wall clock is set back, where the interpreter's locks wait by it.

A Python that was built against a C library without sem_clockwait(3), glibc before 2.30, as those are that run
on any Linux, waits for a lock until a time of the wall clock (CPython's thread_pthread.h). Where that is set
back by an hour it comes an hour late. Sleeping does not depend on it.
"""

from __future__ import annotations

import sysconfig
import threading
import time
from collections.abc import Callable

from energyprof.clock import read_clocks
from energyprof.trace.wall_clock import SMALL_S

BEAT_S = 0.5


def locks_follow_the_wall_clock() -> bool:
    """Whether those of this interpreter do."""
    return not sysconfig.get_config_var("HAVE_SEM_CLOCKWAIT")


class Pacemaker:
    """Calls ``wake`` after each step back of the wall clock; a thread only where it is needed."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake, self._stopping = wake, False
        if locks_follow_the_wall_clock():
            threading.Thread(target=self._beat, name="energyprof-pacemaker", daemon=True).start()

    def stop(self) -> None:
        """Call nobody any more."""
        self._stopping = True

    def _beat(self) -> None:
        before = read_clocks()
        while not self._stopping:
            time.sleep(BEAT_S)
            now = read_clocks()
            lost_s = (now.monotonic_s - before.monotonic_s) - (now.utc_s - before.utc_s)
            if lost_s > SMALL_S + before.doubt_s + now.doubt_s and not self._stopping:
                self._wake()
            before = now
