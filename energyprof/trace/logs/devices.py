"""Whether a log holds the readings of several devices, and what tells them apart."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

# Rows of one time, whose stamps may differ by as long as their logger took to write them, are far closer
# to each
# other than to the next ones.
APART = 5.0
CLOSE_S = 0.2
# So many of the groups have one size.
USUAL = 0.9
LEAST_GROUPS = 3
LEAST_AT_ONE_TIME = 2
MOST_DEVICES = 256


class Bursts(NamedTuple):
    """Rows that come together."""

    size: int  # 1: each comes alone
    within_s: float  # those of one burst follow each other by no more


ALONE = Bursts(1, 0.0)


def bursts(times_s: Sequence[float]) -> Bursts:
    """How many rows come together each time."""
    steps = [after - before for before, after in itertools.pairwise(times_s)]
    if len(steps) < 2 or min(steps) < 0:
        return ALONE
    best, within_s = 1.0, -1.0
    order = sorted(steps)
    for i, (short, long) in enumerate(itertools.pairwise(order), 1):
        ratio = (long + 1e-6) / (short + 1e-6)
        if ratio > best and short <= CLOSE_S and 2 * i >= len(order) - LEAST_GROUPS:
            best, within_s = ratio, math.sqrt((short + 1e-6) * (long + 1e-6))
    if best < APART:
        return ALONE
    sizes = [1]
    for step in steps:
        if step <= within_s:
            sizes[-1] += 1
        else:
            sizes.append(1)
    # The last one may be cut off, where only the head of a log is looked at.
    size, count = Counter(sizes[:-1] or sizes).most_common(1)[0]
    least = LEAST_AT_ONE_TIME if order[len(order) // 2 - 1] == 0 else LEAST_GROUPS
    if len(sizes) < least or count < USUAL * (len(sizes) - 1) or size > MOST_DEVICES:
        return ALONE
    return Bursts(size, within_s)


def repeated(times_s: Sequence[float]) -> bool:
    """Whether most rows share their time with one beside them; a clock that was set back repeats others."""
    together = (len(list(those)) for _, those in itertools.groupby(times_s))
    return sum(n for n in together if n > 1) > len(times_s) / 2 and len(times_s) >= 4


def takes_turns(cells: Sequence[str]) -> list[str]:
    """The values of a column that come in one order again and again; empty: they do not."""
    first = list(itertools.takewhile(lambda cell: cell != cells[0], cells[1:])) if cells else []
    cycle = [cells[0], *first] if cells else []
    size = len(cycle)
    if not 2 <= size <= MOST_DEVICES or len(set(cycle)) < size or len(cells) < LEAST_GROUPS * size:
        return []
    hits = sum(cell == cycle[i % size] for i, cell in enumerate(cells))
    return cycle if hits >= USUAL * len(cells) else []


def alternates(cells: Sequence[str]) -> list[str]:
    """The few values of a column that come by turns in any order; empty: they do not."""
    distinct = list(dict.fromkeys(cells))
    changes = sum(a != b for a, b in itertools.pairwise(cells))
    several = 2 <= len(distinct) <= min(MOST_DEVICES, len(cells) // 3)
    return distinct if several and changes >= len(cells) / 4 else []


def side_by_side(cells: Sequence[str], times_s: Sequence[float]) -> list[str]:
    """The few values of a column whose rows stand one block after the other and are of one time; or none."""
    by_cell: dict[str, list[float]] = {}
    for cell, time_s in zip(cells, times_s, strict=True):
        by_cell.setdefault(cell, []).append(time_s)
    several = 2 <= len(by_cell) <= MOST_DEVICES and min(map(len, by_cell.values())) > 1
    if not several or _in_order(times_s) or not all(map(_in_order, by_cell.values())):
        return []
    spans = sorted((own[0], own[-1]) for own in by_cell.values())
    overlap = any(after[0] < before[1] for before, after in itertools.pairwise(spans))
    return list(by_cell) if overlap else []


def _in_order(times_s: Sequence[float]) -> bool:
    return all(before <= after for before, after in itertools.pairwise(times_s))
