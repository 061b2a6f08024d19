"""Finds how often a counter is renewed, by looking at it until it has changed often enough."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable

POLL_S = 0.001

# The median of so many distances stands even if two of them missed an edge.
DISTANCES = 5

# NVIDIA's drivers renew the counter every 20 to 100 ms, some once a second: those change within the first
# limit, and a second time within the other.
STANDSTILL_S = 1.5
PATIENCE_S = 2.5

# Shorter ticks are not worth stamping, and ticks of fewer polls cannot be told from the polls themselves.
LEAST_TICK_S = 0.005
LEAST_POLLS = 3


def find_tick(
    read: Callable[[], float],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> float | None:
    """The time between two renewals in s; ``None`` if the counter stands still or is renewed all the time.

    Raises:
        MeterError: as ``read`` does.
    """
    begun_s = before_s = clock()
    last = read()
    last_s = (before_s + clock()) / 2
    changes_s: list[float] = []
    polls_s: list[float] = []
    while len(changes_s) <= DISTANCES:
        if clock() - begun_s > (PATIENCE_S if changes_s else STANDSTILL_S):
            break
        sleep(POLL_S)
        before_s = clock()
        value = read()
        at_s = (before_s + clock()) / 2
        if value != last:
            changes_s.append((last_s + at_s) / 2)  # between the two looks
        polls_s.append(at_s - last_s)
        last, last_s = value, at_s
    if len(changes_s) < 2:
        return None
    tick_s = statistics.median(later - sooner for sooner, later in itertools.pairwise(changes_s))
    least_s = max(LEAST_TICK_S, LEAST_POLLS * statistics.median(polls_s))
    return tick_s if tick_s >= least_s else None
