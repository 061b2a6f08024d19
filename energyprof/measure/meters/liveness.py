"""Whether a counter that can be read also counts: some drivers and hypervisors show one that never moves."""

from __future__ import annotations

import time
from collections.abc import Callable

# Between two looks; no counter that is asked for its life renews more often than every millisecond.
LOOK_S = 0.002


def moves(read: Callable[[], float], within_s: float) -> bool:
    """Whether the counter shows another value within so many seconds. Raises MeterError as ``read`` does."""
    first, until_s = read(), time.monotonic() + within_s
    while time.monotonic() < until_s:
        time.sleep(LOOK_S)
        if read() != first:
            return True
    return False
