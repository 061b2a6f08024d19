"""The clocks of the machine: the time of day, and how it stands beside the clock that durations come from."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from energyprof.units import utc

# Of so many looks the quickest counts: a process that is held up between two clocks reads them apart.
TRIES = 3
QUICK_S = 20e-6


# How often a thread that is waited for is looked at.
ENDED_S = 0.005


class Clocks(NamedTuple):
    """One look at the clocks, in s."""

    monotonic_s: float  # durations come from it: never set, and it stands still while the machine sleeps
    utc_s: float  # since 1970; may be set, forward or back
    asleep_s: float | None  # how long the machine has slept since it was started; None: not told
    doubt_s: float  # half of how long the look took


def utc_now() -> str:
    """The time as ISO 8601, in UTC, to the millisecond."""
    return utc(time.time())


def read_clocks() -> Clocks:
    """The clocks at one moment."""
    best = _look()
    for _ in range(TRIES - 1):
        if best.doubt_s <= QUICK_S:
            break
        best = min(best, _look(), key=lambda look: look.doubt_s)
    return best


def ended(thread: threading.Thread, by_s: float) -> bool:
    """Whether the thread has ended, which is waited for until then on the monotonic clock.

    ``Thread.join`` would wait by the wall clock where the interpreter's locks do (``profile/pacemaker.py``).
    """
    while thread.is_alive() and time.monotonic() < by_s:
        time.sleep(ENDED_S)
    return not thread.is_alive()


def _look() -> Clocks:
    before_s = time.monotonic()
    utc_s, boot_s = time.time(), _boot_s()
    after_s = time.monotonic()
    middle_s = (before_s + after_s) / 2
    asleep_s = None if boot_s is None else boot_s - middle_s
    return Clocks(middle_s, utc_s, asleep_s, (after_s - before_s) / 2)


def _boot_s() -> float | None:
    """The clock that runs on while the machine sleeps (clock_gettime(2)); ``None``: there is none."""
    try:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    except (AttributeError, OSError):
        return None
