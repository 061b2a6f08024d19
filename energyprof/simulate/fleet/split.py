"""How much each client trains, so that all of them together take least energy.

Pilla, "Scheduling Algorithms for Federated Learning With Minimal Energy Consumption" (IEEE TPDS 34(4),
2023): where a client's next unit never costs less than its last one, taking the cheapest next unit each time
is exact; with constant costs that is filling the cheapest clients; else a dynamic programme over the units.
"""

from __future__ import annotations

from typing import Any

from energyprof.errors import UsageError
from energyprof.simulate.numerics import load

# Beyond so many sums a dynamic programme takes more than a fraction of a second, in each round.
MOST_SUMS = 20_000_000
# So many of them are held in memory at once.
AT_ONCE = 1 << 20


def fill(work: int, joules_a_unit: Any, most: Any) -> Any:
    """Units of each client, ``(n,)``, where each unit of a client costs the same. Raises UsageError."""
    numpy = load("numpy")
    possible(work, int(most.sum()))
    order = numpy.argsort(joules_a_unit, kind="stable")
    before = numpy.cumsum(most[order]) - most[order]
    found = numpy.zeros(len(most), dtype=numpy.int64)
    found[order] = numpy.clip(work - before, 0, most[order])
    return found


def greedy(work: int, costs: Any, most: Any) -> Any:
    """Units of each client, ``(n,)``; ``costs[c, u]``: J of u units at client c, convex in u.

    Raises:
        UsageError: they cannot do so much.
    """
    numpy = load("numpy")
    possible(work, int(most.sum()))
    steps = numpy.diff(costs, axis=1)
    steps = numpy.where(numpy.arange(steps.shape[1])[None, :] < most[:, None], steps, numpy.inf)
    # Convex: a client's units come in their order, so that the cheapest of all are whole beginnings.
    taken = numpy.argsort(steps, axis=None, kind="stable")[:work]
    return numpy.bincount(taken // steps.shape[1], minlength=len(most))


def programme(work: int, costs: Any, most: Any) -> Any:
    """As ``greedy``, exact whatever the costs are: the least of every total, client after client.

    Raises:
        UsageError: they cannot do so much, or it would take too long.
    """
    numpy = load("numpy")
    possible(work, int(most.sum()))
    most = numpy.minimum(most, work)
    if int((most + 1).sum()) * (work + 1) > MOST_SUMS:
        raise UsageError(
            f"split: {len(most):,} clients and {work:,} units whose joules are not convex are too many for a "
            "dynamic programme: give a larger batch, fewer active clients, or start_j = 0"
        )
    least = numpy.full(work + 1, numpy.inf)
    least[0] = 0.0
    choices = numpy.zeros((len(most), work + 1), dtype=numpy.int32)
    for client in range(len(most)):
        units = int(most[client])
        # before[w, u]: the least joules of w - u units at the clients so far, of less than none infinite.
        padded = numpy.concatenate((numpy.full(units, numpy.inf), least))
        before = numpy.lib.stride_tricks.sliding_window_view(padded, units + 1)[:, ::-1]
        best = numpy.empty(work + 1)
        rows = AT_ONCE // (units + 1) + 1
        for start in range(0, work + 1, rows):
            tried = before[start : start + rows] + costs[client, : units + 1]
            # The fewest units of those that take the least.
            choices[client, start : start + rows] = tried.argmin(axis=1)
            best[start : start + rows] = tried.min(axis=1)
        least = best
    found = numpy.zeros(len(most), dtype=numpy.int64)
    left = work
    for client in reversed(range(len(most))):
        found[client] = choices[client, left]
        left -= int(found[client])
    return found


def least_energy(work: int, costs: Any, most: Any) -> Any:
    """By the quicker of the two that is exact for these costs. Raises UsageError."""
    numpy = load("numpy")
    steps = numpy.diff(costs, axis=1)
    within = numpy.arange(1, steps.shape[1])[None, :] < most[:, None]
    falls = (numpy.diff(steps, axis=1) < -1e-12 * numpy.abs(steps[:, 1:])) & within
    return (programme if falls.any() else greedy)(work, costs, most)


def possible(work: int, most: int) -> None:
    """Raises UsageError where clients are to do more units than they can."""
    if work > most:
        raise UsageError(
            f"split: {work:,} batches are to be trained in a round, the clients asked can do {most:,}: "
            "deadline_s or most_samples is what binds"
        )
